package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/internal/longtest"
	"pgchaos/report"
	"pgchaos/runner"
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
	if !strings.Contains(stdout, "The fewest steps that failed as the first run did: 1 of 2 steps.") {
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

// losingNemesis has a fault after which the failover must lose writes: the standby has received nothing for a while. With this seed it is one
// of several.
const losingNemesis = `name: losing
cluster: {nodes: [a, b], settings: {wal_log_hints: on}}
load: {writes: {kind: insert, clients: 4, rate: 100/s}}
random:
  begin: 1s
  lasts: 15s
  every: 1s
  for: {min: 300ms, max: 600ms}
  seed: 9
  faults:
    - {weight: 2, pause: any}
    - {weight: 2, terminate_backends: primary}
    - configure: {node: replicas, settings: {primary_conninfo: ""}}
      then: [{at: 500ms, kill: primary}, {failover: most_advanced}, {rejoin: former_primary}]
expect:
  - lost_writes == 0
`

// TestShrinkRandom: of a random schedule without quorum that has lost writes, the steps of one fault that did it are left, as plain steps, and
// they lose writes again.
func TestShrinkRandom(t *testing.T) {
	longtest.Only(t) // TestShrink shrinks a timeline, and tests of spec leave steps of a random schedule out
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("losing.yaml", losingNemesis), "--shrink", "--out", p.out)
	if code != exitFail || p.result().Audits[0].Lost.N == 0 {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if !strings.Contains(stdout, "The fewest steps that failed as the first run did: 3 of 12 steps.") {
		t.Errorf("%s\n%s", stdout, stderr)
	}
	file := filepath.Join(p.out, smallestFile)
	smallest := readText(t, file)
	if strings.Contains(smallest, "random:") {
		t.Errorf("its steps are still chosen:\n%s", smallest)
	}
	e, _, err := spec.Load(file, []byte(smallest), spec.Options{})
	must(t, err)
	var actions []string
	for i := range e.Timeline {
		actions = append(actions, e.Timeline[i].Action())
	}
	if want := []string{"wait", "configure", "kill", "failover", "verify"}; !slices.Equal(actions, want) {
		t.Errorf("%v", actions)
	}
	p.nothingLeft()
	again := filepath.Join(filepath.Dir(p.out), "again")
	if code, stdout, stderr := p.run("run", file, "--out", again); code != exitFail || !strings.Contains(stdout, "lost_writes == 0") {
		t.Errorf("the smallest file does not fail: exit code %d\n%s\n%s", code, stdout, stderr)
	}
	p.nothingLeft()
}

// TestShrinkIsInterrupted in a run of the search, when it has found a smaller experiment: that is printed, and nothing is left.
func TestShrinkIsInterrupted(t *testing.T) {
	p := newPlace(t)
	text := strings.Replace(shrinks, "  - {at: 500ms, switch_wal: a}\n  - {at: 600ms, name: ended, terminate_backends: a}\n",
		"  - {at: 400ms, switch_wal: a}\n  - {at: 500ms, name: ended, terminate_backends: a}\n  - {at: 600ms, switch_wal: a}\n  - {at: 700ms, switch_wal: a}\n", 1)
	cmd := p.command("run", p.write("shrinks.yaml", text), "--shrink", "--out", p.out)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	must(t, cmd.Start())
	p.await("the second run of the search", func() bool {
		_, err := os.Stat(filepath.Join(p.out, shrinkDir, "02", runner.LedgerFile))
		return err == nil
	})
	must(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(stderr.String(), "the search for fewer steps is not complete") {
		t.Errorf("exit code %d\n%s", code, stderr.String())
	}
	file := filepath.Join(p.out, smallestFile)
	const want = "The fewest steps that failed as the first run did: 2 of 4 steps. The search is not complete: fewer may do. The search made 1 run: 1 failed so, 0 inconclusive."
	if !strings.Contains(stdout.String(), want) || !strings.HasSuffix(stdout.String(), readText(t, file)) {
		t.Errorf("the smallest so far is not printed:\n%s", stdout.String())
	}
	e, _, err := spec.Load(file, []byte(readText(t, file)), spec.Options{})
	must(t, err)
	if len(e.Timeline) != 2 || e.Timeline[1].Name != "ended" {
		t.Errorf("%+v", e.Timeline)
	}
	p.nothingLeft()
}

// TestWhatASearchSays knows whether it came to its end.
func TestWhatASearchSays(t *testing.T) {
	for _, tc := range []struct {
		kept  int
		ended error
		want  string
	}{
		{2, nil, "No run with fewer steps failed as the first run did. The search made 1 run: 0 failed so, 0 inconclusive.\n"},
		{2, context.Canceled, "The search is not complete: until it ended, no run with fewer steps failed as the first run did. The search made 1 run: "},
		{2, errEnoughRuns, "No run with fewer steps failed as the first run did. The search made 1 run: 0 failed so, 0 inconclusive. More runs were not allowed"},
		{1, nil, "The fewest steps that failed as the first run did: 1 of 2 steps. The search made 1 run: "},
		{1, context.Canceled, "The fewest steps that failed as the first run did: 1 of 2 steps. The search is not complete: fewer may do. The search made 1 run: "},
	} {
		s := &shrinking{
			flags: &runFlags{}, failed: &report.Result{}, steps: [][]string{{"a"}, {"b"}}, total: 2, made: 2, ended: 1,
			smallest: &runner.Plan{Experiment: &spec.Experiment{}},
		}
		var out bytes.Buffer
		must(t, s.say(&out, "smallest.yaml", tc.kept, tc.ended))
		if !strings.HasPrefix(out.String(), "\n"+tc.want) {
			t.Errorf("%d kept, %v: %q", tc.kept, tc.ended, &out)
		}
	}
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
	lost := func(r *report.Result, causes ...audit.Cause) *report.Result {
		var a audit.Audit
		for _, c := range causes {
			a.Lost.Runs = append(a.Lost.Runs, audit.Run{Cause: c})
		}
		r.Audits = append(r.Audits, a)
		return r
	}
	for name, c := range map[string]struct {
		first, other *report.Result
		want         bool
	}{
		"the same cause":            {lost(of(verdict.Fail, "a"), audit.CauseFork), lost(of(verdict.Fail, "a"), audit.CauseBeside, audit.CauseFork), true},
		"another cause":             {lost(of(verdict.Fail, "a"), audit.CauseFork), lost(of(verdict.Fail, "a"), audit.CauseBeside), false},
		"nothing lost":              {lost(of(verdict.Fail, "a"), audit.CauseFork), of(verdict.Fail, "a"), false},
		"a loss beside":             {of(verdict.Fail, "a"), lost(of(verdict.Fail, "a"), audit.CauseFork), true},
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
