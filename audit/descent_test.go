package audit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/rows"
)

// streamsTo is a state of a primary with standbys.
func streamsTo(s record.NodeState, standbys ...string) record.NodeState {
	for _, name := range standbys {
		s.Standbys = append(s.Standbys, record.StandbyState{Name: name, State: "streaming"})
	}
	return s
}

// promotedTwice is a on timeline 1, killed at 1 s; b, promoted to timeline 2 at 1.1 s and
// killed at 2 s; and c, which never followed b and was promoted to another timeline 2 at
// 2.1 s. Both timelines begin at 100. Then b was read, and copied anew from c.
func promotedTwice() Evidence {
	e := failover()
	e.Authority = "c"
	e.Events = append(e.Events, event("kill-b", "kill", "b", 2000, 2010), event("promote-c", "promote", "c", 2100, 2200), event("rejoin-b", "rejoin", "b", 3000, 3200))
	e.States["b"] = append(e.States["b"], state("b", 2005, '-'), state("b", 3200, 's'))
	e.States["c"] = []record.NodeState{state("c", 7, 's'), streamsTo(primary("c", 2200, 2, 1), "d")}
	e.Forks = []ForkHolding{{Node: "b", Step: "rejoin-b", Timeline: 2, Read: 3 * time.Second, Holding: rows.NewHolding(e.Table, 0), Lineage: e.Lineage}}
	return e
}

// promotedThrice goes on: d, which followed c or b, was promoted to timeline 3 at 4 s.
func promotedThrice() Evidence {
	e := promotedTwice()
	e.Authority, e.Lineage = "d", record.Lineage{Timeline: 3, Forks: []record.Fork{{Timeline: 1, At: 100}, {Timeline: 2, At: 200}}}
	e.Events = append(e.Events, event("kill-c", "kill", "c", 3500, 3510), event("promote-d", "promote", "d", 3900, 4000))
	e.States["c"] = append(e.States["c"], state("c", 3505, '-'))
	e.States["d"] = []record.NodeState{state("d", 8, 's'), primary("d", 4000, 3, 1)}
	return e
}

// TestTwoTimelinesOfOneNumber: what one of them had is lost with it, and that is explained;
// which of them lives on, the readings show.
func TestTwoTimelinesOfOneNumber(t *testing.T) {
	fromB := func(e *Evidence) {
		e.States["b"][1] = streamsTo(e.States["b"][1], "d")
		e.States["c"][1].Standbys = nil
	}
	tests := []struct {
		name   string
		of     func() Evidence
		lost   ledger.Entry
		change func(*Evidence)
		want   string
	}{
		{"the one that was killed before the other was promoted", promotedTwice, ack("b", 2, 150, 1500), nil, "lost 1-1 b/2 foreign kill-b@100"},
		{"it was never read again", promotedTwice, ack("b", 2, 150, 1500), func(e *Evidence) { e.Forks = nil }, "lost 1-1 b/2 foreign kill-b@0"},
		{"no fault took it away", promotedTwice, ack("b", 2, 150, 1500), func(e *Evidence) {
			e.Events = append(e.Events[:2], e.Events[3:]...)
		}, "lost 1-1 b/2 foreign promote-c@100"},
		{"what it acknowledged beside the other, by its own promotion", promotedTwice, ack("b", 2, 150, 2500), nil, "lost 1-1 b/2 foreign promote-b@100"},
		{"the one that lives on may lose nothing", promotedTwice, ack("c", 2, 150, 2500), nil, "lost 1-1 c/2 ?"},
		{"a third promotion, of a standby of the second", promotedThrice, ack("b", 2, 150, 1500), nil, "lost 1-1 b/2 foreign kill-b@100"},
		{"and past its fork also", promotedThrice, ack("b", 2, 250, 1500), nil, "lost 1-1 b/2 foreign kill-b@100"},
		{"the second's are lost past the fork only", promotedThrice, ack("c", 2, 250, 2500), nil, "lost 1-1 c/2 fork kill-c@200"},
		{"a third promotion, of a standby of the first", promotedThrice, ack("b", 2, 250, 1500), fromB, "lost 1-1 b/2 fork promote-d@200"},
		{"then the second's are foreign", promotedThrice, ack("c", 2, 150, 2500), fromB, "lost 1-1 c/2 foreign kill-c@0"},
		{"through a cascade", promotedThrice, ack("b", 2, 150, 1500), func(e *Evidence) {
			e.States["c"][1] = streamsTo(primary("c", 2200, 2, 1), "e")
			e.States["e"] = []record.NodeState{streamsTo(state("e", 2300, 's'), "d")}
		}, "lost 1-1 b/2 foreign kill-b@100"},
		{"a cascade whose top was not seen", promotedThrice, ack("b", 2, 150, 1500), func(e *Evidence) {
			e.States["c"][1].Standbys = nil
			e.States["e"] = []record.NodeState{streamsTo(state("e", 2300, 's'), "d")}
		}, "lost 1-1 b/2 ?"},
		{"a standby that did not stream yet shows nothing", promotedThrice, ack("b", 2, 150, 1500), func(e *Evidence) {
			e.States["c"][1].Standbys[0].State = "catchup"
		}, "lost 1-1 b/2 ?"},
		{"nor does one that streams after the promotion", promotedThrice, ack("b", 2, 150, 1500), func(e *Evidence) {
			e.States["c"][1].At = 4500 * msec
		}, "lost 1-1 b/2 ?"},
		{"a timeline that is known to be another one is no candidate", promotedThrice, ack("c", 2, 250, 2500), func(e *Evidence) {
			e.States["c"][1].Standbys = nil
			e.Forks[0].Lineage = record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 90}}}
		}, "lost 1-1 c/2 fork kill-c@200"},
		{"nor is one that its node says at the end to be another one", promotedThrice, ack("c", 2, 250, 2500), func(e *Evidence) {
			e.States["c"][1].Standbys, e.Forks = nil, nil
			e.Nodes = []NodeHolding{{Node: "b", Holding: rows.NewHolding(e.Table, 0), Lineage: record.Lineage{Timeline: 2, Forks: []record.Fork{{Timeline: 1, At: 90}}}}}
		}, "lost 1-1 c/2 fork kill-c@200"},
		{"the promotion of the one that lives on left timeline 1", promotedThrice, ack("a", 1, 120, 1500), func(e *Evidence) {
			e.Events = e.Events[1:]
		}, "lost 1-1 a/1 fork promote-c@100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := tt.of()
			e.Book = (&fakeBook{}).write("writes", tt.lost)
			if tt.change != nil {
				tt.change(&e)
			}
			e.Nodes = append(e.Nodes, NodeHolding{Node: e.Authority, Holding: rows.NewHolding(e.Table, 0), Lineage: e.Lineage})
			a, err := Table(e)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, lossWords(a)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPromotedAgainToTheSameNumber: a node whose WAL a step took away, and which was then
// promoted to a timeline of the same number at the same position, is another server.
func TestPromotedAgainToTheSameNumber(t *testing.T) {
	e := failedBack()
	e.Forks[0].Lineage = e.Lineage // the same fork as that of its second promotion
	e.Book = (&fakeBook{}).write("writes", ack("b", 2, 60, 500), ack("b", 2, 120, 2500))
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lossWords(a), "lost 2-2 b/2 ?; lost 1-1 b/2 foreign promote-b@100"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	e.States["b"] = e.States["b"][:3] // it was never seen as a standby: it may have lived on
	if a, err = Table(e); err != nil {
		t.Fatal(err)
	}
	if got, want := lossWords(a), "lost 1-2 b/2 ?"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestPromotedAgain: after what a node had was taken from it, it must have been read as a standby, and after that as a
// primary on this timeline.
func TestPromotedAgain(t *testing.T) {
	silent := primary("a", 3000, 2, 3)
	silent.Reachable = false
	for name, c := range map[string]struct {
		taken  *ForkHolding
		states []record.NodeState
		want   bool
	}{
		"nothing was taken":         {nil, []record.NodeState{state("a", 2000, 's'), primary("a", 3000, 2, 3)}, false},
		"promoted again":            {&ForkHolding{Read: time.Second}, []record.NodeState{state("a", 2000, 's'), primary("a", 3000, 2, 3)}, true},
		"never a standby":           {&ForkHolding{Read: time.Second}, []record.NodeState{primary("a", 3000, 2, 3)}, false},
		"a standby as it was taken": {&ForkHolding{Read: 2 * time.Second}, []record.NodeState{state("a", 2000, 's'), primary("a", 3000, 2, 3)}, false},
		"on another timeline":       {&ForkHolding{Read: time.Second}, []record.NodeState{state("a", 2000, 's'), primary("a", 3000, 3, 3)}, false},
		"it did not answer":         {&ForkHolding{Read: time.Second}, []record.NodeState{state("a", 2000, 's'), silent}, false},
	} {
		w := newEvidenceReader(&Evidence{States: map[string][]record.NodeState{"a": c.states}})
		if got := w.promotedSince(&serverEvidence{server: ledger.Server{Node: "a", Timeline: 2}, taken: c.taken}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
