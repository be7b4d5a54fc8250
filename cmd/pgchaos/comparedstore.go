package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pgchaos/compare"
	"pgchaos/report"
	"pgchaos/store"
)

// storePrefix begins the name of runs in a store.
const storePrefix = "store:"

// readStored reads the runs that a name means in a store.
func readStored(ctx context.Context, where, arg string, also []string) (s source, err error) {
	name := strings.TrimPrefix(arg, storePrefix)
	s.name = arg
	if where == "" {
		return s, fmt.Errorf("%s is in a store, and none is named: add --store DIR-OR-URL", arg)
	}
	from, err := store.Existing(ctx, where)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	found, err := findStored(ctx, from, name)
	if err != nil {
		return s, err
	}
	for i := range found {
		run, err := storedRun(&found[i], also)
		if err != nil {
			return s, err
		}
		s.runs = append(s.runs, run)
	}
	return s, nil
}

// mostStored is how many runs of an experiment are compared: its newest.
const mostStored = 20

// findStored are the runs that a name means: the run with this id, or the newest of EXPERIMENT or EXPERIMENT/VARIANT.
func findStored(ctx context.Context, from *store.Store, name string) ([]store.Kept, error) {
	found, err := from.List(ctx, store.Filter{Run: name})
	if err != nil || len(found) > 0 {
		return found, err
	}
	experiment, variant, has := strings.Cut(name, "/")
	filter := store.Filter{Experiment: experiment, NoWarmup: true, Limit: mostStored}
	if has {
		filter.Variant = &variant
	}
	found, err = from.List(ctx, filter)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("the store %s has no run and no experiment %q", from.Name(), name)
	}
	return found, err
}

// storedRun is a run of a store: read from its raw result where that is on this machine, for the
// database has the usual metrics alone.
func storedRun(k *store.Kept, also []string) (compare.Run, error) {
	if k.Dir == "" {
		return k.Run, nil
	}
	r, err := report.Read(k.Dir)
	if err != nil {
		return compare.Run{}, err
	}
	return compare.Of(r, also...), nil
}
