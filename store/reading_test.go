package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReading sees what another process adds meanwhile, changes nothing, and refuses to.
func TestReading(t *testing.T) {
	onBoth(t, func(t *testing.T, where string) {
		writer := opened(t, where)
		add(t, writer, result(t, 1))
		for n := 2; n <= 3; n++ {
			s, err := Reading(t.Context(), where)
			must(t, err)
			add(t, writer, result(t, n)) // it holds nothing up, and is seen by the next query
			found, err := s.List(t.Context(), Filter{})
			must(t, err)
			if len(found) != n {
				t.Errorf("found %s", short(found))
			}
			for what, err := range map[string]error{
				"add":    second(s.Add(t.Context(), result(t, 9))),
				"accept": s.Accept(t.Context(), run(1), "ada", "x"),
				"prune":  second(s.Prune(t.Context(), PruneOptions{Keep: 1})),
				"insert": second(s.db.Exec("insert into store_version (version_id, is_applied) values (99, true)")),
			} {
				if err == nil {
					t.Errorf("%s is no error", what)
				}
			}
			must(t, s.Check(t.Context()))
			must(t, s.Close())
		}
	})
}

// TestReadingLeavesTheFilesAsTheyAre: the database, and what a killed job has left.
func TestReadingLeavesTheFilesAsTheyAre(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writer, err := Open(t.Context(), dir)
	must(t, err)
	add(t, writer, result(t, 1))
	must(t, writer.Close())
	leftover := filepath.Join(dir, partsDir, "1.lock")
	must(t, os.MkdirAll(filepath.Dir(leftover), 0o755))
	must(t, os.WriteFile(leftover, nil, 0o600))
	state := func() string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(dir, databaseFile))
		must(t, err)
		info, err := os.Stat(filepath.Join(dir, databaseFile))
		must(t, err)
		return fmt.Sprintf("%x %s", sha256.Sum256(text), info.ModTime())
	}
	before := state()
	for range 2 {
		s, err := Reading(t.Context(), dir)
		must(t, err)
		found, err := s.List(t.Context(), Filter{})
		must(t, err)
		if short(found) != "01" {
			t.Errorf("found %s", short(found))
		}
		must(t, s.Close())
	}
	if _, err := os.Stat(leftover); err != nil || state() != before {
		t.Errorf("the store was changed: %v", err)
	}
	writer, err = Open(t.Context(), dir) // with what the reader's SQLite may have left beside the database
	must(t, err)
	add(t, writer, result(t, 2))
	must(t, writer.Close())
	whole(t, dir, 2)
}

// TestReadingWhatCannotBeRead: no store, tables of another version, damage, and one that is being rebuilt.
func TestReadingWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	if _, err := Reading(t.Context(), filepath.Join(t.TempDir(), "none")); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "pgchaos history init") {
		t.Errorf("no store: %v", err)
	}
	dir := t.TempDir()
	s, err := Open(t.Context(), dir)
	must(t, err)
	add(t, s, result(t, 1))
	must(t, s.Close())
	rebuilding, err := lockFile(t.Context(), dir, useLock, exclusive, false)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Reading(ctx, dir); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a store that is being rebuilt: %v", err)
	}
	must(t, rebuilding.release())
	file := filepath.Join(dir, databaseFile)
	must(t, os.WriteFile(file, []byte(strings.Repeat("damage", 1000)), 0o600))
	var damaged *DamagedError
	if _, err := Reading(t.Context(), dir); !errors.As(err, &damaged) {
		t.Errorf("damage: %v", err)
	}
}

// TestOlderTables: a reader says which command brings them up to date; only others do it.
func TestOlderTables(t *testing.T) {
	for _, tc := range []struct {
		version  int64
		readOnly bool
		to       access
		want     string
	}{
		{2, true, toRead, ""},
		{2, false, toChange, ""},
		{1, false, toChange, ""},
		{1, true, toChange, "cannot be written"},
		{1, true, toRead, "this pgchaos reads version 2: 'pgchaos history list --store nightly' brings them up to date"},
		{3, true, toRead, "a newer pgchaos has written this store"},
	} {
		s := &Store{at: location{shown: "nightly"}, readOnly: tc.readOnly}
		if err := s.checkVersion(tc.version, 2, tc.to); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}
