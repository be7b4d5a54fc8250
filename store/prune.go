package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// PruneOptions say which runs may be removed: those of which all that is set is true.
type PruneOptions struct {
	Of     Filter    // only these. It must choose whole histories: Keep counts within it
	Keep   int       // not among the newest so many of their history; 0: not set
	Before time.Time // started before; zero: not set
	// DryRun removes nothing.
	DryRun bool
}

// Pruned says what Prune did.
type Pruned struct {
	Removed []Kept // the newest first
	// Marked could be removed, but are accepted or pinned as a baseline.
	Marked []Kept
	Left   int // runs that stay
}

// Prune removes old runs, their raw results included. Runs that are accepted or pinned as a baseline stay.
func (s *Store) Prune(ctx context.Context, o PruneOptions) (p Pruned, err error) {
	if o.Keep <= 0 && o.Before.IsZero() {
		return Pruned{}, &UsageError{errors.New("prune needs a rule: how many runs of each history to keep, or how old they may be")}
	}
	if s.readOnly && !o.DryRun {
		return Pruned{}, s.at.wrap("prune", fmt.Errorf("%s cannot be written", s.at.files))
	}
	if o.DryRun {
		p, err = s.prunable(ctx, o)
		return p, err
	}
	err = s.locked(ctx, func() error {
		chosen, err := s.prunable(ctx, o)
		p.Marked, p.Left = chosen.Marked, chosen.Left
		for i := 0; err == nil && i < len(chosen.Removed); i++ {
			if err = s.remove(ctx, chosen.Removed[i]); err == nil {
				p.Removed = append(p.Removed, chosen.Removed[i])
			}
		}
		return err
	})
	return p, s.at.wrap("prune", err)
}

func (s *Store) prunable(ctx context.Context, o PruneOptions) (p Pruned, err error) {
	all, err := s.List(ctx, o.Of)
	if err != nil {
		return Pruned{}, err
	}
	newer := map[history]int{}
	o.Before = o.Before.Truncate(time.Microsecond) // as the times of the runs are
	for _, k := range all {
		old := (o.Keep <= 0 || newer[k.history()] >= o.Keep) && (o.Before.IsZero() || k.Started.Before(o.Before))
		newer[k.history()]++
		switch {
		case old && k.Accepted == nil && k.Baseline == nil:
			p.Removed = append(p.Removed, k)
			continue
		case old:
			p.Marked = append(p.Marked, k)
		}
		p.Left++
	}
	return p, nil
}

// remove removes a run. Killed in between it leaves its files, which Rebuild finds, and never half of them.
func (s *Store) remove(ctx context.Context, k Kept) (err error) {
	if err := inTx(ctx, s.db, func(tx *sql.Tx) error {
		// A machine that shares the database may have marked it since: then this is refused.
		_, err := tx.ExecContext(ctx, "delete from runs where hash = $1", k.Hash)
		return err
	}); err != nil {
		return fmt.Errorf("remove run %s: %w", k.ID, err)
	}
	p, err := s.newPart(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.remove()) }()
	dir := rawDir(s.at.files, k.Hash)
	if err := os.Rename(dir, filepath.Join(p.dir, k.Hash)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Marks of another machine's making have no files here, those that were taken back there may have.
	for _, kind := range []string{acceptedMark, baselineMark} {
		if err := os.Remove(markFile(s.at.files, k.Hash, kind)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	_ = os.Remove(filepath.Dir(dir)) // it fails unless it is empty, and then it may stay
	return nil
}
