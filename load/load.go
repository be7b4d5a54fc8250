// Package load generates load and records the outcome of each operation: the
// arrivals, the clients, the time-outs and the histograms. It knows
// nothing of SQL; what one operation is, a Session says.
//
// Every arrival ends in exactly one history.Op. In the open model (a rate is
// given) arrival i is due at start+i/rate whatever the server does, and its
// response time counts from then: a server that stalls is not excused by clients
// that politely wait for it. In the closed model a client sends its next
// operation when the one before is over.
//
// A client that waits longer than Config.Timeout gives its operation up, and a
// fresh client takes its place; the session receives an answer that comes all the
// same. Unless Config.Grace asks for it nothing is ever cancelled on the server:
// to cancel a commit that waits for a synchronous standby would end the wait, and
// with it the very situation that is being observed.
package load

import (
	"context"
	"sync"
	"time"
)

// Workload is one stream of operations. Make it with New.
type Workload struct {
	cfg     Config
	clients []*client
	rings   []*ring         // of each client; or of each event loop, for its clients together
	ctx     context.Context // of every Do; ends with Close
	cancel  context.CancelFunc
	all     sync.WaitGroup // every goroutine
	wake    chan struct{}  // has the collector come round at once

	// mu guards what is below, and the read side of the rings. No client
	// takes it on its way through an ordinary operation.
	mu        sync.Mutex
	run       *run // nil unless running
	next      *run // whose clients have connected, for the next Start; nil: there is none
	closed    bool
	attempts  map[*attempt]struct{} // with an open session, those given up on included
	abandoned int                   // given up on, and not returned
	most      int                   // that abandoned ever was
	waiting   []*client             // to be launched when an abandoned operation returns
	gaveUp    int64                 // operations given up on
	late      int64                 // of which were answered afterwards
	asked     int64                 // arrivals that were due, in the runs that are over
	brokenOff time.Duration         // when Close broke off what was in flight; `running` before
	totals    totals
}

// Interval is a stretch of time on the run's clock.
type Interval struct{ From, To time.Duration }

// Live is what happened in the last complete second, for a status line.
type Live struct {
	At         time.Duration // the end of that second
	Throughput float64       // samples a second
	P50, P99   time.Duration // of the response time
	Errors     int64         // failed and unknown
	// Kinds are those errors by their kind. It is nil without errors, and must not be changed.
	Kinds     map[string]int64
	Dropped   int64
	InFlight  int // now
	Abandoned int // now
	// AllErrors and AllDropped are how many there were since the first start, as far as they have been counted.
	AllErrors, AllDropped int64
}

// New returns a workload that has not begun.
func New(cfg Config) *Workload {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	cfg.Clients, cfg.Groups, cfg.Nodes = max(cfg.Clients, 1), max(cfg.Groups, 1), max(cfg.Nodes, 0)
	if !cfg.looped() {
		cfg.Loops = nil
	}
	w := &Workload{cfg: cfg, attempts: map[*attempt]struct{}{}, wake: make(chan struct{}, 1), totals: newTotals(cfg.Nodes, len(cfg.Parts)), brokenOff: running}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.clients = make([]*client, cfg.Clients)
	for i := range w.clients {
		w.clients[i] = &client{number: i, outages: outageTracker{keep: outagesKept(cfg.Clients)}}
	}
	writers := cfg.Clients
	if cfg.Loops != nil {
		writers = cfg.Loops.Threads()
	}
	for range writers {
		w.rings = append(w.rings, &ring{samples: make([]sample, ringSize(writers))})
	}
	return w
}

// Start begins the arrivals, from now. It may be called again after Stop, and has
// no effect while the workload runs or after Close.
func (w *Workload) Start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.run != nil || w.closed {
		return
	}
	now := w.cfg.Clock.Now()
	r := w.next
	if r == nil {
		r = w.newRun(now)
	}
	w.run, w.next = r, nil
	if len(w.totals.active) == 0 && w.cfg.Warmup > 0 {
		w.totals.warm = now + w.cfg.Warmup
	}
	w.totals.active = append(w.totals.active, Interval{From: now, To: running})
	r.start = now
	close(r.begun)
	if r.connecting == nil {
		w.launchAll(r, now)
	}
	w.spawn(func() { w.watch(r) })
	w.spawn(func() { w.collectRegularly(r) })
	w.spawn(func() { w.supervise(r) })
	if w.cfg.Punctual && w.cfg.Schedule != nil && w.cfg.Loops == nil {
		w.spawn(func() { w.punctual(r) })
	}
}

// launchAll launches the clients, as many as those that still hold connections leave,
// and tells how many that were. w.mu is held.
func (w *Workload) launchAll(r *run, now time.Duration) (launched int) {
	w.waiting = w.waiting[:0]
	for i, c := range w.clients {
		if i < len(w.clients)+w.cfg.MaxAbandoned-w.abandoned {
			w.launch(r, c, now)
			launched++
		} else {
			w.waiting = append(w.waiting, c)
		}
	}
	return launched
}

// EndAt says when Stop will be called, in a run that goes on: no arrival that is due then or later is sent or counted,
// however late the call comes. Without it a Stop that comes late, as every timer does, would have asked for more than
// was wanted, and have dropped what came meanwhile. A moment that is over is as good as now.
func (w *Workload) EndAt(at time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.run
	if r == nil || r.halted() {
		return
	}
	at = min(max(at, w.cfg.Clock.Now()), r.end())
	if at == running {
		return
	}
	for _, a := range r.groups {
		a.length.Store(int64(at - r.start))
	}
}

// Stop ends the arrivals. What is in flight may end for at most Timeout (and Grace),
// then it is given up on; Stop returns when no client runs any more, except those that
// were given up on, and all others' sessions are closed. Every arrival that was due and that nobody took is recorded as
// dropped.
func (w *Workload) Stop() {
	var r *run
	w.locked(func() {
		if r = w.run; r != nil {
			r.halt(w.cfg.Clock.Now(), false)
		}
	})
	if r != nil {
		w.wind(r)
	}
}

// wind waits for the clients of a run whose arrivals have ended, and closes its
// books.
func (w *Workload) wind(r *run) {
	<-r.idle
	r.finish.Do(func() { w.conclude(r) })
}

// conclude closes the books of a run in which no client is active any more, and
// its clients' sessions: who has stopped does not keep a server from anything.
func (w *Workload) conclude(r *run) {
	close(r.over)
	var wg sync.WaitGroup
	for _, f := range w.closeBooks(r) {
		wg.Go(func() { w.guard(f.close) })
	}
	wg.Wait()
}

// retire takes the clients' attempts away, those excepted that were given up on:
// they end by themselves. w.mu is held.
func (w *Workload) retire() (attempts []*attempt) {
	for _, c := range w.clients {
		if f := c.attempt; f != nil && f.state.Load() == idle {
			attempts = append(attempts, f)
			delete(w.attempts, f)
			c.attempt = nil
		}
	}
	return attempts
}

// closeBooks returns the attempts to be closed: they are taken away before anybody can learn
// that the run is over, and start another, which would go on with them.
func (w *Workload) closeBooks(r *run) []*attempt {
	w.mu.Lock()
	defer w.mu.Unlock()
	stopAt, kind := time.Duration(r.stopAt.Load()), kindDropped
	if w.cfg.Overflow == Drop {
		kind = kindOverflow
	}
	w.collect()
	for _, a := range r.groups {
		for i, end := a.next.Load(), a.by(stopAt-r.start); i < end; i++ {
			due, _ := a.due(i)
			due += r.start
			w.count(nil, &sample{op: r.dropped(due, due+w.cfg.Timeout, kind), client: -1, late: -1})
		}
	}
	w.asked += r.asked(w.totals.warm, stopAt)
	w.totals.active[len(w.totals.active)-1].To = stopAt
	w.totals.live = Live{At: stopAt}
	w.run = nil
	return w.retire()
}

// Close stops the workload without waiting for what is in flight: it breaks every
// session off, which is no outage of its client, and returns when every goroutine has ended, those of abandoned
// operations included. The workload cannot be started again.
func (w *Workload) Close() {
	w.mu.Lock()
	if !w.closed {
		w.brokenOff = w.cfg.Clock.Now()
	}
	w.closed = true
	attempts := make([]*attempt, 0, len(w.attempts))
	for f := range w.attempts {
		attempts = append(attempts, f)
	}
	r := w.run
	if r != nil {
		r.halt(w.cfg.Clock.Now(), false) // from here on nothing is launched, so that attempts is complete
	}
	w.mu.Unlock()
	w.cancel()
	var closing sync.WaitGroup // all at once: each may have to give a server up that does not read
	for _, f := range attempts {
		closing.Go(func() { w.guard(f.close) })
	}
	closing.Wait()
	if r != nil {
		w.wind(r)
	}
	w.all.Wait()
}

// BeginPhase begins a phase of several workloads at the moment that now returns, and
// returns that. Operations due from then on belong to the phase. Nothing is counted
// while it asks for the moment: what has been counted before was due before, so that every
// operation is counted in the phase in which it was due, and clients need not wait.
func BeginPhase(name string, now func() time.Duration, workloads ...*Workload) time.Duration {
	for _, w := range workloads {
		w.mu.Lock()
		defer w.mu.Unlock()
	}
	at := now()
	for _, w := range workloads {
		w.totals.addPhase(name, at)
	}
	return at
}

// Phase begins a phase: operations due from `at` on belong to it. Call it at the
// latest when `at` has come; what was due after `at` and has already been counted
// stays in the phase before. BeginPhase has no such limit.
func (w *Workload) Phase(name string, at time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.totals.addPhase(name, at)
}

// Looped tells whether the clients run on event loops.
func (w *Workload) Looped() bool { return w.cfg.Loops != nil }

// Running tells whether a Start has not come to its end yet.
func (w *Workload) Running() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.run != nil
}

// Live tells what happened in the last complete second.
func (w *Workload) Live() Live {
	w.mu.Lock()
	defer w.mu.Unlock()
	live := w.totals.live
	live.Abandoned = w.abandoned
	live.AllErrors, live.AllDropped = w.totals.allErrors, w.totals.allDropped
	for f := range w.attempts {
		if state := f.state.Load(); state != idle && state != gaveUp {
			live.InFlight++
		}
	}
	return live
}
