package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
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

// LedgerDamage says what a ledger does not have any more: what cannot be read, and writes that the
// run's result counts and the ledger does not. r may be nil.
func LedgerDamage(book *ledger.Book, r *report.Result) []string {
	damage := slices.Clone(book.Damage)
	if r != nil {
		if r.Run != "" && book.Run != "" && r.Run != book.Run {
			damage = append(damage, fmt.Sprintf("it is of the run %s, and %s of the run %s", book.Run, report.FileName, r.Run))
		}
		damage = append(damage, missingSince(book, r.LedgerFile)...)
	}
	return damage
}

// Damage says what is wrong with the files beside a result: what cannot be read, and what the result knows and
// they do not. A file that is not there says nothing: somebody may have kept the result alone.
func Damage(dir string, r *report.Result) (damage []string) {
	j, err := ReadJournal(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		damage = append(damage, err.Error())
	case j.Damage != "":
		damage = append(damage, j.Damage)
	case r.Stage != report.StagePlanned && !slices.Equal(overIn(j.Events), overIn(r.Timeline)):
		damage = append(damage, fmt.Sprintf("%s does not have the same steps as %s", JournalFile, report.FileName))
	}
	book, err := openPromised(dir)
	if err != nil {
		return append(damage, err.Error())
	}
	if book == nil {
		return damage
	}
	if r.LedgerFile != nil && !book.Closed {
		damage = append(damage, fmt.Sprintf("the end of %s is missing: it had been closed when the load ended", LedgerFile))
	}
	if info, err := os.Stat(filepath.Join(dir, LedgerFile)); err == nil && r.LedgerFile != nil && info.Size() != r.LedgerFile.Bytes {
		damage = append(damage, fmt.Sprintf("%s has %d bytes, and had %d when the load ended", LedgerFile, info.Size(), r.LedgerFile.Bytes))
	}
	damage = append(damage, LedgerDamage(book, r)...)
	if err := book.Close(); err != nil {
		damage = append(damage, err.Error())
	}
	return damage
}

// overIn names the events that had an end, by time.
func overIn(events []record.Event) (names []string) {
	for _, m := range events {
		if m.Status != "" && m.Status != record.EventSkipped {
			names = append(names, fmt.Sprintf("%d %s %s", m.Issued, m.Name, m.Status))
		}
	}
	slices.Sort(names)
	return names
}

// missingSince says where a ledger does not tell of the same writes as when the load
// ended, of which the result has the counts; then is nil where it has none. A file that
// was cut off, or put back from an older copy, is whole as far as it goes, and rows that
// it does not know would be taken for somebody else's.
func missingSince(book *ledger.Book, then *report.LedgerFile) (damage []string) {
	if then == nil {
		return nil
	}
	now := describeBook(book, 0).Workloads
	for _, was := range then.Workloads {
		is := report.Written{}
		if i := slices.IndexFunc(now, func(w report.Written) bool { return w.Workload == was.Workload }); i >= 0 {
			is = now[i]
		}
		is.Workload = was.Workload
		if is != was {
			damage = append(damage, fmt.Sprintf("when the load ended it held %d writes of %s, %d of them acknowledged, and now it holds %d and %d",
				was.Issued, was.Workload, was.OK+was.Weak, is.Issued, is.OK+is.Weak))
		}
	}
	return damage
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
