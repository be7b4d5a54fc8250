package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/report"
)

// TestPageBesideTheResult is written without --report, for its owner alone, and over the one of before.
func TestPageBesideTheResult(t *testing.T) {
	r, err := report.Read("../../report/testdata/results/lost")
	must(t, err)
	dir := t.TempDir()
	var f runFlags
	for range 2 {
		must(t, f.saveReports(t.Context(), &reported{dir: dir, result: r}))
	}
	path := filepath.Join(dir, reportPage)
	page, err := os.ReadFile(path)
	must(t, err)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if !strings.Contains(string(page), r.Headline()) {
		t.Error("the page lacks the headline")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the directory has %v (%v)", left, err)
	}
}

// TestPageThatCannotBeWritten is an error with its path. In a series the first one is kept.
func TestPageThatCannotBeWritten(t *testing.T) {
	var f runFlags
	dir := filepath.Join(t.TempDir(), "missing")
	err := f.saveReports(t.Context(), &reported{dir: dir, result: &report.Result{Dir: dir}})
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, reportPage)) {
		t.Errorf("error %v", err)
	}
	var u unwritten
	u.note(nil)
	must(t, u.joined(nil))
	u.note(err)
	u.note(errors.New("a later one"))
	if got := u.joined(nil); got == nil || got.Error() != err.Error() {
		t.Errorf("error %v", got)
	}
}
