package outage

import (
	"time"

	"pgchaos/record"
)

// noticedSpan is how long what a fault has taken away can go unnoticed: a node counts as gone once it has not answered for half a second.
const noticedSpan = time.Second

// ownUntil is until when what goes missing can be the doing of fault i: until the next fault or other step that can take a standby away,
// issued when this one was over and its effect, if it can have taken a node away, had had time to be noticed.
func (w watched) ownUntil(faults []record.Event, i int) time.Duration {
	over, known := w.overAt(faults[i])
	if !known {
		return min(w.incidentAfter(faults, i), w.takerAfter(faults, i))
	}
	if !harmless(faults[i]) {
		over += noticedSpan
	}
	own := w.End
	for _, next := range w.Events {
		if next.Issued >= over && next.Issued < own && w.takesStandby(next, faults[i]) {
			own = next.Issued
		}
	}
	return own
}

// takesStandby tells whether it is an event's doing, and not that of a fault before it, where a standby is missing from then on. What
// a step takes away that is no fault is measured nowhere: it must have found every node of the fault in its place.
func (w watched) takesStandby(next, fault record.Event) bool {
	is, known := next.Effects()
	if next.Fault {
		return next.Effective > 0 && !is.TakesNone()
	}
	return known && is.MayTakeStandby() && next.Reverses == "" && next.Status != record.EventSkipped &&
		joined(w.viewAt(next.Issued), fault.Nodes) == record.True
}

// incidentAfter is when somebody else did something to the cluster after fault i, of which nothing is known but that its command can do
// anything: what that takes away is measured on its own. The end, where nobody did.
func (w watched) incidentAfter(faults []record.Event, i int) time.Duration {
	if m := faults[i]; m.Effective > 0 && effects(m).OnlyMay() {
		for _, next := range faults[i+1:] {
			if next.Status == record.EventSeen && next.Issued >= m.Effective && next.Effective > 0 {
				return next.Issued
			}
		}
	}
	return w.End
}

// takerAfter is when a later fault was issued that certainly took nodes away, where fault i can bring about anything: what goes missing from then on
// is the later one's doing. The end, where none was.
func (w watched) takerAfter(faults []record.Event, i int) time.Duration {
	m := faults[i]
	if is := effects(m); !is.Provokes || m.Effective <= 0 {
		return w.End
	}
	for _, next := range faults[i+1:] {
		is, known := next.Effects()
		if known && is.TakesServers() && next.Effective > 0 && next.Issued >= m.Effective+noticedSpan {
			return next.Issued
		}
	}
	return w.End
}

// overAt is when a fault did nothing more to the cluster by itself: it had taken effect and, where its effect lasts, that had been taken
// back. It is not known of what can bring about anything later, and of what was never taken back: a link that is cut makes a standby
// missing only after wal_receiver_timeout.
func (w watched) overAt(m record.Event) (at time.Duration, known bool) {
	is, known := m.Effects()
	if !known || is.Provokes || m.Effective <= 0 {
		return 0, false
	}
	if is.TakesNone() || is.Momentary() {
		return m.Effective, true
	}
	return m.OverAt(w.Events, func(back record.Event) (time.Duration, bool) { return back.Effective, back.Effective >= m.Effective })
}
