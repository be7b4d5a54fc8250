package audit

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// audited is the audit of a failover whose authority has these writes of one writer.
func audited(t *testing.T, have []int64, change func(*Evidence), entries ...ledger.Entry) Audit {
	t.Helper()
	e := failover()
	if change != nil {
		change(&e)
	}
	e.Book = (&fakeBook{}).write("writes", entries...)
	e.Nodes = []NodeHolding{node(e.Authority, rowsOf(have...)...).in(e.Table)}
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAFailureBoundsALoss: an error reply to a write carries the server's LSN at that
// time. What the server acknowledged before was committed before that LSN.
func TestAFailureBoundsALoss(t *testing.T) {
	a := audited(t, []int64{3}, nil, ack("a", 1, 80, 900), ledgerEntry(ack("a", 1, 90, 910)).as(record.Failed), ack("b", 2, 130, 1300))
	if diff := cmp.Diff("lost 1-1 a/1 ?", lossWords(a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTimelinesOfOneNode: where an entry does not tell it, the timeline is that of the
// node at the time; 0 where that is not known.
func TestTimelinesOfOneNode(t *testing.T) {
	type states = []record.NodeState
	standby := func(at int) record.NodeState { s := state("a", at, 's'); s.Timeline = 7; return s }
	under := func(sent, done int) ledger.Entry {
		e := ack("a", 0, 120, done)
		e.Sent = time.Duration(sent) * msec
		return e
	}
	one, three := func(at int) record.NodeState { return primary("a", at, 1, 1) }, func(at int) record.NodeState { return primary("a", at, 3, 1) }
	for _, tt := range []struct {
		name   string
		states states
		entry  ledger.Entry
		want   uint32
	}{
		{"by the reading before", states{one(5), three(2000)}, under(899, 900), 1},
		{"by the newest one before", states{one(5), three(2000), three(4000)}, under(2999, 3000), 3},
		{"by one of that very moment", states{one(5), three(899)}, under(899, 900), 3},
		{"by the first one afterwards", states{one(1000)}, under(899, 900), 1},
		{"by the first one afterwards, and no later one", states{one(1000), three(1500)}, under(899, 900), 1},
		{"nobody read it", nil, under(899, 900), 0},
		{"a reading meanwhile agrees", states{one(5), one(850)}, under(800, 900), 1},
		{"a reading meanwhile does not agree", states{one(5), three(2000), three(4000)}, under(1500, 2500), 0},
		{"nor does one of the moment of the answer", states{one(5), three(900)}, under(899, 900), 0},
		{"nor one so soon that the change may have come before", states{one(5), three(1100)}, under(899, 900), 0},
		{"a reading that tells no timeline says nothing", states{one(5), primary("a", 800, 0, 1)}, under(899, 900), 1},
		{"a standby is on the timeline of its primary", states{standby(5), three(1000)}, under(899, 900), 3},
		{"what it was before it was a standby is over", states{one(5), standby(500), three(1000)}, under(899, 900), 3},
		{"what it was before, as a standby of that moment says", states{one(5), standby(899), three(1000)}, under(899, 900), 3},
		{"what it was after it was a standby came later", states{one(5), standby(950), three(1000)}, under(899, 900), 1},
		{"it was a standby when it was sent", states{standby(850), three(895)}, under(800, 900), 3},
		{"it was a standby all the while", states{standby(5), standby(950)}, under(899, 900), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := audited(t, nil, func(e *Evidence) { e.States["a"] = tt.states }, tt.entry)
			if got := a.Lost.Runs[0].Timeline; got != tt.want {
				t.Errorf("timeline %d, want %d", got, tt.want)
			}
		})
	}
}

// TestTimelinesAreLookedUpForEachWrite: that of one need not be that of the next.
func TestTimelinesAreLookedUpForEachWrite(t *testing.T) {
	a := audited(t, nil, func(e *Evidence) {
		e.States["a"] = []record.NodeState{primary("a", 5, 1, 1), primary("a", 900, 3, 1), primary("a", 4000, 3, 1)}
	}, ack("a", 0, 120, 500), ack("a", 0, 125, 900), ack("a", 0, 130, 3000))
	got := map[int64]uint32{}
	for _, r := range a.Lost.Runs {
		got[r.First] = r.Timeline
	}
	if diff := cmp.Diff(map[int64]uint32{1: 1, 2: 0, 3: 3}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
