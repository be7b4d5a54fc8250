package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/expect"
	"pgchaos/report"
	"pgchaos/spec"
	"pgchaos/verdict"
)

// shrinks fails because of one of its two steps. Its baseline is not judged: it is too short.
const shrinks = `name: shrinks
cluster: {nodes: [a]}
load: {writes: {kind: insert, clients: 4, rate: 50/s}}
timeline:
  - {at: 500ms, switch_wal: a}
  - {at: 600ms, name: ended, terminate_backends: a}
duration: 1500ms
baseline: {achieved_rate: 1%, error_rate: 99%, median: 1m, p95: 1m}
expect:
  - errors of writes == 0
`

// TestShrink runs a failing experiment with fewer and fewer steps, and then what it has found.
func TestShrink(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("shrinks.yaml", shrinks), "--shrink", "--out", p.out)
	if code != exitFail {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if !strings.Contains(stdout, "The fewest steps that failed as the first run did: 1 of 2 faults or steps.") {
		t.Errorf("%s\n%s", stdout, stderr)
	}
	file := filepath.Join(p.out, smallestFile)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(stdout, string(text)) || !strings.HasPrefix(string(text), "# Run it: pgchaos run "+file+" --seed ") {
		t.Errorf("the file and the output:\n%s\n%s", text, stdout)
	}
	e, _, err := spec.Load(file, text, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Timeline) != 1 || e.Timeline[0].Name != "ended" {
		t.Errorf("%+v", e.Timeline)
	}
	runs, err := filepath.Glob(filepath.Join(p.out, shrinkDir, "*", report.FileName))
	if err != nil || len(runs) == 0 {
		t.Errorf("no results of the search: %v", err)
	}
	for _, one := range append(runs, filepath.Join(p.out, report.FileName)) {
		r, err := report.Read(filepath.Dir(one))
		if err != nil || r.Seed != p.result().Seed {
			t.Errorf("%s: %v", one, err)
		}
	}
	p.nothingLeft()
}

func TestSameFailure(t *testing.T) {
	of := func(v verdict.Verdict, broken ...string) *report.Result {
		r := &report.Result{Verdict: v}
		for _, text := range broken {
			r.Expectations = append(r.Expectations, expect.Judgement{Text: text, Verdict: verdict.Fail})
		}
		r.Expectations = append(r.Expectations, expect.Judgement{Text: "held", Verdict: verdict.Pass})
		return r
	}
	for name, c := range map[string]struct {
		first, other *report.Result
		want         bool
	}{
		"the same expectation":      {of(verdict.Fail, "a", "b"), of(verdict.Fail, "b", "c"), true},
		"another expectation":       {of(verdict.Fail, "a"), of(verdict.Fail, "c"), false},
		"inconclusive":              {of(verdict.Fail, "a"), of(verdict.Inconclusive, "a"), false},
		"a finding without one":     {of(verdict.Fail), of(verdict.Fail), true},
		"it passes":                 {of(verdict.Fail, "a"), of(verdict.Pass), false},
		"the run did not end":       {of(verdict.Fail, "a"), &report.Result{Verdict: verdict.Fail, Interrupted: true}, false},
		"an expectation and a loss": {of(verdict.Fail), of(verdict.Fail, "a"), true},
	} {
		if got := sameFailure(c.first, c.other); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestShrinkFlags(t *testing.T) {
	for flags, want := range map[string]string{
		"--shrink-runs 3":                      "--shrink-runs belongs to --shrink",
		"--shrink --shrink-runs 0":             "from 1 to 1000",
		"--shrink --keep":                      "leave --keep out",
		"--shrink --web 127.0.0.1:0":           "leave one of them out",
		"--shrink --rounds 2":                  "--variant NAME --rounds 1",
		"--shrink --find-max load.writes.rate": "leave one of them out",
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"run", "quorum-kill"}, strings.Fields(flags)...), nil, &stdout, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d: %s", flags, code, &stderr)
		}
	}
}
