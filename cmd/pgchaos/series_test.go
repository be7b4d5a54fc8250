package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgchaos/report"
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
	for _, text := range []string{"modes: 2 variants, 2 rounds; each of 4 runs passed", "2 runs, the baseline", "throughput of writes", "? not known"} {
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
	for name, reuse := range map[string]string{"a cluster each": "", "one cluster": "reuse: true\n"} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			file := p.write("modes.yaml", strings.Replace(modes, "rate: 20%", "rate: 100/s", 1)+reuse)
			cmd := p.command("run", file, "--out", p.out)
			must(t, cmd.Start())
			var second string
			p.await("the second run's load", func() bool {
				s, err := series.Read(p.out)
				if err != nil || s.Left() != 3 {
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
}
