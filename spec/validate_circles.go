package spec

import (
	"slices"
	"strings"

	"pgchaos/chaos/fault"
)

// circle is a set of standbys that follow each other, so that none gets anything new.
type circle struct {
	members []string
	path    string
	closes  string
}

// findCircle notes that a standby has come to follow itself by way of others.
func (t *timelineStates) findCircle(n *nodeState, path string) {
	members := []string{n.name}
	for at := t.node(n.upstream); at != nil; at = t.node(at.upstream) {
		if at.role != standby {
			return
		}
		if at == n {
			t.circles = append(t.circles, circle{members, path, n.name})
			return
		}
		if slices.Contains(members, at.name) {
			return // a circle that n only hangs on
		}
		members = append(members, at.name)
	}
}

// leaveCircles forgets the circles that a step may break: two follow steps that
// exchange a standby and its upstream make one for a moment.
func (t *timelineStates) leaveCircles(s *Step) {
	is := s.Kind().Facts
	switch s.Parameters().(type) {
	case *fault.Follow, *fault.Configure, *fault.Exec, *fault.SQL, *fault.Failover, *fault.Switchover:
	default:
		if !is.Standby && !is.Promotes {
			return
		}
	}
	for _, selector := range s.targets() {
		nodes, _ := t.meant(selector)
		t.circles = slices.DeleteFunc(t.circles, func(c circle) bool {
			return slices.ContainsFunc(nodes, func(n *nodeState) bool { return slices.Contains(c.members, n.name) })
		})
	}
}

func (t *timelineStates) reportCircles() {
	for _, c := range t.circles {
		t.v.bad(c.path, "the standbys "+strings.Join(c.members, ", ")+" follow each other in a circle from here on: none of them gets anything new",
			"have one of them follow the primary")
	}
}
