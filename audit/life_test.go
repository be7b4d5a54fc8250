package audit

import (
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/rows"
)

// failedBack is a on timeline 1, b promoted to timeline 2 at 50, b stopped and a started
// again, b made a standby of a at 1 s, and promoted to another timeline 2 at 100.
func failedBack() Evidence {
	e := failover()
	e.Events = []record.Event{
		event("stop-a", "stop", "a", 200, 210), event("promote-b", "promote", "b", 220, 230),
		event("start-a", "start", "a", 600, 610), event("rejoin-b", "rejoin", "b", 950, 1050),
		event("kill-a", "kill", "a", 2000, 2010), event("promote-b-2", "promote", "b", 2020, 2030),
	}
	e.States["a"] = []record.NodeState{primary("a", 5, 1, 1), state("a", 205, '-'), primary("a", 610, 1, 2), state("a", 2005, '-')}
	e.States["b"] = []record.NodeState{state("b", 6, 's'), primary("b", 230, 2, 1), state("b", 590, '-'), state("b", 1050, 's'), primary("b", 2030, 2, 3)}
	e.Forks = []ForkHolding{{Node: "b", Step: "rejoin-b", Timeline: 2, Read: time.Second, Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 50}}}}}
	e.Nodes = []NodeHolding{{Node: "b", Holding: rows.NewHolding(e.Table, 0), Lineage: e.Lineage}}
	return e
}

// TestATimelineOfTheSameNumberOnceMore: a node that was rebuilt and promoted again is
// another server than before, though all that acknowledgements tell of the two is the same.
func TestATimelineOfTheSameNumberOnceMore(t *testing.T) {
	// left is c on timeline 3, which left the first timeline 2 at 200; b is on the second.
	left := func(e *Evidence) {
		e.Authority, e.Lineage = "c", record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 50}, {Timeline: 2, At: 200}}}
		e.Events = []record.Event{event("kill-b", "kill", "b", 580, 590), event("promote-c", "promote", "c", 600, 610)}
		e.States["c"] = []record.NodeState{state("c", 6, 's'), primary("c", 610, 3, 1)}
		e.Nodes = append(e.Nodes, NodeHolding{Node: "c", Holding: rows.NewHolding(e.Table, 0), Lineage: e.Lineage})
		e.Nodes[0].Lineage = record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 100}}}
	}
	tests := []struct {
		name   string
		lost   ledger.Entry
		change func(*Evidence)
		want   string
	}{
		{"the first time it was another than the authority's", ack("b", 2, 60, 500), nil, "lost 1-1 b/2 foreign promote-b@50"},
		{"the second time it is the authority's own, and nothing may be lost", ack("b", 2, 120, 2500), nil, "lost 1-1 b/2 ?"},
		{"nor if several forks of the node were read", ack("b", 2, 120, 2500), func(e *Evidence) {
			e.Forks = append(e.Forks, ForkHolding{Node: "b", Read: 1500 * msec, Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 70}}}})
		}, "lost 1-1 b/2 ?"},
		{"the first that was read afterwards tells", ack("b", 2, 60, 500), func(e *Evidence) {
			e.Forks = append([]ForkHolding{{Node: "b", Read: 1500 * msec, Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 70}}}}}, e.Forks...)
		}, "lost 1-1 b/2 foreign promote-b@50"},
		{"in whatever order they were read", ack("b", 2, 60, 500), func(e *Evidence) {
			e.Forks = append(e.Forks, ForkHolding{Node: "b", Read: 1500 * msec, Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 70}}}})
		}, "lost 1-1 b/2 foreign promote-b@50"},
		{"another node's fork takes nothing", ack("b", 2, 60, 500), func(e *Evidence) {
			e.Forks = append(e.Forks, ForkHolding{Node: "a", Read: 700 * msec, Lineage: e.Lineage})
		}, "lost 1-1 b/2 foreign promote-b@50"},
		{"one writer wrote to both", ledger.Entry{}, func(e *Evidence) {
			e.Book = (&fakeBook{}).write("writes", ack("b", 2, 60, 500), ack("b", 2, 120, 2500))
		}, "lost 2-2 b/2 ?; lost 1-1 b/2 foreign promote-b@50"},
		{"the second promotion left the timeline, not the first", ack("a", 1, 110, 1900), nil, "lost 1-1 a/1 fork kill-a@100"},
		{"the first time it was the authority's", ack("b", 2, 210, 500), left, "lost 1-1 b/2 fork kill-b@200"},
		{"the second time it was not", ack("b", 2, 210, 2500), left, "lost 1-1 b/2 foreign "},
		{"a reading of the second bounds nothing of the first", ack("b", 2, 190, 500), func(e *Evidence) {
			left(e)
			s := primary("b", 2600, 2, 3)
			s.LSN, s.Asked = 195, 2590*msec
			e.States["b"] = append(e.States["b"], s)
		}, "lost 1-1 b/2 fork kill-b@200"},
		{"a crash of the second took nothing of the first", ack("b", 2, 190, 500), func(e *Evidence) {
			left(e)
			e.Book = (&fakeBook{}).write("writes", ack("b", 2, 190, 500), ack("b", 2, 195, 510))
			after := primary("b", 2600, 2, 4)
			after.Redo = 150
			e.States["b"] = append(e.States["b"], after)
			for i := range e.States["b"] {
				e.States["b"][i].SyncCommit = "off"
			}
		}, "lost 1-1 b/2 ?; lost 2-2 b/2 fork kill-b@200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := failedBack()
			e.Book = (&fakeBook{}).write("writes", tt.lost)
			if tt.change != nil {
				tt.change(&e)
			}
			a, err := Table(e)
			if err != nil {
				t.Fatal(err)
			}
			if got := lossWords(a); got[:min(len(got), len(tt.want))] != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}
