package load

import (
	"math"
	"sync/atomic"
	"time"

	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// stall is how late an arrival may come to be taken before Config.CatchUp decides
// about it.
const stall = 100 * time.Millisecond

// arrivals are those of one group of clients, in one run. Every client of the group
// writes here: next and slot share their lines with nothing.
type arrivals struct {
	schedule *Schedule     // nil: a closed loop
	length   atomic.Int64  // of the run, a time.Duration: what would be due then or later does not come
	limit    int64         // so many operations at most
	spent    chan struct{} // closed when the last that the limit allows has been taken
	shares   *shares       // of the limit, in a closed loop that has one; else nil
	_        [64]byte
	next     atomic.Int64 // the index of the next on the schedule
	_        [64]byte
	// slot is when the next arrival may be sent while the group catches up at no more
	// than twice the rate.
	slot     atomic.Int64
	catching atomic.Bool
	_        [64]byte
}

// unlimited is a limit that is never reached.
const unlimited = math.MaxInt64

func newArrivals(schedule *Schedule, length time.Duration, limit int64, clients int) *arrivals {
	a := &arrivals{schedule: schedule, limit: limit, spent: make(chan struct{})}
	a.length.Store(int64(length))
	switch {
	case limit == 0:
		close(a.spent)
	case schedule == nil && limit < unlimited:
		a.shares = newShares(limit, clients, a.spent)
	}
	return a
}

// due is when an arrival is due after the start; ok is false for one that does not come.
func (a *arrivals) due(i int64) (due time.Duration, ok bool) {
	if i >= a.limit {
		return 0, false
	}
	due, ok = a.schedule.At(i)
	return due, ok && a.comes(due)
}

// comes tells whether the arrivals have not ended by an offset from the start.
func (a *arrivals) comes(offset time.Duration) bool { return offset < time.Duration(a.length.Load()) }

// by is how many arrivals are due at or before an offset from the start.
func (a *arrivals) by(offset time.Duration) int64 {
	if a.schedule == nil {
		return 0
	}
	return min(a.schedule.By(min(offset, time.Duration(a.length.Load())-1)), a.limit)
}

// take takes the next arrival for one of the group's clients; ok is false where there is
// none.
func (a *arrivals) take(client int) (due time.Duration, ok bool) {
	switch {
	case a.shares != nil:
		return 0, a.shares.take(client)
	case a.schedule == nil:
		return 0, a.limit > 0
	}
	i := a.next.Add(1) - 1
	if due, ok = a.due(i); ok && i == a.limit-1 {
		close(a.spent)
	}
	return due, ok
}

// exhausted tells whether every operation that the limit allows has been taken.
func (a *arrivals) exhausted() bool {
	select {
	case <-a.spent:
		return true
	default:
		return false
	}
}

// paced is when an arrival that is due may be sent, so that the group catches up at no
// more than twice the rate. That begins with an arrival that comes out of a stall, and ends
// with the first that has not to wait for those before it. One that would come later than
// patience allows is not sent at all, and takes no time from those behind it.
func (a *arrivals) paced(start, due, now, patience time.Duration) time.Duration {
	if now-due <= stall && !a.catching.Load() {
		return due
	}
	rate := max(a.schedule.rate(due-start), a.schedule.rate(now-start))
	if rate <= 0 {
		return due
	}
	interval := time.Duration(float64(time.Second) / (2 * rate))
	for {
		slot := a.slot.Load()
		at := max(time.Duration(slot), now, due)
		if at-due > patience {
			return at
		}
		if a.slot.CompareAndSwap(slot, int64(at+interval)) {
			a.catching.Store(at > due)
			return at
		}
	}
}

// job is one operation to be done.
type job struct {
	due, sent time.Duration
	late      time.Duration // as in sample
}

// await waits for the next operation that is this client's to do, which has been free
// since then. Arrivals that are not to be sent any more it records as dropped; ok is
// false when no more come.
func (w *Workload) await(r *run, c *client, t *eventloop.Task, timer *time.Timer, free time.Duration) (j job, ok bool) {
	a := r.groups[c.number%len(r.groups)]
	for !r.halted() {
		if len(w.cfg.ClientStages) > 0 && !w.awaitStage(r, c, t, a, timer, &free) {
			continue
		}
		offset, more := a.take(c.number / len(r.groups))
		if !more {
			return job{}, false
		}
		// In a closed loop an operation is due when the one before is over. The clock is not
		// read again for it: that would take as long as the operation's being counted.
		if a.schedule == nil {
			return job{due: free, sent: free, late: -1}, a.comes(free - r.start)
		}
		now := w.cfg.Clock.Now()
		due := r.start + offset
		at := due
		if w.cfg.CatchUp == Spread {
			at = a.paced(r.start, due, now, w.cfg.Timeout)
		}
		if reached, kind := w.dropAt(due, max(at, now), now, free); kind != "" {
			w.drop(r, c, due, reached, kind)
			continue
		}
		j := job{due: due, sent: now, late: -1}
		if t != nil || at > now { // on an event loop what is due first is sent first
			w.sleepUntil(r, t, timer, at, now)
			if j.sent = w.cfg.Clock.Now(); at == due && at > now {
				j.late = max(0, j.sent-due)
			}
		}
		// One that is due when the arrivals end, and that this client has been waiting
		// for, is still sent: nobody was too busy for it.
		switch stopAt := time.Duration(r.stopAt.Load()); {
		case due > stopAt || !a.comes(offset):
			return job{}, false
		case at > stopAt:
			w.drop(r, c, due, stopAt, kindDropped)
			return job{}, false
		}
		return j, true
	}
	return job{}, false
}

// sleepUntil waits until an arrival may be sent, or the arrivals end.
func (w *Workload) sleepUntil(r *run, t *eventloop.Task, timer *time.Timer, at, now time.Duration) {
	if t == nil {
		r.sleep(timer, at-now, nil)
		return
	}
	for once := true; once || at > now && !r.halted(); once = false {
		t.Sleep(at - now)
		now = w.cfg.Clock.Now()
	}
}

// Why an arrival was never sent: it waited for too long, or it was not to wait at all.
const (
	kindDropped  = "dropped"
	kindOverflow = record.KindOverflow
)

// dropAt tells whether an arrival that is due is not to be sent by a client that has been
// free since then, and could send it at a moment: when it was dropped, and why; "": it
// is to be sent.
func (w *Workload) dropAt(due, sent, now, free time.Duration) (at time.Duration, kind string) {
	switch late := sent - due; {
	case w.cfg.Overflow == Drop && due < free:
		return now, kindOverflow
	case late > w.cfg.Timeout:
		return due + w.cfg.Timeout, kindDropped
	case w.cfg.CatchUp == Skip && late > stall:
		return now, kindDropped
	}
	return 0, ""
}

// drop records an arrival that is never sent.
func (w *Workload) drop(r *run, c *client, due, at time.Duration, kind string) {
	if due > time.Duration(r.stopAt.Load()) || due >= r.end() {
		return // they ended while this one was taken
	}
	op := r.dropped(due, at, kind)
	w.record(c, &op, -1)
}

// dropped is the record of an arrival that was never sent. It is over when it was
// dropped, or when the arrivals ended.
func (r *run) dropped(due, at time.Duration, kind string) record.Op {
	return record.Op{Due: due, Done: min(at, time.Duration(r.stopAt.Load())), Outcome: record.Dropped, Kind: kind}
}

// awaitStage waits until the stages let this client work. False means that it has
// waited, and must look again whether there is anything to do.
func (w *Workload) awaitStage(r *run, c *client, t *eventloop.Task, a *arrivals, timer *time.Timer, free *time.Duration) bool {
	now := w.cfg.Clock.Now() - r.start
	at, ok := nextActive(w.cfg.ClientStages, c.number/len(r.groups), now)
	switch {
	case ok && at == now:
		return true
	case a.exhausted():
		return true // who takes the next finds that there is none
	case !ok:
		at = now + time.Hour
	}
	t.Block(func() { r.sleep(timer, at-now, a.spent) })
	*free = w.cfg.Clock.Now()
	return false
}
