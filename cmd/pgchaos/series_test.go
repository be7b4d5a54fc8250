package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgchaos/internal/longtest"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/series"
	"pgchaos/verdict"
)

// modes is a small series: two modes, a rate that is a share of a capacity, and three runs of each.
const modes = `
name: modes
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 20%}
duration: 1s
variants:
  local: {cluster: {synchronous: {commit: local, standbys: b}}}
  on/first-1: {cluster: {synchronous: {commit: "on", standbys: b}}}
rounds: 2
warmup_rounds: 0
expect: [lost_writes == 0, nodes_equal]
`

// TestASeries runs one, and looks at what each run really was: its mode, its rate, its round.
func TestASeries(t *testing.T) {
	p := newPlace(t)
	code, out, errs := p.run("run", p.write("modes.yaml", modes), "--out", p.out)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
	s, err := series.Read(p.out)
	must(t, err)
	if s.Left() != 0 || len(s.Runs) != 4 || s.Baseline != "local" || s.Capacity["writes"] <= 0 {
		t.Errorf("%d to do of %d, baseline %s, capacity %v", s.Left(), len(s.Runs), s.Baseline, s.Capacity)
	}
	ids := map[string]bool{}
	for i := range s.Runs {
		ids[isTheRun(t, s, &s.Runs[i])] = true
	}
	if len(ids) != 4 {
		t.Errorf("the runs are not four: %v", ids)
	}
	for _, text := range []string{"modes: 2 variants, 2 rounds; each of 4 runs passed", ", the baseline", "throughput of writes", "? not known"} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
	for _, line := range []string{"1/4  round 1: ", "4/4  round 2: "} {
		if !strings.Contains(errs, line) {
			t.Errorf("%q is not shown:\n%s", line, errs)
		}
	}
	p.nothingLeft()
}

// isTheRun holds the result of a run against what the series says of it, and returns the run's id.
func isTheRun(t *testing.T, s *series.Series, run *series.Run) string {
	t.Helper()
	r, err := report.Read(s.Path(run))
	must(t, err)
	page, err := os.ReadFile(filepath.Join(s.Path(run), reportPage))
	if err != nil || !strings.Contains(string(page), r.Run) {
		t.Errorf("%s: the page: %v", run.Dir, err)
	}
	v := r.Variant
	if v == nil || v.Name != run.Variant || v.Round != run.Round || v.Series != s.ID || run.Verdict != verdict.Pass {
		t.Errorf("%s: %+v", run.Dir, v)
	}
	commit := map[string]string{"local": "local", "on/first-1": "on"}[run.Variant]
	if got := r.Cluster.Nodes[0].Settings["synchronous_commit"]; got != commit {
		t.Errorf("%s: synchronous_commit is %q", run.Dir, got)
	}
	if share := r.Workloads[0].RateShare; share != 0.2 {
		t.Errorf("%s: the rate is said to be %v of the capacity", run.Dir, share)
	}
	if share := r.Workloads[0].Rate / s.Capacity["writes"]; share < 0.19 || share > 0.21 {
		t.Errorf("%s: %g/s is %.2f of %v", run.Dir, r.Workloads[0].Rate, share, s.Capacity)
	}
	if want := filepath.Join(map[int]string{1: "1", 2: "2"}[run.Round], strings.ReplaceAll(run.Variant, "/", "-")); run.Dir != want {
		t.Errorf("the directory is %s, want %s", run.Dir, want)
	}
	return r.Run
}

// TestASeriesThatWasKilledGoesOn kills pgchaos in the second run, so that its servers stay, and resumes the series.
func TestASeriesThatWasKilledGoesOn(t *testing.T) {
	t.Parallel()
	for name, reuse := range map[string]string{"a cluster each": "", "one cluster": "reuse: true\n"} {
		if reuse != "" && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			file := p.write("modes.yaml", strings.NewReplacer("rate: 20%", "rate: 100/s", "rounds: 2", "rounds: 1").Replace(modes)+reuse)
			cmd := p.command("run", file, "--out", p.out)
			must(t, cmd.Start())
			var second string
			p.await("the second run's load", func() bool {
				s, err := series.Read(p.out)
				if err != nil || s.Left() != 1 {
					return false
				}
				second = s.Path(&s.Runs[1])
				_, err = os.Stat(filepath.Join(second, "ledger.bin"))
				return err == nil
			})
			must(t, cmd.Process.Signal(syscall.SIGKILL))
			_ = cmd.Wait() // it was killed
			if len(p.processes()) == 0 {
				t.Error("no server was left: the test shows nothing")
			}
			before, err := series.Read(p.out)
			must(t, err)
			first, err := os.Stat(filepath.Join(before.Path(&before.Runs[0]), report.FileName))
			must(t, err)

			code, out, errs := p.run("run", "--resume", p.out)
			if code != exitPass {
				t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
			}
			s, err := series.Read(p.out)
			must(t, err)
			again, err := os.Stat(filepath.Join(s.Path(&s.Runs[0]), report.FileName))
			must(t, err)
			if s.Left() != 0 || !again.ModTime().Equal(first.ModTime()) {
				t.Errorf("%d to do; the first run was made again: %v", s.Left(), !again.ModTime().Equal(first.ModTime()))
			}
			if _, err := os.Stat(second + ".interrupted-1"); err != nil || !strings.Contains(errs, "its run was killed") {
				t.Errorf("what the killed run left: %v\n%s", err, errs)
			}
			p.nothingLeft()
			if code, _, errs = p.run("run", "--resume", p.out); code != exitPass || strings.Contains(errs, "round 1") {
				t.Errorf("a series that is done is resumed: exit code %d\n%s", code, errs)
			}
		})
	}
}

// TestASeriesIsInterrupted: the run that is going on is ended in good order, and the rest is left for --resume.
func TestASeriesIsInterrupted(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t).detectRaces()
	cmd := inGroup(p.command("run", p.write("modes.yaml", strings.Replace(modes, "rate: 20%", "rate: 100/s", 1)+"reuse: true\n"), "--out", p.out))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	must(t, cmd.Start())
	p.await("the second run", func() bool {
		s, err := series.Read(p.out)
		return err == nil && s.Left() == 3
	})
	signalGroup(t, cmd, syscall.SIGINT)
	_ = cmd.Wait() // the exit code says it
	s, err := series.Read(p.out)
	must(t, err)
	hint := "pgchaos: interrupted with 3 runs to do; 'pgchaos run --resume " + p.out + "' goes on"
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || s.Left() != 3 || !strings.Contains(stderr.String(), hint) {
		t.Errorf("exit code %d, %d to do\n%s", code, s.Left(), stderr.String())
	}
	p.nothingLeft()
}

// TestSeriesThatCannotBe holds what is refused before anything is started.
func TestSeriesThatCannotBe(t *testing.T) {
	p := newPlace(t)
	file := p.write("modes.yaml", modes)
	for name, row := range map[string]struct {
		args []string
		want string
	}{
		"an unknown variant":         {[]string{"run", file, "--variant", "remote"}, `there is no variant "remote"; the variants are: local; on/first-1`},
		"a file of samples":          {[]string{"run", file, "--out-samples", "x.jsonl"}, "--out-samples is for a single run"},
		"a directory without series": {[]string{"run", "--resume", filepath.Dir(file)}, "there is no series.json"},
		"resume with an experiment":  {[]string{"run", file, "--resume", p.out}, "name no experiment"},
		"resume with other rounds":   {[]string{"run", "--resume", p.out, "--rounds", "10"}, "leave --rounds out"},
		"resume with a file of it":   {[]string{"run", "--resume", p.out, "--out-samples", "x.jsonl"}, "--out-samples is for a single run"},
		"resume with a bad mode":     {[]string{"run", "--resume", p.out, "--file-mode", "9"}, "--file-mode"},
		"no rounds":                  {[]string{"plan", file, "--rounds", "0"}, "write a number from 1 to 1000"},
		"no experiment":              {[]string{"run"}, "needs an experiment"},
	} {
		t.Run(name, func(t *testing.T) {
			if code, out, errs := p.run(row.args...); code != exitUsage || !strings.Contains(errs, row.want) {
				t.Errorf("exit code %d\n%s\n%s", code, out, errs)
			}
		})
	}
}

func TestTheExitCodeOfASeriesIsThatOfItsWorstRun(t *testing.T) {
	pass := series.Run{Status: series.Done, Verdict: verdict.Pass}
	fail := series.Run{Status: series.Done, Verdict: verdict.Fail}
	open := series.Run{Status: series.Done}
	failed := series.Run{Status: series.Failed}
	warm := series.Run{Status: series.Done, Verdict: verdict.Fail, Warmup: true}
	for name, row := range map[string]struct {
		runs []series.Run
		want int
	}{
		"all passed":                       {[]series.Run{pass, pass}, exitPass},
		"one is inconclusive":              {[]series.Run{pass, open, pass}, exitInconclusive},
		"one could not be run":             {[]series.Run{open, failed, pass}, exitFailed},
		"one failed and one could not run": {[]series.Run{failed, fail, open}, exitFail},
		"only a warm-up failed":            {[]series.Run{warm, pass}, exitPass},
	} {
		if code := exitCode(seriesVerdict(&series.Series{Variants: []series.Variant{{}}, Runs: row.runs})); code != row.want {
			t.Errorf("%s: exit code %d, want %d", name, code, row.want)
		}
	}
}

func TestAnExperimentIsFoundFromEveryDirectory(t *testing.T) {
	abs, err := filepath.Abs("testdata/series.yaml")
	must(t, err)
	for name, want := range map[string]string{"testdata/series.yaml": abs, "quorum-kill": "quorum-kill", "-": "-"} {
		if got := wherever(name); got != want {
			t.Errorf("%s is kept as %s, want %s", name, got, want)
		}
	}
	args := (&runFlags{pgBin: "testdata"}).repeatedAnywhere("quorum-kill")
	if want := []string{"run", "quorum-kill", "--pg-bin", filepath.Dir(abs)}; !slices.Equal(args, want) {
		t.Errorf("the command is kept as %q, want %q", args, want)
	}
}

// TestTheEndOfASeries: what ended it early is said with what is to be done, and the exit code is 2 for no series that goes on.
func TestTheEndOfASeries(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	full := &runner.UsageError{Err: errors.New("1 MB is free in /results")}
	pending := &series.Series{Command: []string{"run", "x.yaml"}, Variants: []series.Variant{{}}, Runs: []series.Run{{Status: series.Done, Verdict: verdict.Pass}, {Status: series.Pending}}}
	typed := &series.Series{Variants: pending.Variants, Runs: pending.Runs}
	for name, row := range map[string]struct {
		ctx  context.Context
		of   *series.Series
		err  error
		code int
		says []string
	}{
		"a full disk":           {t.Context(), pending, full, exitFailed, []string{"pgchaos: 1 MB is free in /results\nThe series has ended with 1 run to do; 'pgchaos run --resume ", "' goes on"}},
		"a full disk, typed in": {t.Context(), typed, full, exitFailed, []string{"1 run to do; it cannot go on, because its experiment came from standard input"}},
		"an interrupt":          {ended, pending, context.Canceled, exitInterrupted, []string{"pgchaos: interrupted with 1 run to do; 'pgchaos run --resume "}},
		"a server is left": {
			ended, pending, fmt.Errorf("%w: a server", runner.ErrLeftBehind), exitLeftBehind,
			[]string{"something was left behind: a server\nRun 'pgchaos clean' to remove it; there is still 1 run to do; "},
		},
	} {
		err := endOfSeries(row.ctx, row.of, row.err, nil)
		if exitCode(err) != row.code {
			t.Errorf("%s: exit code %d, want %d", name, exitCode(err), row.code)
		}
		for _, text := range row.says {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want %q in it", name, err, text)
			}
		}
	}
}

// TestAnInterruptOfASeriesIsAnswered: what it ends is said at once, though a series shows no other notes of its runs.
func TestAnInterruptOfASeriesIsAnswered(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var b bytes.Buffer
	show := newProgress(&b, false)
	show.several = true
	s := &seriesRuns{flags: &runFlags{}, show: show}
	s.sink(ctx)(runner.Noted{Text: "2 nodes are up"})
	cancel()
	s.sink(ctx)(runner.Noted{Text: "interrupted: ending load and timeline"})
	if b.String() != "-- interrupted: ending load and timeline\n" {
		t.Errorf("shown: %q", b.String())
	}
}

// TestFailedRunsOfASeries: each has a line, however long its errors are.
func TestFailedRunsOfASeries(t *testing.T) {
	failed := series.Run{Round: 1, Variant: "slow", Status: series.Failed, Attempts: 2, Errors: []string{"first", "build the cluster: no\nmemory\nat all"}}
	s := &series.Series{
		Name: "x", Rounds: 1, Variants: []series.Variant{{Name: "fast"}, {Name: "slow"}},
		Runs: []series.Run{failed, {Round: 1, Variant: "fast", Dir: "1/fast", Status: series.Done, Verdict: verdict.Pass}},
	}
	var b bytes.Buffer
	must(t, writeEnds(&b, s))
	for _, text := range []string{"round 1, slow could not be run (2 attempts): build the cluster: no\n", series.FileName + " has these errors in full"} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("%q is not in\n%s", text, b.String())
		}
	}
	if strings.Contains(b.String(), "memory") {
		t.Errorf("the whole error is there:\n%s", b.String())
	}
}

// TestAFailedRunOnASharedCluster: its directory gets another name, and neither its passwords nor its servers stay.
func TestAFailedRunOnASharedCluster(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	text := strings.NewReplacer("rate: 20%", "rate: 100/s", "duration: 1s", "duration: 2s").Replace(modes) + "reuse: true\n"
	cmd := p.command("run", p.write("modes.yaml", text), "--rounds", "1", "--out", p.out)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	must(t, cmd.Start())
	var first string
	p.await("the first run's ledger", func() bool {
		s, err := series.Read(p.out)
		if err != nil {
			return false
		}
		first = s.Path(&s.Runs[0])
		return os.Remove(filepath.Join(first, runner.LedgerFile)) == nil // without it the run cannot be judged
	})
	_ = cmd.Wait() // the exit code says it
	s, err := series.Read(p.out)
	must(t, err)
	if code := cmd.ProcessState.ExitCode(); code != exitPass || s.Runs[0].Attempts != 2 || s.Left() > 0 {
		t.Errorf("exit code %d, %+v\n%s\n%s", code, s.Runs, &stdout, &stderr)
	}
	if _, err := os.Stat(first + ".failed-1"); err != nil {
		t.Errorf("the directory of the run that failed: %v", err)
	}
	for _, name := range []string{runner.AccessFile, runner.Passfile, runner.UserFile} {
		if left, _ := filepath.Glob(filepath.Join(p.out, "*", "*", name)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	p.nothingLeft()
}
