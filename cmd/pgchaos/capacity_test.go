package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/runner"
	"pgchaos/search"
	"pgchaos/spec"
)

const sharesAndKills = `
name: shares
cluster: {nodes: [a, b], settings: {wal_log_hints: on}}
load:
  writes: {kind: insert, clients: 2, rate: 50%, iterations: 5}
  others: {kind: insert, table: other_data, clients: 2, rate: 20%}
kills: 2
timeline:
  - {at: 1s, kill: primary}
  - {promote: most_advanced}
  - {rejoin: former_primary}
expect: [write_rto during kill-primary-2 < 10s]
`

// TestTheRunThatMeasuresACapacity is without everything that belongs to the timeline, and without rates that are guessed.
func TestTheRunThatMeasuresACapacity(t *testing.T) {
	waiting := strings.NewReplacer("kills: 2\n", "  later: {kind: insert, table: later_data, clients: 2}\nabort_on: [error_rate of later > 50% for 5s]\n",
		"  - {rejoin: former_primary}\n", "  - {rejoin: former_primary}\n  - {start_load: later}\n  - {wait: 1s}\n", "kill-primary-2", "kill-primary").Replace(sharesAndKills)
	for name, text := range map[string]string{"kills": sharesAndKills, "a workload that waits": waiting} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "shares.yaml")
			must(t, os.WriteFile(file, []byte(text), 0o600))
			f := &runFlags{}
			plan, err := f.plan(t.Context(), file, reading{})
			must(t, err)
			shares := plan.Shares()
			if len(shares) != 2 {
				t.Fatalf("shares %+v", shares)
			}
			s := &seriesRuns{flags: f, name: file}
			first, err := s.capacityPlan(t.Context(), plan, shares[0], nil)
			must(t, err)
			if names := first.Experiment.Load.Names(); !slices.Equal(names, []string{"writes"}) {
				t.Errorf("first it measures with %v", names)
			}
			w := first.Experiment.Workload("writes")
			if w.Rate != 0 || w.Iterations != 0 || len(first.Experiment.Timeline) > 0 || len(first.Aborts) > 0 {
				t.Errorf("it has a rate of %v, %d iterations, %d steps and %d reasons to abort", w.Rate, w.Iterations, len(first.Experiment.Timeline), len(first.Aborts))
			}
			second, err := s.capacityPlan(t.Context(), plan, shares[1], map[string]float64{"writes": 4000})
			must(t, err)
			if names := second.Experiment.Load.Names(); !slices.Equal(names, []string{"writes", "others"}) || second.Experiment.Workload("writes").Rate != 2000 {
				t.Errorf("then it measures with %v, writes at %+v", names, second.Experiment.Workload("writes"))
			}
		})
	}
}

// TestASearchInAnExperimentWithKills: its steps have no timeline, and so nothing to repeat.
func TestASearchInAnExperimentWithKills(t *testing.T) {
	f := &runFlags{}
	f.variants, f.rounds = []string{"local"}, 1
	s := &searching{
		Search: search.New(search.Search{Warmup: time.Second, Span: time.Second}, "writes", nil, search.Range{Start: 100, Most: 1000}),
		flags:  f, name: "sync-modes-kill", open: true,
		number: spec.Number{Path: "load.writes.rate", Workload: "writes", Key: "rate", Rate: true},
	}
	plan, err := s.plan(t.Context(), 300)
	must(t, err)
	if e := plan.Experiment; len(e.Timeline) > 0 || e.Workload("writes").Rate != 300 {
		t.Errorf("%d steps, %+v", len(e.Timeline), e.Workload("writes"))
	}
}

// startCapacity starts a series, and waits until its capacity is being measured.
func (p *place) startCapacity() (cmd *exec.Cmd, stderr *bytes.Buffer) {
	p.t.Helper()
	cmd, stderr = inGroup(p.command("run", p.write("modes.yaml", modes), "--out", p.out)), &bytes.Buffer{}
	cmd.Stderr = stderr
	must(p.t, cmd.Start())
	p.await("the ledger of the run that measures", func() bool {
		_, err := os.Stat(filepath.Join(p.out, capacityDir, "writes", runner.LedgerFile))
		return err == nil
	})
	return cmd, stderr
}

// TestACapacityIsInterrupted: there is no series yet that could go on, and nothing is written over.
func TestACapacityIsInterrupted(t *testing.T) {
	p := newPlace(t)
	cmd, stderr := p.startCapacity()
	signalGroup(t, cmd, syscall.SIGINT)
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || strings.Contains(stderr.String(), "not empty") ||
		!strings.Contains(stderr.String(), "pgchaos: interrupted before the first run of the series: begin a new one; 'pgchaos report "+filepath.Join(p.out, capacityDir, "writes")+"'") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	p.nothingLeft()
	if code, _, errs := p.run("run", p.write("modes.yaml", modes), "--out", p.out); code != exitUsage || !strings.Contains(errs, "it holds a result already (capacity)") {
		t.Errorf("begun again in the same directory: exit code %d\n%s", code, errs)
	}
}

// TestACapacityIsKilled: `clean` removes what is left, and --resume says that there is no series yet.
func TestACapacityIsKilled(t *testing.T) {
	p := newPlace(t)
	cmd, _ := p.startCapacity()
	must(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait() // it was killed
	if code, _, errs := p.run("run", "--resume", p.out); code != exitUsage || !strings.Contains(errs, "it was ended before its first run; begin a new one") {
		t.Errorf("resumed: exit code %d\n%s", code, errs)
	}
	if code, out, errs := p.run("clean", "--provider", "local"); code != exitPass || !strings.Contains(out, "removed, with") {
		t.Errorf("clean: exit code %d\n%s\n%s", code, out, errs)
	}
	p.nothingLeft()
}
