package runner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgchaos/report"
)

// TestRemoveAccess removes what leads to the one cluster, and to no other.
func TestRemoveAccess(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{AccessFile: `{"run": "run-2"}`, Passfile: "secret", report.FileName: "{}"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	there := func() (names string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names += e.Name() + " "
		}
		return names
	}
	for _, tc := range []struct{ run, left string }{
		{"run-1", "cluster.json pgpass result.json "}, // whose directory it was before
		{"run-2", "result.json "},
		{"run-2", "result.json "},
	} {
		if err := RemoveAccess(dir, tc.run); err != nil || there() != tc.left {
			t.Errorf("of %s: left %s, %v", tc.run, there(), err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, AccessFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := RemoveAccess(dir, "run-2"); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("whose it is cannot be told: %v", err)
	}
}

// TestRemoveAccessReadsNoPipe: clean does not wait for a file that is not ours.
func TestRemoveAccessReadsNoPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, AccessFile), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := RemoveAccess(dir, "r"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("%v", err)
	}
}
