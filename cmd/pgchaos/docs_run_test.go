package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgchaos/expect"
	"pgchaos/internal/longtest"
	"pgchaos/report"
	"pgchaos/verdict"
)

// manualExample is an experiment that a document shows.
type manualExample struct {
	file string
	name string
	text string
}

// manualExamples are all experiments of the README and of docs.
func manualExamples(t *testing.T) (all []manualExample) {
	t.Helper()
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	name := regexp.MustCompile(`(?m)^name: (.*)$`)
	files, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	for _, file := range append(files, "../../README.md") {
		if filepath.Base(file) == "ci.md" {
			continue // its YAML is of CI systems; see TestTheJobsOfTheManualRun
		}
		if filepath.Base(file) == "faults.md" {
			continue // see TestTheExampleOfEveryFault and TestTheExampleOfEveryFaultRuns
		}
		for _, m := range block.FindAllStringSubmatch(readText(t, file), -1) {
			named := name.FindStringSubmatch(m[1])
			if named == nil {
				t.Fatalf("%s: an example without a name:\n%s", file, m[1])
			}
			all = append(all, manualExample{file, named[1], m[1]})
		}
	}
	return all
}

// smaller are the changes with which the examples run here. They wait less between their steps, and no client sends as fast as it
// can, which would leave nothing to the tests beside it.
var smaller = map[string][]string{
	"lagging-standby":        {"timeline.configure-b.at=1s", "timeline.kill-primary.at=4s", "timeline.stop-load-writes.at=7s"},
	"with-a-table-of-my-own": {"duration=2s"},
	"four-kills":             {"kills=3", "timeline.configure-replicas.at=2s"}, // its expectation names the third
	"planned-switchover":     {"timeline.configure-b.at=1s", "timeline.stop-a.at=2s", "timeline.stop-load-writes.at=6s"},
	"with-an-end":            {"duration=3s"},
	"ordinary-day":           {"load.orders.duration=4s", "load.reports.duration=4s"},
	"as-by-hand":             {"load.writes.rate=100/s"},
	"stock":                  {"duration=3s"},
	"two-modes":              {"duration=3s"},
	"flap-beside-lag":        {"timeline.lagging.at=2s", "timeline.flap.repeat.every=1s", "timeline.resume-b.when=lag of b > 16kB", "timeline.wait.wait=500ms"},
	"lost-standby":           {"timeline.kill-b.at=2s", "timeline.start-b.at=5s", "timeline.stop-load-writes.at=9s"},
	"failover-in-one-step":   {"timeline.kill-primary.at=1s", "timeline.switchover-a.at=3s", "timeline.stop-load-writes.at=5s"},
	"my-failover": {"load.reads.rate=100/s", "timeline.pause-gamma.at=2s", "timeline.configure-replicas.at=7s", "timeline.kill-primary.at=8s",
		"timeline.stop-load-writes.at=16s"},
}

// alwaysRun are the examples that run also without longtest.Enabled: of actions and workloads that no other test has together. The README's
// experiment is nearly that of TestFirstExperimentRuns.
var alwaysRun = []string{"planned-switchover", "stock"}

// TestTheManualsExamplesRun runs them nearly as a reader would paste them, and wants every
// operation of its load to work and every expectation to be met, but for those of times, rates
// and shares, which a busy machine can break.
func TestTheManualsExamplesRun(t *testing.T) {
	t.Parallel()
	examples := manualExamples(t)
	for _, name := range append(slices.Collect(maps.Keys(smaller)), alwaysRun...) {
		if !slices.ContainsFunc(examples, func(e manualExample) bool { return e.name == name }) {
			t.Errorf("no page has an example %q", name)
		}
	}
	for _, e := range examples {
		if !longtest.Enabled && !slices.Contains(alwaysRun, e.name) {
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			var p *place
			args := []string{}
			for _, set := range smaller[e.name] {
				args = append(args, "--set", set)
			}
			if variant := baselineOf(e.text); variant != "" { // of a series, one run
				args = append(args, "--rounds", "1", "--variant", variant)
			}
			if strings.Contains(e.text, "provider: docker") {
				p = newDockerPlace(t).place
				walkthroughNames.Lock() // it has the walkthrough's
				defer walkthroughNames.Unlock()
				args = append(args, "--set", "cluster.docker.image="+dockerImage)
			} else {
				p = newPlace(t)
			}
			p.runsAsItSays(p.write("example.yaml", e.text), args...)
		})
	}
}

// baselineOf is the variant that an example of a series names as its baseline; "": it is no series.
func baselineOf(text string) string {
	if m := regexp.MustCompile(`(?m)^baseline: (\S+)$`).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// runsAsItSays runs an experiment, and holds against its result what no busy machine changes.
func (p *place) runsAsItSays(file string, args ...string) {
	p.t.Helper()
	code, out, errs := p.run(append([]string{"run", file, "--out", p.out}, args...)...)
	if !slices.Contains([]int{exitPass, exitFail, exitInconclusive}, code) {
		p.t.Fatalf("%s: exit code %d\n%s\n%s", file, code, out, errs)
	}
	judgedAsThePageSays(p.t, p.result())
	if p.t.Failed() {
		p.t.Logf("%s:\n%s\n%s", file, out, errs)
	}
}

func judgedAsThePageSays(t *testing.T, r *report.Result) {
	t.Helper()
	timed := map[string]bool{}
	for _, m := range expect.Metrics() {
		timed[m.Name] = !slices.Contains([]expect.MetricKind{expect.MetricCount, expect.MetricTruth}, m.Kind)
	}
	percentile := regexp.MustCompile(`^(service_)?p[0-9.]+$`)
	for _, x := range r.Expectations {
		metric, _, _ := strings.Cut(x.Text, " ")
		if x.Verdict != verdict.Pass && !timed[metric] && !percentile.MatchString(metric) {
			t.Errorf("%s: %s", x.Text, x.Verdict)
		}
	}
	for _, w := range r.Workloads {
		if ok := w.Total.Samples - w.Total.Errors(); ok == 0 || ok < w.Total.Samples/2 {
			t.Errorf("%s: %d of %d operations succeeded", w.Name, ok, w.Total.Samples)
		}
	}
	for _, m := range r.Timeline {
		if m.Status != "done" && m.Status != "seen" {
			t.Errorf("step %s: %s: %s", m.Name, m.Status, m.Error)
		}
	}
	for _, a := range r.Audits {
		if a.Unexplained > 0 {
			t.Errorf("%d unexplained losses", a.Unexplained)
		}
	}
	if len(r.Errors) > 0 {
		t.Errorf("errors: %q", r.Errors)
	}
}

// TestTheManualsCommands runs each command of the README and of docs that starts no cluster,
// in a directory with the examples; of the others it looks up the flags.
func TestTheManualsCommands(t *testing.T) {
	p := newPlace(t)
	block := regexp.MustCompile("(?s)```sh\n(.*?)```")
	starting := []string{"run", "nightly", "selftest", "audit", "export", "report", "compare", "history", "clean", "pull", "serve", "doctor", "mark"}
	for _, e := range manualExamples(t) {
		if strings.HasSuffix(e.file, "README.md") {
			p.write("my.yaml", e.text)
		}
		p.write(e.name+".yaml", e.text)
	}
	files, err := filepath.Glob("../../docs/*.md")
	must(t, err)
	commands := 0
	for _, file := range append(files, "../../README.md") {
		for _, m := range block.FindAllStringSubmatch(readText(t, file), -1) {
			for line := range strings.Lines(m[1]) {
				line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
				words := strings.Fields(strings.TrimPrefix(line, "bin/"))
				if len(words) < 2 || words[0] != "pgchaos" {
					continue
				}
				commands++
				if slices.Contains(starting, words[1]) {
					p.hasFlags(file, words)
					continue
				}
				cmd := exec.CommandContext(t.Context(), "sh", "-c", "pgchaos "+strings.Join(words[1:], " "))
				cmd.Dir = filepath.Dir(p.base)
				cmd.Env = append(os.Environ(), "PGCHAOS_DIR="+p.base, "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %s: %v\n%s", file, line, err, out)
				}
			}
		}
	}
	if commands < 10 {
		t.Errorf("%d commands found", commands)
	}
}

// hasFlags wants the help of a command to list each flag of a line.
func (p *place) hasFlags(file string, words []string) {
	p.t.Helper()
	code, help, errs := p.run(words[1], "--help")
	if code != exitPass {
		p.t.Errorf("%s: %q: %s", file, words, errs)
	}
	for _, w := range words[2:] {
		if name, _, _ := strings.Cut(w, "="); strings.HasPrefix(name, "--") && !strings.Contains(help, name) {
			p.t.Errorf("%s: %q: there is no %s", file, words, name)
		}
	}
}
