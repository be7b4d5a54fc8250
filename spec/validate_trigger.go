package spec

import (
	"fmt"
	"slices"
	"time"

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
	if least := c.Least(); least > time.Duration(s.Within) && s.Within > 0 {
		v.bad(path, "this must hold for "+least.String()+", and is waited for "+s.Within.String(), "write a longer within, or a shorter for")
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
				v.roleInTrigger(path, part, nodes)
			default:
				v.badIn(path, part.OfAt, "there is no node "+shown(part.Of), suggest(part.Of, nodes, "the nodes are"))
			}
		}
	}
}

// roleInTrigger checks a role in a `when`. It must stand for one node at each reading, and what is asked of that node must not follow
// from the role.
func (v *validator) roleInTrigger(path string, c *expect.Comparison, nodes []string) {
	ofStandby := c.Quantity != "sync_waiters" && c.Quantity != "connections"
	what, right := "", suggest("", nodes, "write a node:")
	switch c.Of {
	case "replicas":
		what = "replicas are several nodes"
		right = "write one comparison for each node and join them by and or or, or write laggard or most_advanced"
	case "any_replica":
		what, right = "any_replica can be another node at each reading", suggest("", nodes, "write laggard, most_advanced or a node:")
	case "primary":
		switch {
		case c.Quantity == "role":
			what = "the primary always has the role primary"
		case ofStandby:
			what, right = fmt.Sprintf("%s is of a standby, and the primary is none", c.Quantity), suggest("", nodes, "write sync_standby, laggard, most_advanced, former_primary or a node:")
		}
	case "sync_standby", "laggard", "most_advanced":
		switch {
		case c.Quantity == "role":
			what = c.Of + " always has the role standby"
		case c.Of == "sync_standby" && c.Quantity == "sync_state" && (c.Word == "async" || c.Word == "potential"):
			what = "the sync_state of sync_standby is always sync or quorum"
		}
	}
	if what != "" {
		v.badIn(path, c.OfAt, what, right)
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
