package runner

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"pgchaos/spec"
)

// plannedPhase is a phase as far as the file says when it begins.
type plannedPhase struct {
	name  string
	from  time.Duration
	exact bool // false: from is the earliest that it can be
	again bool // it is of a repetition of the timeline or of a step
}

// plannedPhases are in the order of their beginning, with an end of the run after them.
func plannedPhases(e *spec.Experiment) []plannedPhase {
	phases := []plannedPhase{{name: e.Phases()[0], exact: true}}
	steps, end := plannedSteps(e)
	for _, s := range steps {
		again := s.Cycle > 1 || s.Repetition > 1
		if s.BeginsPhase() {
			phases = append(phases, plannedPhase{s.Name, s.from, s.exact, again})
		}
		if s.Reversal() != "" {
			phases = append(phases, plannedPhase{s.Reversal(), s.back, false, again})
		}
	}
	slices.SortStableFunc(phases, func(a, b plannedPhase) int { return cmp.Compare(a.from, b.from) })
	return append(phases, plannedPhase{from: end})
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
	for i := range e.Once() {
		if s := &e.Timeline[i]; s.Repetition == 1 && s.Repeat.Times > 1 && s.BeginsPhase() {
			fmt.Fprintf(w, "  the same for the other repetitions of %s, up to %s-%d\n", s.FileName(), s.FileName(), s.Repeat.Times)
		}
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
