package spec

import (
	"fmt"
	"slices"
	"strconv"

	"pgchaos/record"
)

// maxKills bounds kills, by how long such a run is and how large its result.
const maxKills = 100

// Once is the timeline as the file has it: its first cycle.
func (e *Experiment) Once() []Step {
	i := slices.IndexFunc(e.Timeline, func(s Step) bool { return s.Cycle > 1 })
	if i < 0 {
		return e.Timeline
	}
	return e.Timeline[:i]
}

// repeat makes the timeline as long as Kills says: each cycle has all steps of the file, and the names
// of later ones end with the number of the cycle.
func (e *Experiment) repeat() {
	once := e.Timeline
	if e.Kills < 2 || e.Kills > maxKills {
		return // there is nothing to repeat, or validation refuses it
	}
	for i := range once {
		once[i].Cycle = 1
	}
	for cycle := 2; cycle <= e.Kills; cycle++ {
		for _, s := range once {
			s.Name, s.Cycle = s.Name+"-"+strconv.Itoa(cycle), cycle
			if s.After != "" && !record.AfterSeveral(s.After) {
				s.After += "-" + strconv.Itoa(cycle)
			}
			e.Timeline = append(e.Timeline, s)
		}
	}
}

// BeginsCycle tells whether the step of that number is the first of a cycle after the first one.
func (e *Experiment) BeginsCycle(i int) bool {
	return i > 0 && e.Timeline[i].Cycle > e.Timeline[i-1].Cycle
}

// stepPath is where the file has the step of that number.
func (e *Experiment) stepPath(i int) string {
	return "timeline[" + strconv.Itoa(e.inFile(i)) + "]"
}

// kills checks that the timeline can be repeated.
func (v *validator) kills() {
	e := v.e
	if !v.d.has("kills") || v.d.brokenUnder("kills") {
		return
	}
	v.between("kills", e.Kills, 1, maxKills)
	if v.d.brokenUnder("timeline") {
		return
	}
	if !slices.ContainsFunc(e.Timeline, func(s Step) bool { return s.Fault() }) {
		v.badKey("kills", "no step of the timeline takes anything away that could be repeated", "add a step such as {at: 10s, kill: primary}, and those that bring the node back")
	}
	taken := map[string]bool{}
	for _, s := range e.Once() {
		taken[s.Name] = true
	}
	for i, s := range e.Timeline {
		if s.Cycle > 1 && taken[s.Name] {
			first := e.Timeline[i%len(e.Once())].Name
			v.bad(e.stepPath(i), fmt.Sprintf("in cycle %d of kills the step %s would be called %s, as another step is", s.Cycle, first, s.Name), "give one of them a name")
			return
		}
	}
}
