package observe

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestWhatIsKept: of readings without a change the first and the last are.
func TestWhatIsKept(t *testing.T) {
	w := newWatcher(nil, record.StartClock())
	for at, commit := range []string{"on", "on", "on", "off", "on", "on", "on"} {
		w.keep(record.NodeState{Node: "a", At: time.Duration(at + 1), Reachable: true, SyncCommit: commit})
		w.keep(record.NodeState{Node: "b", At: time.Duration(at + 1)})
	}
	for node, want := range map[string][]time.Duration{"a": {1, 3, 4, 5, 7}, "b": {1, 7}, "c": nil} {
		for range 2 { // asking changes nothing
			var got []time.Duration
			for _, s := range w.History(node) {
				got = append(got, s.At)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", node, got, want)
			}
		}
	}
}

// TestDatesOfReadings: a node whose question hung, that was then reached again, wrote, and was stopped, is found to be down
// when it is looked at, and not when the question was sent: else nothing would show that it can have accepted writes.
func TestDatesOfReadings(t *testing.T) {
	const hung = time.Second
	yes, no := func() bool { return true }, func() bool { return false }
	for _, c := range []struct {
		name string
		st   record.NodeState
		down func() bool
		role record.Role
		at   time.Duration
		fail time.Duration
	}{
		{"it answers", record.NodeState{Reachable: true, Role: record.RolePrimary}, no, record.RolePrimary, hung, 0},
		{"it is down", record.NodeState{}, yes, record.RoleDown, hung, hung},
		{"it does not answer", record.NodeState{}, no, "", 0, hung},
		{"it does not answer a quick reading", record.NodeState{}, nil, "", 0, hung},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWatcher(nil, record.StartClock())
			got := w.dated("a", func() record.NodeState { time.Sleep(hung); return c.st }, c.down)
			if got.Role != c.role || got.At != c.at || got.Asked != 0 || got.Failed != c.fail {
				t.Errorf("%s: %q at %v, asked at %v, failed at %v", c.name, got.Role, got.At, got.Asked, got.Failed)
			}
		})
	}
}
