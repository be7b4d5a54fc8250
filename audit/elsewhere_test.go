package audit

import (
	"slices"
	"strings"
	"testing"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// TestAcknowledgedByAnotherCluster: what a server acknowledged that was not read is not lost.
func TestAcknowledgedByAnotherCluster(t *testing.T) {
	foreign := func(at int) ledger.Entry {
		e := ack("", 1, 120, at)
		e.Server.SystemID = "9"
		return e
	}
	e := failover()
	for node := range e.States {
		for i := range e.States[node] {
			e.States[node][i].SystemID = "1"
		}
	}
	own := ack("a", 1, 120, 900)
	own.Server.SystemID = "1"
	e.Book = (&fakeBook{}).write("writes", foreign(800), own, foreign(1500))
	e.Nodes = []NodeHolding{node("b").in(e.Table)}
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := lossWords(a), "lost 2-2 a/1 fork kill-a@100"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	const why = "2 writes were acknowledged by a server of another cluster (system identifier 9), which was not read"
	if a.Complete || !strings.Contains(a.Why, why) {
		t.Errorf("complete %v: %s", a.Complete, a.Why)
	}
	weakBy, err := WeakBy(e)
	if err != nil {
		t.Fatal(err)
	}
	noticed, sound := foreign(800), foreign(800)
	noticed.Outcome = record.Weak
	if got := []WeakReason{weakBy("writes", &noticed), weakBy("writes", &sound)}; !slices.Equal(got, []WeakReason{WeakNotice, ""}) {
		t.Errorf("%q: its notice says that a write is weak, and nothing else does", got)
	}
	for i := range e.States["a"] {
		e.States["a"][i].SystemID = "9" // a was initialised anew: its identifier is one of the audited
	}
	e.States["b"][0].SystemID = ""
	if a, err = Table(e); err != nil || !a.Complete {
		t.Errorf("%v, %v: %s", err, a.Complete, a.Why)
	}
}
