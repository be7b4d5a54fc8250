package check

import (
	"iter"
	"time"

	"pgchaos/history"
)

// minStall is the shortest time without a success that can count as an outage
// where nothing failed, and for which a recovery must hold to be one.
const minStall = 500 * time.Millisecond

// stallFactor is how many times longer than the longest gap of the healthy time
// a stall must be: a workload of one operation a second has gaps of its own.
const stallFactor = 3

// Outages measures what each fault did to each workload, in the order of the
// faults. The end is that of the load.
//
// A fault is a mark with Fault set that took effect. Its window is from where it
// was issued to where the next fault was, and what failed or stalled in there is
// put to its account; the recovery may come later than that, because an outage
// that a second fault meets halfway is one outage for the client.
//
// A client's failure in the window that the fault did not cause, a recovery
// conflict say, cannot be told apart and counts: the RTO is then too long, never
// too short.
func Outages(activity []Activity, marks []history.Mark, end time.Duration) []Outage {
	faults := faultsOf(marks)
	var all []Outage
	for i, m := range faults {
		if m.Effective <= 0 {
			continue
		}
		until := windowOf(faults, i, end)
		for _, a := range activity {
			f := felt{Activity: a, end: end}
			all = append(all, f.outage(m, until, f.healthyGap(faults[0].Issued, m.Issued)))
		}
	}
	return all
}

// noticed tells whether a fault has no known moment: nobody issued it, and it was seen
// some time after it had happened.
func noticed(m history.Mark) bool { return m.Status == history.MarkSeen && m.Issued < m.Effective }

// felt answers questions about what one workload's clients felt.
type felt struct {
	Activity
	end time.Duration // of the load
}

// gap is a stretch of active time without a success.
type gap struct {
	from, to time.Duration // to: the success that ended it, or the end of the active time
	// after is set when the gap began with a success, and not with the load or the fault.
	after bool
	// next is the first success after it, beyond `to` when the load was stopped
	// in between; ok is false when there was none.
	next time.Duration
	ok   bool
}

// outage is what a fault whose window reaches up to `until` did. The longest gap
// of the healthy time says what is usual.
func (f felt) outage(m history.Mark, until, healthy time.Duration) Outage {
	o := Outage{Event: m.Name, Workload: f.Workload, Writes: f.Writes, Issued: m.Issued, Effective: m.Effective, Noticed: noticed(m)}
	if o.Loaded = f.activeAt(m.Issued) && f.lastActive() > m.Effective; !o.Loaded {
		return o
	}
	first, last := f.failures(&o, until)
	var stalls []gap
	var worst gap
	for g := range f.gaps(m.Issued, until) {
		// What comes after the next fault is that one's doing, unless service had
		// been away for long enough before.
		g.to = min(g.to, until)
		length := g.to - g.from
		o.LongestGap = max(o.LongestGap, length)
		if length >= minStall && length > stallFactor*healthy {
			stalls = append(stalls, g)
			if length > worst.to-worst.from {
				worst = g
			}
		}
	}
	switch {
	case last >= 0:
		o.FirstFail, o.LastFail = start(first), start(last)
		f.recovery(&o, last, stalls)
	case len(stalls) > 0:
		f.over(&o, worst.next, worst.ok)
	case f.success(bucket(m.Issued)) < 0:
		f.over(&o, 0, false) // too short a time to call a stall, but nobody was served again
	default:
		o.Recovered = true // from nothing
	}
	return o
}

// failures counts what failed in the window, and returns its first and last
// bucket; -1 for none.
func (f felt) failures(o *Outage, until time.Duration) (first, last int) {
	first, last = -1, -1
	// The bucket in which the next fault was issued is that one's: a failure in it
	// would otherwise prolong this outage up to there.
	for i := bucket(o.Issued); i < len(f.Errors) && start(i+1) <= until; i++ {
		if f.Errors[i] == 0 || !f.activeDuring(i) {
			continue
		}
		if first < 0 {
			first = i
		}
		last = i
		o.Errors += int64(f.Errors[i])
	}
	return first, last
}

// recovery finds where service came back for good after the last failure. A
// success that is followed at once by a stall is no recovery: where commits wait
// for a standby that is gone, one client may still get its answer before all of
// them hang, and nothing more fails.
func (f felt) recovery(o *Outage, lastFail int, stalls []gap) {
	// A success in the bucket of the last failure may have come before it.
	i := f.success(lastFail + 1)
	if i < 0 || f.failingOn(lastFail) {
		f.over(o, 0, false)
		return
	}
	back := start(i)
	for _, s := range stalls {
		if s.from < back || s.from >= back+minStall {
			continue
		}
		if !s.ok {
			f.over(o, 0, false)
			return
		}
		back = s.next
	}
	f.over(o, back, true)
}

// failingOn tells whether whoever failed last, shortly before the load ended, was not
// served again: that others were in that moment is no recovery.
func (f felt) failingOn(lastFail int) bool {
	if start(lastFail) < f.lastActive()-minStall {
		return false
	}
	_, ok := f.noted(lastFail, true, func(e history.Episode) (time.Duration, bool) {
		return e.LastError, e.FirstOK == 0
	})
	return ok
}

// over notes when the outage ended, or that it did not as long as the load ran.
func (f felt) over(o *Outage, back time.Duration, recovered bool) {
	if !recovered {
		back = f.lastActive()
	}
	// Clients can be back before the fault has been verified to have taken effect.
	o.Recovered, o.RTO = recovered, max(0, back-o.Effective)
	if o.Noticed && recovered {
		o.Most = back - o.Issued
	}
}

// healthyGap is the longest time between two successes before the first fault;
// where the workload did not run then, before the fault at hand.
func (f felt) healthyGap(firstFault, thisFault time.Duration) (longest time.Duration) {
	until := firstFault
	if len(f.Active) > 0 && f.Active[0].From >= firstFault {
		until = thisFault
	}
	for g := range f.gaps(0, until) {
		if g.after && g.ok && g.next <= until {
			longest = max(longest, g.to-g.from)
		}
	}
	return longest
}

// gaps are the stretches without a success that begin in [from, until) while the
// workload is active.
func (f felt) gaps(from, until time.Duration) iter.Seq[gap] {
	return func(yield func(gap) bool) {
		for _, active := range f.Active {
			g := gap{from: max(from, active.From)}
			for i := bucket(g.from); g.from < until && g.from < active.To; {
				i = f.success(i)
				g.to, g.next, g.ok = active.To, 0, i >= 0
				if g.ok {
					g.next = start(i)
					g.to = min(g.next, active.To)
				}
				if g.to > g.from && !yield(g) {
					return
				}
				if !g.ok {
					break
				}
				g = gap{from: g.next, after: true}
				i++
			}
		}
	}
}

// success is the first bucket from i on with a success, or -1.
func (f felt) success(i int) int {
	for ; i < len(f.OK); i++ {
		if f.OK[i] > 0 {
			return i
		}
	}
	return -1
}

func (f felt) activeAt(t time.Duration) bool {
	for _, a := range f.Active {
		if a.From <= t && t < a.To {
			return true
		}
	}
	return false
}

func (f felt) activeDuring(i int) bool {
	for _, a := range f.Active {
		if a.From < start(i+1) && start(i) < a.To {
			return true
		}
	}
	return false
}

// lastActive is when the workload stopped for the last time.
func (f felt) lastActive() (last time.Duration) {
	for _, a := range f.Active {
		last = max(last, min(a.To, f.end))
	}
	return last
}

// bucket is the index of the bucket that a moment is in, and start is where a
// bucket begins.
func bucket(t time.Duration) int { return int(t / Bucket) }
func start(i int) time.Duration  { return time.Duration(i) * Bucket }
