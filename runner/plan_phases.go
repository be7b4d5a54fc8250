package runner

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/spec"
)

// plannedPhase is a phase as far as the file says when it begins.
type plannedPhase struct {
	name  string
	from  time.Duration
	exact bool // false: from is the earliest that it can be
	again bool // it is of a repetition of the timeline
}

// plannedPhases are in the order of their beginning, with an end of the run after them.
// Steps without a time begin when the one before is done, and how long that takes is not
// known but for a wait.
func plannedPhases(e *spec.Experiment) []plannedPhase {
	phases := []plannedPhase{{name: e.Phases()[0], exact: true}}
	now, exact, begun := time.Duration(0), true, time.Duration(0)
	for i := range e.Timeline {
		s := &e.Timeline[i]
		if e.BeginsCycle(i) {
			begun = now
		}
		switch {
		case s.At != nil:
			now, exact = max(now, begun+time.Duration(*s.At)), s.Cycle < 2
		case s.When != nil:
			exact = false
		}
		if s.BeginsPhase() {
			phases = append(phases, plannedPhase{s.Name, now, exact, s.Cycle > 1})
		}
		if s.Reversal() != "" {
			phases = append(phases, plannedPhase{s.Reversal(), now + time.Duration(s.For), false, s.Cycle > 1})
		}
		if w, ok := s.Parameters().(*fault.Wait); ok {
			now += time.Duration(w.Time)
			continue
		}
		exact = false
	}
	slices.SortStableFunc(phases, func(a, b plannedPhase) int { return cmp.Compare(a.from, b.from) })
	last := phases[len(phases)-1].from
	return append(phases, plannedPhase{from: max(last, now, time.Duration(e.Duration))})
}

// writePhases writes each phase with its length.
func writePhases(w io.Writer, e *spec.Experiment) {
	phases := plannedPhases(e)
	fmt.Fprint(w, "\nPHASES\n")
	for i, p := range phases[:len(phases)-1] {
		if p.again {
			continue
		}
		fmt.Fprintf(w, "  %s\t%s\n", p.name, lengthText(p, phases[i+1]))
	}
	if e.Kills > 1 {
		fmt.Fprintf(w, "  the same %d times; the names of later ones end with -2 to -%d\n", e.Kills, e.Kills)
	}
}

// lengthText is the length of a phase, of which the next one is the end.
func lengthText(p, next plannedPhase) string {
	switch length := next.from - p.from; {
	case p.exact && next.exact:
		return length.String()
	case length > 0:
		return fmt.Sprintf("about %s", length)
	}
	return "as long as its steps take"
}
