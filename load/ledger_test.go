package load

import (
	"path/filepath"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// recorder is all that is written down of one write: histogram, activity and outages
// here, its number and its outcome in the ledger.
func recorder(t testing.TB) (write func()) {
	t.Helper()
	l, err := ledger.Create(filepath.Join(t.TempDir(), "ledger.bin"), "bench")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	book, err := l.AddWriter("writes")
	if err != nil {
		t.Fatal(err)
	}
	server := l.AddServer(ledger.Server{Node: "a", SystemID: "7300000000000000000", Timeline: 1})
	w, c := newInstant(Constant(Steady(1000)))
	op := record.Op{Outcome: record.OK, Node: 2}
	at, lsn := time.Duration(0), record.LSN(0x16_B374_D848)
	return func() {
		at += 50 * time.Microsecond // 20,000 a second, of eight clients
		seq := book.Next(at)
		lsn += 10_000
		op.Due, op.Sent, op.Done = at-400*time.Microsecond, at-400*time.Microsecond, at
		w.record(c, &op, 0)
		book.Record(seq, op.Outcome, server, lsn, op.Done)
	}
}

func TestWritingDownDoesNotAllocate(t *testing.T) {
	write := recorder(t)
	if n := testing.AllocsPerRun(1000, write); n != 0 {
		t.Errorf("writing down allocates %v times", n)
	}
}

// BenchmarkWriteDown is the recording of one write, ledger included.
func BenchmarkWriteDown(b *testing.B) {
	write := recorder(b)
	defer processor(b)()
	for range b.N {
		write()
	}
}
