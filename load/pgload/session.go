package pgload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"pgchaos/history"
	"pgchaos/load"
)

// session is one client's connection and its work. It keeps the connection until
// something is wrong with it, and then looks for another by itself.
type session struct {
	w       *Workload
	client  int
	work    work
	formats []int16
	results []int16 // formats of what is returned
	random  *rand.Rand
	// failures counts the failures to connect in a row.
	failures int

	conn *pgxpool.Conn // nil: not connected
	pg   *pgconn.PgConn
	node *node
	// asked is the number of the node that the operation at hand is or was tried on; 0
	// when it was several, and none of them took the client.
	asked int
	stmt  *pgconn.StatementDescription // nil: not prepared
	// server is the ledger's number of the server that was connected to last, and
	// answered whether it answered the operation that was sent last.
	server   int
	answered bool

	backend *backend                // of the connection; nil where nothing is interrupted
	flying  atomic.Pointer[backend] // while it has an operation: whoever takes it away is first

	state atomic.Int32         // resting, busy or closed
	wire  atomic.Pointer[wire] // for Close to break
}

const (
	resting int32 = iota
	busy
	closed
)

func newSession(w *Workload, client int) *session {
	random := rand.New(rand.NewPCG(w.cfg.Seed, uint64(client)))
	return &session{w: w, client: client, random: random, work: w.newWork(client, random), formats: w.paramFormats(), results: w.resultFormats()}
}

// Do performs one operation, connecting first where necessary. An operation for
// which no connection could be had has certainly failed; the reply's Pause then
// holds the client back before its next one.
func (s *session) Do(ctx context.Context) load.Reply {
	if !s.state.CompareAndSwap(resting, busy) {
		return load.Reply{Outcome: history.Dropped, Kind: kindClosed, Err: errClosed}
	}
	reply := s.do(ctx)
	reply.Node = s.asked
	if !s.state.CompareAndSwap(busy, resting) {
		s.disconnect()
	}
	return reply
}

func (s *session) do(ctx context.Context) load.Reply {
	if s.stmt == nil {
		if reply, ready := s.getReady(ctx); !ready {
			return reply
		}
	}
	params, err := s.work.bind()
	if err != nil { // and it will be so for ever
		s.failures++
		return load.Reply{Outcome: history.Failed, Kind: kindLedger, Err: err, Pause: backoff(s.failures, s.random)}
	}
	if s.backend == nil {
		return s.exchange(params)
	}
	s.flying.Store(s.backend)
	reply := s.exchange(params)
	if s.flying.Swap(nil) == nil {
		s.interrupted(&reply)
		s.disconnect() // the interruption may still be on its way
	}
	return reply
}

// exchange sends the operation, and makes the reply of the answer.
func (s *session) exchange(params [][]byte) load.Reply {
	c := s.wire.Load()
	c.weak = false
	before := c.written.Load()
	tag, err := s.execute(params)
	if err != nil {
		reply := load.Reply{Outcome: classify(err, c.written.Load() > before), Kind: kindOf(err), Err: err}
		var said *pgconn.PgError
		s.answered = errors.As(err, &said)
		if reply.Outcome != history.Failed || reply.Kind == "25006" || s.pg.IsClosed() || s.pg.TxStatus() != 'I' {
			s.disconnect() // 25006: a demoted primary, and another may have been promoted
		}
		return reply
	}
	s.answered = true
	return s.succeeded(tag, c.weak)
}

// execute runs the prepared statement. It has no context, so that nobody but the
// server can end it.
func (s *session) execute(params [][]byte) (tag string, err error) {
	result := s.pg.ExecStatement(context.Background(), s.stmt, params, s.formats, s.results)
	for result.NextRow() {
		s.work.row(result.Values())
	}
	t, err := result.Close()
	return t.String(), err
}

// succeeded is the reply to an operation without an error.
func (s *session) succeeded(tag string, weak bool) load.Reply {
	if s.pg.TxStatus() != 'I' {
		s.disconnect()
		err := fmt.Errorf("%s: the statement left a transaction open, which is rolled back", tag)
		return load.Reply{Outcome: history.Failed, Kind: kindOpen, Err: err}
	}
	if kind, fine := s.work.judge(tag); !fine {
		return load.Reply{Outcome: history.Failed, Kind: kind, Err: fmt.Errorf("answered %q: no row was stored", tag)}
	}
	if r, ok := s.work.(*read); ok && r.primary && s.w.cfg.Target == Replicas {
		s.disconnect()
	}
	if weak {
		return load.Reply{Outcome: history.Weak, Kind: kindWeak, Err: errWeak}
	}
	return load.Reply{Outcome: history.OK}
}

// getReady connects and prepares the statement. Where it cannot, it returns the
// reply to the operation.
func (s *session) getReady(ctx context.Context) (reply load.Reply, ready bool) {
	var err error
	kind := ""
	if s.conn == nil {
		kind, err = s.connect(ctx)
	}
	if err == nil {
		if err = s.prepare(ctx); err != nil {
			kind = kindOf(err)
		}
	}
	switch {
	case err == nil:
		s.failures = 0
		return load.Reply{}, true
	case ctx.Err() != nil:
		s.disconnect()
		return load.Reply{Outcome: history.Dropped, Kind: kindGivenUp, Err: err}, false
	}
	if s.conn != nil && s.pg.IsClosed() {
		s.disconnect()
	}
	s.failures++
	return load.Reply{Outcome: history.Failed, Kind: kind, Err: err, Pause: backoff(s.failures, s.random)}, false
}

// connect finds a node of the wanted role.
func (s *session) connect(ctx context.Context) (kind string, err error) {
	var errs []error
	tried := map[*node]bool{}
	for ctx.Err() == nil {
		n := s.w.choose(s.client, tried)
		if n == nil {
			return unconnectedKind(errs), &connectError{errs}
		}
		tried[n] = true
		s.asked = 0
		if len(tried) == 1 {
			s.asked = n.number
		}
		conn, err := n.pool.Acquire(context.WithValue(ctx, attemptKey{}, &attempt{ctx: ctx, session: s}))
		s.w.tried(n, err)
		if err != nil {
			errs = append(errs, &refusal{n.name, err})
			continue
		}
		s.conn, s.pg, s.node, s.asked = conn, conn.Conn().PgConn(), n, n.number
		c := wireOf(s.pg)
		c.unwatch()
		s.wire.Store(c)
		s.work.connected(n.number)
		return "", nil
	}
	return kindGivenUp, ctx.Err()
}

// adopt notes the connection that is being made, so that Close can break it.
func (s *session) adopt(c *wire) error {
	s.wire.Store(c)
	if s.state.Load() == closed {
		c.sever()
		return errClosed
	}
	return nil
}

// Settle records what became of a write in the ledger: what is only known since it
// was given up on, too.
func (s *session) Settle(op history.Op, late bool) {
	server := 0
	if s.answered {
		server = s.server
	}
	s.work.settle(op, server, late)
}

// Close breaks the operation in flight off, without a word to the server, or
// closes the connection if there is none.
func (s *session) Close() {
	if s.state.Swap(closed) == resting {
		s.disconnect()
		return
	}
	if c := s.wire.Load(); c != nil {
		c.sever()
	}
}

// disconnect closes the connection and gives its place in the pool back.
func (s *session) disconnect() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Conn().Close(ctx) // says goodbye, if that is still possible
	wireOf(s.pg).sever()         // ends what pgx still does in the background after an error
	s.conn.Release()
	s.w.leave(s.node)
	s.conn, s.pg, s.stmt, s.backend = nil, nil, nil, nil // node and server stay: they are of the last operation
}
