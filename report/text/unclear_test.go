package text

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/report"
)

// TestWhatACommandMayHaveDone: a weakening after a command is not called expected, and the reader is warned of it; one after a fault is.
func TestWhatACommandMayHaveDone(t *testing.T) {
	weakened := record.Event{
		Name: "weakened-a", Action: "weakened", Nodes: []string{"a"}, Status: record.EventSeen, Issued: 12 * time.Second, Effective: 12 * time.Second,
		Detail: "synchronous_standby_names became empty; demanded: 1 standby of b", Weakening: &record.Weakening{},
	}
	for _, tt := range []struct {
		before record.Event
		status string
		warns  []string
	}{
		{
			record.Event{Name: "agent", Action: "exec", Nodes: []string{"b"}, Status: record.EventDone, Issued: 10 * time.Second, Ended: 10 * time.Second}, "UNCLEAR",
			[]string{"the synchronous replication of a was weakened from outside pgchaos, at 12.000 s: synchronous_standby_names became empty; demanded: 1 standby of b; 2.0 s after agent, which may have done it"},
		},
		{record.Event{Name: "killed", Action: "kill", Nodes: []string{"b"}, Fault: true, Status: record.EventDone, Issued: 10 * time.Second, Effective: 10 * time.Second}, "expected", nil},
	} {
		r := &report.Result{Timeline: []record.Event{tt.before, weakened}, Duration: time.Minute}
		if status, _ := eventWords(r, weakened); status != tt.status {
			t.Errorf("after %s: %s", tt.before.Name, status)
		}
		if got := Warnings(r); !slices.Equal(got, tt.warns) {
			t.Errorf("after %s: %q", tt.before.Name, got)
		}
	}
}
