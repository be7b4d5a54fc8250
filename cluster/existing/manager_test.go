package existing

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
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
		paused      bool
		why         string
	}{
		"any replica":                                {members: []patroniMember{leader, replica}},
		"this replica":                               {members: []patroniMember{leader, replica}, to: "n2"},
		"the synchronous standby":                    {members: []patroniMember{leader, replica, sync}, synchronous: true},
		"the quorum of Patroni 4":                    {members: []patroniMember{leader, {Name: "n4", Role: "quorum_standby"}}, synchronous: true},
		"soon after a failover, in synchronous mode": {members: []patroniMember{leader, replica}, synchronous: true, why: "no member is a synchronous standby by its list"},
		"the other one, in synchronous mode":         {members: []patroniMember{leader, replica, sync}, to: "n2", synchronous: true, why: "n2 is not a synchronous standby by its list"},
		"in maintenance mode":                        {members: []patroniMember{leader, replica}, paused: true, why: "it is in maintenance mode, and exchanges the leader only for a node that is named"},
		"a named one, in maintenance mode":           {members: []patroniMember{leader, replica}, to: "n2", paused: true},
		"while the leader is gone":                   {members: []patroniMember{replica, sync}, why: "it has no leader"},
		"the leader alone":                           {members: []patroniMember{leader}, why: "it has no other member that could lead"},
	} {
		t.Run(name, func(t *testing.T) {
			why := ""
			if err := wouldAgree(c.members, c.to, patroniConfig{Synchronous: c.synchronous, Pause: c.paused}); err != nil {
				why = err.Error()
			}
			if why != c.why {
				t.Errorf("it says %q, want %q", why, c.why)
			}
		})
	}
}

// TestIsOn has the values that GET /config can have.
func TestIsOn(t *testing.T) {
	for value, want := range map[any]bool{nil: false, false: false, "off": false, true: true, "on": true, "quorum": true} {
		if got := isOn(value); got != want {
			t.Errorf("%v: %v", value, got)
		}
	}
}

// agentOf is an agent of a cluster, which answers an order with a status.
func agentOf(t *testing.T, system string, status int) (url string, orders *atomic.Int64) {
	t.Helper()
	orders = &atomic.Int64{}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && r.URL.Path == "/switchover":
			orders.Add(1)
			w.WriteHeader(status)
		case r.URL.Path == "/patroni":
			_, _ = w.Write([]byte(`{"database_system_identifier": "` + system + `"}`))
		default:
			_, _ = w.Write([]byte(`{"members": [{"name": "n1", "role": "leader", "host": "db1", "port": 5432, "api_url": "http://db1:8008/patroni"}, {"name": "n2", "role": "replica"}]}`))
		}
	}))
	t.Cleanup(agent.Close)
	return agent.URL, orders
}

// hangingAgent accepts a request and says nothing: all of them, or only orders.
func hangingAgent(t *testing.T, orders bool) (url string, hung *atomic.Int64) {
	t.Helper()
	hung = &atomic.Int64{}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !orders || r.Method == http.MethodPost:
			hung.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		case r.URL.Path == "/patroni":
			_, _ = w.Write([]byte(`{"database_system_identifier": "7"}`))
		default:
			_, _ = w.Write([]byte(`{"members": [{"name": "n1", "role": "leader"}, {"name": "n2", "role": "replica"}]}`))
		}
	}))
	t.Cleanup(agent.Close)
	return agent.URL, hung
}

// TestTheAgentThatIsAsked: one that is gone, that hangs, that is of another cluster or that cannot take the order does not keep a switchover
// from being asked for. After an order that nobody answered, none is sent to another agent.
func TestTheAgentThatIsAsked(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	const short, long = 100 * time.Millisecond, time.Minute
	for name, c := range map[string]struct {
		first func(t *testing.T) (string, *atomic.Int64)
		wait  time.Duration
		asked [2]int64 // the first, and the one that takes the order
	}{
		"gone":                 {func(*testing.T) (string, *atomic.Int64) { return gone.URL, &atomic.Int64{} }, long, [2]int64{0, 1}},
		"hangs":                {func(t *testing.T) (string, *atomic.Int64) { return hangingAgent(t, false) }, short, [2]int64{1, 1}},
		"of another cluster":   {func(t *testing.T) (string, *atomic.Int64) { return agentOf(t, "8", http.StatusOK) }, long, [2]int64{0, 1}},
		"of no cluster":        {func(t *testing.T) (string, *atomic.Int64) { return agentOf(t, "", http.StatusOK) }, long, [2]int64{0, 1}},
		"has lost its etcd":    {func(t *testing.T) (string, *atomic.Int64) { return agentOf(t, "7", http.StatusServiceUnavailable) }, long, [2]int64{1, 1}},
		"wants a password":     {func(t *testing.T) (string, *atomic.Int64) { return agentOf(t, "7", http.StatusUnauthorized) }, long, [2]int64{1, 1}},
		"refuses":              {func(t *testing.T) (string, *atomic.Int64) { return agentOf(t, "7", http.StatusPreconditionFailed) }, long, [2]int64{1, 0}},
		"hangs with the order": {func(t *testing.T) (string, *atomic.Int64) { return hangingAgent(t, true) }, long, [2]int64{1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			first, asked := c.first(t)
			last, orders := agentOf(t, "7", http.StatusOK)
			m := manager{of: cluster.ManagerAddress{Patroni: first}, others: []string{last}, system: "7", wait: c.wait}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if c.asked[1] == 0 {
				go func() { // gives the order up once it has been sent
					for asked.Load() == 0 && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					cancel()
				}()
			}
			err := m.Switchover(ctx, "n2")
			if got := [2]int64{asked.Load(), orders.Load()}; got != c.asked || (err == nil) != (c.asked[1] == 1) {
				t.Errorf("asked %v, want %v: %v", got, c.asked, err)
			}
		})
	}
	m := manager{of: cluster.ManagerAddress{Patroni: gone.URL}, system: "7", wait: long}
	if err := m.Ready(t.Context(), "n2"); err == nil {
		t.Error("nobody answers, and it is said to be ready")
	}
}

// TestMaintenanceMode: a run can be made of a cluster that nobody manages for now, and is refused where the manager is to choose.
func TestMaintenanceMode(t *testing.T) {
	for name, c := range map[string]struct {
		config  string
		chooses []string
		want    string
		refused bool
		warns   int
	}{
		"none":                       {`{"ttl": 30}`, []string{"planned"}, "", false, 0},
		"over":                       {`{"pause": false}`, []string{"planned"}, "", false, 0},
		"nobody is to choose":        {`{"pause": true}`, nil, "Patroni is in maintenance mode: it promotes no standby, and starts no server again; end it with 'patronictl resume'", false, 1},
		"the manager is to choose":   {`{"pause": true}`, []string{"planned"}, "Patroni is in maintenance mode, where it chooses no new primary, as planned has it do; end it with 'patronictl resume', or name the node in the step", true, 0},
		"an answer without a config": {`[]`, nil, "it is not known whether Patroni is in maintenance mode", false, 0},
	} {
		agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/config" {
				_, _ = w.Write([]byte(c.config))
				return
			}
			_, _ = w.Write([]byte(`{"database_system_identifier": "7", "members": []}`))
		}))
		e := Examination{Nodes: []Seen{{Name: "n1", SystemID: "7"}}}
		e.managed(t.Context(), cluster.Existing{Manager: cluster.ManagerAddress{Patroni: agent.URL}, Chooses: c.chooses})
		agent.Close()
		said := ""
		for _, f := range e.Findings[1:] { // after that it manages this cluster
			said += f.String()
		}
		if !strings.HasPrefix(said, c.want) || c.want == "" && said != "" || (e.Refused(true) != nil) != c.refused || len(e.Warnings) != c.warns {
			t.Errorf("%s: %q, %v, %q, want %q", name, said, e.Refused(true), e.Warnings, c.want)
		}
	}
}

// TestOtherAgents: those that the file names are not asked twice, and a password of the file goes over https, or to machines that the file names.
func TestOtherAgents(t *testing.T) {
	members := []patroniMember{{API: "http://db1:8008/patroni"}, {API: "http://db2:8008/patroni"}, {API: "https://db3:8008/patroni"}, {API: ""}}
	for name, c := range map[string]struct{ named, want []string }{
		"one":             {[]string{"http://db1:8008"}, []string{"http://db2:8008", "https://db3:8008"}},
		"with a password": {[]string{"http://me:secret@db1:8008"}, []string{"http://db2:8008", "https://db3:8008"}},
		"on its machine":  {[]string{"http://me:secret@db2:80"}, []string{"http://db1:8008", "http://me:secret@db2:8008", "https://db3:8008"}},
		"over https":      {[]string{"http://db1:8008", "http://db2:8008", "https://me:secret@db4:8008", "https://db5:8008"}, []string{"https://me:secret@db3:8008"}},
		"by a proxy":      {[]string{"http://lb:80"}, []string{"http://db1:8008", "http://db2:8008", "https://db3:8008"}},
		"all":             {[]string{"http://db1:8008", "http://db2:8008/", "https://db3:8008"}, nil},
	} {
		if got := otherAgents(c.named, members); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
