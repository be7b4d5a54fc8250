package runner

import (
	"path/filepath"
	"testing"
	"time"

	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/record/ledger"
)

// TestLookup finds the outcome of writes whichever way they are asked for, and nothing
// of those that were never sent.
func TestLookup(t *testing.T) {
	path := filepath.Join(t.TempDir(), LedgerFile)
	l, err := ledger.Create(path, "test")
	if err != nil {
		t.Fatal(err)
	}
	a := l.AddServer(ledger.Server{Node: "a", Timeline: 1})
	for range 2 {
		w, err := l.AddWriter("writes")
		if err != nil {
			t.Fatal(err)
		}
		for seq := int64(1); seq <= 3*lookupSpan; seq++ {
			at := time.Duration(seq) * time.Millisecond
			if w.Next(at) != seq {
				t.Fatal(l.Err())
			}
			switch seq {
			case 7: // its answer came after the client had given up on it
				w.Record(seq, record.Unknown, 0, 0, 0)
				w.Record(seq, record.OK, a, 0, at+time.Second)
			case lookupSpan:
				w.Record(seq, record.Unknown, 0, 0, 0)
			default:
				w.Record(seq, record.OK, a, 0, at+time.Millisecond)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	acks := lookup{book: book, stretches: map[int]stretch{}}
	acked := func(at time.Duration, late bool) outage.Ack {
		return outage.Ack{Node: "a", Outcome: record.OK, From: at, To: at, Late: late}
	}
	for _, tt := range []struct {
		writer int
		seq    int64
		want   outage.Ack
		issued bool
	}{
		{0, 1, acked(2*time.Millisecond, false), true},
		{0, 3 * lookupSpan, acked((3*lookupSpan+1)*time.Millisecond, false), true},
		{0, lookupSpan + 1, acked((lookupSpan+2)*time.Millisecond, false), true},
		{0, lookupSpan, outage.Ack{Outcome: record.Unknown}, true},
		{0, lookupSpan - 1, acked(lookupSpan*time.Millisecond, false), true},
		{1, 7, acked(1007*time.Millisecond, true), true},
		{0, 7, acked(1007*time.Millisecond, true), true},
		{0, 0, outage.Ack{}, false},
		{0, 3*lookupSpan + 1, outage.Ack{}, false},
		{2, 1, outage.Ack{}, false},
	} {
		if got, issued := acks.ack(tt.writer, tt.seq); got != tt.want || issued != tt.issued || acks.err != nil {
			t.Errorf("writer %d, %d: %+v, %v, %v", tt.writer, tt.seq, got, issued, acks.err)
		}
	}
	if got, issued := (&lookup{}).ack(0, 1); issued {
		t.Errorf("without a ledger: %+v", got)
	}
}
