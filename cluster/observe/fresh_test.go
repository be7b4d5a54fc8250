package observe

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestFreshIsAskedAfterTheCall: a reading that is under way may be of before what the caller has seen.
func TestFreshIsAskedAfterTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := fake("a", record.RoleStandby, 1)
		a.takes = 40 * time.Millisecond
		w := start(t, a)
		for i := range 30 { // at every moment of a reading, and of the rest after it
			time.Sleep(7 * time.Millisecond)
			a.set(func(n *fakeNode) { n.state.LSN = record.LSN(i + 1) })
			called := w.clock.Now()
			states := w.Fresh(t.Context())
			if len(states) != 1 || states[0].LSN != record.LSN(i+1) || states[0].Asked < called {
				t.Fatalf("called at %s, position %d: %+v", called, i+1, states)
			}
			if took := w.clock.Now() - called; took > 2*a.takes {
				t.Errorf("it took %s", took)
			}
		}
		if a.glances > 0 {
			t.Error("a role is looked up by a full reading")
		}
	})
}

// TestFreshDoesNotWaitForASilencedNode: the delay would be counted as the cluster's.
func TestFreshDoesNotWaitForASilencedNode(t *testing.T) {
	for _, c := range []struct {
		name           string
		silenced, down bool
		takes          time.Duration
		within         time.Duration
		want           record.NodeState
	}{
		{"a paused node", true, false, time.Hour, grace, record.NodeState{Error: "no answer within"}},
		{"a node that is down though nobody could see it", true, true, time.Hour, grace, record.NodeState{Role: record.RoleDown, Error: "no answer within"}},
		{"a silenced node that answers all the same", true, false, grace / 2, 2 * grace, record.NodeState{Reachable: true, Role: record.RoleStandby}},
		{"a busy node", false, false, 2 * time.Second, 4 * time.Second, record.NodeState{Reachable: true, Role: record.RoleStandby}},
	} {
		synctest.Test(t, func(t *testing.T) {
			a, b := fake("a", record.RolePrimary, 1), fake("b", record.RoleStandby, 1)
			b.silenced, b.down, b.takes = c.silenced, c.down, c.takes
			w := start(t, a, b)
			time.Sleep(time.Millisecond)
			began := time.Now()
			states := w.Fresh(t.Context())
			if took := time.Since(began); took > c.within {
				t.Errorf("%s: it took %s", c.name, took)
			}
			if got := states[1]; got.Node != "b" || got.Reachable != c.want.Reachable || got.Role != c.want.Role || !strings.HasPrefix(got.Error, c.want.Error) {
				t.Errorf("%s: %+v", c.name, got)
			}
		})
	}
}

// TestFreshEnds with its context, and when nothing is read any more. Nodes that have not been built are left out.
func TestFreshEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := fake("a", record.RolePrimary, 1), fake("b", record.RoleStandby, 1)
		a.takes, b.absent = time.Hour, true
		w := start(t, a, b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if states := w.Fresh(ctx); len(states) != 1 || states[0].Reachable || states[0].Error != context.DeadlineExceeded.Error() {
			t.Errorf("after its context: %+v", states)
		}
		w.End()
		if states := w.Fresh(t.Context()); len(states) != 1 || states[0].Reachable || states[0].Error == "" {
			t.Errorf("after the end: %+v", states)
		}
	})
}

// TestAHungNodeHidesNothing: the others are read at their pace.
func TestAHungNodeHidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := fake("a", record.RolePrimary, 1), fake("b", record.RoleStandby, 1)
		a.takes = time.Hour
		start(t, a, b)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(b.asked); n < 99 || n > 102 || len(a.asked) != 1 {
			t.Errorf("b was asked %d times in 10s, a %d times", n, len(a.asked))
		}
	})
}

// TestPrimaries: a promotion that no step made counts, and a former primary that comes back does not.
func TestPrimaries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := fake("a", record.RolePrimary, 1), fake("b", record.RoleStandby, 1), fake("c", record.RoleStandby, 1)
		w := start(t, a, b, c)
		expect := func(when string, want ...string) {
			t.Helper()
			w.Fresh(t.Context())
			if got := w.Primaries(); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		primary := func(n *fakeNode, timeline uint32) {
			n.set(func(n *fakeNode) { n.state.Role, n.state.Timeline = record.RolePrimary, timeline })
		}
		away := func(n *fakeNode, away bool) { n.set(func(n *fakeNode) { n.state.Reachable = !away }) }
		expect("at the beginning", "a")
		away(a, true)
		primary(b, 2)
		expect("b was promoted by something else", "a", "b")
		away(b, true)
		away(a, false)
		expect("a came back on its old timeline", "a", "b")
		w.BecamePrimary("c")
		expect("a step promoted c, which was not read", "a", "b", "c")
		primary(c, 3)
		expect("and then it was", "a", "b", "c")
		away(c, true)
		primary(a, 4)
		expect("a was promoted again", "a", "b", "c", "a")
	})
}
