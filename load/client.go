package load

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"pgchaos/history"
)

// Workload is one stream of operations. Make it with New.
type Workload struct {
	cfg     Config
	clients []*client
	ctx     context.Context // of every Do; ends with Close
	cancel  context.CancelFunc
	all     sync.WaitGroup // every goroutine

	// mu guards what is below. No client takes it on its way through an ordinary
	// operation.
	mu        sync.Mutex
	run       *run // nil unless running
	closed    bool
	flights   map[*flight]struct{} // with an open session, those given up on included
	abandoned int                  // given up on, and not returned
	most      int                  // that abandoned ever was
	waiting   []*client            // to be launched when an abandoned operation returns
	gaveUp    int64                // operations given up on
	late      int64                // of which were answered afterwards
	spare     *shard
	totals    totals

	errMu  sync.Mutex
	errors map[errorKey]*ErrorCount
}

// run is the time between one Start and its Stop.
type run struct {
	start  time.Duration
	stop   chan struct{}  // closed when arrivals end
	over   chan struct{}  // closed when no client runs any more
	live   sync.WaitGroup // the clients that run
	finish sync.Once
	next   []counter    // by group
	stopAt atomic.Int64 // when arrivals ended; `running` before
}

// counter is written by every client of a group: it shares its line with nothing.
type counter struct {
	atomic.Int64
	_ [56]byte
}

// running stands for an end that has not come.
const running = time.Duration(math.MaxInt64)

func newRun(start time.Duration, groups int) *run {
	r := &run{start: start, next: make([]counter, groups), stop: make(chan struct{}), over: make(chan struct{})}
	r.stopAt.Store(int64(running))
	return r
}

// client is one place among those that Config.Clients bounds. Goroutines come and
// go in it; one at a time owns it.
type client struct {
	number int
	flight *flight // the present owner's; nil before the first
	_      [64]byte
	// home is where the shard lies while nobody writes into it.
	home atomic.Pointer[shard]
	_    [64]byte
	// trail is touched only by whoever has taken the shard out of home.
	trail trail
	_     [64]byte
}

// flight is one goroutine's session and the operation it has in flight. When that
// operation is given up on, the client gets another flight.
type flight struct {
	session Session
	ctx     context.Context
	cancel  context.CancelFunc
	once    sync.Once
	_       [64]byte
	// state is idle, gaveUp, or 1 + when the operation in flight was sent, or the
	// complement of that once it was interrupted. Whoever takes it away from the last
	// two, the goroutine itself or the watchdog, is the one to record the operation.
	state atomic.Int64
	due   time.Duration // of the operation in flight; written before state
	_     [64]byte
}

const (
	idle   int64 = 0
	gaveUp int64 = -1
)

func (f *flight) close() {
	f.once.Do(func() {
		f.cancel()
		f.session.Close()
	})
}

var (
	errTimeout = errors.New("no answer in time: the client gave up, nothing was cancelled")
	errGrace   = errors.New("no answer in time, nor after the server was asked to end the operation: the client gave up")
)

// launch starts a goroutine in a client. w.mu is held.
func (w *Workload) launch(r *run, c *client) {
	if c.flight == nil || c.flight.state.Load() == gaveUp {
		c.flight = &flight{session: w.cfg.Open(c.number)}
		c.flight.ctx, c.flight.cancel = context.WithCancel(w.ctx)
		w.flights[c.flight] = struct{}{}
	}
	r.live.Add(1)
	f := c.flight
	w.all.Go(func() { w.loop(r, c, f) })
}

// loop is one client: it takes arrivals until they end, or until its operation is
// given up on.
func (w *Workload) loop(r *run, c *client, f *flight) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		due, ok := w.arrival(r, c, timer)
		if !ok {
			break
		}
		pause, answered := w.operate(c, f, due)
		if !answered {
			return
		}
		if pause > 0 {
			r.sleep(timer, pause)
		}
	}
	r.live.Done()
}

// arrival waits for the next arrival that is this client's to send. Those that are
// already too late it records as dropped.
func (w *Workload) arrival(r *run, c *client, timer *time.Timer) (due time.Duration, ok bool) {
	if w.cfg.Rate <= 0 {
		return 0, r.stopAt.Load() == int64(running)
	}
	for r.stopAt.Load() == int64(running) {
		due = r.start + dueAt(r.next[c.number%w.cfg.Groups].Add(1)-1, w.cfg.Rate)
		now := w.cfg.Clock.Now()
		if due > now {
			r.sleep(timer, due-now)
		}
		// One that is due when the arrivals end, and that this client has been waiting
		// for, is still sent: nobody was too busy for it.
		switch stopAt := time.Duration(r.stopAt.Load()); {
		case due > stopAt:
			return 0, false
		case now-due <= w.cfg.Timeout:
			return due, true
		}
		op := w.dropped(r, due)
		w.record(c, &op)
	}
	return 0, false
}

// sleep waits, but not beyond the end of the arrivals.
func (r *run) sleep(timer *time.Timer, d time.Duration) {
	timer.Reset(d)
	select {
	case <-timer.C:
	case <-r.stop:
	}
}

// dropped is the record of an arrival that was never sent. It is over when it
// became too late, or when the arrivals ended.
func (w *Workload) dropped(r *run, due time.Duration) history.Op {
	done := min(due+w.cfg.Timeout, time.Duration(r.stopAt.Load()))
	return history.Op{Due: due, Done: done, Outcome: history.Dropped, Kind: "dropped"}
}

// operate does one operation and records it; answered is false when it was given
// up on meanwhile, and the goroutine has to end.
func (w *Workload) operate(c *client, f *flight, due time.Duration) (pause time.Duration, answered bool) {
	sent := w.cfg.Clock.Now()
	if w.cfg.Rate <= 0 {
		due = sent
	}
	f.due = due
	flying := int64(sent) + 1
	f.state.Store(flying)
	reply := f.session.Do(f.ctx)
	done := w.cfg.Clock.Now()
	op := history.Op{Due: due, Sent: sent, Done: done, Outcome: reply.Outcome, Kind: reply.Kind, Err: reply.Err, Node: reply.Node}
	if !f.state.CompareAndSwap(flying, idle) && !w.endured(f, flying) {
		f.session.Settle(op, true)
		w.comeBack(f, &op)
		return 0, false
	}
	w.record(c, &op)
	f.session.Settle(op, false)
	return reply.Pause, true
}

// endured tells whether an operation was interrupted, and answered before the
// client gave up on it. It waits until whoever interrupts has done so, lest that
// hits the client's next operation.
func (w *Workload) endured(f *flight, flying int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return f.state.CompareAndSwap(^flying, idle)
}

// watch gives up on operations that take longer than the time-out. It stands for
// a timer per operation, which would cost more than all the rest of the loop.
func (w *Workload) watch(r *run) {
	ticker := time.NewTicker(max(time.Millisecond, min(5*time.Millisecond, w.cfg.Timeout/20)))
	defer ticker.Stop()
	for {
		select {
		case <-r.over:
			return
		case <-ticker.C:
		}
		w.mu.Lock()
		for _, c := range w.clients {
			w.inspect(r, c)
		}
		w.mu.Unlock()
	}
}

// inspect interrupts or gives up on a client's operation if it is overdue. w.mu is
// held.
func (w *Workload) inspect(r *run, c *client) {
	f := c.flight
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
	if now-sent < patience {
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
	f := c.flight
	op := history.Op{Due: f.due, Sent: sent, Done: now, Outcome: history.Unknown, Kind: "timeout", Err: err}
	w.totals.book(&op)
	w.countError(&op)
	s := c.take()
	c.trail.note(&op)
	c.home.Store(s)
	f.cancel()
	w.abandoned++
	w.gaveUp++
	w.most = max(w.most, w.abandoned)
	if r.stopAt.Load() == int64(running) {
		if w.abandoned <= w.cfg.MaxAbandoned {
			w.launch(r, c)
		} else {
			w.waiting = append(w.waiting, c)
		}
	}
	r.live.Done()
}

// comeBack ends the goroutine of an operation that was given up on: too late to
// count, but not too late to be noticed.
func (w *Workload) comeBack(f *flight, op *history.Op) {
	f.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.flights, f)
	w.abandoned--
	if op.Outcome.Acknowledged() || op.Outcome == history.Failed {
		w.late++
	}
	if op.Outcome.Acknowledged() {
		w.totals.answeredLate(op)
	}
	if r := w.run; r != nil && r.stopAt.Load() == int64(running) && len(w.waiting) > 0 {
		c := w.waiting[0]
		w.waiting = w.waiting[1:]
		w.launch(r, c)
	}
}
