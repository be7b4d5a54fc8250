package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run that does not start takes back what it made of the result directory, and nothing else.
func TestResultDirectoryOfOnesOwnStaysWhereTheRunDoesNotStart(t *testing.T) {
	for name, row := range map[string]struct{ made, kept bool }{
		"an empty one":           {made: true},
		"one with a file in it":  {made: true, kept: true},
		"one that was not there": {},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := filepath.Join(t.TempDir(), "out"), filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if row.made {
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if row.kept {
				if err := os.WriteFile(filepath.Join(dir, "notes"), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PGCHAOS_DIR", file) // no directory, so that the run cannot start
			var stdout, stderr strings.Builder
			code := run(t.Context(), []string{"run", "quorum-kill", "--out", dir}, strings.NewReader(""), &stdout, &stderr)
			if code != exitUsage || strings.Contains(stderr.String(), "not empty") {
				t.Errorf("exit code %d, %s; want %d", code, stderr.String(), exitUsage)
			}
			entries, err := os.ReadDir(dir)
			if row.made != (err == nil) || len(entries) > 1 || row.kept != (len(entries) == 1) {
				t.Errorf("afterwards the directory has %v (%v)", entries, err)
			}
		})
	}
}
