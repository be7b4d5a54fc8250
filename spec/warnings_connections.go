package spec

import (
	"fmt"
	"slices"
	"strconv"

	"pgchaos/chaos/fault"
	"pgchaos/internal/units"
)

// ownSessions are pgchaos's own on each node: two that watch, and one for a step.
const ownSessions = 3

// connectionWarnings are the nodes whose max_connections is too small for the clients that the file asks for there.
// WAL senders do not count: PostgreSQL has had places of their own for them since version 12.
func (e *Experiment) connectionWarnings() (all []string) {
	for i, clients := range e.clientsAtOnce() {
		limit, known := e.number(i, "max_connections")
		limit = max(limit, e.configuredConnections())
		reserved, knownReserved := e.reserved(i)
		need := int64(clients) + ownSessions + reserved
		if !known || !knownReserved || clients == 0 || need <= limit {
			continue
		}
		all = append(all, fmt.Sprintf("max_connections of %s is %d, and %d are needed: %s of the workloads at once, %d sessions of pgchaos, and %d reserved for superusers; "+
			"PostgreSQL refuses the rest (53300); raise max_connections, or use fewer clients",
			e.Cluster.Nodes[i].Name, limit, need, units.Count(int64(clients), "client", "clients"), ownSessions, reserved))
	}
	return all
}

// configuredConnections is the largest max_connections of a configure step; 0: there is none.
func (e *Experiment) configuredConnections() (most int64) {
	for _, value := range e.configured("max_connections") {
		n, _ := strconv.ParseInt(value, 0, 32)
		most = max(most, n)
	}
	return most
}

// clientsAtOnce is how many clients each node can have at once, at most: readers of standbys are spread over those that
// are there from the beginning, and writers go to the first node and to each that a step may promote.
func (e *Experiment) clientsAtOnce() []int {
	most := make([]int, len(e.Cluster.Nodes))
	runs, promoted := map[string]bool{}, map[string]bool{}
	for _, name := range e.InitiallyRunning() {
		runs[name] = true
	}
	count := func() {
		for i := range most {
			most[i] = max(most[i], e.clientsAt(i, runs, promoted))
		}
	}
	count()
	for i := range e.Timeline {
		s := &e.Timeline[i]
		_, starts := s.Parameters().(*fault.StartLoad)
		for _, name := range s.Workloads() {
			runs[name] = starts
		}
		for _, target := range s.promotes() {
			promoted[target] = true
		}
		count()
	}
	return most
}

// clientsAt is how many clients a node has while these workloads run, and these nodes and roles have been promoted. Of a
// node that is promoted by its role it is not known whether it is the primary: what counts is the larger number.
func (e *Experiment) clientsAt(node int, runs, promoted map[string]bool) int {
	of := e.Cluster.Nodes[node]
	standbys := 0
	for _, other := range e.Cluster.Nodes[1:] {
		if !other.Absent {
			standbys++
		}
	}
	always, asPrimary, asStandby := 0, 0, 0
	for i := range e.Load {
		w := &e.Load[i]
		clients := w.Clients
		if w.Connections > 0 {
			clients = min(clients, w.Connections)
		}
		switch {
		case !runs[w.Name] || w.Route == "url": // behind a URL there may be a pool
		case w.Target == "each", w.Target == of.Name:
			always += clients
		case w.Target == "primary":
			asPrimary += clients
		case node > 0 && !of.Absent:
			asStandby += (clients + standbys - 1) / standbys
		}
	}
	if node > 0 && !promoted[of.Name] && !slices.ContainsFunc(Roles, func(role string) bool { return promoted[role] }) {
		asPrimary = 0
	}
	return always + max(asPrimary, asStandby)
}
