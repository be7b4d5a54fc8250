package load

import (
	"context"
	"errors"
	"time"

	"pgchaos/record"
)

var (
	errTimeout = errors.New("no answer in time: the client gave up, nothing was cancelled")
	errGrace   = errors.New("no answer in time, nor after the server was asked to end the operation: the client gave up")
)

// attemptKey is the key of an operation's attempt in its context.
type attemptKey struct{}

// Sleeps says that the client itself sleeps for d from now on, within the operation of
// that context. It does not wait for the server meanwhile, and so the time does not
// count towards Config.Timeout.
func Sleeps(ctx context.Context, d time.Duration) {
	if f, ok := ctx.Value(attemptKey{}).(*attempt); ok && d > 0 {
		f.slept.Add(int64(d))
	}
}

// endured tells whether an operation was interrupted, and answered before the
// client gave up on it. It waits until the interrupt has been sent, so that it
// does not hit the client's next operation.
func (w *Workload) endured(f *attempt, flying int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return f.state.CompareAndSwap(^flying, idle)
}

// watch gives up on operations that take longer than the time-out. It stands for
// a timer per operation, which would cost more than all the rest of the loop. It comes
// late by at most 5 ms, or a twentieth of the time-out where that is less; by a two-hundredth
// where that is more, up to 25 ms.
func (w *Workload) watch(r *run) {
	every := max(w.cfg.Timeout/200, min(5*time.Millisecond, w.cfg.Timeout/20))
	ticker := time.NewTicker(max(time.Millisecond, min(every, 25*time.Millisecond)))
	defer ticker.Stop()
	for {
		select {
		case <-r.over:
			return
		case <-ticker.C:
		}
		w.locked(func() {
			for _, c := range w.clients {
				w.inspect(r, c)
			}
		})
	}
}

// inspect interrupts or gives up on a client's operation if it is overdue. w.mu is
// held.
func (w *Workload) inspect(r *run, c *client) {
	f := c.attempt
	if f == nil {
		return
	}
	state := f.state.Load()
	if state == idle || state == gaveUp {
		return
	}
	flying, patience, err := state, w.cfg.Timeout, errTimeout
	if state < idle {
		flying, patience, err = ^state, w.cfg.Timeout+w.cfg.Grace, errGrace
	}
	sent, now := time.Duration(flying-1), w.cfg.Clock.Now()
	if now-sent-time.Duration(f.slept.Load()) < patience {
		return
	}
	if state > idle && w.cfg.Grace > 0 {
		i, can := f.session.(Interrupter)
		if !f.state.CompareAndSwap(state, ^state) || can && i.Interrupt() {
			return
		}
		state = ^state
	}
	if f.state.CompareAndSwap(state, gaveUp) {
		w.giveUp(r, c, sent, now, err)
	}
}

// giveUp records an operation that is now known not to have been answered in time,
// and puts a new goroutine in the client's place if the bound permits. w.mu is held.
func (w *Workload) giveUp(r *run, c *client, sent, now time.Duration, err error) {
	f := c.attempt
	op := record.Op{Due: f.due, Sent: sent, Done: now, Outcome: record.Unknown, Kind: "timeout", Err: err}
	w.drain(c.ring) // what it has recorded before comes before
	w.count(&c.outages, &sample{op: op, client: c.number, late: -1})
	f.cancel()
	w.abandoned++
	w.gaveUp++
	w.most = max(w.most, w.abandoned)
	if !r.halted() {
		if w.abandoned <= w.cfg.MaxAbandoned {
			w.launch(r, c, now)
		} else {
			w.waiting = append(w.waiting, c)
		}
	}
	w.left(r)
}

// comeBack ends the client of an operation that was given up on: too late to
// count, but not too late to be noticed.
func (w *Workload) comeBack(f *attempt, op *record.Op) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.attempts, f)
	w.abandoned--
	if op.Outcome.Acknowledged() || op.Outcome == record.Failed {
		w.late++
	}
	if op.Outcome.Acknowledged() {
		w.totals.answeredLate(op)
	}
	if r := w.run; r != nil && !r.halted() && len(w.waiting) > 0 {
		c := w.waiting[0]
		w.waiting = w.waiting[1:]
		w.launch(r, c, w.cfg.Clock.Now())
	}
}
