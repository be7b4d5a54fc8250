package spec

import (
	"slices"

	"pgchaos/chaos/fault"
	"pgchaos/record"
)

// hits is how many of the nodes the fault and what follows it disturb at once.
func (f *RandomFault) hits(nodes int) (most int) {
	most, _ = f.disturbs(nodes)
	return most
}

// leaves is a step that has taken a node away, or cut it off from others, and that none of the entry's brings back; nil: there is none. A node
// that still answers all others is not taken away.
func (f *RandomFault) leaves(nodes int) *Step {
	_, left := f.disturbs(nodes)
	i := slices.IndexFunc(left, func(d disturbance) bool { return !d.answers() || d.by.cutsNodes(nodes) })
	if i < 0 {
		return nil
	}
	return left[i].by
}

// disturbs is how many of the nodes the steps disturb at once, and what is left after the last one.
func (f *RandomFault) disturbs(nodes int) (most int, left disturbances) {
	var now disturbances
	for k := range f.steps {
		s := &f.steps[k].is
		now.end(s)
		before := slices.Clone(now)
		now.begin(s, nodes)
		most = max(most, now.count(nodes))
		if k == 0 && f.beside > 0 {
			continue // it is in force until the last step meanwhile
		}
		if s.For > 0 || k == 0 && f.taken() || !lasts(s.Kind().Facts) {
			now = before
		}
		if f.beside > 0 && k == f.beside {
			now = slices.DeleteFunc(now, func(d disturbance) bool { return d.by == &f.steps[0].is })
		}
	}
	return most, now
}

// lasts tells whether what an action does to a node stays until something takes it back.
func lasts(of record.Facts) bool { return of.Ends || of.Freezes || of.Cuts || of.Lasts }

// disturbances are what the steps of a fault have disturbed, and no later one has brought back.
type disturbances []disturbance

// disturbance is what a step does to the nodes that a name stands for.
type disturbance struct {
	name  string // a node, or a role; "": the links of nodes
	nodes int    // how many that is at most
	by    *Step
}

// count is how many nodes are disturbed at most. A role can be another node each time.
func (d disturbances) count(nodes int) (n int) {
	for i, one := range d {
		same := func(o disturbance) bool { return o.name == one.name }
		if one.name == "" || slices.Contains(Roles, one.name) || !slices.ContainsFunc(d[:i], same) {
			n += one.nodes
		}
	}
	return min(n, nodes)
}

// begin adds what a step disturbs.
func (d *disturbances) begin(s *Step, nodes int) {
	if !s.Fault() && !lasts(s.Kind().Facts) {
		return
	}
	if _, ok := s.Parameters().(fault.OnLinks); ok {
		*d = append(*d, disturbance{"", disturbed(s, nodes), s})
		return
	}
	for _, name := range s.targets() {
		*d = append(*d, disturbance{name, weight([]string{name}, nodes), s})
	}
}

// end takes away what a step brings back.
func (d *disturbances) end(s *Step) {
	for _, name := range s.targets() {
		back := func(of ...string) func(disturbance) bool {
			return func(was disturbance) bool { return slices.Contains(of, was.name) && was.endedBy(s) }
		}
		switch {
		case !slices.Contains(Roles, name):
			*d = slices.DeleteFunc(*d, back(name))
		case name == "former_primary": // the primary of before: one node
			if i := slices.IndexFunc(*d, back("primary", name)); i >= 0 {
				*d = slices.Delete(*d, i, i+1)
			}
		case name == "replicas": // all standbys that answer
			*d = slices.DeleteFunc(*d, func(was disturbance) bool { return was.answers() && back(standbyRoles()...)(was) })
		}
		// Any other role can be another node than the one that was disturbed: roles are looked up among the nodes that answer.
	}
}

// standbyRoles are the roles that only standbys have.
func standbyRoles() []string {
	return []string{"replicas", "any_replica", "sync_standby", "laggard", "most_advanced"}
}

// endedBy tells whether a step on the same node ends the disturbance.
func (d disturbance) endedBy(s *Step) bool {
	return d.by.Kind().Facts.EndedBy(s.Kind().Facts, d.by.Action())
}

// answers tells whether a node that is disturbed so still says what it is.
func (d disturbance) answers() bool {
	was := d.by.Kind().Facts
	return !was.Ends && !was.Freezes && !was.Cuts
}

// cutsNodes tells whether a step keeps nodes from reaching each other, all the time or again and again, and not only clients from reaching them.
func (s *Step) cutsNodes(nodes int) bool {
	on, ok := s.Parameters().(fault.OnLinks)
	if !ok {
		return false
	}
	one, other := on.BothSides()
	_, flaps := s.Parameters().(*fault.Flap)
	return (flaps || passesNothing(s.Parameters())) && weight(one, nodes) > 0 && weight(other, nodes) > 0
}

// weight is how many nodes names stand for at most.
func weight(names []string, nodes int) (n int) {
	for _, name := range names {
		switch name {
		case fault.Clients:
		case "replicas", wordOthers:
			n += nodes - 1
		default:
			n++
		}
	}
	return n
}

// disturbed is how many nodes a step disturbs. Of a cut network it is the smaller side.
func disturbed(s *Step, nodes int) int {
	if on, ok := s.Parameters().(fault.OnLinks); ok {
		one, other := on.BothSides()
		a, b := weight(one, nodes), weight(other, nodes)
		if a == 0 || b == 0 { // the other side are the clients alone
			return max(a, b)
		}
		return min(a, b)
	}
	return weight(s.targets(), nodes)
}
