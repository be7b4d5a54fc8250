package load

import (
	"context"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"pgchaos/internal/catch"
	"pgchaos/load/eventloop"
)

// run is the time between one Start and its end.
type run struct {
	start time.Duration
	begun chan struct{} // closed at the start
	// connecting bounds the connecting of clients before the start, and failed takes what
	// each came to; nil: the clients are made at the start.
	connecting context.Context
	failed     chan error
	groups     []*arrivals
	stopAt     atomic.Int64  // when arrivals ended; `running` before
	stop       chan struct{} // closed when arrivals end
	idle       chan struct{} // closed when they have ended, and no client is active any more
	over       chan struct{} // closed when the books are closed, too
	loops      *eventloop.Group
	finish     sync.Once

	// Workload.mu guards what is below.
	live     int  // clients that are active
	byItself bool // it was not Stop or Close that ended the arrivals
}

// running stands for an end that has not come.
const running = time.Duration(math.MaxInt64)

// newRun prepares the arrivals that a Start begins.
func (w *Workload) newRun(start time.Duration) *run {
	r := &run{start: start, begun: make(chan struct{}), stop: make(chan struct{}), idle: make(chan struct{}), over: make(chan struct{}), loops: w.cfg.Loops}
	r.stopAt.Store(int64(running))
	length := w.length()
	for g := range w.cfg.Groups {
		limit := int64(unlimited)
		if n := w.cfg.Iterations; n > 0 { // shared by the groups, so that the sum is exact
			limit = int64(n / w.cfg.Groups)
			if g < n%w.cfg.Groups {
				limit++
			}
		}
		schedule := w.cfg.Schedule
		if schedule != nil {
			schedule = schedule.group(g)
		}
		clients := (w.cfg.Clients - g + w.cfg.Groups - 1) / w.cfg.Groups // client i is in group i modulo Groups
		r.groups = append(r.groups, newArrivals(schedule, length, limit, clients))
	}
	return r
}

// length is how long after a start the arrivals end by themselves, but for Iterations.
func (w *Workload) length() time.Duration {
	length := stagesEnd(w.cfg.ClientStages)
	if w.cfg.Schedule != nil {
		length = min(length, w.cfg.Schedule.end())
	}
	if w.cfg.Duration > 0 {
		length = min(length, w.cfg.Duration)
	}
	return length
}

// end is when the arrivals end by themselves or by EndAt; `running` where that is not known.
func (r *run) end() time.Duration {
	length := time.Duration(r.groups[0].length.Load()) // every group's
	if length == running {
		return running
	}
	return r.start + length
}

func (r *run) halted() bool { return r.stopAt.Load() != int64(running) }

// halt ends the arrivals, unless they have been ended: at their end, if it is called later than that. Workload.mu is held.
func (r *run) halt(at time.Duration, byItself bool) {
	if !r.stopAt.CompareAndSwap(int64(running), int64(min(at, r.end()))) {
		return
	}
	r.byItself = byItself
	close(r.stop)
	r.loops.Rouse()
	if r.live == 0 {
		close(r.idle)
	}
}

// left is called for every client that is no longer active. The last one ends the run, if
// all has been done that Iterations asked for. w.mu is held.
func (w *Workload) left(r *run) {
	r.live--
	if r.live > 0 {
		return
	}
	if r.halted() {
		close(r.idle)
		return
	}
	for _, a := range r.groups {
		if !a.exhausted() {
			return
		}
	}
	r.halt(w.cfg.Clock.Now(), true)
}

// supervise ends the run when its time has come, and tells if it has ended by itself.
func (w *Workload) supervise(r *run) {
	var end <-chan time.Time
	if at := r.end(); at < running {
		timer := time.NewTimer(at - w.cfg.Clock.Now())
		defer timer.Stop()
		end = timer.C
	}
	select {
	case <-end:
		w.locked(func() { r.halt(r.end(), true) })
	case <-r.stop:
	}
	if !r.byItself { // which does not change after the stop
		return
	}
	w.wind(r)
	if w.cfg.Ended != nil {
		go func() { // outside of what Close waits for, so that it may call that
			defer catch.Panic(w.cfg.Broken)
			w.cfg.Ended()
		}()
	}
}

// asked is how many arrivals have been due by now, the warm-up excepted.
func (r *run) asked(warm, now time.Duration) (n int64) {
	now = min(now, time.Duration(r.stopAt.Load()))
	for _, a := range r.groups {
		n += max(0, a.by(now-r.start)-a.by(warm-1-r.start))
	}
	return n
}
