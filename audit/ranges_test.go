package audit

import (
	"slices"
	"testing"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// TestRunsEnd: whatever is said of a run and differs ends it.
func TestRunsEnd(t *testing.T) {
	for _, c := range []struct {
		what   string
		change func(*write)
		runs   int
	}{
		{"nothing", func(*write) {}, 1},
		{"the writer", func(w *write) { w.key = record.PackKey(4, 2) }, 2},
		{"a number between", func(w *write) { w.key++ }, 2},
		{"the node that answered", func(w *write) { w.entry.Server.Node = "b" }, 2},
		{"its timeline", func(w *write) { w.timeline++ }, 2},
		{"why it is weak", func(w *write) { w.weak = WeakNotice }, 2},
		{"the nodes that hold it", func(w *write) { w.found.nodes = 1 }, 2},
		{"the forks that hold it", func(w *write) { w.found.forks = 1 }, 2},
		{"that it is lost", func(w *write) { w.loss = nil }, 2},
		{"that it is explained", func(w *write) { w.loss.explained = false }, 2},
		{"the cause", func(w *write) { w.loss.cause = CauseForeign }, 2},
		{"the event", func(w *write) { w.loss.event.name = "stop-a" }, 2},
		{"the fork", func(w *write) { w.loss.fork++ }, 2},
	} {
		lost := func(seq int64) write {
			return write{
				key: record.PackKey(3, seq), n: 1, timeline: 1, entry: ledger.Entry{Server: ledger.Server{Node: "a"}},
				loss: &verdictOf{explained: true, cause: CauseFork, event: lossEvent{name: "kill-a"}, fork: 100},
			}
		}
		var g rangeCollector
		g.add(lost(1))
		second := lost(2)
		c.change(&second)
		g.add(second)
		if n := len(g.close(&auditor{Evidence: &Evidence{}, nodes: make([]held, 1), forks: make([]held, 1)}).Runs); n != c.runs {
			t.Errorf("%s: %d runs, want %d", c.what, n, c.runs)
		}
	}
}

// TestRunsKept: unexplained ones are not crowded out, and none is kept beyond the bound.
func TestRunsKept(t *testing.T) {
	var g rangeCollector
	for seq := int64(1); seq < 10*MaxRuns; seq += 2 {
		g.add(write{key: record.PackKey(0, seq), n: 1, loss: &verdictOf{explained: true}})
	}
	g.add(write{key: record.PackKey(1, 1), n: 1, loss: &verdictOf{why: "nobody knows"}})
	if len(g.good) > MaxRuns {
		t.Errorf("%d runs in memory", len(g.good))
	}
	c := g.close(&auditor{Evidence: &Evidence{}})
	if c.N != 5*MaxRuns+1 || len(c.Runs) != MaxRuns || c.More != 4*MaxRuns+1 || c.Runs[0].Why != "nobody knows" {
		t.Errorf("%d writes, %d runs and %d more, the first %+v", c.N, len(c.Runs), c.More, c.Runs[0])
	}
}

// TestLSNsOfARun: a write that tells none does not end the stretch.
func TestLSNsOfARun(t *testing.T) {
	var g rangeCollector
	for seq, lsn := range []record.LSN{100, 110, 0} {
		g.add(write{key: record.PackKey(3, int64(seq+1)), n: 1, entry: ledger.Entry{LSN: lsn}})
	}
	c := g.close(&auditor{Evidence: &Evidence{}})
	if len(c.Runs) != 1 || c.Runs[0].N != 3 || c.Runs[0].FirstLSN != 100 || c.Runs[0].LastLSN != 110 {
		t.Errorf("%+v", c.Runs)
	}
}

// TestNamesOfHolders: each name appears once, even if two nodes have it.
func TestNamesOfHolders(t *testing.T) {
	var a auditor
	if got := a.names(0b1101, []held{{name: "a"}, {name: "b"}, {name: "a"}, {name: "c"}}); !slices.Equal(got, []string{"a", "c"}) {
		t.Error(got)
	}
}
