package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"pgchaos/compare"
	"pgchaos/report"
)

// Added says what Add did.
type Added struct {
	Kept
	// Known: the store had the same directory already, and nothing was changed.
	Known bool
}

// OtherRunError is the error of Add where the store has a run of the same id with other contents.
type OtherRunError struct{ Run, Dir string }

func (e *OtherRunError) Error() string {
	return fmt.Sprintf("the store has run %s already, and its files differ from those in %s, which may have been audited since: nothing was changed", e.Run, e.Dir)
}

// Add keeps the result in a directory: all of its files, and what is known of the run. The
// same directory twice is one run.
func (s *Store) Add(ctx context.Context, dir string) (Added, error) {
	added, err := s.add(ctx, dir)
	return added, s.at.wrap("add "+dir+" to", err)
}

func (s *Store) add(ctx context.Context, dir string) (added Added, err error) {
	if s.readOnly {
		return Added{}, fmt.Errorf("%s cannot be written", s.at.files)
	}
	// The result is read first: it may be none, and then there is nothing to copy.
	if _, err := report.Read(dir); err != nil {
		return Added{}, err
	}
	p, err := s.newPart(ctx)
	if err != nil {
		return Added{}, err
	}
	defer func() { err = errors.Join(err, p.remove()) }()
	t, err := copyTree(ctx, dir, p.dir)
	if err != nil {
		return Added{}, err
	}
	k, err := read(p.dir)
	if err != nil {
		return Added{}, err
	}
	k.Hash, k.Bytes, k.Added, k.Dir = t.hash(), t.bytes, time.Now().UTC().Truncate(time.Microsecond), rawDir(s.at.files, t.hash())
	added = Added{Kept: k}
	err = s.locked(ctx, func() error {
		added.Known, err = s.has(ctx, k, dir)
		if err != nil {
			return err
		}
		// The files come first: a row without files is lost evidence, files without a row are found again.
		if err := s.keep(p, k.Hash); err != nil || added.Known {
			return err
		}
		if err := inTx(ctx, s.db, func(tx *sql.Tx) error { return insert(ctx, tx, k) }); err != nil {
			return fmt.Errorf("its files are kept in %s, but the database does not have it; add it again: %w", k.Dir, err)
		}
		return nil
	})
	return added, err
}

// has says whether the store has the same directory; another one of the same run is an error.
func (s *Store) has(ctx context.Context, k Kept, dir string) (bool, error) {
	var hash string
	err := s.db.QueryRowContext(ctx, "select hash from runs where run = $1", k.ID).Scan(&hash)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	case hash != k.Hash:
		return false, &OtherRunError{k.ID, dir}
	}
	return true, nil
}

// read reads what is kept of a run from its result directory.
func read(dir string) (Kept, error) {
	r, err := report.Read(dir)
	if err != nil {
		return Kept{}, err
	}
	if r.Run == "" {
		return Kept{}, errors.New("the result has no run id: an old pgchaos wrote it")
	}
	k := Kept{Run: compare.Of(r), Tool: r.Tool}
	k.Started = k.Started.UTC().Truncate(time.Microsecond)
	k.Key = k.Fingerprint.Key()
	return k, nil
}

// lists are the lists of text of a run, by the names that they have in the database.
func (k *Kept) lists() map[string]*[]string {
	return map[string]*[]string{
		"workloads":      &k.Workloads,
		"writers":        &k.Writers,
		"not comparable": &k.NotComparable,
		"warnings":       &k.Warnings,
	}
}

// insert writes the rows of a run.
func insert(ctx context.Context, tx *sql.Tx, k Kept) error {
	verdict, err := k.Verdict.MarshalText()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `insert into runs (hash, run, experiment, variant, cell, round, warmup, series, fingerprint, started, verdict, tool, added, bytes)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		k.Hash, k.ID, k.Experiment, k.Variant, k.Cell, k.Round, k.Warmup, k.Series, k.Key, moment{k.Started}.text(), string(verdict), k.Tool, moment{k.Added}.text(), k.Bytes)
	if err != nil {
		return err
	}
	for i, f := range k.Figures {
		value := sql.NullFloat64{Float64: f.Value, Valid: !math.IsNaN(f.Value) && !math.IsInf(f.Value, 0)}
		if _, err := tx.ExecContext(ctx, "insert into figures (hash, position, metric, value, known, why, at_least, most) values ($1, $2, $3, $4, $5, $6, $7, $8)",
			k.Hash, i, f.Metric, value, f.Known && value.Valid, f.Why, f.AtLeast, f.Most); err != nil {
			return err
		}
	}
	for i, l := range slices.Concat(k.Kills, k.OtherLosses) {
		if _, err := tx.ExecContext(ctx, `insert into losses (hash, position, by_kill, step, at_ns, known, why, lost, weak, span_ns)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			k.Hash, i, i < len(k.Kills), l.Step, int64(l.At), l.Known, l.Why, l.Lost, l.Weak, int64(l.Span)); err != nil {
			return err
		}
	}
	for name, list := range k.lists() {
		for i, item := range *list {
			if _, err := tx.ExecContext(ctx, "insert into lists (hash, name, position, item) values ($1, $2, $3, $4)", k.Hash, name, i, item); err != nil {
				return err
			}
		}
	}
	for i, setting := range k.Fingerprint {
		if _, err := tx.ExecContext(ctx, "insert into settings (hash, position, name, value, of_file, measured) values ($1, $2, $3, $4, $5, $6)",
			k.Hash, i, setting.Name, setting.Value, setting.OfFile, setting.Measured); err != nil {
			return err
		}
	}
	return nil
}
