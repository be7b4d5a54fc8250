package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// findMost is how many runs Find takes of one history.
const findMost = 20

// history is what makes runs comparable with each other over time.
type history struct {
	experiment, variant, cell, key string
	warmup                         bool
}

func (k *Kept) history() history {
	return history{k.Experiment, k.Variant, k.Cell, k.Key, k.Warmup}
}

// Find is the runs that a name means, the newest first: the run with this id; or, of EXPERIMENT,
// EXPERIMENT/VARIANT or EXPERIMENT/VARIANT/CELL, the runs that are pinned as the baseline. Where none is, it is
// the newest runs (20 of each variant and cell) with the fingerprint of the newest one, from the last accepted
// one on. Warm-up rounds are never among them. No run is an error.
func (s *Store) Find(ctx context.Context, name string) ([]Kept, error) {
	if name == "" {
		return nil, s.at.wrap("look for a run in", ErrNoRun)
	}
	if found, err := s.List(ctx, Filter{Run: name}); err != nil || len(found) > 0 {
		return found, err
	}
	var (
		found []Kept
		err   error
	)
	for _, f := range meanings(name) {
		if found, err = s.List(ctx, f); err != nil || len(found) > 0 {
			break
		}
	}
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, s.notFound(ctx, name)
	}
	if pinned := slices.DeleteFunc(slices.Clone(found), func(k Kept) bool { return k.Baseline == nil }); len(pinned) > 0 {
		return pinned, nil
	}
	return recent(found), nil
}

// meanings are what EXPERIMENT/VARIANT/CELL can mean, the likeliest first: the names of variants and cells can have
// slashes themselves, as on/any-1 has.
func meanings(name string) []Filter {
	experiment, rest, more := strings.Cut(name, "/")
	if !more {
		return []Filter{{NoWarmup: true, Experiment: experiment}}
	}
	all := []Filter{{NoWarmup: true, Experiment: experiment, Variant: &rest}}
	for i := strings.LastIndexByte(rest, '/'); i >= 0; i = strings.LastIndexByte(rest[:i], '/') {
		variant, cell := rest[:i], rest[i+1:]
		all = append(all, Filter{NoWarmup: true, Experiment: experiment, Variant: &variant, Cell: &cell})
	}
	return all
}

// recent is the last runs of each variant and cell that belong together; found are the newest first.
func recent(found []Kept) (runs []Kept) {
	type group struct{ variant, cell string }
	type state struct {
		key  string
		n    int
		over bool // the runs before are of another fingerprint's history, or were replaced by an accepted one
	}
	groups := map[group]*state{}
	for _, k := range found {
		g := group{k.Variant, k.Cell}
		if groups[g] == nil {
			groups[g] = &state{key: k.Key}
		}
		at := groups[g]
		if at.over || k.Key != at.key {
			continue
		}
		runs = append(runs, k)
		at.n++
		at.over = at.n == findMost || k.Accepted != nil
	}
	return runs
}

func (s *Store) notFound(ctx context.Context, name string) error {
	known, err := s.Experiments(ctx)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("the store %s has no run and no experiment %q", s.at.shown, name)
	experiment, variant, _ := strings.Cut(name, "/")
	switch {
	case len(known) == 0:
		text += ": it is empty"
	case slices.Contains(known, experiment) && variant != "":
		text = fmt.Sprintf("the store %s has no run of variant %q of the experiment %s", s.at.shown, variant, experiment)
	case slices.Contains(known, experiment):
		text = fmt.Sprintf("the store %s has only warm-up rounds of the experiment %s", s.at.shown, experiment)
	default:
		text += "; its experiments are: " + strings.Join(known, ", ")
	}
	return &storeError{text: text, err: ErrNoRun}
}

// Experiments are the names of the experiments that the store has runs of.
func (s *Store) Experiments(ctx context.Context) ([]string, error) {
	return s.names(ctx, "select distinct experiment from runs order by experiment")
}

// Variants are the names of the variants that the store has runs of: in an experiment, or, where that is "", in any. A run without a variant
// has "".
func (s *Store) Variants(ctx context.Context, experiment string) ([]string, error) {
	where, args := Filter{Experiment: experiment}.where()
	return s.names(ctx, "select distinct variant from runs where "+where+" order by variant", args...)
}

func (s *Store) names(ctx context.Context, text string, args ...any) (names []string, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		return query(ctx, tx, text, args, func(scan func(...any) error) error {
			names = append(names, "")
			return scan(&names[len(names)-1])
		})
	})
	return names, s.at.wrap("read", err)
}
