package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDirectoriesThatCannotBeUsed are found before anything is started: exit code 2, and nothing is left.
func TestDirectoriesThatCannotBeUsed(t *testing.T) {
	for _, c := range []struct{ name, base, out string }{
		{"PGCHAOS_DIR below a directory that is not there", "none/base", "out"},
		{"PGCHAOS_DIR is a file", "file", "out"},
		{"PGCHAOS_DIR can be written by others", "open", "out"},
		{"--out is a file", "base", "file"},
		{"--out below a file", "base", "file/out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			check := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			check(os.WriteFile("file", []byte("of the user"), 0o600))
			check(os.Mkdir("open", 0o700))
			check(os.Chmod("open", 0o777))
			check(os.WriteFile("x.yaml", []byte("name: x\ncluster: {nodes: [a]}\nload: {writes: {kind: insert}}\ntimeline: [{wait: 1s}]\n"), 0o600))
			t.Setenv("PGCHAOS_DIR", c.base)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), []string{"run", "x.yaml", "--out", c.out}, strings.NewReader(""), &stdout, &stderr)
			if code != exitUsage || stderr.Len() == 0 {
				t.Errorf("exit code %d: %s", code, stderr.String())
			}
			left, err := filepath.Glob("*")
			check(err)
			if len(left) != 3 {
				t.Errorf("left: %v", left)
			}
		})
	}
}
