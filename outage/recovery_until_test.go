package outage

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// TestFaultsThatLeaveThePrimary end no aftermath of an earlier one: b was stopped at 1 s and is back at 4 s, and a, the primary, has
// another fault at 2 s.
func TestFaultsThatLeaveThePrimary(t *testing.T) {
	back := append(healthy(), state("b", 1020, 'd'), state("b", 4000, 's'))
	moved := append(healthy(), state("b", 1020, 'd'), state("c", 2500, 'p'), state("b", 4000, 's'))
	for _, c := range []struct {
		name   string
		facts  *record.Facts
		states []record.NodeState
		want   Stage
		lost   bool
	}{
		{"of sessions", &record.Facts{Lasts: true, Sessions: true}, back, hit(4000), false},
		{"of the connections of clients", &record.Facts{Lasts: true, Links: true, Keeps: true}, back, hit(4000), false},
		{"that nobody may enter, and a manager acted", &record.Facts{Lasts: true, Sessions: true, Refuses: true}, moved, not(2000), false},
		{"of its standbys", &record.Facts{Lasts: true, Reloads: true}, back, hit(4000), false},
		{"of the links to its standbys", &record.Facts{Lasts: true, Links: true}, back, hit(4000), true},
		{"of links, and another node was promoted", &record.Facts{Lasts: true, Links: true}, moved, not(2000), true},
		{"that takes it away, so short that nobody saw it", &record.Facts{Restarts: true, Starts: true}, back, not(2000), true},
		{"of which nothing is known", nil, back, not(2000), true},
	} {
		stop, next := on([]string{"b"}, fault("stop-b", 1000, 1010)), on([]string{"a"}, fault("next", 2000, 2010))
		if next.Facts = c.facts; c.facts == nil {
			next.Action = "of another pgchaos"
		}
		got := Recoveries(Course{Events: []record.Event{stop, next}, States: c.states, Demands: []record.Demand{{Node: "a", Standbys: 2}}, End: 5 * time.Second})
		if got[0].Redundancy != c.want || got[1].Lost != c.lost {
			t.Errorf("%s: %v, want %v; lost: %v, want %v", c.name, got[0].Redundancy, c.want, got[1].Lost, c.lost)
		}
	}
}

// TestALaterFaultOfThePrimary is no effect of a fault of the primary that was harmless: that one ends no aftermath, and this one does. b was
// stopped at 1 s and is back at 4 s, and something befalls a, the primary, at 2 s.
func TestALaterFaultOfThePrimary(t *testing.T) {
	well := append(healthy(), state("b", 1020, 'd'), state("b", 4000, 's'))
	killed := append(slices.Clone(well), state("a", 10020, 'd'), state("a", 12000, 'p', streams("b", "quorum"), streams("c", "quorum")))
	moved := append(slices.Clone(well), state("b", 10100, 'p', streams("a", "quorum"), streams("c", "quorum")))
	kill := on([]string{"a"}, fault("kill-a", 10000, 10010))
	switchover := promote(10000)
	for _, c := range []struct {
		name   string
		facts  record.Facts
		later  record.Event
		states []record.NodeState
		want   Stage
	}{
		{"sessions, then a kill", record.Facts{Lasts: true, Sessions: true}, kill, killed, hit(4000)},
		{"its standbys, then a kill", record.Facts{Lasts: true, Reloads: true}, kill, killed, hit(4000)},
		{"what is applied, then a kill", record.Facts{Lasts: true, Reloads: true, Keeps: true}, kill, killed, hit(4000)},
		{"its links, then a kill", record.Facts{Lasts: true, Links: true}, kill, killed, hit(4000)},
		{"a command, then a kill", record.Facts{Provokes: true}, kill, killed, hit(4000)},
		{"nobody may enter, then a kill", record.Facts{Lasts: true, Sessions: true, Refuses: true}, kill, killed, hit(4000)},
		{"sessions, then another primary", record.Facts{Lasts: true, Sessions: true}, switchover, moved, hit(4000)},
		{"its standbys, then another primary", record.Facts{Lasts: true, Reloads: true}, switchover, moved, hit(4000)},
		{"its links, then another primary", record.Facts{Lasts: true, Links: true}, switchover, moved, not(2000)},
	} {
		stop, next := on([]string{"b"}, fault("stop-b", 1000, 1010)), on([]string{"a"}, fault("next", 2000, 2010))
		next.Facts = &c.facts
		got := Recoveries(Course{Events: []record.Event{stop, next, c.later}, States: c.states, Demands: []record.Demand{{Node: "a", Standbys: 2}}, End: 15 * time.Second})
		if got[0].Redundancy != c.want {
			t.Errorf("%s: %v, want %v", c.name, got[0].Redundancy, c.want)
		}
	}
}
