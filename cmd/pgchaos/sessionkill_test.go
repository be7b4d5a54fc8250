package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/internal/longtest"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/runner"
)

// faultTwice is a series whose two runs use one cluster: in each of them a standby stays under a fault until the end.
const faultTwice = `
name: twice
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
timeline:
  - FAULT: b
duration: 2500ms
variants: {one: {}, two: {}}
rounds: 1
warmup_rounds: 0
reuse: true
`

// killedInItsSecondRun begins the series, and kills pgchaos while the second run's fault is in place. It returns the run that built
// the cluster, and the directories of both.
func (p *place) killedInItsSecondRun(fault string, args ...string) (builder string, dirs []string) {
	p.t.Helper()
	cmd := p.command(append([]string{"run", p.write("twice.yaml", strings.Replace(faultTwice, "FAULT", fault, 1)), "--out", p.out}, args...)...)
	must(p.t, cmd.Start())
	p.await("the fault of the second run", func() bool {
		dirs, _ = filepath.Glob(filepath.Join(p.out, "1", "*"))
		if len(dirs) < 2 {
			return false
		}
		return !slices.ContainsFunc(dirs, func(dir string) bool {
			j, err := runner.ReadJournal(dir)
			return err != nil || !slices.ContainsFunc(j.Events, func(m record.Event) bool { return m.Name == fault+"-b" && m.Status == record.EventDone })
		})
	})
	must(p.t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	for _, dir := range dirs {
		r, err := report.Read(dir)
		must(p.t, err)
		if r.Cluster.RunsBefore == 0 {
			builder = r.Run
		} else if r.Cluster.Rebuilt != "" {
			p.t.Errorf("the second run did not use the cluster of the first: %s", r.Cluster.Rebuilt)
		}
	}
	if builder == "" {
		p.t.Fatal("no run has built a cluster")
	}
	return builder, dirs
}

// cleanTakesBack runs clean, which must find the fault by the directory of the run that used the cluster last.
func (p *place) cleanTakesBack(builder, reversal string, dirs []string) {
	p.t.Helper()
	code, out, errs := p.run("clean", builder)
	for _, want := range []string{builder + ": taken back before the removal: " + reversal, builder + ": removed, with "} {
		if code != exitPass || !strings.Contains(out, want) {
			p.t.Errorf("exit code %d, want %q in\n%s%s", code, want, out, errs)
		}
	}
	for _, dir := range dirs {
		for _, name := range []string{runner.AccessFile, runner.Passfile, runner.UserFile} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				p.t.Errorf("left: %s in %s", name, dir)
			}
		}
	}
}

func TestCleanTakesBackTheFaultOfALaterRun(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	builder, dirs := p.killedInItsSecondRun("pause")
	p.cleanTakesBack(builder, "resume b", dirs)
	p.nothingLeft()
}
