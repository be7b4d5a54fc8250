package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/history"
	"pgchaos/history/ledger"
)

// audited is the audit of a failover whose authority has these writes of one writer.
func audited(t *testing.T, have []int64, change func(*Evidence), entries ...ledger.Entry) Audit {
	t.Helper()
	e := failover()
	if change != nil {
		change(&e)
	}
	e.Book = (&fakeBook{}).write("writes", entries...)
	e.Nodes = []NodeHolding{node(e.Authority, rows(have...)...).in(e.Table)}
	a, err := AuditTable(e)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAFailureBoundsALoss: a server that answered a write with an error has told how
// far it was by then, so that what it acknowledged before was committed before that.
func TestAFailureBoundsALoss(t *testing.T) {
	a := audited(t, []int64{3}, nil, ack("a", 1, 80, 900), ledgerEntry(ack("a", 1, 90, 910)).as(history.Failed), ack("b", 2, 130, 1300))
	if diff := cmp.Diff("lost 1-1 a/1 ?", lossWords(a)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTimelinesOfOneNode: where the entries do not tell it, the timeline is that of the
// node at the time of each; 0 where that is not known.
func TestTimelinesOfOneNode(t *testing.T) {
	between := ack("a", 0, 125, 2500)
	between.Sent = 1500 * msec
	a := audited(t, nil, func(e *Evidence) {
		e.States["a"] = []history.NodeState{primary("a", 5, 1, 1), primary("a", 2000, 3, 1), primary("a", 4000, 3, 1)}
	}, ack("a", 0, 120, 900), between, ack("a", 0, 130, 3000))
	got := map[int64]uint32{}
	for _, r := range a.Lost.Runs {
		got[r.First] = r.Timeline
	}
	if diff := cmp.Diff(map[int64]uint32{1: 1, 2: 0, 3: 3}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
