package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pgchaos/series"
)

// pruneResults removes all but the newest directories that nights have left in a folder for an experiment. It removes no
// directory but that of a series whose runs are all known to be in a store.
func pruneResults(folder, experiment string, newest int) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var kept []*series.Series
	for _, entry := range entries {
		if !entry.IsDir() { // a symbolic link may lead anywhere
			continue
		}
		s, err := series.Read(filepath.Join(folder, entry.Name()))
		if err == nil && s.Name == experiment && s.KeptIn != "" && s.Left() == 0 {
			kept = append(kept, s)
		}
	}
	slices.SortStableFunc(kept, func(a, b *series.Series) int { return b.Started.Compare(a.Started) })
	var all error
	for _, s := range kept[min(newest, len(kept)):] {
		unlock, err := lockDir(s.Dir())
		if err == nil {
			err = os.RemoveAll(s.Dir())
			unlock()
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("remove %s: %w", s.Dir(), err))
		}
	}
	return all
}
