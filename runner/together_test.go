package runner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/internal/longtest"
	"pgchaos/internal/skip"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/verdict"
)

// localKind is a kind of provider whose runs are in a directory of the test's own, which must
// be empty at the end.
func localKind(t *testing.T) cluster.Kind {
	t.Helper()
	if _, err := local.FindInstallation(t.Context(), "", 0); err != nil {
		skip.Test(t, "this test needs PostgreSQL's server programs, which 'make test' installs: %v", err)
	}
	base := testBase(t)
	kind := local.Kind()
	kind.Open = func(ctx context.Context, o cluster.OpenOptions) (cluster.Opened, error) {
		p, err := local.New(ctx, local.Options{Base: base, Run: o.Run, Experiment: o.Experiment, Results: o.Results})
		if err != nil {
			return cluster.Opened{}, err
		}
		return cluster.Opened{Provider: p}, nil
	}
	return kind
}

// Two runs at once and one after them, in one process and from one plan: each has an id, a
// seed, rows and events of its own.
func TestSeveralRunsInOneProcessDoNotMix(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	kind, p := localKind(t), plan(t, short)
	p.Seed = 0
	results, seen := make([]*report.Result, 3), make([]int, 3)
	one := func(i int) {
		sink := func(e runner.Event) {
			if _, ok := e.(runner.StepBegan); ok {
				seen[i]++
			}
		}
		r, err := runner.Run(t.Context(), p, kind, []runner.Sink{sink}, runner.Options{Out: filepath.Join(t.TempDir(), "out")})
		if err != nil || r.Verdict != verdict.Pass {
			t.Errorf("run %d: %v, %+v", i, err, r)
		}
		results[i] = r
	}
	var both sync.WaitGroup
	both.Go(func() { one(0) })
	both.Go(func() { one(1) })
	both.Wait()
	one(2)
	if t.Failed() {
		return
	}
	runs, seeds := map[string]bool{}, map[uint64]bool{}
	for i, r := range results {
		runs[r.Run], seeds[r.Seed] = true, true
		file, err := report.Read(r.Dir)
		if err != nil || file.Run != r.Run {
			t.Errorf("run %s has in %s: %+v, %v", r.Run, r.Dir, file, err)
		}
		if a := r.Audits[0]; a.Acknowledged == 0 || a.Lost.N != 0 || a.Acknowledged != acknowledged(r) {
			t.Errorf("run %d acknowledged %d, its audit has %+v", i, acknowledged(r), a)
		}
		if seen[i] != 3 {
			t.Errorf("run %d: %d steps began for its sink", i, seen[i])
		}
	}
	if len(runs) != 3 || len(seeds) != 3 || p.Seed != 0 {
		t.Errorf("runs %v, seeds %v, the plan's is now %d", runs, seeds, p.Seed)
	}
}

// acknowledged is how many writes succeeded, as the load counted them.
func acknowledged(r *report.Result) int64 {
	return r.Workloads[0].Total.Samples - r.Workloads[0].Total.Errors()
}

// Of two runs that are given one directory, the second is refused, and the first one's files stay.
func TestSecondRunInADirectoryIsRefused(t *testing.T) {
	out, calls := t.TempDir(), 0
	var second error
	kind := cluster.Kind{Open: func(ctx context.Context, o cluster.OpenOptions) (cluster.Opened, error) {
		calls++
		if calls == 1 {
			_, second = runner.Run(ctx, plan(t, short), cluster.Kind{}, nil, runner.Options{Out: out})
			if _, err := os.Stat(filepath.Join(out, report.FileName)); err != nil {
				t.Errorf("the claim of the first is gone: %v", err)
			}
		}
		return cluster.Opened{}, errors.New("no machine")
	}}
	r, err := runner.Run(t.Context(), plan(t, short), kind, nil, runner.Options{Out: out})
	var usage *runner.UsageError
	if r != nil || err == nil || errors.As(err, &usage) {
		t.Errorf("the first: %+v, %v", r, err)
	}
	if !errors.As(second, &usage) || !strings.Contains(second.Error(), "holds a result already") {
		t.Errorf("the second: %v", second)
	}
}

// A run that does not begin removes the directory that it made, and leaves one that was there.
func TestDirectoryOfARunThatDoesNotBegin(t *testing.T) {
	kind := cluster.Kind{Open: func(context.Context, cluster.OpenOptions) (cluster.Opened, error) {
		return cluster.Opened{}, &cluster.UsageError{Err: errors.New("no such version")}
	}}
	t.Chdir(t.TempDir())
	theirs := t.TempDir()
	if err := os.WriteFile(filepath.Join(theirs, "notes"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{theirs, "made", ""} {
		r, err := runner.Run(t.Context(), plan(t, short), kind, nil, runner.Options{Out: out})
		var usage *runner.UsageError
		if r != nil || !errors.As(err, &usage) {
			t.Errorf("%q: %+v, %v", out, r, err)
		}
	}
	if left, err := os.ReadDir(theirs); err != nil || len(left) != 1 || left[0].Name() != "notes" {
		t.Errorf("the user's directory has %v, %v", left, err)
	}
	if left, _ := filepath.Glob("*/*"); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat("made"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory that the run made: %v", err)
	}
}

// A sink that panics takes nothing from the run, but the caller learns of it.
func TestSinkThatPanicsLeavesTheRunAlone(t *testing.T) {
	t.Parallel()
	o := observer{stage: func(string) { panic("a bug") }}
	out := t.TempDir()
	r, err := runner.Run(t.Context(), plan(t, short), localKind(t), o.sinks(), runner.Options{Out: out})
	if err == nil || !strings.Contains(err.Error(), "a bug") || errors.Is(err, runner.ErrLeftBehind) {
		t.Errorf("error %v", err)
	}
	if r.Verdict != verdict.Pass || len(r.Timeline) < 3 {
		t.Errorf("verdict %s, %v, timeline %v", r.Verdict, r.Reasons, r.Timeline)
	}
}
