package pgload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/record"
)

// session is one client and its work. It keeps its connection until something is wrong
// with it, and then looks for another by itself; or it takes one for each operation,
// where clients share them.
type session struct {
	w      *Workload
	client int
	works  []work // by part
	random *rand.Rand
	// failures counts the failures to connect in a row.
	failures int

	conn  *conn  // nil: it has none
	slots *slots // nil: the connection is its own
	at    int    // the part that is performed, or was last
	// asked is the number of the node that the operation at hand is or was tried on; 0
	// when it was several, and none of them took the client.
	asked int
	// server is the ledger's number of the server that the last operation was sent to,
	// and answered whether that answered it.
	server   int
	answered bool

	gone   context.Context // whose end gives the place up that the session has
	ungone func() bool
	holds  atomic.Bool // a slot of slots

	flying  atomic.Pointer[backend] // while it has an operation; the first to swap it out settles it
	state   atomic.Int32            // resting, busy or closed
	network atomic.Pointer[netConn] // for Close to break
}

const (
	resting int32 = iota
	busy
	closed
)

// newSession makes the nth session of a client, which draws other numbers than those before.
func newSession(w *Workload, client int, nth uint64) *session {
	s := &session{w: w, client: client, random: rand.New(rand.NewPCG(w.cfg.Seed, uint64(client)|(nth-1)<<32))}
	if w.slots != nil {
		s.slots = w.slots[client%len(w.slots)]
	} else {
		s.conn = newConn(w)
	}
	s.works = make([]work, len(w.parts))
	for i, p := range w.parts {
		s.works[i] = p.newWork(s, nth)
	}
	return s
}

// Do performs one operation, connecting first where necessary. An operation for
// which no connection could be had has certainly failed; the pause then holds the client
// back before its next one.
func (s *session) Do(ctx context.Context, op *record.Op) (pause time.Duration) {
	if !s.state.CompareAndSwap(resting, busy) {
		ended(op, record.Dropped, kindClosed, errClosed)
		return 0
	}
	s.answered = false
	if s.slots == nil {
		pause = s.do(ctx, op)
	} else {
		pause = s.share(ctx, op)
	}
	op.Node, op.Part = s.asked, s.at
	if !s.state.CompareAndSwap(busy, resting) && s.conn != nil {
		s.conn.disconnect()
	}
	return pause
}

// ended notes how an operation ended.
func ended(op *record.Op, outcome record.Outcome, kind string, err error) {
	op.Outcome, op.Kind, op.Err = outcome, kind, err
}

// share does an operation over a connection that is not the session's own.
func (s *session) share(ctx context.Context, op *record.Op) (pause time.Duration) {
	c := s.slots.acquire(ctx)
	s.asked = 0
	if c == nil {
		ended(op, record.Dropped, kindGivenUp, fmt.Errorf("wait for a connection: %w", ctx.Err()))
		return 0
	}
	sent := s.w.cfg.Clock.Now()
	s.holds.Store(true)
	s.watch(ctx)
	s.conn = c
	s.network.Store(c.network)
	if s.state.Load() == closed {
		c.disconnect()
		s.back(c)
		ended(op, record.Dropped, kindClosed, errClosed)
		return 0
	}
	op.Sent = sent
	pause = s.do(ctx, op)
	s.back(c)
	return pause
}

// watch has the session's place given to others when its operation is given up on: the
// connection may be in use for long, and belongs to Config.MaxAbandoned then.
func (s *session) watch(ctx context.Context) {
	if s.gone == ctx {
		return
	}
	if s.ungone != nil {
		s.ungone()
	}
	s.gone = ctx
	s.ungone = context.AfterFunc(ctx, func() {
		if s.holds.CompareAndSwap(true, false) {
			s.slots.release(newConn(s.w))
		}
	})
}

// back gives the connection back, unless its place has been given away.
func (s *session) back(c *conn) {
	s.network.Store(nil)
	s.conn = nil
	if s.state.Load() == closed || !s.holds.CompareAndSwap(true, false) {
		c.disconnect()
		if s.holds.CompareAndSwap(true, false) {
			s.slots.release(c)
		}
		return
	}
	s.slots.release(c)
}

func (s *session) do(ctx context.Context, op *record.Op) (pause time.Duration) {
	s.at = s.w.pick(s.random)
	p, c := s.w.parts[s.at], s.conn
	if c.pooled != nil && c.misrouted() {
		c.disconnect()
	}
	if c.pooled != nil && c.moved() {
		c.introduced = false
	}
	if c.pooled == nil || !c.ready[p.number] || !c.introduced {
		if pause, ready := s.getReady(ctx, p, op); !ready {
			return pause
		}
	}
	s.asked, s.server = c.number, c.server
	out, in, wire := c.network.written.Load(), c.network.read.Load(), c.network
	b := c.backend
	if b != nil {
		s.flying.Store(b)
	}
	pause = s.attempt(ctx, op)
	for tries := 0; tries < s.w.cfg.Retry && s.again(ctx, op); tries++ {
		s.works[s.at].retry(c.server)
		pause = s.attempt(ctx, op)
		op.Retries = tries + 1
	}
	op.Out, op.In = wire.written.Load()-out, wire.read.Load()-in
	if b != nil && s.flying.Swap(nil) == nil {
		s.interrupted(op)
		c.disconnect() // the interruption may still be on its way
	}
	return pause
}

// again tells whether an operation is begun again in a new transaction: never for a
// client that has gone, or behind an interruption.
func (s *session) again(ctx context.Context, op *record.Op) bool {
	return op.Outcome == record.Failed && (op.Kind == "40001" || op.Kind == "40P01") &&
		s.conn.pooled != nil && s.halted(ctx) == nil
}

// halted is why nothing more may be sent for an operation.
func (s *session) halted(ctx context.Context) error {
	switch {
	case s.conn.backend != nil && s.flying.Load() == nil:
		return errInterrupted
	case ctx.Err() != nil:
		return errGivenUp
	}
	return nil
}

var (
	errInterrupted = errors.New("the operation was ended at its time-out, between two statements")
	errGivenUp     = errors.New("the operation was given up on, between two statements")
)

// attempt performs the operation once.
func (s *session) attempt(ctx context.Context, op *record.Op) (pause time.Duration) {
	c, w := s.conn, s.works[s.at]
	c.certainty = certainty{}
	c.weak = false
	err := w.perform(ctx, c)
	if err == nil && c.status != 'I' {
		c.broken = true
		err = c.failed(fmt.Errorf("%s: %w", c.tag, errOpen), record.Failed)
	}
	if s.answered = err == nil; s.answered {
		if !saysWho(w) && c.moved() { // it can have waited in the pooler for either
			s.asked = 0
		}
		s.succeeded(c, op)
		return 0
	}
	return s.failed(c, op, err)
}

// saysWho tells whether answers say behind a pooler which server they are of.
func saysWho(w work) bool {
	switch w.(type) {
	case *insert, *read:
		return true
	}
	return false
}

// failed notes an error, after which the connection may not be good for more.
func (s *session) failed(c *conn, op *record.Op, err error) (pause time.Duration) {
	s.answered = is[*pgconn.PgError](err) || is[*noRowError](err) || errors.Is(err, errOpen)
	if s.w.cfg.Pooled { // an error does not say which server it is of, nor whether it is the pooler's
		s.answered, s.asked = false, 0
	}
	ended(op, c.certainty.outcome, kindOf(err), err)
	if op.Kind == kindLedger { // and it will be so for ever
		s.failures++
		return backoff(s.failures, s.random)
	}
	if c.certainty.calls > 1 {
		c.rollback()
	}
	if op.Outcome != record.Failed || useless(op.Kind) || !c.usable() {
		c.disconnect()
	}
	return 0
}

// useless tells the errors after which another connection may do better: a demoted
// primary, and statements that are not prepared any more, or for what is not there any more.
func useless(kind string) bool { return kind == "25006" || kind == "26000" || kind == "0A000" }

// succeeded notes an operation without an error.
func (s *session) succeeded(c *conn, op *record.Op) {
	weak := c.weak
	if r, ok := s.works[s.at].(*read); ok && r.primary && s.w.cfg.Target == Replicas {
		c.disconnect()
	}
	if weak {
		ended(op, record.Weak, kindWeak, errWeak)
		return
	}
	ended(op, record.OK, "", nil)
}

// getReady connects and prepares what the part wants. Where it cannot, that is how the
// operation ended.
func (s *session) getReady(ctx context.Context, p *part, op *record.Op) (pause time.Duration, ready bool) {
	var err error
	c, kind := s.conn, ""
	if c.pooled == nil {
		kind, err = c.connect(ctx, s)
	}
	if err == nil {
		s.asked = c.number
		if err = c.introduce(ctx, p); err != nil {
			kind = kindOf(err)
			if s.w.cfg.Pooled { // it led to another server, or is the pooler's own error
				s.asked = 0
			}
		}
	}
	switch {
	case err == nil:
		s.failures = 0
		return 0, true
	case ctx.Err() != nil:
		c.disconnect()
		ended(op, record.Dropped, kindGivenUp, err)
		return 0, false
	}
	if c.pooled != nil && !c.usable() {
		c.disconnect()
	}
	s.failures++
	ended(op, record.Failed, kind, err)
	return backoff(s.failures, s.random), false
}

// adopt notes the connection that is being made, so that Close can break it.
func (s *session) adopt(c *netConn) error {
	s.network.Store(c)
	if s.state.Load() == closed {
		c.sever()
		return errClosed
	}
	return nil
}

// Settle records the outcome of a write in the ledger: what is only known since it
// was given up on, too.
func (s *session) Settle(op *record.Op, late bool) {
	server := 0
	if s.answered {
		server = s.server
	}
	s.works[s.at].settle(op, server, late)
}

// Close breaks the operation in flight off, without a word to the server, or
// closes the connection if there is none.
func (s *session) Close() {
	if s.state.Swap(closed) == resting {
		if s.ungone != nil {
			s.ungone()
		}
		if s.conn != nil {
			s.conn.hangUp()
		}
	} else if c := s.network.Load(); c != nil {
		c.sever()
	}
	s.w.leftOpen()
}

// backoff is the pause after the nth failure in a row to connect: 10 ms, doubling
// up to 500 ms, of which the second half is random, lest all clients come back at
// once.
func backoff(n int, random *rand.Rand) time.Duration {
	d := 500 * time.Millisecond
	if n < 7 {
		d = min(d, 10*time.Millisecond<<max(0, n-1))
	}
	return d/2 + time.Duration(random.Int64N(int64(d/2)+1))
}
