package observe

import (
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestNow: every node in the order of the cluster, as its newest reading found it, and nothing that is old.
func TestNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, a, c := fake("b", record.RolePrimary, 1), fake("a", record.RoleStandby, 1), fake("c", record.RoleStandby, 1)
		c.absent = true
		w := start(t, b, a, c)
		time.Sleep(1500 * time.Millisecond)
		all := w.Now()
		if len(all) != 3 || all[0].Name != "b" || all[1].Name != "a" || all[2].Name != "c" {
			t.Fatalf("%+v", all)
		}
		if n := all[0]; !n.Up || n.Absent || n.Sample.Role != record.RolePrimary || n.Usage == nil || n.Sample.At != 1500*time.Millisecond {
			t.Errorf("the primary: %+v", n)
		}
		if n := all[2]; n.Up || !n.Absent || n.Usage != nil || n.Sample.Role != "" {
			t.Errorf("a node that has not been built: %+v", n)
		}
		a.set(func(n *fakeNode) { n.state.Reachable, n.state.Role, n.down = false, "", true })
		b.set(func(n *fakeNode) { n.takes = time.Hour })
		time.Sleep(1500 * time.Millisecond)
		all = w.Now()
		if n := all[1]; n.Up || n.Sample.Role != record.RoleDown {
			t.Errorf("a node that is down: %+v", n)
		}
		if n := all[0]; n.Up || n.Sample.Role != "" {
			t.Errorf("a node that has not answered for longer than a second: %+v", n)
		}
	})
}

// TestOldUsageIsNotShown: a node that is gone uses nothing.
func TestOldUsageIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatcher([]Node{fake("a", record.RolePrimary, 1)}, record.StartClock())
		w.keepUsage("a", record.ResourceSample{Node: "a", CPUPercent: 7}, nil)
		time.Sleep(usageLasts)
		if n := w.Now()[0]; n.Usage == nil || n.Usage.CPUPercent != 7 {
			t.Errorf("%+v", n)
		}
		time.Sleep(time.Nanosecond)
		if n := w.Now()[0]; n.Usage != nil {
			t.Errorf("after %s: %+v", usageLasts, n.Usage)
		}
	})
}
