package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/compare"
	"pgchaos/series"
)

// TestThePageIsWhatIsKept: nobody has typed a figure.
func TestThePageIsWhatIsKept(t *testing.T) {
	all, err := readKept("../../docs/sync-modes")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/sync-modes.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(pageOf(all), string(page)); diff != "" {
		t.Errorf("docs/sync-modes.md is not what make sync-modes-docs writes:\n%s", diff)
	}
	for _, k := range all {
		if _, err := os.Stat(filepath.Join("../../docs/sync-modes", k.Name+".csv")); err != nil {
			t.Error(err)
		}
		if len(k.Comparison.Variants) < 6 {
			t.Errorf("%s: %d variants", k.Name, len(k.Comparison.Variants))
		}
	}
}

// keptOf is a series with two variants of which one is worse.
func keptOf(t *testing.T) *kept {
	t.Helper()
	var columns []compare.Column
	for i, name := range []string{"local", "on/any-1"} {
		column := compare.Column{Name: name}
		for round := 1; round <= 6; round++ {
			value := 0.010*float64(1+i) + 0.0001*float64(round)
			column.Runs = append(column.Runs, compare.Run{
				ID: name, Series: "s", Variant: name, Round: round,
				Figures: []compare.Figure{{Metric: "p99 of writes", Value: value, Known: true}},
				Kills:   []compare.Kill{{Step: "kill", Known: true, Lost: int64(1 - i), Span: time.Millisecond}},
			})
		}
		columns = append(columns, column)
	}
	c, err := compare.Compare(columns, compare.Options{Family: compare.Family{{Metric: "p99 of writes"}}})
	if err != nil {
		t.Fatal(err)
	}
	return &kept{
		Schema: keptSchema, Name: "sync-modes-kill", Command: []string{"run", "sync-modes-kill"}, Rounds: 6, Runs: 12, Left: 1, Seed: 7,
		Machine:    machine{OS: "linux/amd64", CPUs: 2, Provider: "local", Postgres: "15.18", Nodes: 3, Fsync: spanOf([]time.Duration{3e6, 1e6, 2e6})},
		Comparison: c,
	}
}

// TestThePageHasWhatASceptic asks for: the command, the machine, intervals, verdicts, losses by kill, and an anchor for every row.
func TestThePageHasWhatASceptic(t *testing.T) {
	dir := t.TempDir()
	if err := keptOf(t).write(dir); err != nil {
		t.Fatal(err)
	}
	all, err := readKept(dir) // what is kept says the same as what was measured
	if err != nil {
		t.Fatal(err)
	}
	page := pageOf(all)
	for _, want := range []string{
		"pgchaos run sync-modes-kill --seed 7", "2ms (1ms to 3ms)", "2 cores", "12 runs; 1 run was not done",
		`<a id="sync-modes-kill-on-any-1"></a>[on/any-1](#sync-modes-kill-on-any-1) | 6 | 20.4 ms (20.1 to`, "**- worse**",
		"6 of 6 kills lost writes", "0 of 6 kills lost anything (at most", "(Fisher)", "[sync-modes-kill.csv](sync-modes/sync-modes-kill.csv)", "What this does not show",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("missing %q:\n%s", want, page)
		}
	}
	rows := regexp.MustCompile(`(?m)^\| <a id="([^"]+)"></a>`).FindAllStringSubmatch(page, -1)
	if len(rows) != 2 || rows[0][1] == rows[1][1] {
		t.Errorf("anchors: %v", rows)
	}
	csv, err := os.ReadFile(filepath.Join(dir, "sync-modes-kill.csv"))
	if err != nil || !strings.Contains(string(csv), "p99 of writes") {
		t.Errorf("%v: %s", err, csv)
	}
}

// TestNothingIsKeptOfNothing: a directory that is no series, and a page without results, are errors.
func TestNothingIsKeptOfNothing(t *testing.T) {
	if _, err := keep(t.TempDir()); err == nil {
		t.Error("a series was kept of nothing")
	}
	if err := run([]string{"-kept", t.TempDir(), "-page", filepath.Join(t.TempDir(), "page.md")}); err == nil || !strings.Contains(err.Error(), "SERIES=") {
		t.Error(err)
	}
	if _, err := (&kept{}).columns(&series.Series{}); err == nil {
		t.Error("a series without a run was kept")
	}
}
