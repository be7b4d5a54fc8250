package record

import (
	"testing"
	"time"
)

// TestOverOnEveryNode: a pause of two nodes is over when both go on, each at the first moment.
func TestOverOnEveryNode(t *testing.T) {
	pause := Event{Name: "pause", Action: "pause", Nodes: []string{"a", "b"}, Issued: time.Second}
	resume := func(at int, nodes ...string) Event {
		return Event{Name: "resume", Action: "resume", Nodes: nodes, Issued: time.Duration(at) * time.Second}
	}
	undo := Event{Name: "undo-pause", Action: "undo", Reverses: "pause", Issued: 9 * time.Second}
	nowhere := pause
	nowhere.Nodes = nil
	for _, tt := range []struct {
		name   string
		of     Event
		others []Event
		want   int // 0: it is in force
	}{
		{"nothing came", pause, nil, 0},
		{"one goes on", pause, []Event{resume(3, "a")}, 0},
		{"both go on", pause, []Event{resume(3, "a"), resume(5, "b")}, 5},
		{"one goes on twice", pause, []Event{resume(7, "a"), resume(3, "a"), resume(5, "b"), resume(8, "b")}, 5},
		{"both at once", pause, []Event{resume(4, "b", "a")}, 4},
		{"one goes on before", pause, []Event{resume(0, "a"), resume(5, "b")}, 0},
		{"one goes on, and then it is taken back", pause, []Event{resume(3, "a"), undo}, 9},
		{"it has no nodes", nowhere, []Event{resume(3, "a")}, 0},
		{"it has no nodes, and is taken back", nowhere, []Event{undo}, 9},
	} {
		over, ok := tt.of.OverAt(tt.others, func(m Event) (time.Duration, bool) { return m.Issued, true })
		if over != time.Duration(tt.want)*time.Second || ok != (tt.want > 0) {
			t.Errorf("%s: %v, %v", tt.name, over, ok)
		}
	}
	if _, ok := pause.OverAt([]Event{undo}, func(Event) (time.Duration, bool) { return 0, false }); ok {
		t.Error("what did not take effect ended it")
	}
}
