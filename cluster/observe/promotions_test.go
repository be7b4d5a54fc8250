package observe

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestPromotionsAreSeen: with a step or without one, and nothing else is taken for one.
func TestPromotionsAreSeen(t *testing.T) {
	primaryOn := func(timeline uint32, started int64) func(n *fakeNode) {
		return func(n *fakeNode) {
			n.state.Role, n.state.Timeline, n.state.ServerStarted, n.state.Reachable = record.RolePrimary, timeline, time.Unix(started, 0), true
		}
	}
	gone := func(n *fakeNode) { n.state.Reachable = false }
	for _, tt := range []struct {
		name     string
		is       record.Role // what the node is before, on timeline 1
		changes  []func(*fakeNode)
		from, to uint32
	}{
		{"a standby is promoted", record.RoleStandby, []func(*fakeNode){primaryOn(2, 1)}, 1, 2},
		{"it names its new timeline before its recovery is over", record.RoleStandby, []func(*fakeNode){func(n *fakeNode) { n.state.Timeline = 2 }, primaryOn(2, 1)}, 1, 2},
		{"it is restarted and promoted between two readings", record.RoleStandby, []func(*fakeNode){gone, primaryOn(2, 7)}, 1, 2},
		{"a standby is started as a primary, on the timeline that it had", record.RoleStandby, []func(*fakeNode){gone, primaryOn(1, 7)}, 0, 0},
		{"a primary comes back by itself", record.RolePrimary, []func(*fakeNode){gone, primaryOn(1, 7)}, 0, 0},
		{"a primary is demoted and promoted between two readings", record.RolePrimary, []func(*fakeNode){gone, primaryOn(3, 7)}, 1, 3},
		{"a primary's connection is lost", record.RolePrimary, []func(*fakeNode){gone, primaryOn(1, 1)}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := fake("a", record.RolePrimary, 1), fake("b", tt.is, 1)
				b.state.ServerStarted = time.Unix(1, 0)
				w := start(t, a, b)
				seen := w.Subscribe(Promoted)
				time.Sleep(time.Second + stateEvery/2) // between two readings
				for _, change := range tt.changes {
					b.set(change)
					time.Sleep(time.Second)
				}
				got, _ := seen.Take()
				if tt.to == 0 {
					if len(got) > 0 {
						t.Errorf("%+v", got)
					}
					return
				}
				at := time.Duration(len(tt.changes))*time.Second + stateEvery/2
				if len(got) != 1 || got[0].Node != "b" || got[0].From != tt.from || got[0].To != tt.to || got[0].At < at || got[0].At > at+stateEvery || got[0].Since >= at {
					t.Fatalf("%+v", got)
				}
				if got := w.Primaries(); got[len(got)-1] != "b" {
					t.Errorf("primaries: %v", got)
				}
			})
		})
	}
}
