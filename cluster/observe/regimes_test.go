package observe

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestRegimesOfPrimariesAreSeen: what commits of a primary wait for, from one reading to the next, and nothing of a standby.
func TestRegimesOfPrimariesAreSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := fake("a", record.RolePrimary, 1), fake("b", record.RoleStandby, 1)
		a.state.SyncCommit, a.state.SyncNames = "on", "b"
		b.state.SyncCommit, b.state.SyncNames = "on", "a"
		w := start(t, a, b)
		seen := w.Subscribe(RegimeChanged)
		step := func(want string, n *fakeNode, change func(n *fakeNode)) {
			t.Helper()
			n.set(change)
			time.Sleep(time.Second)
			got := ""
			changes, _ := seen.Take()
			for _, c := range changes {
				got += c.Node + " " + string(c.Is.Role) + " " + c.Was.SyncNames + ">" + c.Is.SyncNames + " "
				if c.Since >= c.At {
					t.Errorf("%+v", c)
				}
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		step("", a, func(*fakeNode) {})
		step("a primary b> ", a, func(n *fakeNode) { n.state.SyncNames = "" })
		step("", a, func(n *fakeNode) { n.state.Reachable = false })
		step("a primary >b ", a, func(n *fakeNode) { n.state.Reachable, n.state.SyncNames = true, "b" })
		step("a primary b>b ", a, func(n *fakeNode) { n.state.SyncCommit = "local" })
		step("", b, func(n *fakeNode) { n.state.SyncNames = "" })
		step("", b, func(n *fakeNode) { n.state.Role, n.state.Timeline = record.RolePrimary, 2 }) // what it has when it is promoted
		step("b primary >a ", b, func(n *fakeNode) { n.state.SyncNames = "a" })
		step("a standby b>b ", a, func(n *fakeNode) { n.state.Role, n.state.Timeline = record.RoleStandby, 2 })
		step("", a, func(n *fakeNode) { n.state.SyncNames = "" })
	})
}
