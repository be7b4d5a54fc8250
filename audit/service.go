package audit

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// stint is a time in which one server acknowledged, without having been away meanwhile.
type stint struct {
	first, last time.Duration // of its answers
	sent        time.Duration // the last of what it acknowledged
}

// breather is how long a server that has not been away may take between two answers at
// least: none is killed, replaced, and back within it. Readings that failed for another
// reason so cut nothing in two.
const breather = 100 * time.Millisecond

// serve notes an acknowledgement. They come writer by writer, in any order of time.
func (s *serverEvidence) serve(e *ledger.Entry) {
	for i := range s.beside {
		switch b := &s.beside[i]; {
		case e.Done > b.newer.to:
		case e.Sent >= b.newer.from:
			b.sent = max(b.sent, e.Sent)
		case s.resumedBefore(e, b.newer.from):
			b.answered = max(b.answered, e.Done)
		}
	}
	i, _ := slices.BinarySearchFunc(s.stints, e.Done, func(t stint, at time.Duration) int { return cmp.Compare(t.last, at) })
	// The stint at i is the first that ends at or after it.
	switch {
	case i < len(s.stints) && s.joined(e.Done, s.stints[i].first):
		s.stints[i].first = min(s.stints[i].first, e.Done)
	case i > 0 && s.joined(s.stints[i-1].last, e.Done):
		i--
		s.stints[i].last = e.Done
	default:
		s.stints = slices.Insert(s.stints, i, stint{e.Done, e.Done, e.Sent})
		return
	}
	s.stints[i].sent = max(s.stints[i].sent, e.Sent)
	if i > 0 && s.joined(s.stints[i-1].last, s.stints[i].first) {
		i--
		s.stints[i].last, s.stints[i].sent = s.stints[i+1].last, max(s.stints[i].sent, s.stints[i+1].sent)
		s.stints = slices.Delete(s.stints, i+1, i+2)
	}
}

// lateAnswer is how late an answer is read at most that had come in time: a load generator
// that is later than that is known to have stood still.
const lateAnswer = 500 * time.Millisecond

// resumedBefore tells whether a write was answered by the server after it had been frozen and
// resumed, and resumed after some moment. One that was sent before the server froze may have
// been answered before, too, and only be read late.
func (s *serverEvidence) resumedBefore(e *ledger.Entry, moment time.Duration) bool {
	return slices.ContainsFunc(s.frozen, func(f window) bool {
		return moment <= f.to && e.Sent > 0 && e.Sent < f.to && e.Done > f.to && (e.Sent >= f.from || f.to-f.from >= lateAnswer)
	})
}

// freezes are the times in which a node was certainly frozen, from when that was verified to
// when a step was issued that could end it.
func freezes(node string, events []record.Event) (all []window) {
	for _, m := range events {
		if !factsOf(m).Freezes || m.Effective == 0 || m.Status != record.EventDone || !slices.Contains(m.Nodes, node) {
			continue
		}
		to := forever
		for _, lift := range events {
			if lifts(lift, m, node) && lift.Status != record.EventSkipped {
				to = min(to, lift.Issued)
			}
		}
		all = append(all, window{m.Effective, to})
	}
	return all
}

// joined tells whether two answers belong to one stint.
func (s *serverEvidence) joined(before, after time.Duration) bool {
	return after-before <= breather || !s.wasAway(before, after)
}

// wasAway tells whether the server is known not to have served at some moment between.
func (s *serverEvidence) wasAway(from, to time.Duration) bool {
	return slices.ContainsFunc(s.away, func(a window) bool { return a.from < to && a.to > from })
}

// window is a time between two moments.
type window struct{ from, to time.Duration }

// absences are the times in which a node did not serve, or at some moment of which it
// did not: a fault was done to it, it did not answer, or it was started anew.
func absences(node string, states []record.NodeState, events []record.Event) (all []window) {
	for _, m := range events {
		if m.Fault && m.Effective > 0 && slices.Contains(m.Nodes, node) {
			all = append(all, window{m.Issued, max(m.Effective, m.Ended)})
		}
	}
	var before record.NodeState
	gone := false
	for _, s := range states {
		switch {
		case !s.Reachable && !gone:
			gone = true
			all = append(all, window{s.At, forever})
		case s.Reachable && gone:
			gone = false
			all[len(all)-1].to = s.At
		case s.Reachable && !before.ServerStarted.Equal(s.ServerStarted) && !before.ServerStarted.IsZero():
			all = append(all, window{before.At, s.At})
		}
		before = s
	}
	return all
}
