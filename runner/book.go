package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"pgchaos/history"
	"pgchaos/history/ledger"
	"pgchaos/report"
)

// LedgerName is the name of the ledger's file in the result directory.
const LedgerName = "ledger.bin"

// openBook opens what the load has written down, as it is on disk: a run that was
// killed is read in the same way. The result gets its summary.
func (r *run) openBook() error {
	path := filepath.Join(r.Out, LedgerName)
	book, err := ledger.Open(path)
	if err != nil {
		return err
	}
	r.book = book
	size, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("size of the ledger: %w", err)
	}
	r.result.LedgerFile = describeBook(book, size.Size())
	if err := r.loads.ledgerErr; err != nil {
		r.result.LedgerFile.Error = err.Error()
	}
	return nil
}

// describeBook is the ledger's part of the result: the writes themselves stay in
// the file.
func describeBook(book *ledger.Book, size int64) *report.LedgerFile {
	out := &report.LedgerFile{File: LedgerName, Bytes: size, Damage: book.Damage}
	at := map[string]int{}
	for _, w := range book.Writers() {
		i, ok := at[w.Workload]
		if !ok {
			i = len(out.Workloads)
			at[w.Workload] = i
			out.Workloads = append(out.Workloads, report.Written{Workload: w.Workload})
		}
		sum, n := &out.Workloads[i], w.Count()
		sum.Writers++
		sum.Issued += w.Issued
		sum.OK += n[history.OK]
		sum.Weak += n[history.Weak]
		sum.Failed += n[history.Failed]
		sum.Unknown += n[history.Unknown]
	}
	return out
}

// runSpan bounds the time that one run of writersOf covers.
const runSpan = 250 * time.Millisecond

// writersOf turns a book into the runs that check.AuditTable takes.
func writersOf(book *ledger.Book) ([]*history.Writer, error) {
	var all []*history.Writer
	for _, a := range book.Writers() {
		w := &history.Writer{ID: a.ID, Workload: a.Workload, Issued: a.Issued}
		for e, err := range book.Entries(a.ID, 1, a.Issued) {
			if err != nil {
				return nil, fmt.Errorf("ledger: writer %d: %w", a.ID, err)
			}
			if e.Outcome != history.Unknown {
				extend(w, e)
			}
		}
		all = append(all, w)
	}
	return all, nil
}

// extend appends an entry to a writer's runs. One that was answered out of turn, as
// late ones are, is a run of its own.
func extend(w *history.Writer, e ledger.Entry) {
	if n := len(w.Runs); n > 0 {
		r := &w.Runs[n-1]
		if r.Last+1 == e.Seq && r.Outcome == e.Outcome && r.Node == e.Server.Node && e.Done >= r.To && e.Done-r.From < runSpan {
			r.Last, r.To = e.Seq, e.Done
			return
		}
	}
	w.Runs = append(w.Runs, history.Run{First: e.Seq, Last: e.Seq, Outcome: e.Outcome, Node: e.Server.Node, From: e.Done, To: e.Done})
}
