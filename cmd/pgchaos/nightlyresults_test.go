package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestPruneResults: only what a night has made of this experiment and a store has is removed, the oldest first.
func TestPruneResults(t *testing.T) {
	folder := t.TempDir()
	made := func(dir, experiment string, day int, more, status string) {
		t.Helper()
		must(t, os.MkdirAll(filepath.Join(folder, dir, "1", "run"), 0o755))
		must(t, os.WriteFile(filepath.Join(folder, dir, "1", "run", "result.json"), []byte("{}"), 0o600))
		must(t, os.WriteFile(filepath.Join(folder, dir, "series.json"), fmt.Appendf(nil,
			`{"schema": "pgchaos.series/1", "name": %q, "started": "2026-11-%02dT02:15:00Z", %s "variants": [{"experiment": ""}], "runs": [{"round": 1, "dir": "1/run", "status": %q}]}`,
			experiment, day, more, status), 0o600))
	}
	const inStore = `"kept_in": "nightly",`
	made("kill-old", "kill", 1, inStore, "done")
	made("kill-new", "kill", 20, inStore, "done")
	made("kill-middle", "kill", 10, inStore, "done")
	made("kill-mine", "kill", 2, "", "done")
	made("kill-unfinished", "kill", 3, inStore, "pending")
	made("other", "other", 4, inStore, "done")
	must(t, os.Mkdir(filepath.Join(folder, "no-series"), 0o755))
	must(t, os.Symlink("other", filepath.Join(folder, "link")))
	left := func() (names []string) {
		entries, err := os.ReadDir(folder)
		must(t, err)
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	others := []string{"kill-mine", "kill-unfinished", "link", "no-series", "other"}
	wants := func(what string, nights ...string) {
		t.Helper()
		want := slices.Sorted(slices.Values(append(nights, others...)))
		if got := left(); !slices.Equal(got, want) {
			t.Errorf("%s: left are %q, want %q", what, got, want)
		}
	}
	must(t, pruneResults(folder, "kill", 3))
	wants("three of three", "kill-new", "kill-middle", "kill-old")
	unlock, err := lockDir(filepath.Join(folder, "kill-old"))
	must(t, err)
	if err := pruneResults(folder, "kill", 2); err == nil {
		t.Error("a directory in which another pgchaos is at work was removed, or nothing was said of it")
	}
	unlock()
	wants("one is in use", "kill-new", "kill-middle", "kill-old")
	must(t, pruneResults(folder, "kill", 1))
	wants("one", "kill-new")
	if err := pruneResults(filepath.Join(folder, "nowhere"), "kill", 1); err == nil {
		t.Error("a folder that is not there is no error")
	}
}
