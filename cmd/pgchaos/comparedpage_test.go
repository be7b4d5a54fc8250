package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/compare"
	"pgchaos/compare/tables"
	"pgchaos/series"
)

// TestCompareHTML: the page has the figures of the comparison, and needs no network.
func TestCompareHTML(t *testing.T) {
	code, page := compareCode(t, comparedRuns, "--format", "html", "--by-phase")
	if code != exitPass || !strings.HasPrefix(page, "<!DOCTYPE html>") || strings.Contains(page, "<script") {
		t.Fatalf("exit code %d:\n%.200s", code, page)
	}
	in, err := readCompared(t.Context(), "", []string{comparedRuns}, nil)
	must(t, err)
	c, err := compare.Compare(in.columns, in.Options)
	must(t, err)
	if !strings.Contains(page, in.title+": comparison") {
		t.Errorf("the page lacks its title, %q", in.title)
	}
	declared, exploratory := tables.Options{ByPhase: true}.Rows(c.Cells[0])
	for _, row := range append(declared, exploratory...) {
		for _, v := range row.Values {
			if want := tables.TextOf(row, v).Median; !strings.Contains(page, want) {
				t.Errorf("%s: the page lacks %q", row.Metric, want)
			}
		}
	}
}

// TestASeriesWritesItsPage: report.html is beside series.json, only the user can read it, and it is linked to the reports of the runs that are there.
func TestASeriesWritesItsPage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kill-modes")
	must(t, os.CopyFS(dir, os.DirFS(comparedRuns)))
	must(t, os.WriteFile(filepath.Join(dir, "1", "local", reportPage), []byte("a report"), 0o600))
	s, err := series.Read(dir)
	must(t, err)
	var out bytes.Buffer

	must(t, saveSeriesPage(t.Context(), s))
	must(t, writeSeries(t.Context(), &out, s))
	if !strings.Contains(out.String(), filepath.Join(dir, reportPage)) {
		t.Errorf("the page is not named:\n%s", &out)
	}
	page, err := os.ReadFile(filepath.Join(dir, reportPage))
	must(t, err)
	if n := strings.Count(string(page), `<a href="`); n != 1 || !strings.Contains(string(page), `<a href="1/local/report.html">`) {
		t.Errorf("%d links", n)
	}
	info, err := os.Stat(filepath.Join(dir, reportPage))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its permissions are %s", info.Mode())
	}
}

// TestHistoryTrends: the same rule as of nightly, as text and as a page.
func TestHistoryTrends(t *testing.T) {
	where := filepath.Join(t.TempDir(), "a store")
	history(t, exitPass, "add", comparedRuns, "--store", where)
	text := history(t, exitPass, "trends", "--store", where)
	for _, want := range []string{"HISTORY", "kill-modes/local", "kill-modes/quorum", "p99 of writes", "not known yet"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	run := listed(t, "--store", where, "--variant", "local")[0].Run
	history(t, exitPass, "accept", run, "--why", "a new disk", "--store", where)
	page := history(t, exitPass, "trends", "--store", where, "--variant", "local", "--metric", "median of writes", "--format", "html")
	for _, want := range []string{"<!DOCTYPE html>", "kill-modes/local", "p50 of writes", "accepted: a new disk", "<svg"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "kill-modes/quorum") {
		t.Error("the page has a variant that was not asked for")
	}
	if out := history(t, exitPass, "trends", "--store", where, "--variant", "none"); !strings.Contains(out, "no such runs") {
		t.Errorf("no runs: %s", out)
	}
	for _, args := range [][]string{{"--experiment", "kill-mods"}, {"--metric", "p99"}, {"--format", "json"}} {
		history(t, exitUsage, append([]string{"trends", "--store", where}, args...)...)
	}
}
