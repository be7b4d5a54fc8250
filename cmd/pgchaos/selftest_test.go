package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/internal/longtest"
	"pgchaos/outage"
	"pgchaos/report"
	"pgchaos/selftest"
	"pgchaos/verdict"
)

// TestSelftest is the proof itself: every case on real servers, in several commands at once.
func TestSelftest(t *testing.T) {
	t.Parallel()
	const commands = 8
	for i := range commands {
		var part []selftest.Case
		for j, c := range selftest.Cases() {
			if j%commands == i {
				part = append(part, c)
			}
		}
		if i > 0 && !longtest.Enabled {
			continue // package selftest judges every case from what is kept of it
		}
		t.Run(part[0].Name, func(t *testing.T) { newPlace(t).selftest(part) })
	}
}

func (p *place) selftest(cases []selftest.Case) {
	p.t.Helper()
	args := []string{"selftest", "--keep-going", "--out", p.out}
	for _, c := range cases {
		args = append(args, c.Name)
	}
	begun := time.Now()
	code, stdout, stderr := p.run(args...)
	if code != exitPass || strings.Contains(stdout, "FAILED") || strings.Contains(stdout, "NOT MADE") {
		p.t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	p.t.Logf("%s\n%s", time.Since(begun), stdout)
	p.nothingLeft()
	for _, c := range cases {
		r, err := report.Read(filepath.Join(p.out, c.Name))
		if err != nil {
			p.t.Fatal(err)
		}
		// Judged once more by other means: it is the verdict that scripts see.
		if r.Verdict != c.Verdict || !strings.Contains(stdout, c.Name) {
			p.t.Errorf("%s: %s", c.Name, r.Verdict)
		}
		if *update {
			keepForSelftest(p.t, r)
		}
	}
}

// keepForSelftest writes what a case's judgement rests on for package selftest, whose
// tests doctor it.
func keepForSelftest(t *testing.T, r *report.Result) {
	t.Helper()
	kept := report.Result{
		Schema: r.Schema, Stage: r.Stage, Name: r.Name, Description: r.Description, Timeline: r.Timeline, Settle: r.Settle,
		SplitBrain: r.SplitBrain, TwoWritable: r.TwoWritable, Unwatched: r.Unwatched, Audits: r.Audits, Forks: r.Forks, Expectations: r.Expectations, Verdict: r.Verdict, Reasons: r.Reasons,
	}
	for _, w := range r.Workloads {
		to := report.Workload{Name: w.Name, Kind: w.Kind, Target: w.Target, Total: counts(w.Total), Baseline: w.Baseline}
		if w.Reads != nil {
			to.Reads = &report.Reads{Unchecked: w.Reads.Unchecked}
			for _, f := range w.Reads.Findings {
				to.Reads.Findings = append(to.Reads.Findings, outage.ReadFinding{What: f.What, Violation: f.Violation, N: f.N})
			}
		}
		for _, p := range w.Phases {
			to.Phases = append(to.Phases, report.PhaseStats{Phase: p.Phase, Stats: counts(p.Stats)})
		}
		kept.Workloads = append(kept.Workloads, to)
	}
	dir := filepath.Join("../../selftest/testdata", r.Name)
	if err := errors.Join(os.MkdirAll(dir, 0o755), report.Write(dir, &kept)); err != nil { // with its checksum
		t.Fatal(err)
	}
}

func counts(s report.Stats) report.Stats {
	return report.Stats{Samples: s.Samples, OK: s.OK, Weak: s.Weak, Failed: s.Failed, Unknown: s.Unknown, Dropped: s.Dropped}
}

func TestSelftestInterruptedCleansUp(t *testing.T) {
	p := newPlace(t).detectRaces()
	temporary := t.TempDir()
	cmd := p.command("selftest")
	cmd.Env = append(cmd.Env, "TMPDIR="+temporary)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.await("servers", func() bool { return len(p.processes()) > 20 })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d\n%s", code, stdout.String())
	}
	p.nothingLeft()
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("temporary results left behind: %v, %v", left, err)
	}
}

// staged runs no cases: it puts results there that were made before, and takes the
// case's time for it.
type staged struct {
	t   *testing.T
	dir string
	// doctor changes a case's result, and is what its run returns.
	doctor map[string]func(*report.Result) error
}

func (s *staged) run(_ context.Context, c selftest.Case) error {
	// No two lanes end at one moment, so that the order of the lines is always the same.
	i := slices.IndexFunc(selftest.Cases(), func(of selftest.Case) bool { return of.Name == c.Name })
	time.Sleep(time.Duration(1000+100*i+1<<i) * time.Millisecond)
	r, err := report.Read(filepath.Join("../../selftest/testdata", c.Name))
	if err != nil {
		s.t.Error(err)
		return err
	}
	err = nil
	if c.Exit != exitPass {
		err = verdictError(c.Exit)
	}
	if doctor := s.doctor[c.Name]; doctor != nil {
		if err = doctor(r); errors.Is(err, errNoResult) {
			return err
		}
	}
	dir := filepath.Join(s.dir, c.Name)
	if e := errors.Join(os.MkdirAll(dir, 0o755), report.Write(dir, r)); e != nil {
		s.t.Error(e)
	}
	return err
}

var errNoResult = errors.New("no server programs were found")

func TestSelftestLooks(t *testing.T) {
	blind := func(r *report.Result) error {
		r.SplitBrain, r.TwoWritable, r.Reasons, r.Verdict = nil, nil, nil, verdict.Pass
		return nil
	}
	unmade := func(r *report.Result) error {
		r.Errors = []string{"build the cluster: initdb of a: exit status 1: no space left on device"}
		r.Verdict = verdict.Inconclusive
		return errors.New(r.Errors[0])
	}
	for _, tc := range []struct {
		name      string
		keepGoing bool
		doctor    map[string]func(*report.Result) error
		code      int
	}{
		{name: "selftest-ok", code: exitPass},
		{name: "selftest-failed", code: exitFail, doctor: map[string]func(*report.Result) error{"split-brain": blind}},
		{name: "selftest-keep-going", keepGoing: true, code: exitFail, doctor: map[string]func(*report.Result) error{"split-brain": blind, "unreadable": unmade}},
		{name: "selftest-not-made", keepGoing: true, code: exitInconclusive, doctor: map[string]func(*report.Result) error{"unreadable": unmade}},
		{name: "selftest-no-programs", keepGoing: true, code: exitFailed, doctor: map[string]func(*report.Result) error{
			"async-failover": func(*report.Result) error { return errNoResult },
		}},
		{name: "selftest-left-behind", keepGoing: true, code: exitLeftBehind, doctor: map[string]func(*report.Result) error{
			"weak-ack": func(*report.Result) error {
				return &exitError{exitLeftBehind, errors.New("something was left behind: process 1234")}
			},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "results")
				s := &staged{t: t, dir: dir, doctor: tc.doctor}
				var out bytes.Buffer
				err := (&selfTest{dir: dir, keepGoing: tc.keepGoing, discard: true, out: &out, run: s.run}).all(t.Context(), selftest.Cases())
				if code := exitCode(err); code != tc.code {
					t.Errorf("exit code %d, want %d", code, tc.code)
				}
				var verdict verdictError
				if err != nil && !errors.As(err, &verdict) {
					fmt.Fprintln(&out, err)
				}
				golden(t, tc.name, strings.ReplaceAll(out.String(), dir, "DIR"))
				_, gone := os.Stat(dir)
				if kept := tc.code == exitFail || tc.code == exitInconclusive; kept != (gone == nil) {
					t.Errorf("the results are kept: %v (%v)", gone == nil, gone)
				}
			})
		})
	}
}

// TestSelftestOfWhatThereIsNot: a mistake on the command line starts nothing.
func TestSelftestOfWhatThereIsNot(t *testing.T) {
	for _, args := range [][]string{{"selftest", "frobnicate"}, {"selftest", "--provider", "cloud"}} {
		var stderr bytes.Buffer
		if code := run(t.Context(), args, nil, io.Discard, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "there is: ") {
			t.Errorf("%v: exit code %d, %s", args, code, stderr.String())
		}
	}
}

// TestSelftestOverwritesNothing: what an earlier one kept is neither touched nor
// judged again.
func TestSelftestOverwritesNothing(t *testing.T) {
	out := t.TempDir()
	old := filepath.Join(out, "unreadable")
	r, err := report.Read("../../selftest/testdata/unreadable")
	if err = errors.Join(err, os.Mkdir(old, 0o755), report.Write(old, r)); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"selftest", "--out", out, "unreadable"}, nil, &stdout, &stderr)
	if code != exitUsage || !strings.Contains(stderr.String(), "holds a result already") || strings.Contains(stdout.String(), "FAILED") {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
}

// TestSelftestWithoutServers ends at once, and says so once.
func TestSelftestWithoutServers(t *testing.T) {
	t.Setenv("PGCHAOS_DIR", filepath.Join(t.TempDir(), "runs"))
	t.Setenv("TMPDIR", t.TempDir())
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"selftest", "--pg-bin", t.TempDir()}, nil, &stdout, &stderr)
	if code != exitUsage || strings.Count(stderr.String(), "case ") != 1 {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
