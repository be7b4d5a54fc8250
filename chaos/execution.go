package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/wait"
	"pgchaos/record"
)

// execution is a Timeline that runs.
type execution struct {
	*Timeline
	ctx context.Context // of steps that have begun
	// waiting is of those that have not. It ends when ctx does, and when a step fails: the end of the run heals all.
	waiting context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup  // branches and reversals
	over    map[string]*end // by the name of a step or a reversal

	mu       sync.Mutex // guards what follows, and the ends
	errs     []error
	panicked error
	begun    map[string]bool // the steps that have begun to act
}

// end is the end of a step or a reversal.
type end struct {
	done   chan struct{} // closed when it is over, and when it is certain that it will not begin
	closed bool
	at     time.Duration
	ok     bool // what comes after it can begin
}

// Run runs every step, waits for the reversals that steps asked for with For, and
// returns the errors of all that did not take effect. Steps that were not begun
// are marked as skipped.
func (t *Timeline) Run(ctx context.Context) error {
	x := &execution{Timeline: t, ctx: ctx, over: map[string]*end{}, begun: map[string]bool{}}
	// A failed step cancels the waits of other steps and for reversals.
	x.waiting, x.stop = context.WithCancel(ctx)
	defer x.wg.Wait() // also where the first branch panics
	defer x.stop()
	for i := range t.Steps {
		x.over[t.Steps[i].Name] = &end{done: make(chan struct{})}
		x.over[t.Steps[i].undo()] = &end{done: make(chan struct{})}
	}
	all := branches(t.Steps)
	for _, branch := range all[1:] {
		x.wg.Go(func() {
			if err := protect(func() error { x.run(branch); return nil }); err != nil {
				x.mu.Lock()
				x.panicked = err
				x.mu.Unlock()
				x.stop()
			}
		})
	}
	x.run(all[0])
	x.wg.Wait()
	if x.panicked != nil {
		panic(x.panicked) // as one of the first branch does
	}
	return errors.Join(x.errs...)
}

// branches are the numbers of the steps that follow each other: first those without After and then, for each step with
// After, its repetitions.
func branches(steps []Step) [][]int {
	all := [][]int{nil}
	for i, s := range steps {
		switch {
		case s.After == "":
			all[0] = append(all[0], i)
		case s.Repetition > 1:
			all[len(all)-1] = append(all[len(all)-1], i)
		default:
			all = append(all, []int{i})
		}
	}
	return all
}

// run runs the steps of a branch.
func (x *execution) run(branch []int) {
	var base, first time.Duration // which At counts from, and when the first of several repetitions was issued
	for k, i := range branch {
		step := x.Steps[i]
		if at, counts, ok := x.begin(i); !ok {
			x.skip(branch[k:], base, step.After == "", x.whyNot())
			return
		} else if counts {
			base = at
		}
		step.due = step.dueFrom(base)
		if step.Repetition > 1 {
			due := first + time.Duration(step.Repetition-1)*step.Every
			step.due = &due
		}
		act, issued, err := x.perform(step)
		if step.Repetition == 1 {
			first = issued
		}
		if err != nil && !x.goOn(step, err) {
			x.ended(step.Name, false)
			x.ended(step.undo(), false)
			x.skip(branch[k+1:], base, true, notAfterFailure)
			return
		}
		x.ended(step.Name, true)
		if step.For > 0 && (err == nil || len(act.reversals) > 0) {
			x.takeBackLater(step, act)
			continue
		}
		x.ended(step.undo(), true)
	}
}

// notAfterFailure is why a step was skipped.
const notAfterFailure = "a step before it did not succeed"

// whyNot is why nothing begins any more.
func (x *execution) whyNot() string {
	if err := x.ctx.Err(); err != nil {
		x.note(err)
		return runEnded
	}
	return notAfterFailure
}

// begin waits for what step i comes after, beside the step before it in its branch. It returns when they were over, and
// whether the times of steps count from there; ok is false where it cannot begin.
func (x *execution) begin(i int) (at time.Duration, counts, ok bool) {
	step := &x.Steps[i]
	var before []string
	switch {
	case step.Anew:
		for k := range x.Steps[:i] {
			before = append(before, x.Steps[k].Name)
		}
	case step.Repetition > 1: // a fault may not be repeated while it is in force
		before = []string{x.Steps[i-1].undo()}
	case record.AfterSeveral(step.After):
		for k := range x.Steps[:i] {
			if s := &x.Steps[k]; record.AfterIncludes(step.After, s.Name) {
				before = append(before, s.Name, s.undo())
			}
		}
	case step.After != "":
		before = []string{step.After}
	}
	for _, name := range before {
		e := x.over[name]
		if e == nil {
			return 0, false, false
		}
		select {
		case <-e.done:
		case <-x.waiting.Done():
		}
		if x.waiting.Err() != nil || !e.ok && !step.Anew {
			return 0, false, false
		}
		at = max(at, e.at)
	}
	return at, before != nil && step.Repetition <= 1, true
}

// goOn notes the error of a step, and tells whether the timeline goes on.
func (x *execution) goOn(step Step, err error) bool {
	broken := x.waiting.Err() != nil
	if !broken || x.ctx.Err() != nil { // else another step has ended the timeline, and this one was not begun
		x.note(fmt.Errorf("step %s: %w", step.Name, err))
	}
	if !step.Continue {
		x.stop()
	}
	return step.Continue && !broken
}

func (x *execution) note(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.errs = append(x.errs, err)
}

// ended lets those begin that wait for the end of a step or a reversal.
func (x *execution) ended(name string, ok bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.over[name]
	if e.closed {
		return
	}
	e.closed, e.at, e.ok = true, x.Clock.Now(), ok
	close(e.done)
}

// skip marks steps of a branch as not begun. At counts from base for those before the next cycle, if that is known.
func (x *execution) skip(steps []int, base time.Duration, known bool, why string) {
	for _, i := range steps {
		s := x.Steps[i]
		if known = known && !s.Anew; known {
			s.due = s.dueFrom(base)
		}
		event := s.event()
		event.SamePhase, event.Issued, event.Status, event.Error = false, x.Clock.Now(), record.EventSkipped, why
		x.keep(event)
		x.ended(s.Name, false)
		x.ended(s.undo(), false)
	}
}

// perform waits for the step's moment, prepares, acts, and marks it. Outages are counted from the moment in
// which the step is issued: the look-up of its nodes and the journal's sync come before that.
func (x *execution) perform(step Step) (act *Act, issued time.Duration, err error) {
	event := step.event()
	act = &Act{timeline: x.Timeline, step: step.Name}
	ctx := context.WithValue(x.ctx, stepKey{}, step.Name)
	if err = x.await(step); err == nil {
		err = protect(func() error { return x.prepare(ctx, step, act) })
	}
	if err == nil && step.Do.Ready != nil {
		err = protect(func() error { return step.Do.Ready(ctx, act) })
	}
	event.Issued = x.Clock.Now()
	acted := err == nil
	if acted {
		event.Issued, event.Nodes = x.issue(event), act.names()
		x.Begin(event)
		x.mu.Lock()
		x.begun[step.Name] = true
		x.mu.Unlock()
		if step.Idle {
			ctx = x.waiting
		}
		err = protect(func() error { return step.Do.Act(ctx, act) })
	}
	switch {
	case err == nil:
	case x.ctx.Err() != nil && step.Idle: // it has changed nothing
		event.Status, event.Error = record.EventSkipped, runEnded
	case x.ctx.Err() != nil:
	case x.waiting.Err() != nil && (!acted || step.Idle):
		event.Status, event.Error = record.EventSkipped, notAfterFailure
	default:
		event.Continued = step.Continue
	}
	x.conclude(x.ctx, &event, act, acted, err)
	return act, event.Issued, err
}

// prepare looks up what the step is aimed at, and records how it is taken back.
func (x *execution) prepare(ctx context.Context, step Step, act *Act) error {
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
	act.reversals, err = x.Undo.intend(all)
	return err
}

// await sleeps until the step's moment or its condition.
func (x *execution) await(step Step) error {
	if step.When != nil {
		if err := step.When(x.waiting); err != nil {
			return fmt.Errorf("its condition never came: %w", err)
		}
	}
	if step.due == nil {
		return x.waiting.Err()
	}
	return wait.For(x.waiting, *step.due-x.Clock.Now())
}

// takeBackLater takes a step back For after its effect, beside what follows.
func (x *execution) takeBackLater(step Step, act *Act) {
	x.wg.Go(func() {
		err := protect(func() error { return x.reverse(step, act) })
		if err != nil {
			x.note(fmt.Errorf("take back %s: %w", step.Name, err))
		}
		x.ended(step.undo(), err == nil || step.Continue)
	})
}

// reverse takes a step back For after its effect.
func (x *execution) reverse(step Step, act *Act) error {
	due := x.Clock.Now() + step.For
	if err := wait.For(x.waiting, step.For); err != nil {
		return nil //nolint:nilerr // the run ends, and heals everything itself
	}
	waited, goesOn := x.awaitThaw(act)
	if !goesOn {
		return nil
	}
	event := record.Event{
		Name: step.undo(), Action: "undo", Reverses: step.Name, Nodes: act.names(),
		Planned: &due,
	}
	event.Issued = x.issue(event)
	x.Begin(event)
	// Each is of another node.
	gone := make([]string, len(act.reversals))
	err := AtOnce(len(act.reversals), func(i int) error {
		gone[i] = x.Undo.look(x.ctx, act.reversals[i])
		return x.Undo.takeBack(x.ctx, act.reversals[i], false)
	})
	if waited > 0 {
		gone = append(gone, fmt.Sprintf("it waited %s for the end of a pause", waited.Round(time.Millisecond)))
	}
	event.Detail = strings.Join(slices.DeleteFunc(gone, func(s string) bool { return s == "" }), "; ")
	event.Ended = x.Clock.Now()
	event.Status, event.Effective = record.EventDone, event.Ended
	if err != nil {
		event.Status, event.Effective, event.Error = record.EventFailed, 0, err.Error()
		event.Continued = step.Continue
	}
	x.keep(event)
	x.End(event)
	return err
}

// awaitThaw waits until no node of a reversal that needs an answer is paused, as long as the pause will end by itself. It returns how long
// that took; goesOn is false where the timeline ends meanwhile. A pause without an end is not waited for: the reversal says what is wrong.
func (x *execution) awaitThaw(act *Act) (waited time.Duration, goesOn bool) {
	if len(act.reversals) == 0 || !x.Undo.Kinds[act.reversals[0].Kind].Asks {
		return 0, true
	}
	began := x.Clock.Now()
	for slices.ContainsFunc(act.nodes, (*cluster.Node).Paused) && x.thaws() {
		if wait.For(x.waiting, pollEvery) != nil {
			return 0, false
		}
		waited = x.Clock.Now() - began
	}
	return waited, true
}

// thaws tells whether a pause has begun that ends by itself, and has not ended.
func (x *execution) thaws() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.ContainsFunc(x.Steps, func(s Step) bool {
		return s.Facts.Freezes && s.For > 0 && x.begun[s.Name] && !x.over[s.undo()].closed
	})
}
