// Package store keeps past runs: what a comparison knows of each in a database (SQLite, or PostgreSQL
// for teams), and the raw result directories beside it, by the hash of their contents.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"pgchaos/compare"
	"pgchaos/report"
)

// Store is an open store. It is safe for concurrent use, and several processes can have one open.
type Store struct {
	at       location
	db       *sql.DB
	use      *fileLock // shared: Rebuild needs the store for itself
	readOnly bool
}

// Kept is a run as the store has it.
type Kept struct {
	compare.Run
	Tool string // pgchaos's version
	// Key is a hash of the fingerprint: runs of one experiment, variant, cell and key are one history.
	Key   string
	Hash  string // of the raw result directory
	Bytes int64  // of the raw result directory
	// Dir is the raw result directory; "": it is not on this machine.
	Dir      string
	Added    time.Time
	Accepted *Mark // nil: it is not accepted
	Baseline *Mark // nil: it is not pinned
}

// Notes are what sets a run apart from the others, in words.
func (k *Kept) Notes() (notes []string) {
	if k.Accepted != nil {
		notes = append(notes, "accepted: "+k.Accepted.Why)
	}
	if k.Baseline != nil {
		notes = append(notes, strings.TrimSuffix("baseline: "+k.Baseline.Why, ": "))
	}
	if k.Warmup {
		notes = append(notes, "warm-up")
	}
	if len(k.NotComparable) > 0 {
		notes = append(notes, "not comparable")
	}
	if k.Dir == "" {
		notes = append(notes, "its files are not here")
	}
	return notes
}

// Compared is what a comparison knows of the run, with the metrics that also names: read from its result where that is on this machine,
// because the database has the usual metrics alone.
func (k *Kept) Compared(also ...string) (compare.Run, error) {
	if k.Dir == "" {
		return k.Run, nil
	}
	r, err := report.Read(k.Dir)
	if err != nil {
		return compare.Run{}, err
	}
	return compare.Of(r, also...), nil
}

// Mark is a decision of a person about a run.
type Mark struct {
	At  time.Time `json:"at"`
	By  string    `json:"by"`
	Why string    `json:"why,omitempty"`
}

// ErrNewer is the error of a store that a newer pgchaos has changed.
var ErrNewer = errors.New("a newer pgchaos has written this store: use that one")

// ErrMissing is the error of Existing where there is no store. It is an fs.ErrNotExist, too.
var ErrMissing = fmt.Errorf("there is no store: %w", fs.ErrNotExist)

// errNoFiles is an ErrMissing: the database may be there, but not the directory of the raw results.
var errNoFiles = fmt.Errorf("its directory is not on this machine: %w", ErrMissing)

// DamagedError is the error of a store whose database is damaged or lost, and whose raw results may be whole.
type DamagedError struct {
	Store string // as it is named, without its password
	Err   error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the database of the store %s is damaged (%v): 'pgchaos history rebuild --store %s' makes it again from the raw results", e.Store, e.Err, e.Store)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// Open opens a store, and makes it if it is not there. Where is a directory, or the URL of a
// PostgreSQL database with the directory of the raw results:
// postgres://user@host/database?files=/srv/pgchaos.
func Open(ctx context.Context, where string) (*Store, error) {
	return open(ctx, where, toMake)
}

// Existing opens a store that must be there: the error is ErrMissing if it is not, for a misspelt name, or a disk
// that is not mounted, must not look like a history without runs. A directory that cannot be written can be read.
func Existing(ctx context.Context, where string) (*Store, error) {
	return open(ctx, where, toChange)
}

// Reading opens a store that must be there, and changes nothing of it: neither its tables, which must have the version that this pgchaos
// knows, nor what killed jobs have left. It is for one look at a store that others go on writing: close it soon, because Rebuild waits for
// that. Damage is found where a query meets it; Check looks for all of it.
func Reading(ctx context.Context, where string) (*Store, error) {
	return open(ctx, where, toRead)
}

// access is what a store is opened for.
type access int

const (
	toMake   access = iota + 1 // it is made if it is not there
	toChange                   // it must be there
	toRead                     // it must be there, and nothing of it is changed
)

func open(ctx context.Context, where string, to access) (*Store, error) {
	at, err := locate(where)
	if err != nil {
		return nil, err
	}
	s := &Store{at: at}
	if err := s.open(ctx, to); err != nil {
		if errors.Is(err, ErrMissing) {
			err = fmt.Errorf("%w; 'pgchaos history init --store %s' makes it", err, at.shown)
		}
		return nil, at.wrap("open", errors.Join(err, s.Close()))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, to access) error {
	if to == toMake {
		if err := os.MkdirAll(s.at.files, 0o755); err != nil {
			return err
		}
	} else if err := s.at.look(); err != nil {
		return err
	}
	switch err := unix.Access(s.at.files, unix.W_OK); {
	case errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES):
		if to == toMake {
			return fmt.Errorf("%s cannot be written: %w", s.at.files, err)
		}
		s.readOnly = true
	case err != nil:
		return err
	}
	s.readOnly = s.readOnly || to == toRead
	var err error
	if s.use, err = lockFile(ctx, s.at.files, useLock, shared, s.readOnly); err != nil {
		return err
	}
	if s.db, err = s.at.open(s.readOnly); err != nil {
		return err
	}
	if err := s.prepare(ctx, to); err != nil {
		return err
	}
	if s.readOnly {
		return nil
	}
	return s.removeLeftovers()
}

// prepare brings the tables to this version, and refuses what it must not touch.
func (s *Store) prepare(ctx context.Context, to access) error {
	if s.readOnly {
		return s.checkTables(ctx, to)
	}
	// Of two that open a new store at once, one makes its tables.
	return s.locked(ctx, func() error {
		if err := s.checkTables(ctx, to); err != nil {
			return err
		}
		return migrate(ctx, s.db, s.at.engine)
	})
}

// Check looks for damage of the whole database. It reads all of it.
func (s *Store) Check(ctx context.Context) error {
	return s.at.wrap("check", s.at.engine.check(ctx, s.db))
}

// checkTables looks at the database before anything is changed.
func (s *Store) checkTables(ctx context.Context, to access) error {
	if to != toRead {
		if err := s.at.engine.check(ctx, s.db); err != nil {
			return err
		}
	}
	version, err := tablesVersion(ctx, s.db, s.at.engine)
	if err != nil {
		return err
	}
	newest, err := newestVersion()
	if err != nil {
		return err
	}
	if version > 0 {
		return s.checkVersion(version, newest, to)
	}
	// An empty database beside raw results was lost, not new: its history must not begin anew in silence.
	hashes, err := rawHashes(s.at.files)
	switch {
	case err != nil:
		return err
	case len(hashes) > 0:
		return &DamagedError{s.at.shown, fmt.Errorf("it is empty, and there are raw results of %d runs", len(hashes))}
	case to != toMake:
		return ErrMissing
	}
	return nil
}

// checkVersion refuses tables that this pgchaos must not read, or must change first and may not.
func (s *Store) checkVersion(version, newest int64, to access) error {
	switch {
	case version > newest:
		return fmt.Errorf("%w (its tables have version %d, and this pgchaos knows %d)", ErrNewer, version, newest)
	case version == newest || !s.readOnly:
		return nil
	case to == toRead:
		return fmt.Errorf("its tables have version %d, and this pgchaos reads version %d: 'pgchaos history list --store %s' brings them up to date", version, newest, s.at.shown)
	}
	return fmt.Errorf("its tables have version %d and must be brought to %d, but the directory cannot be written", version, newest)
}

// Close closes the store. Closing it again does nothing.
func (s *Store) Close() error {
	db, use := s.db, s.use
	s.db, s.use = nil, nil
	var err error
	if db != nil {
		err = db.Close()
	}
	return errors.Join(err, use.release())
}

// Name is the store as it was named, without a password.
func (s *Store) Name() string { return s.at.shown }

// locked runs f while no other process changes the store.
func (s *Store) locked(ctx context.Context, f func() error) error {
	l, err := lockFile(ctx, s.at.files, writeLock, exclusive, false)
	if err != nil {
		return err
	}
	return errors.Join(f(), l.release())
}

// write runs f in a transaction, while no other process changes the store.
func (s *Store) write(ctx context.Context, f func(tx *sql.Tx) error) error {
	if s.readOnly {
		return fmt.Errorf("%s cannot be written", s.at.files)
	}
	return s.locked(ctx, func() error { return inTx(ctx, s.db, f) })
}

func inTx(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the error of f says what went wrong
		return err
	}
	return tx.Commit()
}
