package runner

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/record"
	"pgchaos/spec"
)

// course is how far the timeline has come: what is in force, what comes next, and when all of it can be over. It is
// safe for concurrent use.
type course struct {
	experiment *spec.Experiment

	mu        sync.Mutex
	next      int           // the number of the first step of the sequence that has not been issued
	begun     time.Duration // when the cycle began that the next step is of: its `at` counts from there
	free      time.Duration // the earliest moment at which the step that was issued last can be over
	busy      bool          // it is not over
	waits     bool          // it does nothing but wait, and so free is when it is over
	broken    bool          // a step did not succeed, and so no other follows
	reversals []reversal    // that steps have asked for, and that have not been issued
	faults    []inForce
	issued    map[string]time.Duration // when steps were issued, by name
	over      map[string]time.Duration // when steps and reversals were over after which others can begin, by name
}

// reversal takes a step back, at a moment.
type reversal struct {
	step string
	at   time.Duration
}

// inForce is a fault, and what the action does to the servers of its nodes.
type inForce struct {
	FaultStatus
	facts record.Facts
}

func newCourse(e *spec.Experiment) *course {
	return &course{experiment: e, issued: map[string]time.Duration{}, over: map[string]time.Duration{}}
}

// step is the number of the step of that name; -1: there is none.
func (c *course) step(name string) int {
	return slices.IndexFunc(c.experiment.Timeline, func(s spec.Step) bool { return s.Name == name })
}

// begin notes that a step or a reversal has been issued.
func (c *course) begin(m record.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.Reverses != "" {
		c.reversals = slices.DeleteFunc(c.reversals, func(r reversal) bool { return r.step == m.Reverses })
		return
	}
	i := c.step(m.Name)
	if i < 0 {
		return
	}
	s := &c.experiment.Timeline[i]
	c.issued[s.Name] = m.Issued
	if s.After == "" {
		c.next, c.busy, c.free, c.waits = c.following(i), true, m.Issued+waitOf(s), waitOf(s) > 0
	}
	if m.Fault || s.Kind().Reversible {
		c.add(m)
	}
}

// end notes that a step or a reversal is over, or that something was seen to happen.
func (c *course) end(m record.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := m.Status == record.EventDone || m.Status == record.EventSeen
	if done || m.Continued {
		c.over[m.Name] = m.Ended
	}
	if m.Reverses != "" {
		if done {
			c.remove(m.Reverses)
		}
		return
	}
	if done {
		c.release(m)
	}
	i := c.step(m.Name)
	if i < 0 {
		if facts, _ := m.Effects(); facts.Ends { // a server has ended by itself
			c.add(m)
		}
		return
	}
	c.remove(m.Name) // for it may not have had its nodes before
	s := &c.experiment.Timeline[i]
	if s.After == "" {
		c.next, c.busy, c.free = c.following(i), false, m.Ended
	}
	if !done && !m.Continued {
		c.broken, c.reversals = true, nil
		return
	}
	if next := c.following(i); s.After == "" && next < len(c.experiment.Timeline) && c.experiment.BeginsCycle(next) {
		c.begun = m.Ended
	}
	if !done {
		return
	}
	if s.Kind().Reversible { // else it is over then, as a restart is
		c.add(m)
	}
	if s.For > 0 {
		c.reversals = append(c.reversals, reversal{s.Name, m.Ended + time.Duration(s.For)})
	}
}

// following is the number of the step of the sequence that follows another one; that of the last step and 1 if there is none.
func (c *course) following(i int) int {
	for i++; i < len(c.experiment.Timeline) && c.experiment.Timeline[i].After != ""; {
		i++
	}
	return i
}

// due is when a step is due that is repeated or that comes after another one; known is false where that is not known. mu is held.
func (c *course) due(i int) (at time.Duration, known bool) {
	s := &c.experiment.Timeline[i]
	if s.Repetition > 1 {
		first := c.experiment.Timeline[i-s.Repetition+1].Name
		at, known = c.issued[first]
		return at + time.Duration(s.Repetition-1)*time.Duration(s.Repeat.Every), known
	}
	if record.AfterSeveral(s.After) {
		at, known = c.severalOver(i)
	} else {
		at, known = c.over[s.After]
	}
	if known && s.At != nil {
		at += time.Duration(*s.At)
	}
	return at, known
}

// severalOver is when all steps that one comes after were over, and had been taken back; known is false while one of them is not. mu is held.
func (c *course) severalOver(i int) (at time.Duration, known bool) {
	for k := range c.experiment.Timeline[:i] {
		s := &c.experiment.Timeline[k]
		if !record.AfterIncludes(c.experiment.Timeline[i].After, s.Name) {
			continue
		}
		names := []string{s.Name}
		if s.For > 0 {
			names = append(names, s.Reversal())
		}
		for _, name := range names {
			over, ended := c.over[name]
			if !ended {
				return 0, false
			}
			at = max(at, over)
		}
	}
	return at, true
}

// beside are the numbers of the steps beside the sequence that have not been issued. mu is held.
func (c *course) beside() (all []int) {
	for i := range c.experiment.Timeline {
		if s := &c.experiment.Timeline[i]; s.After != "" {
			if _, issued := c.issued[s.Name]; !issued {
				all = append(all, i)
			}
		}
	}
	return all
}

// add puts a fault in force. One of the same action on the same node is no longer: its limits are others now. mu is held.
func (c *course) add(m record.Event) {
	facts, _ := m.Effects()
	if !facts.Links { // which can be on several links of a node
		c.leave(m.Nodes, func(f *inForce) bool { return f.Action == m.Action })
	}
	c.faults = append(c.faults, inForce{FaultStatus{Step: m.Name, Action: m.Action, Nodes: slices.Clone(m.Nodes), Since: m.Issued}, facts})
}

// remove takes the fault of a step out of force. mu is held.
func (c *course) remove(step string) {
	c.faults = slices.DeleteFunc(c.faults, func(f inForce) bool { return f.Step == step })
}

// release takes out of force, on the nodes of an event, what it ends. mu is held.
func (c *course) release(m record.Event) {
	by, _ := m.Effects()
	c.leave(m.Nodes, func(f *inForce) bool {
		if f.Step == m.Name {
			return false
		}
		return f.facts.Ends && by.Starts || f.facts.Freezes && (by.Thaws || by.Ends) || f.facts.Cuts && by.Connects || f.facts.Lasts && by.Lifts == f.Action
	})
}

// leave takes some faults out of force on some nodes. mu is held.
func (c *course) leave(nodes []string, which func(f *inForce) bool) {
	kept := c.faults[:0]
	for _, f := range c.faults {
		if len(f.Nodes) > 0 && which(&f) {
			f.Nodes = slices.DeleteFunc(f.Nodes, func(n string) bool { return slices.Contains(nodes, n) })
			if len(f.Nodes) == 0 {
				continue
			}
		}
		kept = append(kept, f)
	}
	c.faults = kept
}

// describe fills in what the Status says of the timeline.
func (c *course) describe(s *Status) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		f.Nodes = slices.Clone(f.Nodes) // which goes on to change
		s.Faults = append(s.Faults, f.FaultStatus)
	}
	slices.SortStableFunc(s.Faults, func(a, b FaultStatus) int { return cmp.Compare(a.Since, b.Since) })
	s.Next, s.End = c.nextStep(), c.earliestEnd(s.Elapsed)
}

// nextStep is what comes next: of the next step and the reversals the first one whose moment is known, or else the step. mu is held.
func (c *course) nextStep() *NextStep {
	var next *NextStep
	if c.next < len(c.experiment.Timeline) && !c.broken {
		s := &c.experiment.Timeline[c.next]
		next = &NextStep{Name: s.Name, Waits: s.Waits()}
		due, repeated := c.due(c.next)
		switch {
		case repeated && s.Repetition > 1:
			next.At = max(due, c.free)
		case s.At != nil && (!c.busy || !c.experiment.BeginsCycle(c.next)): // else the cycle has not begun
			next.At = max(c.begun+time.Duration(*s.At), c.free)
		case s.At == nil && !s.Waits() && c.busy && c.waits:
			next.At = c.free
		}
	}
	for _, r := range c.reversals {
		next = sooner(next, NextStep{Name: record.UndoPrefix + r.step, At: r.at})
	}
	if c.broken {
		return next
	}
	for _, i := range c.beside() {
		s := &c.experiment.Timeline[i]
		switch at, known := c.due(i); {
		case known && !s.Waits():
			next = sooner(next, NextStep{Name: s.Name, At: at})
		case known && next == nil:
			next = &NextStep{Name: s.Name, Waits: true}
		}
	}
	return next
}

// sooner is the one of two that comes first, as far as that is known.
func sooner(next *NextStep, one NextStep) *NextStep {
	if next == nil || next.At == 0 && next.Waits || next.At > 0 && one.At < next.At {
		return &one
	}
	return next
}

// earliestEnd is Status.End. mu is held.
func (c *course) earliestEnd(now time.Duration) time.Duration {
	e := c.experiment
	end, begun := c.free, c.begun
	if c.broken {
		return end // the load stops then
	}
	if c.busy || c.next < len(e.Timeline) {
		end = max(end, now)
	}
	last := max(time.Duration(e.Duration), c.loadEnd())
	for _, r := range c.reversals {
		last = max(last, r.at)
	}
	guess := earliest{c, map[string]time.Duration{}, map[string]time.Duration{}}
	for _, r := range c.reversals {
		guess.over[record.UndoPrefix+r.step] = r.at
	}
	for i := c.next; i < len(e.Timeline); i = c.following(i) {
		s := &e.Timeline[i]
		if e.BeginsCycle(i) && (c.busy || i > c.next) {
			begun = end
		}
		switch {
		case s.Repetition > 1:
			end = max(end, guess.repeated(i))
		case s.At != nil:
			end = max(end, begun+time.Duration(*s.At))
		}
		end = guess.note(s, end)
		last = max(last, end+time.Duration(s.For))
	}
	for _, i := range c.beside() {
		s := &e.Timeline[i]
		last = max(last, guess.note(s, max(now, guess.beside(i)))+time.Duration(s.For))
	}
	if end = max(end, last); end < now {
		return 0 // workloads go on that end by themselves
	}
	return end
}

// loadEnd is the earliest moment at which the workloads that run from the beginning can have ended by themselves, as far as it is known.
func (c *course) loadEnd() (end time.Duration) {
	for _, name := range c.experiment.InitiallyRunning() {
		w := c.experiment.Workload(name)
		stopped := slices.ContainsFunc(c.experiment.Timeline, func(s spec.Step) bool { return slices.Contains(s.Workloads(), name) })
		if w.Iterations > 0 || stopped {
			continue
		}
		length := time.Duration(w.Duration)
		var stages time.Duration
		for _, s := range w.Stages {
			stages += time.Duration(s.For)
		}
		if length == 0 || stages > 0 && stages < length {
			length = stages
		}
		end = max(end, length)
	}
	return end
}

// waitOf is how long a step waits; 0: it does something else.
func waitOf(s *spec.Step) time.Duration {
	if w, ok := s.Parameters().(*fault.Wait); ok {
		return time.Duration(w.Time)
	}
	return 0
}

// earliest guesses when steps that have not been issued can be over at the earliest. The course's mu is held.
type earliest struct {
	*course
	begin map[string]time.Duration
	over  map[string]time.Duration // by the name of a step or a reversal
}

// note notes when a step can begin, and returns when it can be over.
func (g *earliest) note(s *spec.Step, begin time.Duration) time.Duration {
	end := begin + waitOf(s)
	g.begin[s.Name], g.over[s.Name], g.over[record.UndoPrefix+s.Name] = begin, end, end+time.Duration(s.For)
	return end
}

// repeated is when a later repetition of a step is due.
func (g *earliest) repeated(i int) time.Duration {
	if at, known := g.due(i); known {
		return at
	}
	s := &g.experiment.Timeline[i]
	first := g.experiment.Timeline[i-s.Repetition+1].Name
	return g.begin[first] + time.Duration(s.Repetition-1)*time.Duration(s.Repeat.Every)
}

// beside is when a step beside the sequence is due.
func (g *earliest) beside(i int) time.Duration {
	s := &g.experiment.Timeline[i]
	if s.Repetition > 1 {
		return g.repeated(i)
	}
	if at, known := g.due(i); known {
		return at
	}
	at := g.over[s.After]
	for k := range g.experiment.Timeline[:i] {
		if above := &g.experiment.Timeline[k]; record.AfterIncludes(s.After, above.Name) {
			at = max(at, g.over[above.Name], g.over[above.Reversal()])
		}
	}
	if s.At != nil {
		at += time.Duration(*s.At)
	}
	return at
}
