package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"pgchaos/history/ledger"
)

// promised is what the database had promised the writers of a run.
type promised struct {
	book *ledger.Book  // nil: nobody knows
	last time.Duration // the last that was heard of any write
}

// readPromised reads the ledger of a run that is over, or was killed.
func readPromised(dir string) (p promised, err error) {
	p.book, err = ledger.Open(filepath.Join(dir, LedgerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return promised{}, nil
	}
	if err != nil {
		return promised{}, err
	}
	for w, err := range p.book.All() {
		if err != nil {
			return promised{}, errors.Join(fmt.Errorf("read the ledger: %w", err), p.close())
		}
		p.last = max(p.last, w.Entry.Sent, w.Entry.Done)
	}
	return p, nil
}

func (p promised) close() error {
	if p.book == nil {
		return nil
	}
	return p.book.Close()
}
