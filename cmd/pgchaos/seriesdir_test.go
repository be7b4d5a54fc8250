package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/report"
	"pgchaos/search"
	"pgchaos/series"
)

// TestASeriesThatCannotBeginLeavesNothing: as a single run does.
func TestASeriesThatCannotBeginLeavesNothing(t *testing.T) {
	needPostgres(t)
	for name, args := range map[string][]string{
		"a series":              {"--rounds", "2"},
		"a share of a capacity": {"--set", "load.writes.rate=50%"},
		"a search":              {"--find-max", "load.writes.clients", "--until", "p99 of writes < 1s"},
	} {
		for _, out := range []string{"", "new", "theirs"} {
			t.Run(name+" in "+out, func(t *testing.T) {
				t.Chdir(t.TempDir())
				must(t, os.Mkdir("open", 0o700))
				must(t, os.Chmod("open", 0o777))
				must(t, os.Mkdir("theirs", 0o755))
				must(t, os.WriteFile("x.yaml", []byte("name: x\ncluster: {nodes: [a]}\nload: {writes: {kind: insert}}\ntimeline: [{wait: 1s}]\n"), 0o600))
				t.Setenv("PGCHAOS_DIR", "open")
				args := append([]string{"run", "x.yaml"}, args...)
				if out != "" {
					args = append(args, "--out", out)
				}
				var stdout, stderr bytes.Buffer
				code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
				if code != exitUsage || !strings.Contains(stderr.String(), "can be written by others") || strings.Contains(stderr.String(), "not empty") || stdout.Len() > 0 {
					t.Errorf("exit code %d\n%s\n%s", code, &stdout, &stderr)
				}
				var left []string
				must(t, filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
					left = append(left, path)
					return err
				}))
				left = slices.DeleteFunc(left, func(path string) bool {
					return slices.Contains([]string{".", "open", "theirs", "x.yaml", "results"}, path)
				})
				_, err := os.Stat("theirs")
				if len(left) > 0 || err != nil {
					t.Errorf("left: %q; the directory of the user: %v", left, err)
				}
			})
		}
	}
}

// TestTheDirectoryOfASeries: what it holds is not written over, and it does not stay where nothing was written.
func TestTheDirectoryOfASeries(t *testing.T) {
	for _, name := range []string{series.FileName, report.FileName, search.FileName, capacityDir, stepsDir} {
		dir := t.TempDir()
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		if _, _, err := seriesDir(dir, "x"); err == nil || !strings.Contains(err.Error(), "it holds a result already ("+name+")") {
			t.Errorf("with %s in it: %v", name, err)
		}
	}
	parent := t.TempDir()
	for name, row := range map[string]struct {
		before, written string
		stays           bool
	}{
		"new":                    {"", "", false},
		"new, and measured":      {"", "capacity/writes/result.json", true},
		"new, with an empty run": {"", "steps/", false},
		"theirs":                 {"theirs/", "", true},
	} {
		dir := filepath.Join(parent, name)
		if row.before != "" {
			must(t, os.MkdirAll(dir, 0o755))
		}
		_, leave, err := seriesDir(dir, "x")
		must(t, err)
		if row.written != "" {
			must(t, os.MkdirAll(filepath.Join(dir, row.written), 0o755))
		}
		leave()
		if _, err := os.Stat(dir); (err == nil) != row.stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}
