// Package load drives operations against something and records what became of
// each: the arrivals, the clients, the time-outs and the histograms. It knows
// nothing of SQL; what one operation is, a Session says.
//
// Every arrival ends in exactly one history.Op. In the open model (a rate is
// given) arrival i is due at start+i/rate whatever the server does, and its
// response time counts from then: a server that stalls is not excused by clients
// that politely wait for it. In the closed model a client sends its next
// operation when the one before is over.
//
// A client that waits longer than Config.Timeout gives its operation up, and a
// fresh client takes its place; an answer that comes all the same is told to the
// session. Unless Config.Grace asks for it nothing is ever cancelled on the server:
// to cancel a commit that waits for a synchronous standby would end the wait, and
// with it the very situation that is being observed.
package load

import (
	"context"
	"sync"
	"time"

	"pgchaos/history"
)

// Session does one client's operations, one at a time.
type Session interface {
	// Do performs one operation and blocks until it is over. ctx is cancelled
	// when the operation is given up on, and when the workload closes: a session
	// that is still connecting should then return at once with history.Dropped, so
	// that nothing is sent on behalf of a client that has gone. What has already
	// been sent must not be cancelled by it.
	Do(ctx context.Context) Reply
	// Settle is told what became of the operation, by the goroutine that called Do
	// and after it. Late is one that had been given up on: in every figure of the
	// workload it is Unknown, and op is what Do has returned for it since. Nothing is
	// asked of the session after a late one but to close.
	Settle(op history.Op, late bool)
	// Close breaks off whatever still runs, so that Do returns, and releases the
	// connection. It is called once, possibly from another goroutine during Do.
	Close()
}

// Interrupter is a Session that can have the server end its operation, where
// Config.Grace asks for that.
type Interrupter interface {
	// Interrupt asks the server to end the operation in flight, and does not wait for
	// anything: it is called while Do runs, by another goroutine and under a lock. Do
	// returns what comes of it. False means that there was nothing to end, because
	// nothing has been sent, or Do is about to return: the operation is then given
	// up on as any other.
	Interrupt() bool
}

// Reply is how one operation ended.
type Reply struct {
	Outcome history.Outcome
	// Kind is as in history.Op: "" for OK.
	Kind string
	Err  error
	// Node is as in history.Op: the node that answered, or that alone was tried. What
	// is not in 1 to Config.Nodes counts as 0, unknown.
	Node int
	// Pause is how long this client should leave the server alone before its next
	// operation: the backoff after a connection that could not be made. It lies
	// between operations and so is part of none: a closed loop is quiet
	// meanwhile, and in an open loop the arrivals are taken late, or by other
	// clients.
	Pause time.Duration
	// Sent is when the operation really was sent, where its session had to wait for a
	// connection first; 0: when Do was called.
	Sent time.Duration
	// Part, Retries, Out and In are as in history.Op.
	Part, Retries int
	Out, In       int64
}

// Config is one workload.
type Config struct {
	Name string
	// Clients bounds the operations in flight; at least 1.
	Clients int
	// Rate is arrivals a second; 0: a closed loop.
	Rate float64
	// Groups splits the clients (client i is in group i modulo Groups), and gives
	// each group arrivals of its own at the whole Rate, so that one that is slow
	// leaves nothing to the others. 0: one group.
	Groups int
	// Nodes is how many nodes can answer, for Reply.Node; 0: who answers is not recorded.
	Nodes int
	// Timeout is how long a client waits for one operation, counted from when it
	// was sent, and how late an arrival may be taken. 0: 5 s.
	Timeout time.Duration
	// Grace makes the client interrupt an operation that has reached Timeout, if its
	// session is an Interrupter, and wait for the answer for so much longer before it
	// gives up. 0: it gives up at Timeout, and interrupts nothing.
	Grace time.Duration
	// MaxAbandoned bounds the operations that were given up on and have not
	// returned: each still holds a connection. A client whose operation is given
	// up on beyond the bound waits until one of them returns.
	MaxAbandoned int
	// Open makes the session of a client. It must be cheap, and must not connect
	// (Do does that), for it is called under a lock. It is called again for the same
	// client after its operation was given up on, while the session before may
	// still be in Do.
	Open func(client int) Session
	// Clock is the run's clock; all times recorded are offsets on it.
	Clock history.Clock
}

const defaultTimeout = 5 * time.Second

// Interval is a stretch of time on the run's clock.
type Interval struct{ From, To time.Duration }

// Live is what happened in the last complete second, for a status line.
type Live struct {
	At         time.Duration // the end of that second
	Throughput float64       // samples a second
	P99        time.Duration // of the response time
	Errors     int64         // failed and unknown
	Dropped    int64
	InFlight   int // now
	Abandoned  int // now
}

// New returns a workload that has not begun.
func New(cfg Config) *Workload {
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	cfg.Clients, cfg.Groups = max(cfg.Clients, 1), max(cfg.Groups, 1)
	w := &Workload{cfg: cfg, flights: map[*flight]struct{}{}, errors: map[errorKey]*ErrorCount{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.cfg.Nodes = max(w.cfg.Nodes, 0)
	w.totals.init(cfg.Rate > 0, w.cfg.Nodes)
	w.spare = newShard(cfg.Rate > 0, w.cfg.Nodes)
	w.clients = make([]*client, cfg.Clients)
	for i := range w.clients {
		w.clients[i] = &client{number: i}
		w.clients[i].home.Store(newShard(cfg.Rate > 0, w.cfg.Nodes))
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
	r := newRun(now, w.cfg.Groups)
	w.run = r
	w.waiting = w.waiting[:0]
	w.totals.active = append(w.totals.active, Interval{From: now, To: running})
	w.collect(now)
	w.totals.restartSecond(now)
	for i, c := range w.clients {
		if i < len(w.clients)+w.cfg.MaxAbandoned-w.abandoned {
			w.launch(r, c)
		} else {
			w.waiting = append(w.waiting, c)
		}
	}
	w.all.Go(func() { w.watch(r) })
	w.all.Go(func() { w.collectEverySecond(r) })
}

// Stop ends the arrivals. What is in flight may end for at most Timeout (and Grace),
// then it is given up on; Stop returns when no client runs any more, except those that
// were given up on, and all others' sessions are closed. Every arrival that was due and that nobody took is recorded as
// dropped.
func (w *Workload) Stop() {
	w.mu.Lock()
	r := w.halt()
	w.mu.Unlock()
	w.wind(r)
}

// wind waits for the clients of a run whose arrivals have ended, and closes its
// books. r may be nil.
func (w *Workload) wind(r *run) {
	if r == nil {
		return
	}
	r.live.Wait()
	r.finish.Do(func() { w.conclude(r) })
}

// halt ends the arrivals of the run in progress, and returns it. w.mu is held.
func (w *Workload) halt() *run {
	r := w.run
	if r == nil {
		return nil
	}
	if r.stopAt.CompareAndSwap(int64(running), int64(w.cfg.Clock.Now())) {
		close(r.stop)
	}
	return r
}

// conclude closes the books of a run in which no client is active any more, and
// its clients' sessions: who has stopped does not keep a server from anything.
func (w *Workload) conclude(r *run) {
	close(r.over)
	w.closeBooks(r)
	var wg sync.WaitGroup
	for _, f := range w.retire() {
		wg.Go(f.close)
	}
	wg.Wait()
}

// retire takes the clients' flights away, those excepted that were given up on:
// they end by themselves.
func (w *Workload) retire() (flights []*flight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.clients {
		if f := c.flight; f != nil && f.state.Load() == idle {
			flights = append(flights, f)
			delete(w.flights, f)
			c.flight = nil
		}
	}
	return flights
}

func (w *Workload) closeBooks(r *run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	stopAt := time.Duration(r.stopAt.Load())
	w.collect(w.cfg.Clock.Now())
	if w.cfg.Rate > 0 {
		for g := range r.next {
			for i := r.next[g].Load(); i < arrivalsBy(stopAt-r.start, w.cfg.Rate); i++ {
				op := w.dropped(r, r.start+dueAt(i, w.cfg.Rate))
				w.totals.book(&op)
			}
		}
	}
	w.totals.active[len(w.totals.active)-1].To = stopAt
	w.totals.live = Live{At: stopAt}
	w.run = nil
}

// Close stops the workload without waiting for what is in flight: it breaks every
// session off, and returns when every goroutine has ended, those of abandoned
// operations included. The workload cannot be started again.
func (w *Workload) Close() {
	w.mu.Lock()
	w.closed = true
	flights := make([]*flight, 0, len(w.flights))
	for f := range w.flights {
		flights = append(flights, f)
	}
	r := w.halt() // from here on nothing is launched, so that flights is complete
	w.mu.Unlock()
	w.cancel()
	for _, f := range flights {
		f.close()
	}
	w.wind(r)
	w.all.Wait()
}

// Phase begins a phase: operations due from `at` on belong to it. Call it at the
// latest when `at` has come; what was due after `at` and has already been recorded
// stays in the phase before.
func (w *Workload) Phase(name string, at time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.totals.addPhase(name, at)
	w.collect(w.cfg.Clock.Now())
}

// Live tells what happened in the last complete second.
func (w *Workload) Live() Live {
	w.mu.Lock()
	defer w.mu.Unlock()
	live := w.totals.live
	live.Abandoned = w.abandoned
	for f := range w.flights {
		if state := f.state.Load(); state != idle && state != gaveUp {
			live.InFlight++
		}
	}
	return live
}
