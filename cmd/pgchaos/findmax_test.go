package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/internal/longtest"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/search"
)

// waiting is a workload whose capacity is known: four clients that the server lets wait for 10 ms each cannot do more
// than 400 a second.
const waiting = `
name: waiting
cluster: {nodes: [a, b]}
load:
  waits: {kind: sql, target: primary, clients: 4, rate: 100/s, sql: select pg_sleep(0.01)}
timeline:
  - {at: 500ms, kill: a}
  - {promote: b}
duration: 1h
expect: [write_rto < 1s]
`

func readSearch(t *testing.T, dir string) (s search.Search) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, search.FileName))
	must(t, err)
	must(t, json.Unmarshal(text, &s))
	return s
}

func TestFindMax(t *testing.T) {
	p := newPlace(t)
	file := p.write("waiting.yaml", waiting)
	code, stdout, stderr := p.run("run", file, "--set", "load.waits.rate=350/s", "--find-max", "load.waits.rate", "--until", "error_rate of waits < 60%",
		"--step-warmup", "200ms", "--step-duration", "1s", "--out", p.out)
	s := readSearch(t, p.out)
	c := s.Conclusion
	if c.GaveWay == search.Generator { // on a busy machine, where nothing is to be found
		if code != exitInconclusive || c.Found || !strings.Contains(stdout, "NOT FOUND: ") {
			t.Errorf("exit code %d, %+v\n%s\n%s", code, c, stdout, stderr)
		}
		p.nothingLeft()
		return
	}
	if code != exitPass || !c.Found || c.Held == nil || c.Broke == nil {
		t.Fatalf("exit code %d, %+v\n%s\n%s", code, c, stdout, stderr)
	}
	most := 0.0 // that any step could do: what the machine allowed of the 400
	for i := range s.Steps {
		if n := s.Steps[i].Throughput; n != nil {
			most = max(most, *n)
		}
	}
	if *c.Held > 400/search.LeastAchieved || *c.Held < 0.75*most || *c.Broke > 1.06**c.Held {
		t.Errorf("%g held and %g did not, want up to 400 and near to %g, which a step did", *c.Held, *c.Broke, most)
	}
	for _, want := range []string{"STEP  ASKED", "FOUND: The highest value that held is ", "What gave way first: ", "timeline and the expectations of the experiment are left out"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	checkOneCluster(t, p, s)
	p.nothingLeft()
}

// checkOneCluster demands that all steps of a search ran in the same cluster, without a timeline.
func checkOneCluster(t *testing.T, p *place, s search.Search) {
	t.Helper()
	built := ""
	for i := range s.Steps {
		r, err := report.Read(filepath.Join(p.out, s.Steps[i].Dir))
		must(t, err)
		if built == "" {
			built = r.ClusterRun()
		}
		if r.ClusterRun() != built || r.Cluster.RunsBefore != i || len(r.Timeline) > 0 {
			t.Errorf("step %d ran in the cluster of %s, used by %d runs before, want %s and %d: %+v", i+1, r.ClusterRun(), r.Cluster.RunsBefore, built, i, r.Timeline)
		}
	}
}

// TestMistakesOfASearch: each ends with exit code 2, before anything is made.
func TestMistakesOfASearch(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.WriteFile("x.yaml", []byte(waiting), 0o600))
	must(t, os.WriteFile("closed.yaml", []byte(strings.Replace(waiting, "rate: 100/s, ", "", 1)), 0o600))
	must(t, os.WriteFile("several.yaml", []byte(waiting+"variants: {one: {}, two: {}}\n"), 0o600))
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"x.yaml", "--find-max", "load.waits.rates"}, `did you mean "rate"?`},
		{[]string{"x.yaml", "--find-max", "load.wait.rate"}, `did you mean "waits"?`},
		{[]string{"x.yaml", "--find-max", "cluster.nodes"}, "load.WORKLOAD.KEY"},
		{[]string{"x.yaml", "--find-max", ""}, "--find-max needs a path"},
		{[]string{"x.yaml", "--until", "p99 of waits < 1s"}, "add --find-max PATH"},
		{[]string{"x.yaml", "--step-duration", "5s"}, "add --find-max PATH"},
		{[]string{"x.yaml", "--find-max", "load.waits.rate", "--until", "p99 of waits"}, "--until"},
		{[]string{"x.yaml", "--find-max", "load.waits.rate", "--until", "p99 of wait < 1s"}, `there is no workload "wait"`},
		{[]string{"x.yaml", "--find-max", "load.waits.rate", "--until", "p99 of waits during kill-a < 1s"}, "leave out during kill-a"},
		{[]string{"x.yaml", "--find-max", "load.waits.rate", "--until", "write_rto < 1s"}, "the steps of a search have none"},
		{[]string{"x.yaml", "--find-max", "load.waits.rate", "--step-duration", "10ms"}, "from 1s to 1h"},
		{[]string{"x.yaml", "--find-max", "load.waits.rate", "--step-warmup", "-1s"}, "from 0s to 1h"},
		{[]string{"x.yaml", "--find-max", "load.waits.rate", "--keep"}, "--keep is for a single run"},
		{[]string{"x.yaml", "--find-max", "load.waits.rate", "--set", "load.waits.clients=0"}, "clients"},
		{[]string{"closed.yaml", "--find-max", "load.waits.clients"}, "add what must hold"},
		{[]string{"closed.yaml", "--find-max", "load.waits.rate"}, "add --set load.waits.rate=100/s"},
		{[]string{"several.yaml", "--find-max", "load.waits.rate"}, "choose one with --variant NAME"},
		{[]string{"--resume", "x", "--find-max", "load.waits.rate"}, "leave --find-max out"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"run"}, tc.args...), nil, &stdout, &stderr)
		if code != exitUsage || !strings.Contains(stderr.String(), tc.want) || stdout.Len() > 0 {
			t.Errorf("%q: exit code %d, want %q\n%s%s", tc.args, code, tc.want, &stdout, &stderr)
		}
	}
	if made, _ := filepath.Glob("results*"); len(made) > 0 {
		t.Errorf("made: %v", made)
	}
}

// TestFindMaxThatNeverHolds: the exit code says that nothing is known.
func TestFindMaxThatNeverHolds(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("closed.yaml", strings.Replace(waiting, "clients: 4, rate: 100/s", "clients: 2", 1)),
		"--find-max", "load.waits.clients", "--until", "median of waits < 5ms", "--step-warmup", "0s", "--step-duration", "1s", "--out", p.out)
	if code != exitInconclusive || !strings.Contains(stdout, "NOT FOUND: not even 1 held: median of waits was 1") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	p.nothingLeft()
}

// TestCleanAfterAKilledSearch: the cluster was built by the first step, and its passwords are in the directory of the second.
func TestCleanAfterAKilledSearch(t *testing.T) {
	p := newPlace(t)
	cmd := p.command("run", p.write("waiting.yaml", waiting), "--find-max", "load.waits.rate", "--step-warmup", "0s", "--step-duration", "3s", "--out", p.out)
	must(t, cmd.Start())
	var second string
	p.await("the second step", func() bool {
		found, _ := filepath.Glob(filepath.Join(p.out, "steps", "02-*", runner.JournalFile))
		if len(found) > 0 {
			second = filepath.Dir(found[0])
		}
		return len(found) > 0
	})
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	if _, err := os.Stat(filepath.Join(second, runner.Passfile)); err != nil {
		t.Errorf("the second step has no passwords: %v", err)
	}
	if code, stdout, stderr := p.run("clean", "--provider", "local"); code != exitPass || !strings.Contains(stdout, "removed, with") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	p.nothingLeft()
	for _, name := range []string{runner.AccessFile, runner.Passfile, runner.UserFile} {
		if left, _ := filepath.Glob(filepath.Join(p.out, "steps", "*", name)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
}

// TestAStepThatCouldNotBeRunIsBegunOnceMore: unless nothing was begun, something was left behind, or the user has interrupted it.
func TestAStepThatCouldNotBeRunIsBegunOnceMore(t *testing.T) {
	broken := errors.New("the engine is gone")
	left := fmt.Errorf("%w: a container", runner.ErrLeftBehind)
	type end struct {
		result    *report.Result
		err       error
		interrupt bool
	}
	some := &report.Result{}
	for _, tc := range []struct {
		why       string
		ends      []end // of the runs, one after the other
		dirs      []string
		steps     int
		err       error
		againSaid bool
	}{
		{"it can be run", []end{{result: some}}, []string{"01-100"}, 1, nil, false},
		{"it fails once", []end{{result: some, err: broken}, {result: some}}, []string{"01-100", "01-100-again"}, 1, nil, true},
		{"it fails twice", []end{{result: some, err: broken}, {result: some, err: broken}}, []string{"01-100", "01-100-again"}, 0, broken, true},
		{"it is not begun", []end{{err: broken}}, []string{"01-100"}, 0, broken, false},
		{"something is left behind", []end{{result: some, err: left}}, []string{"01-100"}, 0, runner.ErrLeftBehind, false},
		{"it is interrupted, and fails", []end{{result: some, err: broken, interrupt: true}}, []string{"01-100"}, 0, broken, false},
		{"it is interrupted", []end{{result: &report.Result{Interrupted: true}, interrupt: true}}, []string{"01-100"}, 0, nil, false},
		{"it fails, and is then interrupted", []end{{result: some, err: broken}, {result: &report.Result{Interrupted: true}, interrupt: true}}, []string{"01-100", "01-100-again"}, 0, nil, true},
	} {
		t.Run(tc.why, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var stderr bytes.Buffer
			var dirs []string
			s := &searching{dir: t.TempDir(), runs: &seriesRuns{flags: &runFlags{}, show: newProgress(&stderr, false)}}
			s.Search = search.New(search.Search{Unit: "/s"}, "waits", nil, search.Range{Start: 100, Least: 1, Most: 1000, MostSteps: 9})
			s.one = func(_ context.Context, _ *runner.Plan, o runner.Options) (*report.Result, error) {
				if len(dirs) == len(tc.ends) {
					t.Fatalf("a run too many, in %s", o.Out)
				}
				e := tc.ends[len(dirs)]
				dirs = append(dirs, filepath.Base(o.Out))
				if e.interrupt {
					interrupt()
				}
				return e.result, e.err
			}
			err := s.step(ctx, &runner.Plan{}, 100)
			s.runs.show.close()
			if !errors.Is(err, tc.err) || !slices.Equal(dirs, tc.dirs) || len(s.Steps) != tc.steps {
				t.Errorf("%v, runs in %v, %d steps; want %v, %v, %d", err, dirs, len(s.Steps), tc.err, tc.dirs, tc.steps)
			}
			if tc.steps > 0 && s.Steps[0].Dir != filepath.Join("steps", tc.dirs[len(tc.dirs)-1]) {
				t.Errorf("the step is said to be in %s, want the last of %v", s.Steps[0].Dir, tc.dirs)
			}
			if said := strings.Contains(stderr.String(), "step 1: it could not be run, and is begun once more: the engine is gone"); said != tc.againSaid {
				t.Errorf("that it is begun once more is said: %v, want %v\n%s", said, tc.againSaid, &stderr)
			}
		})
	}
}

// TestFindMaxWithinTheOpenFiles: a value that this process has no files for is not tried.
func TestFindMaxWithinTheOpenFiles(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	file := p.write("waiting.yaml", "name: waiting\ncluster: {nodes: [a]}\nload:\n  waits: {kind: sql, target: primary, clients: 20, sql: select pg_sleep(0.1)}\nduration: 5s\n")
	cmd := throughShell(p.command("run", file, "--find-max", "load.waits.clients", "--until", "error_rate of waits < 90%", "--step-warmup", "0s", "--step-duration", "1s", "--out", p.out), "ulimit -n 150")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInconclusive || !strings.Contains(stderr.String(), "-- no greater value is possible: ") || !strings.Contains(stdout.String(), "nothing gave way up to 80, and more is not tried") {
		t.Errorf("exit code %d\n%s\n%s", code, &stdout, &stderr)
	}
	p.nothingLeft()
}
