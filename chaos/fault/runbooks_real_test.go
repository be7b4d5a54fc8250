package fault_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/record"
)

// TestRunbooks exchanges, restarts and replaces primaries of real servers, under a client that writes all the while.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	s := build(t, cluster.Config{
		Nodes:    []cluster.NodeConfig{{Name: "a"}, {Name: "b"}, {Name: "c"}},
		Settings: map[string]string{"wal_retrieve_retry_interval": "200ms"},
		Sync:     &cluster.Synchronous{Commit: "on", Standbys: "ANY 1 (b, c)"},
	})
	w := s.writer()
	for _, part := range []struct {
		name string
		run  func(*scene)
	}{
		{"failover beside a primary", testFailoverBesideAPrimary},
		{"switchover", testSwitchover},
		{"rolling_restart", testRollingRestart},
		{"failover", testFailover},
		{"rolling_restart by a switchover", testRollingSwitchover},
		{"switchover to a standby that does not stream", testSwitchoverToNobody},
	} {
		if !t.Run(part.name, func(t *testing.T) {
			s.T = t
			part.run(s)
		}) {
			break
		}
	}
	s.T = t
	w.nothingIsLost(s)
}

// writer is a client that inserts numbers at whichever node accepts writes, and knows which were acknowledged.
type writer struct {
	stop  context.CancelFunc
	done  sync.WaitGroup
	acked []int
	count atomic.Int64
}

func (s *scene) writer() *writer {
	ctx, stop := context.WithCancel(s.Context())
	w := &writer{stop: stop}
	s.Cleanup(stop)
	nodes := s.Cluster.Nodes()
	w.done.Go(func() {
		for i := 10_000; ctx.Err() == nil; {
			for _, n := range nodes {
				conn, err := pgx.Connect(ctx, n.ConnString(n.Credentials().Load, cluster.LoadApp+"writes"))
				if err != nil {
					continue
				}
				for err == nil && ctx.Err() == nil {
					i++
					if _, err = conn.Exec(ctx, "insert into public.test_data values ($1)", i); err == nil {
						w.acked = append(w.acked, i)
						w.count.Add(1)
					}
				}
				_ = conn.Close(context.Background())
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	return w
}

// nothingIsLost wants every acknowledged number on every node.
func (w *writer) nothingIsLost(s *scene) {
	s.Helper()
	before := w.count.Load()
	for deadline := time.Now().Add(time.Minute); w.count.Load() < before+20; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatal("nothing is acknowledged any more")
		}
	}
	w.stop()
	w.done.Wait()
	last := w.acked[len(w.acked)-1]
	for _, n := range s.Cluster.Nodes() {
		s.eventually(n.Name(), "select count(*) from public.test_data where i = "+strconv.Itoa(last), "1")
		conn := s.client(n.Name(), "reads")
		var missing int
		must(s, conn.QueryRow(s.Context(), "select count(*) from unnest($1::int[]) w (i) left join public.test_data t using (i) where t.i is null", w.acked).Scan(&missing))
		if missing > 0 {
			s.Errorf("%s lacks %d of %d acknowledged writes", n.Name(), missing, len(w.acked))
		}
	}
	s.Logf("%d writes were acknowledged", len(w.acked))
}

// leads wants one primary, with that synchronous replication, from which all others stream as part of the quorum.
func (s *scene) leads(node, names string) {
	s.Helper()
	s.want(node, "select pg_is_in_recovery()", "f")
	s.want(node, "show synchronous_standby_names", names)
	var others []string
	for _, n := range s.Cluster.Nodes() {
		if n.Name() != node {
			others = append(others, n.Name())
			s.want(n.Name(), "select pg_is_in_recovery()", "t")
		}
	}
	s.want(node, "select string_agg(application_name || ' ' || sync_state, ', ' order by application_name) from pg_stat_replication where state = 'streaming'", strings.Join(others, " quorum, ")+" quorum")
}

// partsOf are the actions of the parts of a step, and their nodes.
func partsOf(events []record.Event) (parts []string) {
	step := events[len(events)-1]
	for _, m := range events {
		if m.PartOf == step.Name {
			parts = append(parts, m.Action+" "+strings.Join(m.Nodes, " "))
		}
	}
	return parts
}

func testFailoverBesideAPrimary(s *scene) {
	_, err := s.try("failover", &fault.Failover{Node: "b"})
	if err == nil || !strings.Contains(err.Error(), "a still accepts writes") {
		s.Errorf("error %v", err)
	}
	s.leads("a", "ANY 1 (b, c)")
}

func testSwitchover(s *scene) {
	events := s.do("switchover", &fault.Switchover{Node: "b"})
	s.leads("b", "ANY 1 (a, c)")
	parts := partsOf(events)
	slices.Sort(parts[3:]) // these happen at the same time
	if want := []string{"configure b", "stop a", "promote b", "follow c", "start a"}; !slices.Equal(parts, want) {
		s.Errorf("parts %q, want %q", parts, want)
	}
	configured, step := events[0], events[len(events)-1]
	if d := configured.Demanded; d == nil || d.Standbys != "ANY 1 (a, c)" || d.Commit != "on" || configured.Effective > step.Issued {
		s.Errorf("the standby was configured with %+v, by %s; the step was issued at %s", d, configured.Effective, step.Issued)
	}
	if step.Mode != "fast" || !slices.Equal(step.Nodes, []string{"b", "a"}) || !step.Fault {
		s.Errorf("%+v", step)
	}
	s.heal() // the nodes run already
	s.leads("b", "ANY 1 (a, c)")
}

func testRollingRestart(s *scene) {
	const started = "select pg_postmaster_start_time()"
	before := map[string]string{}
	for _, n := range s.Cluster.Nodes() {
		before[n.Name()] = s.query(n.Name(), started)
	}
	events := s.do("rolling_restart", &fault.RollingRestart{Primary: "in_place"}, "primary")
	for node, was := range before {
		if s.query(node, started) == was {
			s.Errorf("%s was not restarted", node)
		}
	}
	if parts, want := partsOf(events), []string{"restart a", "restart c", "restart b"}; !slices.Equal(parts, want) {
		s.Errorf("parts %q, want %q", parts, want)
	}
	for i, m := range events[1:3] {
		if m.Issued < events[i].Ended {
			s.Errorf("%s began before %s was over", m.Name, events[i].Name)
		}
	}
	s.leads("b", "ANY 1 (a, c)")
	events = s.do("rolling_restart", &fault.RollingRestart{Primary: "leave"}, "primary")
	if parts, want := partsOf(events), []string{"restart a", "restart c"}; !slices.Equal(parts, want) {
		s.Errorf("parts %q, want %q", parts, want)
	}
}

func testFailover(s *scene) {
	b := s.Cluster.Node("b")
	must(s, b.Kill(s.Context()))
	events := s.do("failover", &fault.Failover{Node: "most_advanced"})
	lead := events[len(events)-1].Nodes[0]
	other := map[string]string{"a": "c", "c": "a"}[lead]
	s.want(lead, "select pg_is_in_recovery()", "f")
	s.want(lead, "select string_agg(application_name || ' ' || sync_state, ' ') from pg_stat_replication where state = 'streaming'", other+" quorum")
	if parts, want := partsOf(events), []string{"configure " + lead, "promote " + lead, "follow " + other}; !slices.Equal(parts, want) {
		s.Errorf("parts %q, want %q", parts, want)
	}
	s.do("rejoin", &fault.Rejoin{Node: "b"})
	names := map[string]string{"a": "ANY 1 (b, c)", "c": "ANY 1 (a, b)"}[lead]
	s.leads(lead, names)
	s.heal()
}

func testRollingSwitchover(s *scene) {
	old := s.primary()
	s.do("rolling_restart", &fault.RollingRestart{Primary: "switchover"}, "primary")
	if now := s.primary(); now == old {
		s.Errorf("%s is the primary still", now)
	}
	s.want(old, "select pg_is_in_recovery()", "t")
}

// primary is the node that accepts writes.
func (s *scene) primary() (found string) {
	s.Helper()
	for _, n := range s.Cluster.Nodes() {
		if s.query(n.Name(), "select pg_is_in_recovery()") == "f" {
			found += n.Name()
		}
	}
	return found
}

// testSwitchoverToNobody: where the standby lacks WAL, nothing is stopped.
func testSwitchoverToNobody(s *scene) {
	old := s.primary()
	var to *cluster.Node
	for _, n := range s.Cluster.Nodes() {
		if n.Name() != old {
			to = n
		}
	}
	_, err := to.Configure(s.Context(), map[string]string{"primary_conninfo": ""}, nil)
	must(s, err)
	s.eventually(old, "select count(*) from pg_stat_replication where application_name = '"+to.Name()+"'", "0")
	events, err := s.try("switchover", &fault.Switchover{Node: to.Name()})
	if err == nil || !strings.Contains(err.Error(), "does not stream") || len(partsOf(events)) > 0 {
		s.Errorf("%v: %+v", err, events)
	}
	if errors.Is(err, context.DeadlineExceeded) || s.primary() != old {
		s.Errorf("the primary is %s, and was %s", s.primary(), old)
	}
	must(s, to.Follow(s.Context(), s.Cluster.Node(old)))
}
