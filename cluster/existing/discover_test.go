package existing

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// membersOf is an agent of Patroni whose cluster has members of these names.
func membersOf(t *testing.T, called []string) (url string) {
	t.Helper()
	var members []string
	for i, name := range called {
		members = append(members, fmt.Sprintf(`{"name": %q, "role": "replica", "host": "127.0.0.%d", "port": 5432}`, name, i+1))
	}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, `{"members": [%s]}`, strings.Join(members, ", "))
	}))
	t.Cleanup(agent.Close)
	return agent.URL
}

func namesOf(found []Found) (names []string) {
	for _, f := range found {
		names = append(names, f.Name)
	}
	return names
}

// TestNamesOfMembers: no member hides another one, whatever the manager calls them.
func TestNamesOfMembers(t *testing.T) {
	for name, c := range map[string]struct {
		called, want []string
		why          string // what the error says; "": there is none
	}{
		"plain":               {called: []string{"n1", "n2"}, want: []string{"n1", "n2"}},
		"host names":          {called: []string{"Db1.example.org", "db2.example.org"}, want: []string{"db1", "db2"}},
		"that begin alike":    {called: []string{"db.eu", "db.us", "pg.us"}, want: []string{"db-eu", "db-us", "pg"}},
		"addresses":           {called: []string{"127.0.0.41", "127.0.0.42"}, want: []string{"n127-0-0-41", "n127-0-0-42"}},
		"that cannot differ":  {called: []string{"db_a", "DB_a"}, why: `two nodes, called "db_a" and "DB_a", would both have the name db_a`},
		"alike when made one": {called: []string{"db.eu", "db.us", "db-eu"}, why: `two nodes, called "db.eu" and "db-eu", would both have the name db-eu`},
		"no name":             {called: []string{"n1", ""}, why: `a node is called "", which makes no name`},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := Discover(t.Context(), Ask{Patroni: membersOf(t, c.called), As: "postgres:///shop?user=chaos"})
			if said := fmt.Sprint(err); c.why == "" && err != nil || !strings.Contains(said, c.why) {
				t.Fatalf("%v, want %q", err, c.why)
			}
			if got := namesOf(found); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			for i, f := range found {
				if f.Standby != c.called[i] || f.Host != c.called[i] || !strings.Contains(f.DSN, fmt.Sprintf("127.0.0.%d", i+1)) {
					t.Errorf("%s is called %q and %q, at %s", f.Name, f.Standby, f.Host, f.DSN)
				}
			}
		})
	}
}

// TestNamesOfHosts: the hosts of a connection string get names that differ, too, if need be by numbers.
func TestNamesOfHosts(t *testing.T) {
	for hosts, want := range map[string][]string{
		"db1.example.org,db2.example.org": {"db1", "db2"},
		"db.eu,db.us":                     {"db-eu", "db-us"},
		"n2.eu,n2.us,n1":                  {"n2-eu", "n2-us", "n1"},
		"10.0.0.1,10.0.0.2":               {"n1", "n2"},
		"10.0.0.1,n1":                     {"n1", "n2"},
		"localhost,localhost port=1,2":    {"n1", "n2"},
	} {
		found, err := Discover(t.Context(), Ask{DSN: "host=" + hosts + " user=chaos dbname=shop"})
		if got := namesOf(found); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q: %v", hosts, got, want, err)
		}
	}
}
