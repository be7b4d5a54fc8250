package spec

import (
	"slices"

	"pgchaos/expect"
)

// trigger checks a `when` that is written as a text.
func (v *validator) trigger(path string, s *Step) {
	if v.d.brokenOver(path) || !v.d.has(path) || s.When != nil {
		return
	}
	c, err := expect.ParseCondition(s.Trigger)
	if v.misread(path, err) {
		return
	}
	nodes := v.e.Cluster.Nodes.Names()
	for _, part := range c.Comparisons() {
		switch part.Subject {
		case expect.OfWorkload:
			if v.e.Workload(part.Of) == nil && !v.d.brokenOver("load") {
				v.badIn(path, part.OfAt, "there is no workload "+shown(part.Of), suggest(part.Of, v.e.Load.Names(), "the workloads are"))
			}
		case expect.OfNode:
			switch {
			case part.Of == "" || slices.Contains(nodes, part.Of) || v.d.brokenUnder("cluster.nodes"):
			case slices.Contains(Roles, part.Of):
				v.badIn(path, part.OfAt, "a role, "+part.Of+", cannot stand here", suggest("", nodes, "write a node:"))
			default:
				v.badIn(path, part.OfAt, "there is no node "+shown(part.Of), suggest(part.Of, nodes, "the nodes are"))
			}
		}
	}
}

// trigger finds what of a `when` that is written as a text can never hold.
func (t *timelineStates) trigger(s *Step, path string) {
	c, ok, err := s.Condition()
	if !ok || err != nil {
		return
	}
	for _, part := range c.Required() {
		n := t.node(part.Of)
		switch {
		case part.Subject != expect.OfNode || n == nil:
		case n.process == absent:
			t.v.badIn(path, part.OfAt, "the node "+n.name+" is absent until a step clones it", "clone it before")
			return
		case part.Quantity == "role" && part.Op == "==" && part.Word != "down", part.Quantity == "streaming" && part.Op == "==":
			t.canHold(part, n, path)
		}
	}
}

// canHold reports a role that a node cannot have, and one that cannot stream.
func (t *timelineStates) canHold(part *expect.Comparison, n *nodeState, path string) {
	never := func(what, step string) {
		t.v.badIn(path, part.At, "this can never hold: the node "+n.name+" "+what+sinceStep(step), "ask for it after a step that changes that")
	}
	switch {
	case n.process&running == 0:
		never("does not answer", n.since)
	case n.network&connected == 0:
		never("does not answer", n.networkSince)
	case part.Word == "primary" && n.role == standby:
		never("is a standby", n.became)
	case part.Word == "standby" && n.role == primary, part.Quantity == "streaming" && n.role == primary:
		never("is a primary", n.became)
	}
}
