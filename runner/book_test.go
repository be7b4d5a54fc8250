package runner

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
)

// TestBookOfARun: what the load has written down is what the result sums up and the
// audit reads, late answers included.
func TestBookOfARun(t *testing.T) {
	const ms = time.Millisecond
	path := filepath.Join(t.TempDir(), LedgerFile)
	l, err := ledger.Create(path, "run-1")
	if err != nil {
		t.Fatal(err)
	}
	server := l.AddServer(ledger.Server{Node: "a", SystemID: "7", Timeline: 1})
	next := l.AddServer(ledger.Server{Node: "b", SystemID: "7", Timeline: 2})
	var writers []*ledger.Writer
	for _, workload := range []string{"writes", "others", "writes"} {
		w, err := l.AddWriter(workload)
		if err != nil {
			t.Fatal(err)
		}
		writers = append(writers, w)
	}
	w := writers[0]
	for seq, e := range []struct {
		outcome record.Outcome
		server  int
		done    time.Duration
	}{
		{record.OK, server, 10 * ms}, {record.OK, server, 20 * ms}, {record.OK, server, 300 * ms}, // a run is a quarter of a second
		{record.Unknown, 0, 0}, {record.OK, server, 320 * ms}, {record.OK, server, 330 * ms},
		{record.Failed, server, 340 * ms}, {record.Weak, next, 350 * ms}, {record.OK, next, 360 * ms}, {record.Unknown, 0, 0},
	} {
		if w.Next(e.done-ms) != int64(seq)+1 {
			t.Fatal(l.Err())
		}
		w.Record(int64(seq)+1, e.outcome, e.server, 0, e.done)
	}
	w.Record(4, record.OK, server, 0, 900*ms)
	writers[2].Next(ms)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	sum := describeBook(book, 42)
	written := []report.Written{
		{Workload: "writes", Writers: 2, Issued: 11, OK: 7, Weak: 1, Failed: 1, Unknown: 2},
		{Workload: "others", Writers: 1},
	}
	if sum.Bytes != 42 || sum.Damage != nil || !reflect.DeepEqual(sum.Workloads, written) {
		t.Errorf("%+v", sum)
	}
}
