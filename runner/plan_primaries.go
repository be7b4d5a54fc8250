package runner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/record"
	"pgchaos/spec"
)

// Warnings are what the plan may well mean, but seldom does, a sentence each.
func (p *Plan) Warnings() []string {
	return append(p.Experiment.Warnings(), primariesAtOnce(p.Experiment)...)
}

// primariesAtOnce are the times in which the file makes several nodes accept writes at once, without a split_brain step that means it.
func primariesAtOnce(e *spec.Experiment) (all []string) {
	if e.Cluster.Existing != nil {
		return nil // its manager can make standbys of them
	}
	steps, end := firstCycle(e)
	f := forecastOf(e, steps)
	for i := 0; i < len(f.accepting); i++ {
		a := f.accepting[i]
		if len(a.nodes) < 2 {
			continue
		}
		to := end
		for i+1 < len(f.accepting) {
			next := f.accepting[i+1]
			if to = next.at; !slices.Equal(next.nodes, a.nodes) {
				break
			}
			to, i = end, i+1
		}
		if to <= a.at {
			continue
		}
		until := "to " + to.String()
		if to == end {
			until = "to the end"
		}
		all = append(all, fmt.Sprintf("%s are both primaries from %s %s, since %s: each accepts writes that the other does not get, which fails the run; kill or stop the old primary before "+
			"that, and rejoin it then. If you want to see two primaries, write split_brain", strings.Join(a.nodes, " and "), a.at, until, a.by))
	}
	return all
}

// acceptance is which nodes certainly accept writes from a moment on.
type acceptance struct {
	at    time.Duration
	nodes []string // without those that a split_brain step has started
	by    string   // the step, or its reversal
}

// noteAccepting adds which nodes accept writes after a change.
func (f *forecast) noteAccepting(c forecastChange) {
	by := c.step.Name
	if c.back {
		by = c.step.Reversal()
	}
	a := acceptance{at: c.at, by: by}
	for _, n := range f.nodes {
		if n.state() == lanePrimary && !f.meantAsSecond(n.name) && !f.outOfReach(n.name) {
			a.nodes = append(a.nodes, n.name)
		}
	}
	if f.promoter != "" {
		a.nodes = append(a.nodes, "the node that "+f.promoter+" promotes")
	}
	f.accepting = append(f.accepting, a)
}

// losePromoted forgets that one of several nodes was promoted where an action that changes nodes can befall it.
func (f *forecast) losePromoted(names []string, is record.Facts) {
	if (changesState(is) || is.Links) && slices.ContainsFunc(f.nodes, func(n *forecastNode) bool { return n.unsure && slices.Contains(names, n.name) }) {
		f.promoter = ""
	}
}

// meantAsSecond tells whether a split_brain step is in force on a node.
func (f *forecast) meantAsSecond(node string) bool {
	return slices.ContainsFunc(f.open, func(o openBar) bool {
		_, meant := o.step.Parameters().(*fault.SplitBrain)
		return meant && o.on == node
	})
}

// outOfReach tells whether a fault of the network can keep clients from a node. Flapping lets them through at times, and still nobody knows when.
func (f *forecast) outOfReach(node string) bool {
	return slices.ContainsFunc(f.open, func(o openBar) bool {
		on, links := o.step.Parameters().(fault.OnLinks)
		if !links || o.on != node {
			return false
		}
		one, other := on.BothSides()
		return slices.Contains(one, fault.Clients) || slices.Contains(other, fault.Clients)
	})
}
