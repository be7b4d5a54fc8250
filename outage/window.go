package outage

import (
	"fmt"
	"strings"
	"time"

	"pgchaos/record"
)

// shownSpan is how long after its effect a fault can still have done nothing to clients: answers that were under way arrive.
const shownSpan = 100 * time.Millisecond

// window is the time in which what a workload lacked is attributed to a fault, from when that was issued.
type window struct {
	until  time.Duration
	next   string   // the fault that ended it; "": the load did
	shared []string // the faults that were issued in it, before it could be seen what this one did
}

// windowOf is that of fault i: until the next fault is issued. Where that came before this one had taken effect, or before clients could
// show what this one did to them, nobody can tell whose doing it was: both have it, and the window goes on. To a workload that did not run
// until then it did nothing.
func (f clientTimeline) windowOf(faults []record.Event, i int) (w window) {
	m := faults[i]
	for _, next := range faults[i+1:] {
		switch {
		case next.Issued < m.Issued+record.SlotLength: // one event to the clients
		case afterEffect(next, m) && (f.shows(faults[0].Issued, m, next.Issued) || !f.activeIn(m.Issued, next.Issued)):
			w.until, w.next = next.Issued, next.Name
			return w
		case next.Effective > 0:
			w.shared = append(w.shared, next.Name)
		}
	}
	w.until = f.end + record.SlotLength // the last slot too
	return w
}

// afterEffect tells whether a fault was issued after another one, and not before that had taken effect. Faults issued within 10 ms are one event
// to the clients.
func afterEffect(next, m record.Event) bool {
	return next.Issued >= max(m.Issued+record.SlotLength, m.Effective)
}

// shows tells whether the clients had shown by a moment what a fault did to them: they were served after its effect, or were not for long
// enough to tell.
func (f clientTimeline) shows(firstFault time.Duration, m record.Event, by time.Duration) bool {
	if at, ok := f.successFrom(m.Effective + shownSpan); ok && at < by {
		return true
	}
	usual := f.usual(firstFault, m.Issued)
	if first, _ := f.failures(&Outage{Issued: m.Issued}, by, usual); first >= 0 {
		return true
	}
	stalls, _ := f.stalls(m.Issued, by, usual)
	return len(stalls) > 0
}

// sharedWords are what must be known of a recovery where a workload's outage may be the doing of a later fault.
func (r *Recovery) sharedWords() (all []string) {
	for _, w := range r.Workloads {
		if len(w.Shared) > 0 && (w.FirstError.State == StageReached || w.Clients.Hit > 0 || w.Throughput.State != StageNone) {
			all = append(all, fmt.Sprintf("%s came before it could be seen what %s did to %s: what its clients saw from then on counts for both",
				strings.Join(w.Shared, " and "), r.Event, w.Workload))
		}
	}
	return all
}
