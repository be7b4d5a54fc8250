package main

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// addition is the source of something that pgchaos does not have.
type addition struct {
	added    map[string]string       // new files with their text
	inserted map[string][]insertions // lines in files that are there
}

// insertions are lines that go before a line which the file has once.
type insertions struct{ before, lines string }

// files are all that a person would have to touch.
func (a addition) files() []string {
	return append(slices.Sorted(maps.Keys(a.added)), slices.Sorted(maps.Keys(a.inserted))...)
}

// overlay is a source tree with additions, for the go command. Nothing is written to the tree itself.
type overlay struct {
	module string
	list   string // the file for -overlay
}

// newOverlay puts additions into a copy of the files that they touch.
func newOverlay(t *testing.T, additions map[string]addition) overlay {
	t.Helper()
	module, err := filepath.Abs("../..")
	must(t, err)
	texts := map[string]string{}
	for _, a := range additions {
		maps.Copy(texts, a.added)
		for file, all := range a.inserted {
			if _, begun := texts[file]; !begun {
				texts[file] = readText(t, filepath.Join(module, file))
			}
			for _, i := range all {
				if strings.Count(texts[file], i.before) != 1 {
					t.Fatalf("%s does not have this text once: %q", file, i.before)
				}
				texts[file] = strings.Replace(texts[file], i.before, i.lines+i.before, 1)
			}
		}
	}
	dir := t.TempDir()
	replace := map[string]string{}
	for i, file := range slices.Sorted(maps.Keys(texts)) {
		to := filepath.Join(dir, strconv.Itoa(i)+".go")
		must(t, os.WriteFile(to, []byte(texts[file]), 0o644))
		replace[filepath.Join(module, file)] = to
	}
	encoded, err := json.Marshal(map[string]any{"Replace": replace})
	must(t, err)
	o := overlay{module: module, list: filepath.Join(dir, "overlay.json")}
	must(t, os.WriteFile(o.list, encoded, 0o644))
	return o
}

// command is the go command, which sees the tree with the additions; the commands that it starts do too.
func (o overlay) command(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = o.module, append(os.Environ(), "GOFLAGS=-overlay="+o.list)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
