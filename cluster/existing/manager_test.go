package existing

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"pgchaos/cluster"
)

// TestWouldAgree has the lists of members that Patroni 3.0.2 answered with, and what it then said to a switchover.
func TestWouldAgree(t *testing.T) {
	leader, replica, sync := patroniMember{Name: "n1", Role: "leader"}, patroniMember{Name: "n2", Role: "replica"}, patroniMember{Name: "n3", Role: "sync_standby"}
	for name, c := range map[string]struct {
		members     []patroniMember
		to          string
		synchronous bool
		why         string
	}{
		"any replica":                                {members: []patroniMember{leader, replica}},
		"this replica":                               {members: []patroniMember{leader, replica}, to: "n2"},
		"the synchronous standby":                    {members: []patroniMember{leader, replica, sync}, synchronous: true},
		"the quorum of Patroni 4":                    {members: []patroniMember{leader, {Name: "n4", Role: "quorum_standby"}}, synchronous: true},
		"soon after a failover, in synchronous mode": {members: []patroniMember{leader, replica}, synchronous: true, why: "no member is a synchronous standby by its list"},
		"the other one, in synchronous mode":         {members: []patroniMember{leader, replica, sync}, to: "n2", synchronous: true, why: "n2 is not a synchronous standby by its list"},
		"while the leader is gone":                   {members: []patroniMember{replica, sync}, why: "it has no leader"},
		"the leader alone":                           {members: []patroniMember{leader}, why: "it has no other member that could lead"},
	} {
		t.Run(name, func(t *testing.T) {
			why := ""
			if err := wouldAgree(c.members, c.to, c.synchronous); err != nil {
				why = err.Error()
			}
			if why != c.why {
				t.Errorf("it says %q, want %q", why, c.why)
			}
		})
	}
}

// TestSynchronousMode has the values that GET /config can have.
func TestSynchronousMode(t *testing.T) {
	for value, want := range map[any]bool{nil: false, false: false, "off": false, true: true, "on": true, "quorum": true} {
		if got := synchronousMode(value); got != want {
			t.Errorf("%v: %v", value, got)
		}
	}
}

// TestTheFirstAgentThatAnswers: one that is gone and one that hangs do not keep a switchover from being asked for.
func TestTheFirstAgentThatAnswers(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	end := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-end:
		case <-r.Context().Done():
		}
	}))
	defer hangs.Close()
	defer close(end)
	asked := make(chan string, 1)
	answers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			asked <- r.URL.Path
			return
		}
		_, _ = w.Write([]byte(`{"members": [{"name": "n1", "role": "leader", "host": "db1", "port": 5432, "api_url": "http://db1:8008/patroni"}, {"name": "n2", "role": "replica"}]}`))
	}))
	defer answers.Close()
	m := manager{of: cluster.ManagerAddress{Patroni: gone.URL + ", " + hangs.URL}, others: []string{answers.URL}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*agentTimeout)
	defer cancel()
	began := time.Now()
	if err := m.Switchover(ctx, "n2"); err != nil || <-asked != "/switchover" {
		t.Error(err)
	}
	if took := time.Since(began); took < agentTimeout {
		t.Errorf("it did not wait for the one that hangs: %s", took)
	}
	m.of.Patroni, m.others = gone.URL, nil
	if err := m.Ready(ctx, "n2"); err == nil {
		t.Error("nobody answers, and it is said to be ready")
	}
}

// TestOtherAgents: those that the file names are not asked twice, and a password of the file goes to all of them.
func TestOtherAgents(t *testing.T) {
	members := []patroniMember{{API: "http://db1:8008/patroni"}, {API: "http://db2:8008/patroni"}, {API: "https://db3:8008/patroni"}, {API: ""}}
	for name, c := range map[string]struct{ named, want []string }{
		"one":             {[]string{"http://db1:8008"}, []string{"http://db2:8008", "https://db3:8008"}},
		"with a password": {[]string{"http://me:secret@db1:8008"}, []string{"http://me:secret@db2:8008", "https://db3:8008"}},
		"by a proxy":      {[]string{"http://lb:80"}, []string{"http://db1:8008", "http://db2:8008", "https://db3:8008"}},
		"all":             {[]string{"http://db1:8008", "http://db2:8008/", "https://db3:8008"}, nil},
	} {
		if got := otherAgents(c.named, members); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
