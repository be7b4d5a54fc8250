package runner

import (
	"context"
	"time"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/spec"
)

// loads starts and stops workloads by name, for the steps that do so.
type loads interface {
	startLoad(ctx context.Context, name string) error
	stopLoad(ctx context.Context, name string) error
}

// keepExec keeps what a command of a step wrote on a node, as a fault.KeepOutput does.
type keepExec func(step, node string, out cluster.Output) (file string, err error)

// bind turns the steps of the file into steps on a cluster that is up.
func bind(e *spec.Experiment, scene *chaos.Scene, l loads, keep keepExec, await awaiter) []chaos.Step {
	bound := make([]chaos.Step, 0, len(e.Timeline))
	for i := range e.Timeline {
		s := &e.Timeline[i]
		env := fault.Env{
			Step: s.Name, Scene: scene, StartLoad: l.startLoad, StopLoad: l.stopLoad,
			KeepOutput: func(node string, out cluster.Output) (string, error) { return keep(s.Name, node, out) },
		}
		kind := s.Kind()
		b := chaos.Step{
			Name: s.Name, After: s.After, Anew: e.BeginsCycle(i), Action: kind.Name, Facts: kind.Facts, Fault: kind.Outage,
			Repetition: s.Repetition, Continue: s.Continues(), Idle: waitOf(s) > 0,
			For: time.Duration(s.For), SamePhase: !s.BeginsPhase(), Do: s.Parameters().Action(env),
			Needs: kind.Capabilities, Reverse: kind.Reverse(s.Parameters(), env),
		}
		if s.At != nil {
			at := time.Duration(*s.At)
			b.At = &at
		}
		if s.Repeat != nil {
			b.Every = time.Duration(s.Repeat.Every)
		}
		if s.When != nil {
			b.When = func(ctx context.Context) error {
				return scene.Await(ctx, s.When.Chaos(), time.Duration(s.Within))
			}
		}
		if s.Trigger != "" {
			b.When, b.Do = triggered(s, b.Do, await)
		}
		bound = append(bound, b)
	}
	return bound
}

// triggered is how a step waits for the text of its `when`, and its action, which notes what was read.
func triggered(s *spec.Step, do chaos.Action, await awaiter) (func(context.Context) error, chaos.Action) {
	var seen string
	when := func(ctx context.Context) error {
		c, _, err := s.Condition()
		if err != nil {
			return err
		}
		seen, err = await(ctx, c, time.Duration(s.Within))
		return err
	}
	prepare := do.Prepare
	do.Prepare = func(ctx context.Context, act *chaos.Act) error {
		act.Note("%s", seen)
		if prepare == nil {
			return nil
		}
		return prepare(ctx, act)
	}
	return when, do
}
