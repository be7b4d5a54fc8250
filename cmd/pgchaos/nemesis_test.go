package main

import (
	"slices"
	"strings"
	"testing"

	"pgchaos/record"
	"pgchaos/spec"
)

// soonerNemesis is a short schedule of the shipped nemesis. With this seed it has a frozen node, a cut network, and a killed primary with its runbook.
var soonerNemesis = []string{
	"nemesis", "--seed", "25", "--set", "random.begin=1s", "--set", "random.lasts=9s", "--set", "random.every=1s", "--set", "random.for={min: 1s, max: 2s}",
	"--set", "load.writes.rate=100/s", "--set", "load.reads.rate=50/s",
}

// TestShippedNemesis runs the shipped random schedule, shortened: nothing is lost, every step succeeds, and the result has all that is needed to
// run the same steps again.
func TestShippedNemesis(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run(append([]string{"run", "--out", p.out}, soonerNemesis...)...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if !strings.Contains(stdout, "--seed 25") {
		t.Errorf("the report does not say how to repeat the run:\n%s", stdout)
	}
	result := p.result()
	var done []string
	for _, m := range result.Timeline {
		if m.Status != record.EventDone {
			t.Errorf("%+v", m)
		}
		if m.Action != "undo" && strings.HasPrefix(m.Name, "random-") {
			done = append(done, m.Name)
		}
	}
	e, _, err := spec.Load("result", []byte(result.Experiment), spec.Options{Resolved: true})
	if err != nil {
		t.Fatal(err)
	}
	var planned []string
	for i := range e.Timeline {
		planned = append(planned, e.Timeline[i].Name)
	}
	for _, name := range planned {
		if !slices.Contains(done, name) {
			t.Errorf("%s was planned and not done: %v", name, done)
		}
	}
	for _, action := range []string{"pause", "partition", "kill", "failover", "rejoin", "heal"} {
		if !slices.ContainsFunc(planned, func(name string) bool { return strings.HasSuffix(name, "-"+action) }) {
			t.Errorf("no %s: %v", action, planned)
		}
	}
	p.nothingLeft()
}

// TestSameSchedule: a run of a series has a seed of its own, and the schedule of the series. Its command has both.
func TestSameSchedule(t *testing.T) {
	f := &experimentFlags{seed: 7}
	p, err := f.plan(t.Context(), "nemesis", reading{})
	if err != nil {
		t.Fatal(err)
	}
	plan := *p.Plans[0]
	args := []string{"run", "nemesis"}
	if got := sameSchedule(args, &plan); len(got) != 2 {
		t.Errorf("the seed of the run is that of the schedule: %v", got)
	}
	plan.Seed = 8
	again := &experimentFlags{seed: plan.Seed, set: sameSchedule(args, &plan)[3:]}
	q, err := again.plan(t.Context(), "nemesis", reading{})
	if err != nil {
		t.Fatal(err)
	}
	if q.Plans[0].Seed != 8 || q.Plans[0].Experiment.Schedule.Seed != 7 || len(q.Plans[0].Experiment.Timeline) != len(plan.Experiment.Timeline) {
		t.Errorf("%d %+v", q.Plans[0].Seed, q.Plans[0].Experiment.Schedule)
	}
}
