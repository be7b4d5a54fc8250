package ledger

import (
	"testing"
	"time"

	"pgchaos/record"
)

// TestNumbersIssuedAtOnce: each has its own entry, in time with the others, and what of
// them got none is unknown. They fill several blocks.
func TestNumbersIssuedAtOnce(t *testing.T) {
	const n, rounds = 3000, 20
	l, path := create(t)
	w := addWriter(t, l)
	for round := range rounds {
		at := time.Duration(round+1) * time.Second
		first := w.NextN(at, n)
		if first != int64(round)*n+1 || w.Issued() != first+n-1 {
			t.Fatalf("round %d: first %d, issued %d", round, first, w.Issued())
		}
		for i := range int64(n) {
			if round%2 == 1 && i >= n/2 {
				break // as if the answers had never come
			}
			w.Record(first+i, record.OK, 0, record.LSN(1000+i), at+time.Millisecond)
		}
	}
	if w.NextN(0, MostAtOnce) != rounds*n+1 {
		t.Error("not as many at once as there may be")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b := open(t, path)
	if b.Damage != nil {
		t.Errorf("damage: %q", b.Damage)
	}
	all := entries(t, b, 0, 1, record.MaxSeq)
	if len(all) != rounds*n+MostAtOnce {
		t.Fatalf("%d entries", len(all))
	}
	for i, e := range all[:rounds*n] {
		round, place := i/n, i%n
		want := Entry{Seq: int64(i) + 1, Sent: time.Duration(round+1) * time.Second}
		if round%2 == 0 || place < n/2 {
			want.Outcome, want.LSN, want.Done = record.OK, record.LSN(1000+place), want.Sent+time.Millisecond
		}
		if e != want {
			t.Fatalf("entry %+v, want %+v", e, want)
		}
	}
	if c := b.Writers()[0].Count(); c[record.Unknown] != rounds/2*n/2+MostAtOnce || c[record.OK] != rounds*n*3/4 {
		t.Errorf("counts %v", c)
	}
}

func TestTooManyAtOnce(t *testing.T) {
	for _, n := range []int{0, -1, MostAtOnce + 1} {
		l, _ := create(t)
		if w := addWriter(t, l); w.NextN(0, n) != 0 || l.Err() == nil {
			t.Errorf("%d at once: no error", n)
		}
	}
}
