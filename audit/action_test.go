package audit

import (
	"strings"
	"testing"

	"pgchaos/record"
)

// TestAnUnknownActionExplainsNothing: the audit refuses it instead of guessing.
func TestAnUnknownActionExplainsNothing(t *testing.T) {
	e := failover()
	e.Events[0].Action = "unplug"
	e.Book = (&fakeBook{}).write("writes", ack("a", 1, 120, 900))
	e.Nodes = []NodeHolding{node("b").in(e.Table)}
	if _, err := Table(e); err == nil || !strings.Contains(err.Error(), `step kill-a has the unknown action "unplug"`) {
		t.Errorf("error %v", err)
	}
}

// TestLifts: a fault is over by what takes back that kind of fault, or by its own reversal.
func TestLifts(t *testing.T) {
	undo := event("undo-pause-a", "undo", "a", 2000, 2010)
	undo.Reverses = "pause-a"
	early := undo
	early.Issued = 500 * msec
	atOnce := undo
	atOnce.Issued = 1000 * msec
	of := func(action string) record.Event { return event(action+"-a", action, "a", 2000, 2010) }
	for _, tt := range []struct {
		name  string
		m     record.Event
		fault string
		want  bool
	}{
		{"a start ends a kill", of("start"), "kill", true},
		{"a start ends no pause", of("start"), "pause", false},
		{"a resume ends a pause", of("resume"), "pause", true},
		{"a resume ends no kill", of("resume"), "kill", false},
		{"a connect ends a disconnect", of("connect"), "disconnect", true},
		{"a rejoin ends a kill", of("rejoin"), "kill", true},
		{"a rejoin ends a pause", of("rejoin"), "pause", true},
		{"its own reversal", undo, "pause", true},
		{"another one's reversal", undo, "disconnect", false},
		{"the reversal of an earlier one of this name", early, "pause", false},
		{"a reversal at once", atOnce, "pause", true},
		{"a connect ends no kill", of("connect"), "kill", false},
		{"another node", event("start-b", "start", "b", 2000, 2010), "kill", false},
		{"it came before", event("start-a", "start", "a", 500, 510), "kill", false},
	} {
		if got := lifts(tt.m, event(tt.fault+"-a", tt.fault, "a", 1000, 1010), "a"); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	resumed, paused := of("resume_replay"), event("pause_replay-a", "pause_replay", "a", 1000, 1010)
	resumed.Facts, paused.Facts = &record.Facts{Lifts: "pause_replay"}, &record.Facts{Lasts: true}
	if !lifts(resumed, paused, "a") || lifts(of("resume"), paused, "a") {
		t.Error("a paused replay is lifted by a resume_replay alone")
	}
}
