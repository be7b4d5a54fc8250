package runner

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/record"
	"pgchaos/spec"
)

// forecast is what the nodes are over the time of a plan, as far as the file says.
type forecast struct {
	experiment *spec.Experiment
	nodes      []*forecastNode
	changes    []forecastChange
	open       []openBar
	closed     []closedBar
	accepting  []acceptance // after each change
	promoter   string       // the step that has promoted one of several nodes, if that certainly still accepts writes; ""
	primaries  []string     // the nodes that were primary, in this order, with the one that is; "": it is not known which
}

// forecastNode is a node at one moment, and what it was before.
type forecastNode struct {
	name    string
	process rune // laneStopped, lanePaused or laneAbsent; 0: it runs
	cut     bool
	primary bool
	unsure  bool // a step may have been done to it or to another one
	history []forecastState
}

type forecastState struct {
	at    time.Duration
	state rune
}

// forecastChange is a step, or the end of its `for`.
type forecastChange struct {
	at   time.Duration
	step plannedStep
	back bool
}

// openBar is a step that is in force on a node, or on one of those that a role can be.
type openBar struct {
	step  plannedStep
	on    string
	facts record.Facts
}

type closedBar struct {
	openBar
	to time.Duration
}

// actsOnNodes tells whether a step does something to nodes that a plan can draw.
func actsOnNodes(s *spec.Step) bool {
	p := s.Parameters()
	return p != nil && len(p.Selectors()) > 0
}

// forecastOf follows the nodes along the steps.
func forecastOf(e *spec.Experiment, steps []plannedStep) *forecast {
	f := &forecast{experiment: e}
	for i, n := range e.Cluster.Nodes {
		node := &forecastNode{name: n.Name, primary: i == 0}
		if n.Absent {
			node.process = laneAbsent
		}
		f.nodes = append(f.nodes, node)
	}
	if len(f.nodes) > 0 {
		f.primaries = []string{f.nodes[0].name}
	}
	for _, s := range steps {
		if !actsOnNodes(s.Step) {
			continue
		}
		f.changes = append(f.changes, forecastChange{at: s.from, step: s})
		if s.back > 0 {
			f.changes = append(f.changes, forecastChange{at: s.back, step: s, back: true})
		}
	}
	slices.SortStableFunc(f.changes, func(a, b forecastChange) int { return cmp.Compare(a.at, b.at) })
	f.note(0)
	for _, c := range f.changes {
		f.change(c)
		f.noteAccepting(c)
		f.note(c.at)
	}
	return f
}

// note adds what the nodes are to their histories.
func (f *forecast) note(at time.Duration) {
	for _, n := range f.nodes {
		n.history = append(n.history, forecastState{at, n.state()})
	}
}

func (n *forecastNode) state() rune {
	switch {
	case n.unsure:
		return laneUnknown
	case n.process != 0:
		return n.process
	case n.cut:
		return laneCut
	case n.primary:
		return lanePrimary
	}
	return laneStandby
}

func (n *forecastNode) runs() bool { return n.process == 0 && !n.cut }

// change does a step, or takes it back.
func (f *forecast) change(c forecastChange) {
	if c.back {
		for i := len(f.open) - 1; i >= 0; i-- {
			if o := f.open[i]; o.step.Name == c.step.Name {
				f.reverse(o)
				f.close(i, c.at)
			}
		}
		return
	}
	facts := c.step.Kind().Facts
	for _, selector := range c.step.Parameters().Selectors() {
		names, sure := f.meant(selector)
		f.losePromoted(names, facts)
		if !sure {
			for _, n := range f.nodes {
				n.unsure = n.unsure || slices.Contains(names, n.name) && changesState(facts)
			}
			names = []string{selector}
		}
		if facts.Promotes {
			f.succeeded(c.at)
			if !sure {
				f.primaries, f.promoter = append(f.primaries, ""), c.step.Name
			}
		}
		for _, name := range names {
			f.release(name, c.step.Name, facts, c.at)
			if n := f.node(name); n != nil {
				f.apply(n, facts)
			}
			f.open = append(f.open, openBar{c.step, name, facts})
			if !lasts(&c.step, facts) {
				f.close(len(f.open)-1, c.at)
			}
		}
	}
	f.exchange(c.step)
}

// exchange is what a runbook that promotes a node makes of the primary and the standbys.
func (f *forecast) exchange(s plannedStep) {
	p, ok := s.Parameters().(fault.Promoting)
	if !ok || p.Promoted() == "" {
		return
	}
	names, sure := f.meant(p.Promoted())
	f.succeeded(s.from)
	if !sure || len(names) != 1 {
		for _, n := range f.nodes {
			n.unsure = n.unsure || n.runs() && (n.primary || slices.Contains(names, n.name))
		}
		f.primaries, f.promoter = append(f.primaries, ""), s.Name
		return
	}
	f.promoter = ""
	for _, n := range f.nodes {
		if n.runs() {
			n.primary = n.name == names[0]
		}
	}
	f.primaries = append(f.primaries, names[0])
}

// changesState tells whether an action makes another thing of a node.
func changesState(is record.Facts) bool {
	return is.Ends || is.Freezes || is.Cuts || is.Connects || is.Starts || is.Thaws || is.Promotes || is.Standby
}

// lasts tells whether an action is in force from then on.
func lasts(s *plannedStep, is record.Facts) bool {
	return s.For > 0 || is.Lasts || (is.Ends || is.Freezes || is.Cuts) && !is.Starts
}

// apply is what an action makes of a node.
func (f *forecast) apply(n *forecastNode, is record.Facts) {
	if changesState(is) {
		n.unsure = false
	}
	switch {
	case is.Standby:
		n.primary, n.process, n.cut = false, 0, false
	case is.Promotes:
		n.primary, n.process = true, 0
		f.primaries = append(f.primaries, n.name)
	case is.Starts, is.Restarts, is.Thaws:
		n.process = 0
	case is.Ends:
		n.process = laneStopped
	case is.Freezes:
		n.process = lanePaused
	case is.Cuts:
		n.cut = true
	case is.Connects:
		n.cut = false
	}
}

// reverse is what the end of a `for` makes of a node.
func (f *forecast) reverse(o openBar) {
	n := f.node(o.on)
	switch {
	case n == nil:
	case o.facts.Cuts:
		n.cut = false
	case o.facts.Freezes && n.process == lanePaused, o.facts.Ends && n.process == laneStopped:
		n.process = 0
	case o.facts.Starts && !o.facts.Restarts:
		n.process = laneStopped
	}
}

// release ends the bars of a node that another step ends.
func (f *forecast) release(node, step string, by record.Facts, at time.Duration) {
	for i := len(f.open) - 1; i >= 0; i-- {
		o := f.open[i]
		ends := by.Lifts != "" && o.step.Action() == by.Lifts || o.facts.Ends && (by.Starts || by.Standby) || o.facts.Freezes && (by.Thaws || by.Ends || by.Standby) || o.facts.Cuts && by.Connects
		if o.on == node && o.step.Name != step && ends {
			f.close(i, at)
		}
	}
}

// succeeded ends what a primary of which the file does not say which node it was has suffered: there is another one now.
func (f *forecast) succeeded(at time.Duration) {
	for i := len(f.open) - 1; i >= 0; i-- {
		if o := f.open[i]; o.on == "primary" && (o.facts.Ends || o.facts.Freezes || o.facts.Cuts) && o.step.back == 0 {
			f.close(i, at)
		}
	}
}

func (f *forecast) close(i int, at time.Duration) {
	f.closed = append(f.closed, closedBar{f.open[i], at})
	f.open = slices.Delete(f.open, i, i+1)
}

func (f *forecast) node(name string) *forecastNode {
	for _, n := range f.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// meant are the nodes that a selector stands for. Where that is not known, they are those that it can be.
func (f *forecast) meant(selector string) (names []string, sure bool) {
	if f.node(selector) != nil {
		return []string{selector}, true
	}
	known := true
	for _, n := range f.nodes {
		known = known && !n.unsure
		if n.unsure || n.runs() && n.primary == (selector == "primary") && selector != "former_primary" {
			names = append(names, n.name)
		}
	}
	switch selector {
	case "replicas":
		return names, known
	case "former_primary":
		return f.formerPrimary(names)
	}
	return names, known && len(names) == 1 && selector != "sync_standby"
}

// formerPrimary is the last node that was a primary and is none now. Where that is not known, it is one of the others.
func (f *forecast) formerPrimary(others []string) (names []string, sure bool) {
	for i, name := range slices.Backward(f.primaries) {
		n := f.node(name)
		switch {
		case n == nil && i == len(f.primaries)-1: // it is the primary now
		case n == nil || n.unsure:
			return others, false
		case !n.primary || !n.runs():
			return []string{name}, true
		}
	}
	return others, false
}

// roles are those of which the file does not say which node they are.
func (f *forecast) roles() (names []string) {
	for _, b := range f.closed {
		names = append(names, b.on)
	}
	for _, b := range f.open {
		names = append(names, b.on)
	}
	return slices.DeleteFunc(names, func(name string) bool { return f.node(name) != nil })
}

// draw puts the nodes and the bars into lanes.
func (f *forecast) draw(l *lanes) {
	for _, n := range f.nodes {
		row := laneRow{name: n.name, states: make([]rune, l.width)}
		for c, k := 0, 0; c < l.width; c++ {
			for k+1 < len(n.history) && l.column(n.history[k+1].at) <= c {
				k++
			}
			row.states[c] = n.history[k].state
		}
		l.rows = append(l.rows, row)
	}
	for _, o := range f.open { // in force until the end
		f.closed = append(f.closed, closedBar{o, l.end})
	}
	slices.SortStableFunc(f.closed, func(a, b closedBar) int { return cmp.Compare(a.step.from, b.step.from) })
	for _, b := range f.closed {
		i := slices.IndexFunc(l.rows, func(r laneRow) bool { return r.name == b.on })
		if i < 0 { // a role
			i = len(l.rows)
			l.rows = append(l.rows, laneRow{name: b.on})
		}
		bar := laneBar{name: b.step.Name, from: l.column(b.step.from), to: l.column(b.step.from)}
		if b.to > b.step.from {
			bar.to = l.column(b.to)
		}
		l.rows[i].bars = append(l.rows[i].bars, bar)
	}
}
