package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pgchaos/internal/regular"
	"pgchaos/report"
)

// The kinds of marks. Each is kept as a file beside the raw result, too, so that Rebuild finds it.
const (
	acceptedMark = "accepted"
	baselineMark = "baseline"
)

func markFile(files, hash, kind string) string { return rawDir(files, hash) + "." + kind + ".json" }

func (k *Kept) setMark(kind string, m *Mark) error {
	switch kind {
	case acceptedMark:
		k.Accepted = m
	case baselineMark:
		k.Baseline = m
	default:
		return fmt.Errorf("run %s has a mark of kind %q, which this pgchaos does not know", k.ID, kind)
	}
	return nil
}

// ErrNoRun is the error of a run that the store does not have.
var ErrNoRun = errors.New("the store has no such run")

// Get is one run by its id.
func (s *Store) Get(ctx context.Context, run string) (Kept, error) {
	if run == "" {
		return Kept{}, ErrNoRun
	}
	found, err := s.List(ctx, Filter{Run: run})
	if err != nil {
		return Kept{}, err
	}
	if len(found) == 0 {
		return Kept{}, s.at.wrap("look for run "+run+" in", ErrNoRun)
	}
	return found[0], nil
}

// Accept says that a step which begins with this run is intended: the reference of its history begins
// anew there.
func (s *Store) Accept(ctx context.Context, run, by, why string) error {
	return s.mark(ctx, run, acceptedMark, Mark{By: by, Why: why})
}

// SetBaseline pins a run: Find takes the pinned runs of an experiment.
func (s *Store) SetBaseline(ctx context.Context, run, by, why string) error {
	return s.mark(ctx, run, baselineMark, Mark{By: by, Why: why})
}

func (s *Store) mark(ctx context.Context, run, kind string, m Mark) error {
	k, err := s.Get(ctx, run)
	if err != nil {
		return err
	}
	m.At = time.Now().UTC().Truncate(time.Microsecond)
	return s.at.wrap("mark run "+run+" in", s.write(ctx, func(tx *sql.Tx) error {
		if err := s.writeMarkFile(k, kind, m); err != nil {
			return err
		}
		return insertMark(ctx, tx, k.Hash, kind, m)
	}))
}

func insertMark(ctx context.Context, tx *sql.Tx, hash, kind string, m Mark) error {
	_, err := tx.ExecContext(ctx, `insert into marks (hash, kind, at, made_by, why) values ($1, $2, $3, $4, $5)
		on conflict (hash, kind) do update set at = excluded.at, made_by = excluded.made_by, why = excluded.why`,
		hash, kind, moment{m.At}.text(), m.By, m.Why)
	return err
}

// Unmark takes the marks of one kind back.
func (s *Store) unmark(ctx context.Context, run, kind string) error {
	k, err := s.Get(ctx, run)
	if err != nil {
		return err
	}
	return s.at.wrap("unmark run "+run+" in", s.write(ctx, func(tx *sql.Tx) error {
		if err := os.Remove(markFile(s.at.files, k.Hash, kind)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		_, err := tx.ExecContext(ctx, "delete from marks where hash = $1 and kind = $2", k.Hash, kind)
		return err
	}))
}

// Unaccept takes an acceptance back.
func (s *Store) Unaccept(ctx context.Context, run string) error {
	return s.unmark(ctx, run, acceptedMark)
}

// UnsetBaseline unpins a run.
func (s *Store) UnsetBaseline(ctx context.Context, run string) error {
	return s.unmark(ctx, run, baselineMark)
}

// writeMarkFile writes the file of a mark, where the raw result is on this machine.
func (s *Store) writeMarkFile(k Kept, kind string, m Mark) error {
	if k.Dir == "" {
		return nil
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	path := markFile(s.at.files, k.Hash, kind)
	return report.ReplaceFile(filepath.Dir(path), filepath.Base(path), append(text, '\n'))
}

// readMark reads the file of a mark; nil: there is none.
func readMark(files, hash, kind string) (*Mark, error) {
	text, err := regular.Read(markFile(files, hash, kind), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m Mark
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("read %s: %w", markFile(files, hash, kind), err)
	}
	return &m, nil
}
