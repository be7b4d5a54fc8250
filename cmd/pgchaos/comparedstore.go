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
	found, err := from.Find(ctx, name)
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
