package runner

import (
	"fmt"
	"os"
	"path/filepath"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
)

// LedgerFile is the file in the result directory that holds every write, as it goes.
const LedgerFile = "ledger.bin"

// openBook opens what the load has written down, as it is on disk: a run that was
// killed is read in the same way. The result gets its summary.
func (r *run) openBook() error {
	path := filepath.Join(r.Out, LedgerFile)
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
	out := &report.LedgerFile{File: LedgerFile, Bytes: size, Damage: book.Damage}
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
		sum.OK += n[record.OK]
		sum.Weak += n[record.Weak]
		sum.Failed += n[record.Failed]
		sum.Unknown += n[record.Unknown]
	}
	return out
}
