package spec

import (
	"cmp"
	"fmt"
	"slices"

	"pgchaos/chaos/fault"
)

// Warnings are what a file may well mean, but seldom does, a sentence each.
func (e *Experiment) Warnings() (all []string) {
	demanded := e.Cluster.Synchronous
	ready := map[string]bool{} // nodes whose commits will wait for standbys, and "replicas"
	for i, n := range e.Cluster.Nodes {
		ready[n.Name] = i == 0
	}
	writes := map[string]bool{}
	for _, name := range e.InitiallyRunning() {
		writes[name] = e.Workload(name).Inserts("")
	}
	for i := range e.Once() {
		s := &e.Timeline[i]
		if s.Repetition > 1 {
			continue
		}
		for _, name := range s.Workloads() {
			w := e.Workload(name)
			_, starts := s.Parameters().(*fault.StartLoad)
			writes[name] = starts && w != nil && w.Inserts("")
		}
		if c, ok := s.Parameters().(*fault.Configure); ok && c.Synchronous != nil {
			demanded = c.Synchronous
			for _, n := range c.Nodes {
				ready[n] = demanded.Standbys != ""
			}
		}
		if s.Kind().Facts.Promotes && demanded != nil && demanded.Standbys != "" && anyOf(writes) {
			for _, n := range e.notReady(s.targets(), ready) {
				all = append(all, fmt.Sprintf("%s: %s waits for no standby once it is promoted, though synchronous replication is demanded (%s): what it acknowledges then is weak, "+
					"and a second failure loses it; configure %s with `synchronous` before the primary is stopped", cmp.Or(s.Name, "promote"), n, demanded.Standbys, n))
			}
		}
	}
	return append(all, e.connectionWarnings()...)
}

// notReady are the nodes that a promotion may choose, and whose commits would wait for no standby.
func (e *Experiment) notReady(selectors []string, ready map[string]bool) (names []string) {
	for _, selector := range selectors {
		if !slices.Contains(Roles, selector) {
			if !ready[selector] {
				names = append(names, selector)
			}
			continue
		}
		if ready["replicas"] || ready[selector] {
			continue
		}
		for _, n := range e.Cluster.Nodes {
			if !ready[n.Name] && !slices.Contains(names, n.Name) {
				names = append(names, n.Name)
			}
		}
	}
	return names
}

func anyOf(set map[string]bool) bool {
	for _, in := range set {
		if in {
			return true
		}
	}
	return false
}
