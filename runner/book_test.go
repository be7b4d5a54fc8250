package runner

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"pgchaos/history"
	"pgchaos/history/ledger"
	"pgchaos/report"
)

// TestBookOfARun: what the load has written down is what the result sums up and the
// audit reads, late answers included.
func TestBookOfARun(t *testing.T) {
	const ms = time.Millisecond
	path := filepath.Join(t.TempDir(), LedgerName)
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
		outcome history.Outcome
		server  int
		done    time.Duration
	}{
		{history.OK, server, 10 * ms}, {history.OK, server, 20 * ms}, {history.OK, server, 300 * ms}, // a run is a quarter of a second
		{history.Unknown, 0, 0}, {history.OK, server, 320 * ms}, {history.OK, server, 330 * ms},
		{history.Failed, server, 340 * ms}, {history.Weak, next, 350 * ms}, {history.OK, next, 360 * ms}, {history.Unknown, 0, 0},
	} {
		if w.Next(e.done-ms) != int64(seq)+1 {
			t.Fatal(l.Err())
		}
		w.Record(int64(seq)+1, e.outcome, e.server, 0, e.done)
	}
	w.Record(4, history.OK, server, 0, 900*ms)
	writers[2].Next(ms)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	book, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	got, err := writersOf(book)
	if err != nil {
		t.Fatal(err)
	}
	want := []*history.Writer{
		{ID: 0, Workload: "writes", Issued: 10, Runs: []history.Run{
			{First: 1, Last: 2, Outcome: history.OK, Node: "a", From: 10 * ms, To: 20 * ms},
			{First: 3, Last: 3, Outcome: history.OK, Node: "a", From: 300 * ms, To: 300 * ms},
			{First: 4, Last: 4, Outcome: history.OK, Node: "a", From: 900 * ms, To: 900 * ms},
			{First: 5, Last: 6, Outcome: history.OK, Node: "a", From: 320 * ms, To: 330 * ms},
			{First: 7, Last: 7, Outcome: history.Failed, Node: "a", From: 340 * ms, To: 340 * ms},
			{First: 8, Last: 8, Outcome: history.Weak, Node: "b", From: 350 * ms, To: 350 * ms},
			{First: 9, Last: 9, Outcome: history.OK, Node: "b", From: 360 * ms, To: 360 * ms},
		}},
		{ID: 1, Workload: "others"},
		{ID: 2, Workload: "writes", Issued: 1},
	}
	if !reflect.DeepEqual(got, want) {
		for i, w := range got {
			t.Errorf("writer %d: %+v, want %+v", i, *w, *want[i])
		}
	}
	sum := describeBook(book, 42)
	written := []report.Written{
		{Workload: "writes", Writers: 2, Issued: 11, OK: 7, Weak: 1, Failed: 1, Unknown: 2},
		{Workload: "others", Writers: 1},
	}
	if sum.Bytes != 42 || sum.Damage != nil || !reflect.DeepEqual(sum.Workloads, written) {
		t.Errorf("%+v", sum)
	}
}
