package outage

import (
	"time"

	"pgchaos/record"
)

// usual is what a workload was like before the first fault, or, if it began later, before
// the fault at hand. No fault is charged with that.
type usual struct {
	// served is false where the workload was not served when the fault was issued, and no
	// earlier fault accounts for it.
	served bool
	until  time.Duration // up to when it was like this
	gap    time.Duration // the longest time between two successes
	stuck  time.Duration // the longest time for which a client was not served
	errors float64       // the share of the operations that failed
}

// usual looks at the workload as it was when a fault was issued.
func (f clientTimeline) usual(firstFault, thisFault time.Duration) (u usual) {
	until := firstFault
	if len(f.Active) > 0 && f.Active[0].From >= firstFault {
		until = thisFault
	}
	u.until = until
	for g := range f.gaps(0, until) {
		if g.after && g.ok && g.next <= until {
			u.gap = max(u.gap, g.length())
		}
	}
	// Clients can feel a fault a little before it is noticed.
	if ok, errors := f.count(slot(max(0, until-beforeSpan)), slot(until-minStall)); errors > 0 {
		u.errors = float64(errors) / float64(ok+errors)
	}
	for _, c := range f.Clients {
		for _, e := range c.Outages {
			if e.FirstOK < until && (e.Errors == 0 || u.errors > 0) {
				u.stuck = max(u.stuck, e.FirstOK-e.Sent) // less than nothing where it has no end
			}
		}
	}
	last, ok := f.lastBefore(thisFault)
	u.served = ok && !f.out(last, until, u)
	return u
}

// out tells whether the workload had been out since its last success, already before
// any fault.
func (f clientTimeline) out(last, until time.Duration, u usual) bool {
	for _, a := range f.Active {
		if a.From <= until {
			last = max(last, a.From)
		}
	}
	_, errors := f.count(slot(last)+1, slot(until))
	return until-last >= minStall && until-last > stallFactor*u.gap && (errors > 0 || u.gap > 0)
}

// unusual tells whether the failures of a slot are to be charged to a fault: where some
// failed before the first fault already, only those are that come where far more fail,
// within half a second before and after.
func (f clientTimeline) unusual(i int, u usual) bool {
	if u.errors == 0 {
		return true
	}
	const half = int(500 * time.Millisecond / record.SlotLength)
	ok, errors := f.count(i-half, i+half+1)
	return float64(errors) > stallFactor*u.errors*float64(ok+errors)
}
