package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// oldDatabase is where Rebuild puts the file that it replaces.
const oldDatabase = databaseFile + ".old"

// Rebuilt says what Rebuild did.
type Rebuilt struct {
	Store string
	Runs  int // that the database has from the raw results
	// Elsewhere are runs in PostgreSQL whose raw results are not on this machine: they stay as they are.
	Elsewhere int
	// Problems are the raw results that are not in the database, and why.
	Problems []error
}

// Rebuild makes the database of a store again from the raw results, with what has been accepted and pinned.
// It needs the store for itself. SQLite's old file stays beside the new one.
func Rebuild(ctx context.Context, where string) (*Rebuilt, error) {
	at, err := locate(where)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(at.files, runsDir)); errors.Is(err, fs.ErrNotExist) {
		return nil, at.wrap("rebuild", fmt.Errorf("%s has no raw results: %w", at.files, ErrMissing))
	}
	use, err := lockFile(ctx, at.files, useLock, exclusive, false)
	if err != nil {
		return nil, at.wrap("rebuild", err)
	}
	s := &Store{at: at, use: use}
	done, err := s.rebuild(ctx)
	return done, at.wrap("rebuild", errors.Join(err, s.Close()))
}

func (s *Store) rebuild(ctx context.Context) (*Rebuilt, error) {
	if err := s.removeLeftovers(); err != nil {
		return nil, err
	}
	if err := s.refuseNewer(ctx); err != nil {
		return nil, err
	}
	done := &Rebuilt{Store: s.at.shown}
	runs, err := s.readRaw(ctx, done)
	if err != nil {
		return nil, err
	}
	if s.at.engine == postgresEngine {
		return done, s.refill(ctx, runs, done)
	}
	return done, s.replace(ctx, runs, done)
}

// refuseNewer: a database that only a newer pgchaos understands may know what the raw results do not.
func (s *Store) refuseNewer(ctx context.Context) error {
	if s.at.engine == sqliteEngine {
		if _, err := os.Stat(filepath.Join(s.at.files, databaseFile)); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	db, err := s.at.open(false)
	if err != nil {
		return err
	}
	version, err := tablesVersion(ctx, db, s.at.engine)
	if s.at.engine.damaged(err) {
		err = nil
	}
	newest, newestErr := newestVersion()
	if version > newest {
		err = fmt.Errorf("%w (its tables have version %d, and this pgchaos knows %d)", ErrNewer, version, newest)
	}
	return errors.Join(err, newestErr, db.Close())
}

// readRaw reads every raw result. One that cannot be read does not keep the others out.
func (s *Store) readRaw(ctx context.Context, done *Rebuilt) ([]Kept, error) {
	hashes, err := rawHashes(s.at.files)
	if err != nil {
		return nil, err
	}
	byRun := map[string]Kept{}
	for _, hash := range hashes {
		k, err := s.readOne(ctx, hash)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			done.Problems = append(done.Problems, fmt.Errorf("%s: %w", rawDir(s.at.files, hash), err))
			continue
		}
		other, twice := byRun[k.ID]
		if twice && other.Added.After(k.Added) {
			k, other = other, k
		}
		byRun[k.ID] = k
		if twice {
			done.Problems = append(done.Problems, fmt.Errorf("%s: it is of run %s, of which there is a later copy in %s", other.Dir, k.ID, k.Dir))
		}
	}
	runs := make([]Kept, 0, len(byRun))
	for _, k := range byRun {
		runs = append(runs, k)
	}
	slices.SortFunc(runs, func(a, b Kept) int { return cmp.Compare(a.Hash, b.Hash) })
	return runs, nil
}

func (s *Store) readOne(ctx context.Context, hash string) (Kept, error) {
	dir := rawDir(s.at.files, hash)
	t, err := copyTree(ctx, dir, "")
	if err != nil {
		return Kept{}, err
	}
	if t.hash() != hash {
		return Kept{}, errors.New("its files were changed after they were added")
	}
	k, err := read(dir)
	if err != nil {
		return Kept{}, err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return Kept{}, err
	}
	k.Hash, k.Bytes, k.Dir, k.Added = hash, t.bytes, dir, info.ModTime().UTC()
	for _, kind := range []string{acceptedMark, baselineMark} {
		m, err := readMark(s.at.files, hash, kind)
		if err != nil {
			return Kept{}, err
		}
		if m == nil {
			continue
		}
		if err := k.setMark(kind, m); err != nil {
			return Kept{}, err
		}
	}
	return k, nil
}

// insertAll writes a run with its marks.
func insertAll(ctx context.Context, tx *sql.Tx, k Kept) error {
	if err := insert(ctx, tx, k); err != nil {
		return err
	}
	for kind, m := range map[string]*Mark{acceptedMark: k.Accepted, baselineMark: k.Baseline} {
		if m != nil {
			if err := insertMark(ctx, tx, k.Hash, kind, *m); err != nil {
				return err
			}
		}
	}
	return nil
}

// replace makes a new file of SQLite, and puts it in the place of the old one when it is whole.
func (s *Store) replace(ctx context.Context, runs []Kept, done *Rebuilt) (err error) {
	p, err := s.newPart(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.remove()) }()
	fresh := location{engine: sqliteEngine, files: p.dir}
	db, err := fresh.open(false)
	if err != nil {
		return err
	}
	err = migrate(ctx, db, sqliteEngine)
	if err == nil {
		err = inTx(ctx, db, func(tx *sql.Tx) error {
			for _, k := range runs {
				if err := insertAll(ctx, tx, k); err != nil {
					return fmt.Errorf("%s: %w", k.Dir, err)
				}
			}
			return nil
		})
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	done.Runs = len(runs)
	return s.swap(filepath.Join(p.dir, databaseFile))
}

// swap puts a database file in the place of the old one. Killed in between, the store has none, which the next
// command says.
func (s *Store) swap(fresh string) error {
	file := filepath.Join(s.at.files, databaseFile)
	if err := os.Rename(file, filepath.Join(s.at.files, oldDatabase)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, suffix := range []string{"-wal", "-shm"} { // SQLite would play the old file's WAL into the new one
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(fresh, file); err != nil {
		return err
	}
	return syncDir(s.at.files)
}

// refill replaces the rows of the raw results that are on this machine. Others share the database.
func (s *Store) refill(ctx context.Context, runs []Kept, done *Rebuilt) error {
	var err error
	if s.db, err = s.at.open(false); err != nil {
		return err
	}
	if err := s.locked(ctx, func() error { return migrate(ctx, s.db, s.at.engine) }); err != nil {
		return err
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		for _, k := range runs {
			if err := s.refillOne(ctx, tx, k, done); err != nil {
				return fmt.Errorf("%s: %w", k.Dir, err)
			}
		}
		var all int
		if err := tx.QueryRowContext(ctx, "select count(*) from runs").Scan(&all); err != nil {
			return err
		}
		done.Elsewhere = all - done.Runs
		return nil
	})
}

func (s *Store) refillOne(ctx context.Context, tx *sql.Tx, k Kept, done *Rebuilt) error {
	before, err := list(ctx, tx, Filter{Run: k.ID})
	if err != nil {
		return err
	}
	if len(before) > 0 && before[0].Hash != k.Hash {
		done.Problems = append(done.Problems, fmt.Errorf("%s: the database has run %s with other files", k.Dir, k.ID))
		return nil
	}
	if len(before) > 0 { // a mark may have been made on another machine
		k.Accepted, k.Baseline = cmp.Or(k.Accepted, before[0].Accepted), cmp.Or(k.Baseline, before[0].Baseline)
	}
	for _, table := range []string{"marks", "runs"} {
		if _, err := tx.ExecContext(ctx, "delete from "+table+" where hash = $1", k.Hash); err != nil {
			return err
		}
	}
	done.Runs++
	return insertAll(ctx, tx, k)
}

// Unlisted are raw results that the database does not have: a job was killed between the two, or the
// database has lost its last changes. Rebuild adds them.
func (s *Store) Unlisted(ctx context.Context) (dirs []string, err error) {
	look := func() error {
		hashes, err := rawHashes(s.at.files)
		if err != nil || len(hashes) == 0 {
			return err
		}
		known := map[string]bool{}
		err = s.read(ctx, func(tx *sql.Tx) error {
			return query(ctx, tx, "select hash from runs", nil, func(scan func(...any) error) error {
				var hash string
				err := scan(&hash)
				known[hash] = true
				return err
			})
		})
		for _, hash := range hashes {
			if !known[hash] {
				dirs = append(dirs, rawDir(s.at.files, hash))
			}
		}
		return err
	}
	if s.readOnly {
		err = look()
	} else {
		err = s.locked(ctx, look) // not between the two steps of another process
	}
	return dirs, s.at.wrap("read", err)
}
