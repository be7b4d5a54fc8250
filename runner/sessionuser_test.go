package runner

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/chaos"
)

// TestCleanFollowsTheClusterToTheRunThatUsesIt: the provider knows the directory of the run that built the cluster, and what has
// to be taken back is in that of the run that was killed.
func TestCleanFollowsTheClusterToTheRunThatUsesIt(t *testing.T) {
	builder, user := t.TempDir(), t.TempDir()
	if err := writeUser(builder, "run-1", user); err != nil {
		t.Fatal(err)
	}
	write := func(dir, name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(user, AccessFile, `{"run": "run-1"}`)
	write(user, Passfile, "secret")
	j, err := createJournal(user, "run-2", "run-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	want := []chaos.Reversal{{ID: 1, Kind: "resume", Node: "b"}}
	if err := j.Intend(want); err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if got, _, doubt := standing(userOf(builder, "run-1"), "run-1"); !cmp.Equal(want, got) || doubt != "" {
		t.Errorf("to be taken back: %v %s, want %v", got, doubt, want)
	}
	if _, _, doubt := standing(user, "run-3"); doubt == "" {
		t.Error("a journal of a cluster of run-1 was taken for one of run-3")
	}
	if got := userOf(builder, "run-3"); got != builder {
		t.Errorf("run-3 has its files in %s, want %s: the note is of another run", got, builder)
	}
	if err := RemoveAccess(builder, "run-1"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(user, AccessFile), filepath.Join(user, Passfile), filepath.Join(builder, UserFile)} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
}
