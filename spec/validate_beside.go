package spec

import (
	"maps"
	"slices"
	"strings"

	"pgchaos/chaos/fault"
	"pgchaos/record"
)

// The bounds of what is looked at where steps run beside the sequence: later cycles have no other mistakes, and the time that it
// takes grows with the square of the steps.
const (
	mostCycles = 3
	mostBeside = 300
)

// statesBeside finds the steps that can never run where some run beside the sequence. Each step is looked at by itself: what
// certainly comes before it has happened, and what goes on beside it may have happened or not.
func (v *validator) statesBeside() {
	before := len(v.d.problems)
	steps := v.e.Timeline
	if i := slices.IndexFunc(steps, func(s Step) bool { return s.Cycle > mostCycles }); i >= 0 {
		steps = steps[:i]
	}
	if len(steps) > mostBeside {
		return
	}
	earlier := v.e.earlier(len(steps))
	for i := range steps {
		if v.e.BeginsCycle(i) && len(v.d.problems) > before {
			break
		}
		t := v.firstStates()
		t.quietly(func() {
			for k := range steps {
				switch {
				case steps[k].Cycle > steps[i].Cycle || earlier[k][i] || k == i:
				case earlier[i][k]:
					t.step(&steps[k], v.e.stepPath(k))
				default:
					t.perhaps(&steps[k], v.e.stepPath(k))
				}
			}
			for k := range steps { // it can also be the last of all to happen
				if steps[k].Cycle == steps[i].Cycle && !earlier[k][i] && !earlier[i][k] && k != i {
					t.perhaps(&steps[k], v.e.stepPath(k))
				}
			}
		})
		v.cycle = steps[i].Cycle
		t.step(&steps[i], v.e.stepPath(i))
	}
	v.cycle = 0
	t := v.firstStates()
	t.quietly(func() {
		for k := range steps {
			t.perhaps(&steps[k], v.e.stepPath(k))
		}
	})
	t.neverBuilt()
}

// quietly does something and forgets the mistakes that it finds.
func (t *timelineStates) quietly(do func()) {
	found := t.v.d.problems
	do()
	t.v.d.problems = found[:len(found):len(found)]
}

// perhaps takes a step to have been done, or not.
func (t *timelineStates) perhaps(s *Step, path string) {
	was := t.snapshot()
	t.step(s, path)
	t.orElse(was)
}

// snapshot is what the nodes can be now.
func (t *timelineStates) snapshot() []nodeState {
	was := make([]nodeState, len(t.nodes))
	for i, n := range t.nodes {
		was[i] = *n
	}
	return was
}

// orElse takes all nodes to be as they are, or as they were.
func (t *timelineStates) orElse(was []nodeState) {
	for i, n := range t.nodes {
		if n.held != was[i].held {
			n.held = nil
		}
		n.orElse(was[i])
	}
}

// earlier tells for each of the first steps which others are certainly over when it begins.
func (e *Experiment) earlier(steps int) []map[int]bool {
	all := make([]map[int]bool, steps)
	byName := map[string]int{}
	last := -1 // of the sequence
	for i := range all {
		s := &e.Timeline[i]
		all[i] = map[int]bool{}
		comesAfter := func(k int) {
			all[i][k] = true
			maps.Copy(all[i], all[k])
		}
		if e.BeginsCycle(i) {
			for k := range i {
				all[i][k] = true
			}
		}
		switch of, known := byName[strings.TrimPrefix(s.After, record.UndoPrefix)]; {
		case s.Repetition > 1: // stands behind the one before
			comesAfter(i - 1)
		case record.AfterSeveral(s.After):
			for k := range i {
				if record.AfterIncludes(s.After, e.Timeline[k].Name) {
					comesAfter(k)
				}
			}
		case s.After != "" && known:
			comesAfter(of)
		case s.After == "" && last >= 0:
			comesAfter(last)
		}
		byName[s.Name] = i
		if s.After == "" {
			last = i
		}
	}
	return all
}

// inForce tells whether a step certainly begins before the `for` of another one has ended.
func (e *Experiment) inForce(of, s *Step) bool {
	if s.Waits() || s.Repetition > 1 {
		return false
	}
	if s.After == of.Name {
		return s.At == nil || *s.At < of.For
	}
	if s.After != "" || of.After != "" || s.At == nil || of.At == nil {
		return false // when it begins is not known
	}
	from := slices.IndexFunc(e.Timeline, func(o Step) bool { return o.Name == of.Name })
	to := slices.IndexFunc(e.Timeline, func(o Step) bool { return o.Name == s.Name })
	if from < 0 || to < from || s.Cycle != of.Cycle {
		return false
	}
	// The steps of the sequence between them have times, too. One of which nobody knows how long it takes can put the second off.
	due := *of.At
	for i := range e.Timeline[from+1 : to] {
		o := &e.Timeline[from+1+i]
		if o.After != "" {
			continue
		}
		takes, known := o.takes()
		if o.At == nil || !known {
			return false
		}
		due = max(due, *o.At) + takes
	}
	return max(due, *s.At)-*of.At < of.For
}

// takes is how long a step of the sequence keeps those after it from beginning, 0 for what is done within moments; known is false where only
// the run shows it.
func (s *Step) takes() (long Duration, known bool) {
	switch p := s.Parameters().(type) {
	case *fault.Wait:
		long = p.Time
	case *Condition, *fault.Backup, *fault.Reindex, *fault.VacuumFull:
		return 0, false
	}
	is := s.Kind().Facts
	ends := is.Ends && !is.Kills // a shutdown waits for others
	brings := is.Starts || is.Restarts || len(s.promotes()) > 0
	return long, !ends && !brings && !is.Provokes && !s.Waits() && s.Repeat == nil
}
