package runner

import (
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/record"
	"pgchaos/spec"
)

// plannedStep is when a step begins and is over, as far as the file says. Steps without a time begin when the one before is done,
// and how long that takes is not known but for a wait.
type plannedStep struct {
	*spec.Step
	from, over time.Duration
	back       time.Duration // when its `for` has ended; 0: it has none
	exact      bool          // false: from is the earliest that it can be
}

// plannedSteps are the steps in the order of the file, and the earliest moment at which the run can be over.
func plannedSteps(e *spec.Experiment) (steps []plannedStep, end time.Duration) {
	now, exact, begun := time.Duration(0), true, time.Duration(0)
	over := map[string]time.Duration{} // by the name of a step or a reversal
	end = time.Duration(e.Duration)
	for i := range e.Timeline {
		s := &e.Timeline[i]
		p := plannedStep{Step: s}
		switch {
		case s.After != "":
			p.from = over[s.After]
			for k := range steps {
				if record.AfterIncludes(s.After, steps[k].Name) {
					p.from = max(p.from, steps[k].over, steps[k].back)
				}
			}
			if s.At != nil {
				p.from += time.Duration(*s.At)
			}
		default:
			if e.BeginsCycle(i) {
				for _, before := range steps { // which are all over
					now = max(now, before.over)
				}
				begun = now
			}
			switch {
			case s.At != nil:
				now, exact = max(now, begun+time.Duration(*s.At)), s.Cycle < 2
			case s.Waits():
				exact = false
			}
			p.from, p.exact = now, exact
		}
		if s.Repetition > 1 {
			first := steps[i-s.Repetition+1]
			due := first.from + time.Duration(s.Repetition-1)*time.Duration(s.Repeat.Every)
			p.from, p.exact = max(due, steps[i-1].over), first.exact && due >= steps[i-1].over
		}
		p.over = p.from
		w, waits := s.Parameters().(*fault.Wait)
		if waits {
			p.over += time.Duration(w.Time)
		}
		if s.For > 0 {
			p.back = p.over + time.Duration(s.For)
		}
		over[s.Name], over[record.UndoPrefix+s.Name] = p.over, p.over+time.Duration(s.For)
		if s.After == "" {
			now, exact = p.over, exact && waits
		}
		end = max(end, p.over, p.back)
		steps = append(steps, p)
	}
	return steps, end
}
