package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
		run, err := found[i].Compared(also...)
		if err != nil {
			return s, err
		}
		s.runs = append(s.runs, run)
	}
	return s, nil
}
