package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"pgchaos/history"
	"pgchaos/history/ledger"
	"pgchaos/report"
)

// LedgerFile is the file in the result directory that holds every write, as it goes.
const LedgerFile = "ledger.bin"

// promised is what the database had promised the writers of a run.
type promised struct {
	writers []*history.Writer // nil: nobody knows
	last    time.Duration     // the last that was heard of any write
	damage  []string          // what is not known of it, a line each
}

// readPromised reads the ledger of a run that is over, or was killed.
func readPromised(dir string, r *report.Result) (p promised, err error) {
	book, err := ledger.Open(filepath.Join(dir, LedgerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return promised{writers: r.Ledger}, nil // from before there was a file of its own
	}
	if err != nil {
		return promised{}, err
	}
	defer func() { _ = book.Close() }() // it was only read
	p = promised{writers: []*history.Writer{}, damage: book.Damage}
	for _, a := range book.Writers() {
		w := &history.Writer{ID: a.ID, Workload: a.Workload, Issued: a.Issued}
		p.writers = append(p.writers, w)
		for e, err := range book.Entries(a.ID, 1, a.Issued) {
			if err != nil {
				return promised{}, fmt.Errorf("read the ledger: %w", err)
			}
			p.last = max(p.last, e.Sent, e.Done)
			w.Record(e.Seq, e.Outcome, e.Server.Node, e.Done)
		}
	}
	return p, nil
}
