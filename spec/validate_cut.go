package spec

import (
	"slices"
	"strings"

	"pgchaos/chaos/fault"
)

// cutLink says that nothing passes between a node and another one until the end of the run.
type cutLink struct {
	step *Step
	from string
}

// cut notes between which nodes a step certainly lets nothing pass, for good.
func (t *timelineStates) cut(s *Step) {
	on, ok := s.Parameters().(fault.OnLinks)
	if !ok || s.For > 0 || !passesNothing(s.Parameters()) {
		return
	}
	one, other := on.BothSides()
	for _, x := range t.certainly(one) {
		for _, y := range t.certainly(other) {
			x.cuts, y.cuts = append(slices.Clone(x.cuts), cutLink{s, y.name}), append(slices.Clone(y.cuts), cutLink{s, x.name})
		}
	}
}

// passesNothing tells whether an action on links lets nothing pass, as long as it is in force.
func passesNothing(p fault.Parameters) bool {
	switch p.(type) {
	case *fault.Partition, *fault.HalfOpen, *fault.Reject:
		return true
	}
	return false
}

// certainly are the nodes that a side of the network has, whatever happened.
func (t *timelineStates) certainly(side []string) (all []*nodeState) {
	for _, selector := range side {
		if nodes, certain := t.meant(selector); certain {
			all = append(all, nodes...)
		}
	}
	return all
}

// cutBetween is the step that lets nothing pass between two nodes for good; nil: none certainly does.
func (t *timelineStates) cutBetween(n, up *nodeState) *Step {
	for _, c := range n.cuts {
		if c.from == up.name {
			return c.step
		}
	}
	return nil
}

// throughACut reports a step that has a node follow another one, or copy it, while nothing passes between them for good.
func (t *timelineStates) throughACut(s *Step, targets []string, path string) {
	following, ok := s.Parameters().(fault.Following)
	if !ok {
		return
	}
	ups, _ := t.meant(following.Follows())
	for _, selector := range targets {
		nodes, certain := t.meant(selector)
		if selector == "former_primary" {
			nodes = slices.DeleteFunc(slices.Clone(nodes), t.stillPrimary)
		}
		var never []*nodeState
		var by *Step
		for _, n := range nodes {
			if step := t.cutFromAll(s, n, ups); step != nil {
				never, by = append(never, n), step
			}
		}
		if len(never) == 0 || !certain && len(never) < len(nodes) {
			continue
		}
		names := make([]string, len(ups))
		for i, up := range ups {
			names[i] = up.name
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name == never[0].name })
		t.v.bad(path, "nothing passes between the node "+never[0].name+" and "+strings.Join(names, " or ")+sinceStep(by.Name)+", and "+s.Action()+" needs an answer from there",
			"give "+by.Name+" a for, or name another upstream")
		return
	}
}

// cutFromAll is a step that lets nothing pass between a node and the upstreams that it can get; nil: there is one that it reaches.
func (t *timelineStates) cutFromAll(s *Step, n *nodeState, ups []*nodeState) (by *Step) {
	if s.Kind().Needs.Files && n.process&stopped != 0 {
		return nil // only its configuration is written
	}
	for _, up := range ups {
		if up == n {
			continue
		}
		if by = t.cutBetween(n, up); by == nil {
			return nil
		}
	}
	return by
}

// stillPrimary tells whether a node can have been a primary only by the newest promotion, and every node that this can have promoted
// certainly runs: it is no former primary.
func (t *timelineStates) stillPrimary(n *nodeState) bool {
	return n.listedBy != nil && n.listedBy == t.promoter && !slices.ContainsFunc(t.nodes, func(other *nodeState) bool {
		return other.listedBy == t.promoter && (other.process != running || other.network != connected)
	})
}
