package main

import (
	"slices"
	"strings"
	"testing"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/longtest"
	"pgchaos/record"
)

// TestTheExampleOfEveryFaultRuns runs each example of docs/faults.md as a reader would paste it. Every step is done, and taken back where the
// example says so, and nothing is left.
func TestTheExampleOfEveryFaultRuns(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	for _, k := range fault.Kinds() {
		if k.Name == "hook" || slices.Equal(able(k), []string{cluster.ExistingProvider}) {
			continue // its example needs a manager's cluster, whose tests have such steps
		}
		t.Run(k.Name, func(t *testing.T) {
			if slices.Contains(able(k), "local") {
				p := newPlace(t)
				p.runsAsTheManualSays(k)
				p.nothingLeft()
				return
			}
			p := newDockerPlace(t)
			p.runsAsTheManualSays(k, "--set", "name="+p.experiment, "--set", "cluster.docker.image="+dockerImage)
			p.nothingOnEngine()
		})
	}
}

// runsAsTheManualSays runs the example of a fault, and demands that every step of it was done.
func (p *place) runsAsTheManualSays(k fault.Kind, args ...string) {
	p.t.Helper()
	code, stdout, stderr := p.run(append([]string{"run", p.write("example.yaml", faultExample(k)), "--out", p.out}, args...)...)
	fails := strings.Contains(k.Manual.Example, "the verdict is FAIL")
	r := p.result()
	var lost int64
	for _, a := range r.Audits {
		lost += a.Lost.N
	}
	promotes := slices.ContainsFunc(r.Timeline, func(m record.Event) bool {
		f, known := m.Effects()
		return known && f.Promotes
	})
	// Where an asynchronous standby is promoted, some writes may be lost.
	if fails && code != exitFail || !fails && code != exitPass && (code != exitFail || lost == 0 || !promotes) {
		p.t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if len(r.Errors) > 0 {
		p.t.Errorf("errors: %q", r.Errors)
	}
	of := func(is func(record.Event) bool) []record.Event {
		return slices.DeleteFunc(slices.Clone(r.Timeline), func(m record.Event) bool { return !is(m) })
	}
	if done := of(func(m record.Event) bool { return m.Action == k.Name && m.Status == record.EventDone }); len(done) == 0 {
		p.t.Errorf("no step %s was done\n%s", k.Name, stdout)
	}
	crashes := k.Name == "kill_process" // which the watcher sees, too
	for _, m := range of(func(m record.Event) bool {
		return m.Status != record.EventDone && (m.Status != record.EventSeen || !crashes)
	}) {
		p.t.Errorf("step %s: %s: %s", m.Name, m.Status, m.Error)
	}
	back := of(func(m record.Event) bool { return m.Reverses != "" })
	if want := strings.Count(faultExample(k), " for: "); len(back) != want {
		p.t.Errorf("%d of %d steps were taken back\n%s", len(back), want, stdout)
	}
}
