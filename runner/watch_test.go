package runner

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// TestWhatIsKept: of readings without a change the first and the last are.
func TestWhatIsKept(t *testing.T) {
	w := &watch{states: map[string][]record.NodeState{}, last: map[string]record.NodeState{}}
	for at, commit := range []string{"on", "on", "on", "off", "on", "on", "on"} {
		w.keep(record.NodeState{Node: "a", At: time.Duration(at + 1), Reachable: true, SyncCommit: commit})
		w.keep(record.NodeState{Node: "b", At: time.Duration(at + 1)})
	}
	for node, want := range map[string][]time.Duration{"a": {1, 3, 4, 5, 7}, "b": {1, 7}, "c": nil} {
		for range 2 { // asking changes nothing
			var got []time.Duration
			for _, s := range w.told(node) {
				got = append(got, s.At)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", node, got, want)
			}
		}
	}
}
