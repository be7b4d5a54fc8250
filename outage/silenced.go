package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// failedAfter dates a failed reading that was under way when a fault of its node was issued by that fault, and not by when the node was asked:
// it was well until then for all that is known. A fault that was issued just before the node was asked explains the reading already.
func failedAfter(states []record.NodeState, faults []record.Event) []record.NodeState {
	all := slices.Clone(states)
	for i := range all {
		s := &all[i]
		first := slices.IndexFunc(faults, func(m record.Event) bool {
			return m.Effective > 0 && m.Issued > s.At-noticedSpan && (len(m.Nodes) == 0 || slices.Contains(m.Nodes, s.Node))
		})
		if first >= 0 && !s.Reachable && faults[first].Issued < s.Failed {
			s.At = max(s.At, faults[first].Issued+1)
		}
	}
	return all
}

// silence has the states of nodes that could not be read say that they are down, as long as a step is known to have ended, frozen
// or cut off their server. Of any other that could not be read nothing is known: pgchaos itself may not have reached it. The changes are by
// time, and so are those that it returns.
func silence(changes []record.NodeState, events []record.Event) []record.NodeState {
	all := slices.Clone(changes)
	for _, m := range events {
		to, ok := silentUntil(m, events)
		if !ok {
			continue
		}
		for _, node := range m.Nodes {
			all = silenceNode(all, node, m.Issued, to)
		}
	}
	return all
}

// silentUntil is until when a step keeps its nodes from serving; ok is false where it does not. It has ended when what ended it has
// taken effect, and the node has had time to be read: a server that starts is no part of the cluster yet.
func silentUntil(m record.Event, events []record.Event) (to time.Duration, ok bool) {
	is := effects(m)
	if m.Effective <= 0 || !is.Ends && !is.Freezes && !is.Cuts && !is.Restarts {
		return 0, false
	}
	if !is.Ends && !is.Freezes && !is.Cuts {
		return m.Effective + noticedSpan, true
	}
	to = endless
	for _, e := range events {
		if e.Issued >= m.Issued && m.EndedBy(e) {
			to = min(to, max(e.Effective, e.Ended)+noticedSpan)
		}
	}
	return to, true
}

const endless = time.Duration(1<<63 - 1)

// silenceNode does so for one node in [from, to).
func silenceNode(changes []record.NodeState, node string, from, to time.Duration) (all []record.NodeState) {
	var last record.NodeState
	begun, over := false, false
	// at notes what the node was when that began and when it ended, if no reading of these moments tells.
	at := func(moment time.Duration, down bool) {
		if last.Node == "" || last.Reachable {
			return
		}
		s := last
		s.At, s.Asked = moment, moment
		if down {
			s.Role = record.RoleDown
		}
		all = append(all, s)
	}
	for _, s := range changes {
		if !begun && s.At >= from {
			at(from, true)
			begun = true
		}
		if !over && s.At >= to {
			at(to, false)
			over = true
		}
		if s.Node == node {
			last = s
			if begun && !over && !s.Reachable {
				s.Role = record.RoleDown
			}
		}
		all = append(all, s)
	}
	if !begun {
		at(from, true)
	}
	if !over && to < endless {
		at(to, false)
	}
	return all
}
