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
	"pgchaos/record"
)

// Step is one action and when it happens.
type Step struct {
	Name   string
	Action string       // the action's word, for the event
	Facts  record.Facts // what it does to the servers of its nodes, for the event
	// After names a step, or the reversal of one (record.UndoPrefix), that stands above. This step begins when that one is over,
	// beside those that follow it. What stands for several (record.AfterSeveral) are those above and their reversals. "": the step follows the last one above it that has no After.
	After string
	// At is when, since the load began or since the cycle did (Anew) or, with After, since that step was over; nil: at once.
	At *time.Duration
	// Anew has At of this step, and of those after it, count from the end of all steps before it.
	Anew bool
	// When, if set, waits until the step may begin, and returns an error if it never may.
	When func(ctx context.Context) error
	// Repetition counts the repetitions of a step, from 1; 0: it is not repeated. Later ones stand behind the first, and each is due
	// Every after the one before was, and begins at the earliest when that one has been taken back.
	Repetition int
	Every      time.Duration
	// For takes the action back this long after its effect; 0: at the end of the run.
	For time.Duration
	// Continue lets the timeline go on where the step fails.
	Continue bool
	// Idle says that the action does nothing but wait, and so it can be broken off.
	Idle bool
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

// undo is the name of the event that takes the step back.
func (s *Step) undo() string { return record.UndoPrefix + s.Name }

// Timeline runs steps one after the other, and those with After beside them. A step that fails ends it: what
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

// Events are what has happened so far, by the time it was over.
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

// Amend replaces an event that was seen, by its name, with what is known of it now.
func (t *Timeline) Amend(m record.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.events {
		if t.events[i].Status == record.EventSeen && t.events[i].Name == m.Name {
			t.events[i] = m
		}
	}
}

func (t *Timeline) keep(m record.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, m)
}

// runEnded is why a step did not begin.
const runEnded = "the run was ended"

// conclude marks how a step or a part of one ended.
func (t *Timeline) conclude(ctx context.Context, event *record.Event, act *Act, acted bool, err error) {
	switch {
	case event.Status != "": // the caller knows
	case err == nil:
		event.Status = record.EventDone
		event.Effective = t.Clock.Now()
		if !act.effective.IsZero() {
			event.Effective = t.Clock.Offset(act.effective)
		}
	case ctx.Err() != nil && acted: // it may have changed anything
		event.Status, event.Error = record.EventFailed, "the run was ended while it was under way"
	case ctx.Err() != nil:
		event.Status, event.Error = record.EventSkipped, runEnded
	default:
		event.Status, event.Error = record.EventFailed, err.Error()
		event.NotSo = acted && errors.Is(err, ErrNotSo) // and not the step's `when`
	}
	event.Ended = t.Clock.Now()
	event.Nodes, event.Detail, event.Mode = act.names(), act.detail, act.mode
	event.Way, event.Tried, event.Numbers, event.Warnings = act.way, act.tried, act.numbers, act.warnings
	t.keep(*event)
	t.End(*event)
}

// issue is the moment in which a step or a reversal is issued.
func (t *Timeline) issue(m record.Event) time.Duration {
	if t.Issue == nil {
		return t.Clock.Now()
	}
	return t.Issue(m)
}

// event is what is known of a step before it begins.
func (s *Step) event() record.Event {
	return record.Event{
		Name: s.Name, Action: s.Action, After: s.After, At: s.At, Planned: s.due, Fault: s.Fault, Facts: &s.Facts, SamePhase: s.SamePhase,
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

// stepKey is the key of a context's step.
type stepKey struct{}

// StepName is the name of the step that a context is of; "" where it is of none.
func StepName(ctx context.Context) string {
	name, _ := ctx.Value(stepKey{}).(string)
	return name
}
