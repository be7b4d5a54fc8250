// Package chaos breaks a cluster on a timeline and takes the faults back: the
// actions, the roles that they can be aimed at, and the Timeline that runs
// them. It knows nothing of the load and nothing of the experiment file.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// Step is one action and when it happens.
type Step struct {
	Name   string
	Action string       // the action's word, for the event
	Facts  record.Facts // what it does to the servers of its nodes, for the event
	// At is when, since the load began or since the cycle did (Anew); nil: as soon as the step before is done.
	At *time.Duration
	// Anew has At of this step, and of those after it, count from the end of the step before it.
	Anew bool
	// When, if set, waits until the step may begin, and returns an error if it never may.
	When func(ctx context.Context) error
	// For takes the action back this long after its effect; 0: at the end of the run.
	For time.Duration
	// Fault says that the action takes something away from clients.
	Fault bool
	// SamePhase says that no phase begins with the step.
	SamePhase bool
	// Needs are what its nodes must be able to do.
	Needs []cluster.Capability
	Do    Action
	// Reverse is how the action is taken back on a node, found out before the action; nil: nothing
	// takes it back.
	Reverse func(ctx context.Context, n *cluster.Node) (Reversal, error)

	due *time.Duration // on the clock; nil: as At, and where it is not known
}

// dueFrom is when the step is due on the clock, where At counts from base.
func (s *Step) dueFrom(base time.Duration) *time.Duration {
	if s.At == nil {
		return nil
	}
	due := base + *s.At
	return &due
}

// Timeline runs steps one after the other. A step that fails ends it: what
// follows would act on a cluster that is not what its author thought.
type Timeline struct {
	Steps []Step
	Clock record.Clock
	Undo  *Undo
	// Issue returns the moment in which a step or a reversal is issued, which is now, for
	// the event so far; nil: Clock.Now.
	Issue func(record.Event) time.Duration
	// Begin is called when a step or a reversal is issued, with the event so far;
	// End when it is over. Both may be called from several goroutines at once.
	Begin func(record.Event)
	End   func(record.Event)

	mu     sync.Mutex
	events []record.Event
}

// Run runs every step, waits for the reversals that steps asked for with For, and
// returns the errors of all that did not take effect. Steps that were not begun
// are marked as skipped.
func (t *Timeline) Run(ctx context.Context) error {
	var (
		wg    sync.WaitGroup
		errs  []error
		errMu sync.Mutex
	)
	fail := func(err error) {
		errMu.Lock()
		defer errMu.Unlock()
		errs = append(errs, err)
	}
	// A failed step cancels the waits for reversals: the end of the run heals all.
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var base time.Duration // which At counts from
	for i, step := range t.Steps {
		if step.Anew {
			base = t.Clock.Now()
		}
		step.due = step.dueFrom(base)
		act, err := t.run(ctx, step)
		if err != nil {
			fail(fmt.Errorf("step %s: %w", step.Name, err))
			t.skip(t.Steps[i+1:], base)
			stop()
			break
		}
		if step.For > 0 {
			wg.Go(func() {
				if err := protect(func() error { return t.reverse(ctx, step, act) }); err != nil {
					fail(fmt.Errorf("take back %s: %w", step.Name, err))
				}
			})
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Events are what has happened so far, by the time it was issued.
func (t *Timeline) Events() []record.Event {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]record.Event(nil), t.events...)
}

// See adds an event of something that was seen to happen, not done by a step.
func (t *Timeline) See(m record.Event) {
	m.Status = record.EventSeen
	t.keep(m)
	t.End(m)
}

func (t *Timeline) keep(m record.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, m)
}

// run waits for the step's moment, prepares, acts, and marks it. Outages are counted from the moment in
// which the step is issued: the look-up of its nodes and the journal's sync come before that.
func (t *Timeline) run(ctx context.Context, step Step) (*Act, error) {
	event := record.Event{Name: step.Name, Action: step.Action, At: step.At, Planned: step.due, Fault: step.Fault, Facts: &step.Facts, SamePhase: step.SamePhase}
	act := &Act{timeline: t, step: step.Name}
	err := t.await(ctx, step)
	if err == nil {
		err = protect(func() error { return t.prepare(ctx, step, act) })
	}
	if err == nil && step.Do.Ready != nil {
		err = protect(func() error { return step.Do.Ready(ctx, act) })
	}
	event.Issued = t.Clock.Now()
	acted := err == nil
	if acted {
		event.Issued, event.Nodes = t.issue(event), act.names()
		t.Begin(event)
		err = protect(func() error { return step.Do.Act(ctx, act) })
	}
	t.conclude(ctx, &event, act, acted, err)
	return act, err
}

// conclude marks how a step or a part of one ended.
func (t *Timeline) conclude(ctx context.Context, event *record.Event, act *Act, acted bool, err error) {
	switch {
	case err == nil:
		event.Status = record.EventDone
		event.Effective = t.Clock.Now()
		if !act.effective.IsZero() {
			event.Effective = t.Clock.Offset(act.effective)
		}
	case ctx.Err() != nil:
		event.Status, event.Error = record.EventSkipped, "the run was ended"
	default:
		event.Status, event.Error = record.EventFailed, err.Error()
		event.NotSo = acted && errors.Is(err, ErrNotSo) // and not the step's `when`
	}
	event.Ended = t.Clock.Now()
	event.Nodes, event.Detail, event.Mode = act.names(), act.detail, act.mode
	event.Way, event.Tried, event.Numbers = act.way, act.tried, act.numbers
	t.keep(*event)
	t.End(*event)
}

// prepare looks up what the step is aimed at, and records how it is taken back.
func (t *Timeline) prepare(ctx context.Context, step Step, act *Act) error {
	if step.Do.Prepare != nil {
		if err := step.Do.Prepare(ctx, act); err != nil {
			return err
		}
	}
	for _, n := range act.nodes {
		for _, c := range step.Needs {
			if err := n.Can(c); err != nil {
				return fmt.Errorf("%s %s: %w", step.Action, n.Name(), err)
			}
		}
	}
	if step.Reverse == nil {
		return nil
	}
	all := make([]Reversal, len(act.nodes))
	for i, n := range act.nodes {
		var err error
		if all[i], err = step.Reverse(ctx, n); err != nil {
			return fmt.Errorf("find out how to take it back on %s: %w", n.Name(), err)
		}
	}
	var err error
	act.reversals, err = t.Undo.intend(all)
	return err
}

// issue is the moment in which a step or a reversal is issued.
func (t *Timeline) issue(m record.Event) time.Duration {
	if t.Issue == nil {
		return t.Clock.Now()
	}
	return t.Issue(m)
}

// await sleeps until the step's moment or its condition.
func (t *Timeline) await(ctx context.Context, step Step) error {
	if step.When != nil {
		if err := step.When(ctx); err != nil {
			return fmt.Errorf("its condition never came: %w", err)
		}
	}
	if step.due == nil {
		return ctx.Err()
	}
	return wait.For(ctx, *step.due-t.Clock.Now())
}

// reverse takes a step back For after its effect.
func (t *Timeline) reverse(ctx context.Context, step Step, act *Act) error {
	due := t.Clock.Now() + step.For
	if err := wait.For(ctx, step.For); err != nil {
		return nil //nolint:nilerr // the run ends, and heals everything itself
	}
	event := record.Event{
		Name: record.UndoPrefix + step.Name, Action: "undo", Reverses: step.Name, Nodes: act.names(),
		Planned: &due,
	}
	event.Issued = t.issue(event)
	t.Begin(event)
	// Each is of another node.
	errs := make([]error, len(act.reversals))
	var wg sync.WaitGroup
	for i, r := range act.reversals {
		wg.Go(func() { errs[i] = t.Undo.takeBack(ctx, r, false) })
	}
	wg.Wait()
	err := errors.Join(errs...)
	event.Ended = t.Clock.Now()
	event.Status, event.Effective = record.EventDone, event.Ended
	if err != nil {
		event.Status, event.Effective, event.Error = record.EventFailed, 0, err.Error()
	}
	t.keep(event)
	t.End(event)
	return err
}

func (t *Timeline) skip(steps []Step, base time.Duration) {
	known := true // when the steps were due: those of the same cycle
	for _, s := range steps {
		if known = known && !s.Anew; known {
			s.due = s.dueFrom(base)
		}
		t.keep(record.Event{
			Name: s.Name, Action: s.Action, At: s.At, Planned: s.due, Fault: s.Fault, Facts: &s.Facts,
			Issued: t.Clock.Now(), Status: record.EventSkipped, Error: "a step before it did not succeed",
		})
	}
}

// protect turns a panic into an error, so that a bug in one action still lets the
// run heal and clean up.
func protect(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
