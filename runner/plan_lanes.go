package runner

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"pgchaos/spec"
)

const (
	laneWidth = 80 // columns of a line
	laneNames = 14 // at most, for the names of nodes
)

// What a node is in a column of its lane.
const (
	laneAbsent  = ' '
	lanePrimary = '='
	laneStandby = '-'
	laneStopped = '.'
	lanePaused  = '~'
	laneCut     = 'x'
	laneUnknown = '?'
)

const laneLegend = "= primary  - standby  . stopped  ~ paused  x cut off  ? not known"

// lanes are the nodes of a plan over its time.
type lanes struct {
	end   time.Duration
	width int // columns of the time axis
	names int // and of the names before it
	rows  []laneRow
}

// laneRow is one node, or a role that may be any of several nodes, which has bars alone.
type laneRow struct {
	name   string
	states []rune // by column; nil: of a role
	bars   []laneBar
}

// laneBar is a step that acts on a node, from when it begins until it is taken back; a moment where nothing is in force.
type laneBar struct {
	name     string
	from, to int // columns
}

// writeLanes draws what the nodes are over the time of the plan, and what is done to them.
func writeLanes(w io.Writer, e *spec.Experiment) {
	l := planLanes(e)
	if l == nil {
		return
	}
	fmt.Fprint(w, "\nLANES  each step at the earliest time that the file allows")
	if e.Kills > 1 {
		fmt.Fprint(w, "; first cycle")
	}
	fmt.Fprintf(w, "\n%s\n", l.axis())
	for i := range l.rows {
		for _, line := range l.lines(&l.rows[i]) {
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
	fmt.Fprintf(w, "  %s\n", laneLegend)
}

// planLanes are the lanes of a plan; nil where nothing is done to a node.
func planLanes(e *spec.Experiment) *lanes {
	steps, end := firstCycle(e)
	if end <= 0 || !slices.ContainsFunc(steps, func(s plannedStep) bool { return actsOnNodes(s.Step) }) {
		return nil
	}
	l := &lanes{end: end}
	f := forecastOf(e, steps)
	for _, name := range append(f.roles(), e.Cluster.Nodes.Names()...) {
		l.names = min(max(l.names, len(name)), laneNames)
	}
	l.width = laneWidth - l.names - len("    ")
	f.draw(l)
	return l
}

// firstCycle are the planned steps of the first cycle, and the earliest moment at which it, or a run without cycles, can be over.
func firstCycle(e *spec.Experiment) (steps []plannedStep, end time.Duration) {
	steps, end = plannedSteps(e)
	i := slices.IndexFunc(steps, func(s plannedStep) bool { return s.Cycle > 1 })
	if i < 0 {
		return steps, end
	}
	end = 0
	for _, s := range steps[:i] {
		end = max(end, s.over, s.back)
	}
	return steps[:i], end
}

// column is that of a moment.
func (l *lanes) column(at time.Duration) int {
	return min(int(float64(at)/float64(l.end)*float64(l.width)), l.width-1)
}

// axis is the line with the times.
func (l *lanes) axis() string {
	line := []rune(strings.Repeat(" ", l.width))
	step := axisStep(l.end, l.width)
	for at := time.Duration(0); at <= l.end; at += step {
		text := []rune(at.String())
		if c := l.column(at); c+len(text) <= l.width {
			copy(line[c:], text)
		}
	}
	return strings.TrimRight(l.label("")+string(line), " ")
}

// axisStep is the time between two marks, which have 9 columns at least.
func axisStep(end time.Duration, width int) time.Duration {
	most := max(width/9, 1)
	for _, seconds := range []int{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800} {
		if step := time.Duration(seconds) * time.Second; end/step <= time.Duration(most) {
			return step
		}
	}
	step := time.Hour
	for end/step > time.Duration(most) {
		step *= 2
	}
	return step
}

// label is a name before a line.
func (l *lanes) label(name string) string {
	if len(name) > l.names {
		name = name[:l.names-1] + "…"
	}
	return fmt.Sprintf("  %-*s  ", l.names, name)
}

// lines are the lines of a row: the states, and the bars below, as many lines as they need so that none covers another.
func (l *lanes) lines(r *laneRow) (all []string) {
	var below [][]rune
	for _, b := range r.bars {
		text, from := l.bar(b)
		i := slices.IndexFunc(below, func(line []rune) bool { return free(line, from, len(text)) })
		if i < 0 {
			i = len(below)
			below = append(below, []rune(strings.Repeat(" ", l.width)))
		}
		copy(below[i][from:], text)
	}
	name := l.label(r.name)
	if r.states != nil {
		all = append(all, name+string(r.states))
		name = l.label("")
	}
	for _, line := range below {
		all = append(all, name+string(line))
		name = l.label("")
	}
	return all
}

// free tells whether columns of a line are empty, with a space around them.
func free(line []rune, from, length int) bool {
	return strings.TrimSpace(string(line[max(from-1, 0):min(from+length+1, len(line))])) == ""
}

// bar is a bar with its name, and the column where it begins: the name stands behind the bar or, where there is no space, before it.
func (l *lanes) bar(b laneBar) (text []rune, from int) {
	mark := "|"
	if b.to > b.from {
		mark = "[" + strings.Repeat("-", b.to-b.from-1) + "]"
	}
	name := []rune(b.name)
	if most := l.width - len(mark) - 1; len(name) > most {
		name = name[:max(most, 0)]
	}
	if b.from+len(mark)+1+len(name) <= l.width {
		return []rune(mark + " " + string(name)), b.from
	}
	if b.from > len(name) {
		return []rune(string(name) + " " + mark), b.from - len(name) - 1
	}
	return []rune(mark), b.from
}
