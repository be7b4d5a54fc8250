package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gopkg.in/yaml.v3"

	"pgchaos/internal/longtest"
	"pgchaos/internal/skip"
	"pgchaos/report"
	"pgchaos/store"
)

// tinyNight has a closed loop: it has no schedule that a busy machine could fall behind, and so no night whose figures would be the load
// generator's own.
const tinyNight = `
name: tiny
cluster: {nodes: [a]}
load:
  writes: {kind: insert, clients: 2}
duration: 2s
expect: [%s]
`

// nightly runs the job in the test's own directory, where its results go.
func (p *place) nightly(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	var o, e bytes.Buffer
	cmd := p.command(append([]string{"nightly"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Dir(p.base), &o, &e
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// makeStore makes an empty store.
func (p *place) makeStore(where string) {
	p.t.Helper()
	if code, out, errs := p.run("history", "init", "--store", where); code != exitPass {
		p.t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
}

// addCopy adds a night to a store: a copy of a result, some nights before it and with another throughput. No two nights are equal.
func addCopy(t *testing.T, s *store.Store, of string, ago int, factor float64) store.Kept {
	t.Helper()
	r, err := report.Read(of)
	must(t, err)
	r.Run = fmt.Sprintf("tiny-%d-nights-ago", ago)
	r.Variant = nil
	r.Started = r.Started.AddDate(0, 0, -ago)
	for i := range r.Workloads {
		r.Workloads[i].Total.Samples = int64(float64(r.Workloads[i].Total.Samples)*factor) + int64(ago%7)
	}
	dir := filepath.Join(t.TempDir(), r.Run)
	must(t, os.MkdirAll(dir, 0o700))
	must(t, report.Write(dir, r))
	added, err := s.Add(t.Context(), dir)
	must(t, err)
	return added.Kept
}

// muchMore is how many times as many operations as a real night the copies of good nights have: more than one night of a busy machine can
// differ from another.
const muchMore = 1000

// TestNightly has a history of 23 nights that are copies of a real one. In the last three, in the
// real one and in that of the second job, throughput is lower than in the twenty before.
func TestNightly(t *testing.T) {
	p := newPlace(t)
	work := filepath.Dir(p.base)
	where, summary, xmlFile := filepath.Join(work, "store"), filepath.Join(work, "s.md"), filepath.Join(work, "j.xml")
	file := p.write("tiny.yaml", fmt.Sprintf(tinyNight, "lost_writes == 0"))
	nightly := func(want int, text ...string) {
		t.Helper()
		code, out, errs := p.nightly(file, "--store", where, "--summary", summary, "--junit", xmlFile, "--keep-results", "1")
		if code != want {
			t.Fatalf("exit code %d, not %d\n%s\n%s", code, want, out, errs)
		}
		for _, s := range text {
			if !strings.Contains(out, s) {
				t.Errorf("%q is not in\n%s", s, out)
			}
		}
	}
	p.makeStore(where)
	nightly(exitPass, "1 of 23 nights", "this is its first night")

	s, err := store.Existing(t.Context(), where)
	must(t, err)
	runs, err := s.List(t.Context(), store.Filter{})
	must(t, err)
	for ago := 23; ago > 0; ago-- {
		factor := float64(muchMore)
		if ago <= 3 {
			factor = 1
		}
		if k := addCopy(t, s, runs[0].Dir, ago, factor); k.Key != runs[0].Key {
			t.Fatal("the copy is of another history")
		}
	}
	must(t, s.Close())
	// With the first night of the test, this is the fifth that is worse.
	nightly(exitFail, "regression", "throughput of writes: regression", "pgchaos history accept tiny-3-nights-ago --why REASON")
	text := readText(t, xmlFile)
	must(t, xml.Unmarshal([]byte(text), new(struct{ XMLName xml.Name })))
	if !strings.Contains(text, `<failure message="throughput of writes: regression`) || strings.Contains(text, "<skipped") {
		t.Error(text)
	}
	if text := readText(t, summary); !strings.Contains(text, "| regression | tiny |") {
		t.Error(text)
	}
	if code, _, errs := p.run("history", "accept", "tiny-3-nights-ago", "--why", "intended", "--store", where); code != exitPass {
		t.Fatal(errs)
	}
	nightly(exitPass, "of 23 nights")
	if left, err := filepath.Glob(filepath.Join(work, "results", "tiny-*")); err != nil || len(left) != 1 {
		t.Errorf("of three nights these directories are left, want one: %q, %v", left, err)
	}
	must(t, os.WriteFile(filepath.Join(where, "history.db"), bytes.Repeat([]byte("damage"), 10000), 0o600))
	nightly(exitFailed)
	p.nothingLeft()
}

// TestNightlyInPostgreSQL has its store in a database of a kept cluster, with 24 nights that are copies of the run which built
// it.
func TestNightlyInPostgreSQL(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	file := p.write("tiny.yaml", fmt.Sprintf(tinyNight, "lost_writes == 0"))
	if code, out, errs := p.run("run", file, "--out", p.out, "--keep"); code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
	r := p.result()
	server := r.Cluster.Nodes[0].Address
	p.psql(server, "create database history")
	where := "postgres://postgres@" + server + "/history?files=" + filepath.Join(filepath.Dir(p.base), "files") + "&passfile=" + filepath.Join(p.out, "pgpass")
	if code, _, errs := p.nightly(file, "--store", where); code != exitFailed || !strings.Contains(errs, "'pgchaos history init --store postgres://postgres@"+server) {
		t.Errorf("without a store: exit code %d: %s", code, errs)
	}
	p.makeStore(where)
	s, err := store.Existing(t.Context(), where)
	must(t, err)
	for ago := 24; ago > 0; ago-- {
		addCopy(t, s, p.out, ago, 1)
	}
	must(t, s.Close())
	code, out, errs := p.nightly(file, "--store", where)
	if code != exitPass || !strings.Contains(out, "ok            tiny: no change found in ") || !strings.Contains(out, "(25 nights)") {
		t.Errorf("exit code %d\n%s\n%s", code, out, errs)
	}
	if runs := listed(t, "--store", where); len(runs) != 25 || runs[0].Dir == "" || runs[0].Fingerprint != runs[1].Fingerprint {
		t.Errorf("%d runs, the newest: %+v", len(runs), runs[0])
	}
	if code, out, errs := p.run("clean", r.Run, "--provider", "local"); code != exitPass {
		t.Errorf("clean: exit code %d, %s%s", code, out, errs)
	}
	if code, _, errs := p.nightly(file, "--store", where); code != exitFailed || strings.Contains(errs, "history init") {
		t.Errorf("without its server: exit code %d: %s", code, errs)
	}
	p.nothingLeft()
}

// TestTheJobsOfTheManual: the jobs are YAML, and keep the files that their own command writes.
func TestTheJobsOfTheManual(t *testing.T) {
	found := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(readText(t, "../../docs/ci.md"), -1)
	if len(found) != 2 {
		t.Fatalf("%d jobs", len(found))
	}
	for _, m := range found {
		var job map[string]any
		if err := yaml.Unmarshal([]byte(m[1]), &job); err != nil {
			t.Errorf("%v\n%s", err, m[1])
		}
		for _, file := range []string{"summary.md", "junit.xml"} {
			if strings.Count(m[1], file) < 2 {
				t.Errorf("%s is not kept:\n%s", file, m[1])
			}
		}
	}
}

// jobCommands are what the jobs of docs/ci.md have a shell do: a script for each job.
func jobCommands(t *testing.T) map[string]string {
	t.Helper()
	text := readText(t, "../../docs/ci.md")
	jobs := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if cron := regexp.MustCompile(`^\d+ \d+ \* \* \* (.*)$`).FindStringSubmatch(line); cron != nil {
			jobs["cron"] = cron[1]
		}
		if exec := regexp.MustCompile(`^Exec(Start|StopPost)=(.*)$`).FindStringSubmatch(line); exec != nil {
			jobs["systemd"] += exec[2] + "\n"
		}
	}
	for _, m := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(text, -1) {
		var job struct {
			Jobs struct {
				Pgchaos struct{ Steps []struct{ Run string } }
			}
			Pgchaos struct {
				Script      []string
				AfterScript []string `yaml:"after_script"`
			}
		}
		must(t, yaml.Unmarshal([]byte(m[1]), &job))
		for _, step := range job.Jobs.Pgchaos.Steps {
			jobs["GitHub Actions"] += step.Run + "\n"
		}
		for _, line := range append(job.Pgchaos.Script, job.Pgchaos.AfterScript...) {
			jobs["GitLab"] += line + "\n"
		}
	}
	return jobs
}

// TestTheJobsOfTheManualRun runs what each job has a shell do, with a small experiment.
func TestTheJobsOfTheManualRun(t *testing.T) {
	t.Parallel()
	jobs := jobCommands(t)
	if len(jobs) != 4 {
		t.Fatalf("%d jobs", len(jobs))
	}
	for name, script := range jobs {
		if name != "GitHub Actions" && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			dir := filepath.Dir(p.base)
			p.write("my.yaml", "name: my\ncluster: {nodes: [a]}\nload: {writes: {kind: insert, clients: 1, rate: 50/s}}\nduration: 1s\n")
			made := regexp.MustCompile(`(?m)^pgchaos history init --store /srv/pgchaos/nightly$`).FindString(readText(t, "../../docs/ci.md"))
			script = strings.NewReplacer("/srv/pgchaos", dir, "/usr/bin/pgchaos", "pgchaos").Replace(made + "\n" + script)
			cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PGCHAOS_DIR="+p.base, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "GITHUB_STEP_SUMMARY="+filepath.Join(dir, "step.md"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s\n%s", err, script, out)
			}
			for _, file := range []string{"summary.md", "junit.xml", "nightly"} {
				if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
					t.Error(err)
				}
			}
			p.nothingLeft()
		})
	}
}

// TestTheUnitsOfTheManual has systemd look at them, where it is installed.
func TestTheUnitsOfTheManual(t *testing.T) {
	verify, err := exec.LookPath("systemd-analyze")
	if err != nil {
		skip.Test(t, "systemd-analyze is not installed: scripts/setup.sh test installs it")
	}
	dir := t.TempDir()
	units := regexp.MustCompile("(?s)```ini\n(.*?)```").FindAllStringSubmatch(readText(t, "../../docs/ci.md"), -1)
	if len(units) != 2 {
		t.Fatalf("%d units", len(units))
	}
	var files []string
	for i, kind := range []string{"service", "timer"} {
		file := filepath.Join(dir, "pgchaos-nightly."+kind)
		text := strings.NewReplacer("/usr/bin/pgchaos", binary, "WorkingDirectory=/srv/pgchaos", "WorkingDirectory="+dir).Replace(units[i][1])
		must(t, os.WriteFile(file, []byte(text), 0o644))
		files = append(files, file)
	}
	if out, err := exec.CommandContext(t.Context(), verify, append([]string{"verify"}, files...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestNightlyIsInterrupted sends SIGTERM in the second experiment: the first is kept, the second is not run to its end, and
// nothing is left.
func TestNightlyIsInterrupted(t *testing.T) {
	p := newPlace(t)
	work := filepath.Dir(p.base)
	where, summary := filepath.Join(work, "store"), filepath.Join(work, "s.md")
	p.makeStore(where)
	p.write("tiny.yaml", fmt.Sprintf(tinyNight, "lost_writes == 0"))
	p.write("long.yaml", long)
	cmd := inGroup(p.command("nightly", "tiny.yaml", "long.yaml", "--store", where, "--summary", summary))
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = work, &stdout, &stderr
	must(t, cmd.Start())
	p.await("the second experiment's load", func() bool {
		found, err := filepath.Glob(filepath.Join(work, "results", "long-*", "1", "run", "ledger.bin"))
		return err == nil && len(found) == 1
	})
	signalGroup(t, cmd, syscall.SIGTERM)
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d\n%s\n%s", code, stdout.String(), stderr.String())
	}
	s, err := store.Existing(t.Context(), where)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	kept, err := s.List(t.Context(), store.Filter{})
	must(t, err)
	if len(kept) != 1 || kept[0].Experiment != "tiny" {
		t.Errorf("kept: %+v", kept)
	}
	if text := readText(t, summary); !strings.Contains(text, "tiny") || !strings.Contains(text, "it was not run: the job ended before it") {
		t.Error(text)
	}
	p.nothingLeft()
}

// TestTwoNightlyJobsAtOnce: neither loses what the other keeps. One fails: a verdict needs no history.
func TestTwoNightlyJobsAtOnce(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	where := filepath.Join(filepath.Dir(p.base), "store")
	p.makeStore(where)
	var wg sync.WaitGroup
	for name, tc := range map[string]struct {
		expectation string
		code        int
		says        string
	}{
		"a": {"lost_writes == 0", exitPass, "ok            a: "},
		"b": {"lost_writes > 0", exitFail, "fail          b"},
	} {
		p.write(name+".yaml", strings.Replace(fmt.Sprintf(tinyNight, tc.expectation), "name: tiny", "name: "+name, 1))
		wg.Go(func() {
			code, out, errs := p.nightly(name+".yaml", "--store", where)
			if code != tc.code || !strings.Contains(out, tc.says) || code == exitFail && !strings.Contains(out, "lost_writes > 0: it is 0") {
				t.Errorf("%s: exit code %d\n%s\n%s", name, code, out, errs)
			}
		})
	}
	wg.Wait()
	s, err := store.Existing(t.Context(), where)
	must(t, err)
	defer func() { must(t, s.Close()) }()
	if kept, err := s.List(t.Context(), store.Filter{}); err != nil || len(kept) != 2 {
		t.Errorf("%v: %+v", err, kept)
	}
	p.nothingLeft()
}
