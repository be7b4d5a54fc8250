package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"pgchaos/history/ledger"
)

// openPromised opens the ledger of a run that is over, or was killed; nil where it has
// left none, so that nobody knows what the database had promised.
func openPromised(dir string) (*ledger.Book, error) {
	book, err := ledger.Open(filepath.Join(dir, LedgerFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // none is no error
	}
	return book, err
}

// lastOf is the last that was heard of any write; book may be nil.
func lastOf(book *ledger.Book) (last time.Duration, err error) {
	if book == nil {
		return 0, nil
	}
	for w, err := range book.All() {
		if err != nil {
			return 0, fmt.Errorf("read the ledger: %w", err)
		}
		last = max(last, w.Entry.Sent, w.Entry.Done)
	}
	return last, nil
}
