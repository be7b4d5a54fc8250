package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// Silenced are the changes of nodes by time, with what is known of those that could not be read from what steps did to them.
func Silenced(states []record.NodeState, events []record.Event) []record.NodeState {
	changes := failedAfter(states, slices.DeleteFunc(faultsOf(events), harmless))
	slices.SortStableFunc(changes, byTime)
	return silence(changes, events)
}

// harmless tells whether an event certainly takes no node away, nor keeps one from being read.
func harmless(m record.Event) bool {
	is, known := m.Effects()
	return known && is.TakesNone() && !is.Refuses
}

// failedAfter dates a failed reading that was under way when one of these faults of its node was issued by that fault, and not by when the node was asked:
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

// withoutLost leaves out what is not known of a node between two readings of the same server in the same role, which streamed before and after
// where it is a standby: for less than stuckLeast, no more of it is known to have been wrong than of one that is read. A single question
// without an answer takes a second. Where a fault can be the reason, it is none of these.
func withoutLost(changes []record.NodeState, events []record.Event) []record.NodeState {
	lost := make([]bool, len(changes))
	last := map[string]record.NodeState{} // what was last known of a node
	asked := map[string][]int{}           // the changes since then in which nothing is known
	for i, s := range changes {
		if s.Unread() {
			asked[s.Node] = append(asked[s.Node], i)
			continue
		}
		if unread := asked[s.Node]; len(unread) > 0 && s.At-changes[unread[0]].At < stuckLeast && goesOn(last[s.Node], s) && !mayBeGone(s.Node, changes[unread[0]].At, s.At, events) {
			for _, n := range unread {
				lost[n] = true
			}
		}
		delete(asked, s.Node)
		last[s.Node] = s
	}
	var all []record.NodeState
	for i, s := range changes {
		if !lost[i] {
			all = append(all, s)
		}
	}
	return all
}

// goesOn tells whether two readings are of one server that goes on with what it did.
func goesOn(before, s record.NodeState) bool {
	same := !before.ServerStarted.IsZero() && s.ServerStarted.Equal(before.ServerStarted) && !s.CrashedSince(before)
	return same && s.Role == before.Role && s.Timeline == before.Timeline && s.Streaming == before.Streaming
}

// mayBeGone tells whether a fault that can take a node away was in force on it at some moment of [from, to), or just before. One whose command
// can do anything is, until it is taken back; where nothing takes it back, it was over when the node was well for a second after it.
func mayBeGone(node string, from, to time.Duration, events []record.Event) bool {
	return slices.ContainsFunc(events, func(m record.Event) bool {
		is, known := m.Effects()
		if !m.Fault || m.Status == record.EventSkipped || m.Issued >= to || known && !is.MayTakeStandby() || len(m.Nodes) > 0 && !slices.Contains(m.Nodes, node) {
			return false
		}
		over := endless
		if known && is.Momentary() && (!is.OnlyMay() || !isReversed(m, events)) {
			over = max(m.Effective, m.Ended)
		}
		for _, back := range events {
			if back.Effective > 0 && m.EndedOn(node, back) {
				over = min(over, max(back.Effective, back.Ended))
			}
		}
		return over == endless || from < over+noticedSpan
	})
}

// isReversed tells whether something takes an event back, or was to.
func isReversed(m record.Event, events []record.Event) bool {
	return slices.ContainsFunc(events, func(back record.Event) bool { return back.Reverses == m.Name })
}

// silence has the states of nodes that could not be read say that they are down, as long as a step is known to have ended, frozen
// or cut off their server. Of any other that could not be read nothing is known: pgchaos itself may not have reached it. The changes are by
// time, and so are those that it returns.
func silence(changes []record.NodeState, events []record.Event) []record.NodeState {
	all := slices.Clone(changes)
	for _, m := range events {
		is := effects(m)
		if m.Effective <= 0 || !is.Ends && !is.Freezes && !is.Cuts && !is.Restarts {
			continue
		}
		for _, node := range m.Nodes {
			all = alter(all, node, m.Issued, silentUntil(m, node, events, changes), func(s *record.NodeState) bool {
				if s.Reachable {
					return false
				}
				s.Role = record.RoleDown
				return true
			})
		}
	}
	return all
}

// silentUntil is until when a step keeps a node from serving. It has ended when what ended it there has taken effect, or the node was read,
// since somebody else can start it; and a moment later, for a server that starts is no part of the cluster yet. While a step brings it back, it can
// serve for a moment and end again: a rejoin starts it more than once.
func silentUntil(m record.Event, node string, events []record.Event, changes []record.NodeState) (to time.Duration) {
	to = endless
	if is := effects(m); !is.Ends && !is.Freezes && !is.Cuts {
		to = m.Effective + noticedSpan
	}
	var bringing []record.Event
	for _, e := range events {
		if m.EndedOn(node, e) {
			to = min(to, max(e.Effective, e.Ended)+noticedSpan)
			bringing = append(bringing, e)
		}
	}
	for _, s := range changes {
		meanwhile := func(e record.Event) bool { return s.At >= e.Issued && s.At < max(e.Effective, e.Ended) }
		if s.Node == node && s.Reachable && s.At > m.Effective && !slices.ContainsFunc(bringing, meanwhile) {
			return min(to, s.At+noticedSpan)
		}
	}
	return to
}

const endless = time.Duration(1<<63 - 1)

// alter changes what the states of a node say in [from, to). Each change tells whether there was one. Where it begins and ends between two
// readings, states of these moments are added.
func alter(changes []record.NodeState, node string, from, to time.Duration, change func(*record.NodeState) bool) (all []record.NodeState) {
	var last record.NodeState
	begun, over := false, false
	at := func(moment time.Duration, within bool) {
		s := last
		s.At, s.Asked = moment, moment
		altered := s
		switch differs := change(&altered); {
		case last.Node == "" || !differs:
		case within:
			all = append(all, altered)
		default:
			all = append(all, s)
		}
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
			if begun && !over {
				change(&s)
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
