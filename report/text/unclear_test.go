package text

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/report"
)

// TestWhatACommandMayHaveDone: a weakening or a restart after a command is not called expected, and the reader is warned of it; one after a fault is.
func TestWhatACommandMayHaveDone(t *testing.T) {
	weakened := record.Event{
		Name: "weakened-a", Action: "weakened", Nodes: []string{"a"}, Status: record.EventSeen, Issued: 12 * time.Second, Effective: 12 * time.Second,
		Detail: "synchronous_standby_names became empty; demanded: 1 standby of b", Weakening: &record.Weakening{},
	}
	restarted := record.Event{
		Name: "restarted-b", Action: "restarted", Nodes: []string{"b"}, Status: record.EventSeen, Issued: 75900 * time.Millisecond, Effective: 76200 * time.Millisecond, Fault: true,
	}
	unreached := restarted
	unreached.Name, unreached.Action, unreached.Ended, unreached.Detail = "unreachable-b", "unreachable", 80*time.Second, "b could not be reached"
	nothing := record.Event{
		Name: "nothing-b", Action: "hook", Nodes: []string{"b"}, Status: record.EventDone, Issued: 70 * time.Second, Ended: 70 * time.Second, Fault: true,
		Facts: &record.Facts{Provokes: true},
	}
	elsewhere := nothing
	elsewhere.Nodes = []string{"a"}
	longAgo := nothing
	longAgo.Issued, longAgo.Ended = 15*time.Second, 15*time.Second
	for _, tt := range []struct {
		before record.Event
		seen   record.Event
		status string
		warns  []string
	}{
		{nothing, restarted, "UNCLEAR", []string{"the server of b was started again between 75.900 s and 76.200 s, 6.2 s after nothing-b, which may have done it"}},
		{elsewhere, restarted, "UNEXPECTED", nil},
		{longAgo, restarted, "UNEXPECTED", nil},
		{elsewhere, unreached, "UNCLEAR", []string{"no node accepted writes from 75.900 s to 80.000 s: b could not be reached, 6.2 s after nothing-b, which may have done it"}},
		{longAgo, unreached, "UNEXPECTED", nil},
		{
			record.Event{Name: "agent", Action: "exec", Nodes: []string{"b"}, Status: record.EventDone, Issued: 10 * time.Second, Ended: 10 * time.Second}, weakened, "UNCLEAR",
			[]string{"the synchronous replication of a was weakened from outside pgchaos, at 12.000 s: synchronous_standby_names became empty; demanded: 1 standby of b; 2.0 s after agent, which may have done it"},
		},
		{record.Event{Name: "killed", Action: "kill", Nodes: []string{"b"}, Fault: true, Status: record.EventDone, Issued: 10 * time.Second, Effective: 10 * time.Second}, weakened, "expected", nil},
	} {
		r := &report.Result{Timeline: []record.Event{tt.before, tt.seen}, Duration: time.Minute}
		if status, _ := eventWords(r, tt.seen); status != tt.status {
			t.Errorf("after %s: %s", tt.before.Name, status)
		}
		if got := Warnings(r); !slices.Equal(got, tt.warns) {
			t.Errorf("after %s: %q", tt.before.Name, got)
		}
		r.Judge(nil)
		if found := strings.Contains(strings.Join(r.Reasons, "\n"), "no step of the timeline explains"); found != (tt.status == "UNEXPECTED") {
			t.Errorf("after %s: %s, %q", tt.before.Name, r.Verdict, r.Reasons)
		}
	}
}
