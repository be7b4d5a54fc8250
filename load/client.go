package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// client is one place among those that Config.Clients bounds. Goroutines come and
// go in it; one at a time owns it.
type client struct {
	number  int
	attempt *attempt      // the present owner's; nil before the first
	outages outageTracker // Workload.mu guards it
	ring    *ring         // where its samples go
}

// attempt is one goroutine's session and the operation it has in flight. When that
// operation is given up on, the client gets another attempt.
type attempt struct {
	session Session
	ctx     context.Context
	cancel  context.CancelFunc
	once    sync.Once
	_       [64]byte
	// state is idle, gaveUp, or 1 + when the operation in flight was sent, or the
	// complement of that once it was interrupted. The goroutine and the watchdog race
	// for the operation: the one that swaps one of the last two states records it.
	state atomic.Int64
	due   time.Duration // of the operation in flight; written before state
	// slept is for how long the client itself has slept, or has begun to sleep, within the
	// operation in flight, in nanoseconds; written before state, and by Sleeps.
	slept atomic.Int64
	op    record.Op // the goroutine's alone: the one in flight, or the last
	_     [64]byte
}

const (
	idle   int64 = 0
	gaveUp int64 = -1
)

func (f *attempt) close() {
	f.once.Do(func() {
		f.cancel()
		f.session.Close()
	})
}

// launch starts a client, which is free since then. w.mu is held.
func (w *Workload) launch(r *run, c *client, free time.Duration) {
	if c.attempt == nil || c.attempt.state.Load() == gaveUp {
		c.attempt = &attempt{session: w.cfg.Open(c.number)}
		c.attempt.ctx, c.attempt.cancel = context.WithCancel(context.WithValue(w.ctx, attemptKey{}, c.attempt))
		w.attempts[c.attempt] = struct{}{}
	}
	r.live++
	f, early := c.attempt, w.next == r
	work := func(t *eventloop.Task, to *ring) {
		if early {
			if !w.enter(r, f, t) {
				return
			}
			free = r.start
		}
		w.loop(r, c, f, free, t, to)
	}
	if w.cfg.Loops == nil {
		w.spawn(func() { work(nil, w.rings[c.number]) })
		return
	}
	w.all.Add(1)
	w.cfg.Loops.Go(func(t *eventloop.Task) {
		defer w.all.Done()
		work(t, w.rings[t.Loop()])
	})
}

// loop is one client: it takes what is to be done until no more comes, or until its
// operation is given up on. On an event loop it is a task.
func (w *Workload) loop(r *run, c *client, f *attempt, free time.Duration, t *eventloop.Task, to *ring) {
	c.ring = to
	ctx := eventloop.With(f.ctx, t)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	group := r.groups[c.number%len(r.groups)]
	if group.schedule == nil {
		free = w.cfg.Clock.Now() // the first operation is due when there is somebody to send it
	}
	for {
		j, ok := w.await(r, c, t, timer, free)
		if !ok {
			break
		}
		rest, done, answered := w.operate(ctx, c, f, j)
		if !answered {
			return
		}
		free = done
		if rest = max(rest, w.cfg.ThinkTime); rest > 0 {
			t.Block(func() { r.sleep(timer, rest, group.spent) })
			free = w.cfg.Clock.Now()
		}
		if t.Moves() {
			w.move(r, c, f, free, t)
			return
		}
		if t.Yield() && group.schedule == nil { // the time that others used is no part of the next operation
			free = w.cfg.Clock.Now()
		}
	}
	w.locked(func() { w.left(r) })
}

// move has another loop go on with a client. What it has recorded here comes before.
func (w *Workload) move(r *run, c *client, f *attempt, free time.Duration, t *eventloop.Task) {
	w.locked(func() { w.drain(c.ring) })
	w.all.Add(1)
	t.Continue(func(t *eventloop.Task) {
		defer w.all.Done()
		w.loop(r, c, f, free, t, w.rings[t.Loop()])
	})
}

// operate does one operation and records it; answered is false when it was given
// up on meanwhile, and the goroutine has to end.
func (w *Workload) operate(ctx context.Context, c *client, f *attempt, j job) (rest, done time.Duration, answered bool) {
	f.due = j.due
	op := &f.op
	*op = record.Op{Due: j.due, Sent: j.sent}
	flying := int64(j.sent) + 1
	if f.slept.Load() != 0 {
		f.slept.Store(0)
	}
	f.state.Store(flying)
	pause := w.do(ctx, f.session, op)
	done = w.cfg.Clock.Now()
	op.Done = done
	if !f.state.CompareAndSwap(flying, idle) && !w.endured(f, flying) {
		w.guard(func() { f.session.Settle(op, true) })
		eventloop.TaskOf(ctx).Block(f.close)
		w.comeBack(f, op)
		return 0, done, false
	}
	w.record(c, op, j.late)
	w.guard(func() { f.session.Settle(op, false) })
	return pause, done, true
}

// record leaves an operation to be counted, without a lock unless nobody has come to
// count for long.
func (w *Workload) record(c *client, op *record.Op, late time.Duration) {
	next := c.ring.next()
	if next == nil {
		next = w.drainFull(c.ring)
	}
	next.op, next.late, next.client = *op, late, c.number
	if c.ring.publish() {
		select {
		case w.wake <- struct{}{}:
		default: // the collector has been woken already
		}
	}
}

// sleep waits, but not beyond the end of the arrivals, nor that of early.
func (r *run) sleep(timer *time.Timer, d time.Duration, early <-chan struct{}) {
	timer.Reset(d)
	select {
	case <-timer.C:
	case <-early:
	case <-r.stop:
	}
}
