package spec

import (
	"slices"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
)

// Links are the ways to nodes that steps of the timeline disturb, each once. A role can be any node.
func (e *Experiment) Links() (all []cluster.Link) {
	for i := range e.Timeline {
		on, ok := e.Timeline[i].Parameters().(fault.OnLinks)
		if !ok {
			continue
		}
		one, other := on.BothSides()
		for _, ends := range [][2][]string{{one, other}, {other, one}} {
			for _, l := range e.linksOf(ends[0], ends[1]) {
				if !slices.Contains(all, l) {
					all = append(all, l)
				}
			}
		}
	}
	return all
}

// Needs are the capabilities that the steps of the timeline need, each once.
func (e *Experiment) Needs() (all []cluster.Capability) {
	for i := range e.Timeline {
		for _, c := range e.Timeline[i].Kind().Capabilities {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}

// linksOf are the ways from one side to the nodes of the other.
func (e *Experiment) linksOf(from, to []string) (all []cluster.Link) {
	for _, x := range e.anyOf(from) {
		for _, y := range e.anyOf(to) {
			switch {
			case y == fault.Clients || x == y:
			case x == fault.Clients:
				all = append(all, cluster.Link{From: cluster.Vantage{From: cluster.FromClients}, To: y})
			default:
				all = append(all, cluster.Link{From: cluster.Vantage{From: cluster.FromNode, Node: x}, To: y})
			}
		}
	}
	return all
}

// anyOf are the nodes that a side can turn out to be, and Clients where it has them.
func (e *Experiment) anyOf(side []string) (names []string) {
	for _, name := range side {
		if slices.Contains(Roles, name) {
			return append(e.Cluster.Nodes.Names(), slices.DeleteFunc(slices.Clone(side), func(s string) bool { return s != fault.Clients })...)
		}
		names = append(names, name)
	}
	return names
}
