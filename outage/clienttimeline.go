package outage

import (
	"iter"
	"time"

	"pgchaos/record"
)

// clientTimeline answers questions about when one workload's clients were served.
type clientTimeline struct {
	Activity
	end time.Duration // of the load
	// part is set where the Activity is the part of one node. That nobody uses the node for
	// a while proves no stall of it.
	part bool
	// parts is when the parts of the fault at hand were issued that end a server; none where it does one thing.
	parts []time.Duration
}

// slot is the number of the record.Slot that a moment is in, start is where a slot
// begins, and within a moment of one.
func slot(t time.Duration) int  { return int(t / record.SlotLength) }
func start(i int) time.Duration { return time.Duration(i) * record.SlotLength }
func within(i int, offset uint16) time.Duration {
	return start(i) + time.Duration(offset)*time.Microsecond
}

// What is known of a slot that has successes, or failures.
func (f clientTimeline) firstOK(i int) time.Duration    { return within(i, f.Slots[i].FirstOK) }
func (f clientTimeline) lastOK(i int) time.Duration     { return within(i, f.Slots[i].LastOK) }
func (f clientTimeline) firstError(i int) time.Duration { return within(i, f.Slots[i].FirstError) }
func (f clientTimeline) lastError(i int) time.Duration  { return within(i, f.Slots[i].LastError) }

// success is the first slot from i on with a success, or -1.
func (f clientTimeline) success(i int) int {
	for ; i < len(f.Slots); i++ {
		if f.Slots[i].OK > 0 {
			return i
		}
	}
	return -1
}

// successIn is the first success in slot i or a later one.
func (f clientTimeline) successIn(i int) (at time.Duration, ok bool) {
	if i = f.success(i); i < 0 {
		return 0, false
	}
	return f.firstOK(i), true
}

// successFrom is the first success at a moment or later.
func (f clientTimeline) successFrom(t time.Duration) (at time.Duration, ok bool) {
	i := slot(t)
	if i < len(f.Slots) && f.Slots[i].OK > 0 && f.lastOK(i) >= t {
		if f.firstOK(i) >= t {
			return f.firstOK(i), true
		}
		return f.lastOK(i), true // the last of a few that came within 10 ms
	}
	return f.successIn(i + 1)
}

// backAfter is the first success after the last failure of a slot.
func (f clientTimeline) backAfter(i int) (at time.Duration, ok bool) {
	if s := &f.Slots[i]; s.Returns() {
		return within(i, s.Back), true
	}
	return f.successIn(i + 1)
}

// lastBefore is the last success before a moment.
func (f clientTimeline) lastBefore(t time.Duration) (at time.Duration, ok bool) {
	for i := min(slot(t), len(f.Slots)-1); i >= 0; i-- {
		switch {
		case f.Slots[i].OK == 0 || f.firstOK(i) >= t:
		case f.lastOK(i) < t:
			return f.lastOK(i), true
		default:
			return f.firstOK(i), true // the first of a few that came within 10 ms
		}
	}
	return 0, false
}

// count counts the successes and failures in the slots [from, to).
func (f clientTimeline) count(from, to int) (ok, errors int64) {
	for i := max(0, from); i < min(to, len(f.Slots)); i++ {
		ok += int64(f.Slots[i].OK)
		errors += int64(f.Slots[i].Errors)
	}
	return ok, errors
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

func (g gap) length() time.Duration { return g.to - g.from }

// gaps are the stretches without a success that begin in [from, until) while the
// workload is active. Those within one slot are left out.
func (f clientTimeline) gaps(from, until time.Duration) iter.Seq[gap] {
	return func(yield func(gap) bool) {
		for _, active := range f.Active {
			g := gap{from: max(from, active.From)}
			next, ok := f.successFrom(g.from)
			for g.from < until && g.from < active.To {
				g.to, g.next, g.ok = active.To, 0, ok
				if ok {
					g.next, g.to = next, min(next, active.To)
				}
				if g.to > g.from && !yield(g) {
					return
				}
				if !ok {
					break
				}
				i := slot(next)
				g = gap{from: f.lastOK(i), after: true}
				next, ok = f.successIn(i + 1)
			}
		}
	}
}

// downtime is the longest gap in [from, to). One that begins before or ends after is
// taken whole if what lies in there is a stall already, and is otherwise cut.
func (f clientTimeline) downtime(from, to time.Duration) (longest gap) {
	begin, _ := f.lastBefore(from)
	for g := range f.gaps(begin, to) {
		if min(g.to, to)-max(g.from, from) < minStall {
			g.ok = g.ok || g.to > to
			g.from, g.to = max(g.from, from), min(g.to, to)
		}
		if g.length() > longest.length() {
			longest = g
		}
	}
	return longest
}

func (f clientTimeline) activeAt(t time.Duration) bool {
	for _, a := range f.Active {
		if a.From <= t && t < a.To {
			return true
		}
	}
	return false
}

func (f clientTimeline) activeDuring(i int) bool { return f.activeIn(start(i), start(i+1)) }

// activeIn tells whether the workload was running at some moment of [from, to).
func (f clientTimeline) activeIn(from, to time.Duration) bool {
	for _, a := range f.Active {
		if a.From < to && from < a.To {
			return true
		}
	}
	return false
}

// lastActive is when the workload stopped for the last time.
func (f clientTimeline) lastActive() (last time.Duration) {
	for _, a := range f.Active {
		last = max(last, min(a.To, f.end))
	}
	return last
}
