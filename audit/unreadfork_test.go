package audit

import (
	"testing"

	"pgchaos/record"
)

// TestAForkThatSomebodyElseTookAway: a was the primary of timeline 1, which was left at 100, and is a standby of the new one at 2 s.
func TestAForkThatSomebodyElseTookAway(t *testing.T) {
	back := func(e *Evidence) {
		s := state("a", 2000, 's')
		s.Timeline = 2
		e.States["a"] = append(e.States["a"], s)
	}
	with := func(events ...record.Event) func(*Evidence) {
		return func(e *Evidence) { back(e); e.Events = append(e.Events, events...) }
	}
	skipped := event("rejoin-a", "rejoin", "a", 1500, 0)
	skipped.Status = record.EventSkipped
	for _, tt := range []struct {
		name   string
		change func(*Evidence)
		unread bool
	}{
		{"it is not back", nil, false},
		{"it came back by itself", back, true},
		{"a step made it a standby", with(event("rejoin-a", "rejoin", "a", 1500, 1990)), false},
		{"a step that was not begun", with(skipped), true},
		{"a step on another node", with(event("rejoin-b", "rejoin", "b", 1500, 1990)), true},
		{"a step long before", with(event("clone-a", "clone", "a", 1, 2)), true},
		{"its timeline was never left", func(e *Evidence) { back(e); e.Lineage.Forks = nil }, false},
		{"its fork was read", func(e *Evidence) {
			back(e)
			e.Forks = []ForkHolding{{Node: "a", Timeline: 1, Read: 1500 * msec, Why: "x"}}
		}, false},
	} {
		a := audited(t, []int64{1}, tt.change, ack("a", 1, 80, 900))
		if got := len(a.UnreadForks) == 1; got != tt.unread {
			t.Errorf("%s: %+v", tt.name, a.UnreadForks)
			continue
		}
		const want = "the fork of a (timeline 1 past 0/64) was not read: by 2.000 s it was a standby, and no step had made it one; whether it held what is lost is not known"
		if tt.unread && a.UnreadForks[0].Words(3) != want {
			t.Errorf("%s: %q", tt.name, a.UnreadForks[0].Words(3))
		}
		if tt.unread && tt.name == "it came back by itself" && !a.Complete {
			t.Errorf("the counts are exact: %s", a.Why)
		}
	}
}
