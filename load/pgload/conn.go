package pgload

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"pgchaos/load/eventloop"
)

// conn is a place for one connection, and what belongs to the connection that is in it
// rather than to a client. One session at a time has it.
type conn struct {
	w       *Workload
	task    *eventloop.Task // that has it; nil: a goroutine has
	pooled  *pgxpool.Conn   // nil: not connected
	pg      *pgconn.PgConn
	network *netConn
	stream  net.Conn // what is read and written: the connection, or TLS upon it
	node    *node
	id      int64 // of the connection, among the workload's; behind a pooler, of the session of a server as far as reads know it
	behind  serverSession
	// number is that of the node that answers; 0: it is not known.
	number     int
	introduced bool
	who        whoAnswers // who was the last to answer, as far as it says that
	primary    string     // which node was the primary when that was asked
	prepared   []bool     // by statement
	ready      []bool     // by part: everything that it wants before it begins is prepared
	server     int        // the ledger's number of the server; 0: there is none
	backend    *backend   // nil where nothing is interrupted
	broken     bool       // it is not to be used again
	status     byte       // of the transaction, as ReadyForQuery tells it: I, T or E
	messages   messageReader

	// The rest is of the exchange at hand.
	answers   answers
	describe  bool // the names of columns are wanted
	answered  int  // statements that were
	parsed    int
	weak      bool // a wait for synchronous standbys was cancelled
	tag       []byte
	values    [][]byte
	columns   []string
	certainty certainty
	out       []byte
	text      []byte

	// What few columns and bytes need is next to the rest, as in insert.
	space struct {
		values [4][]byte
		tag    [32]byte
		out    [256]byte
	}
}

func newConn(w *Workload) *conn {
	c := &conn{w: w, prepared: make([]bool, len(w.statements)), ready: make([]bool, len(w.parts))}
	c.messages.read = c.read
	c.values, c.tag, c.out = c.space.values[:0], c.space.tag[:0], c.space.out[:0]
	return c
}

// connect finds a node of the wanted role for a session.
func (c *conn) connect(ctx context.Context, s *session) (kind string, err error) {
	c.task = eventloop.TaskOf(ctx)
	c.task.Block(func() { kind, err = c.find(ctx, s) })
	return kind, err
}

// find connects to one node after the other, until one has the wanted role.
func (c *conn) find(ctx context.Context, s *session) (kind string, err error) {
	var errs []error
	tried := map[*node]bool{}
	for ctx.Err() == nil {
		n := c.w.choose(s.client, tried)
		if n == nil {
			return unconnectedKind(errs), &connectError{errs}
		}
		tried[n] = true
		s.asked = 0
		if len(tried) == 1 {
			s.asked = n.number
		}
		pooled, err := n.acquire(context.WithValue(ctx, attemptKey{}, &attempt{ctx: ctx, session: s}))
		c.w.tried(n, err)
		if err != nil {
			errs = append(errs, &refusal{n.name, err})
			continue
		}
		c.pooled, c.pg, c.node, c.number, s.asked = pooled, pooled.Conn().PgConn(), n, n.number, n.number
		c.network, c.stream, c.status = netConnOf(c.pg), c.pg.Conn(), 'I'
		c.messages.empty()
		c.network.unwatch()
		c.network.most.Store(0)
		if c.task != nil {
			c.network.leave()
		}
		s.network.Store(c.network)
		c.id = c.w.nextConn()
		return "", nil
	}
	return kindGivenUp, ctx.Err()
}

func (w *Workload) nextConn() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns++
	return w.conns
}

// introduce prepares what a part wants before it begins and, on a new connection, asks
// in the same round trip who answers, where somebody wants to know. Nothing of the
// operation has been sent yet, so the connection is broken off when it is given up on.
func (c *conn) introduce(ctx context.Context, p *part) error {
	unwatch := context.AfterFunc(ctx, c.network.sever)
	identify := !c.introduced && (c.w.inserts() || c.w.cfg.Route == URL || c.w.cfg.Marked != nil)
	var who whoAnswers
	if !c.introduced {
		c.primary = c.w.primary()
	}
	c.answers = &who
	err := c.prepare(p.first, p.first+p.upfront, identify)
	if p.transaction && err == nil {
		err = c.prepare(beginStatement, commitStatement+1, false)
	}
	c.answers = nil
	if !unwatch() && err == nil {
		err = ctx.Err()
	}
	if err == nil && who.hidden {
		c.broken, err = true, errHidden // another connection may have another setting by then
	}
	if err == nil && identify {
		if err = c.w.cfg.Marked.allows(who.SystemID, who.in); err != nil {
			c.broken = true // what leads there can lead to the right one the next time
		}
	}
	if err != nil {
		return fmt.Errorf("prepare on %s: %w", c.name(), err)
	}
	if !c.introduced {
		c.answeredBy(&who)
		if c.w.canInterrupt() {
			c.backend = &backend{node: c.node, at: c.network.at, pid: c.pg.PID(), secret: c.pg.SecretKey(), encrypted: encrypted(c.pg)}
		}
	}
	c.introduced, c.ready[p.number] = true, true
	return nil
}

// name is how errors call the node.
func (c *conn) name() string {
	if c.node.name == "" {
		return "the url"
	}
	return c.node.name
}

// answeredBy notes who answers.
func (c *conn) answeredBy(who *whoAnswers) {
	who.Node = c.node.name
	if c.w.cfg.Route == URL {
		c.number = 0
		name := who.cluster
		if started := c.w.cfg.Started; started != nil && !who.started.IsZero() {
			name = cmp.Or(started(who.started), name)
		}
		for i, e := range c.w.cfg.Endpoints {
			if e.Node == name {
				c.number, who.Node = i+1, e.Node
			}
		}
	}
	if c.w.inserts() {
		c.server = c.w.cfg.Ledger.AddServer(who.Server)
	}
	c.who = *who
}

// primary is the node that is the primary now, where sessions have to follow it by themselves; "": they do not, or it is not known.
func (w *Workload) primary() string {
	if !w.cfg.Pooled || w.cfg.Primary == nil {
		return ""
	}
	return w.cfg.Primary()
}

// moved tells whether a pooler may lead to another server by now: another node has become the primary since it was asked who answers.
func (c *conn) moved() bool { return c.introduced && c.w.cfg.Pooled && c.primary != c.w.primary() }

// disconnect closes the connection and gives its place in the pool back. Who is not the
// client itself, but ends it, calls hangUp.
func (c *conn) disconnect() {
	if c.pooled != nil {
		c.task.Block(c.hangUp)
	}
}

func (c *conn) hangUp() {
	if c.pooled == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.pooled.Conn().Close(ctx) // says goodbye, if that is still possible
	c.network.sever()              // ends what pgx still does in the background after an error
	c.pooled.Release()
	c.w.leave(c.node)
	c.pooled, c.pg, c.network, c.stream, c.node, c.backend = nil, nil, nil, nil, nil, nil
	c.number, c.server, c.introduced, c.broken = 0, 0, false, false
	c.who, c.behind = whoAnswers{}, serverSession{}
	clear(c.prepared)
	clear(c.ready)
}

// misrouted tells whether the topology knows that the connection is to the wrong node.
func (c *conn) misrouted() bool {
	if c.w.cfg.Route != Topology {
		return false
	}
	primary := c.w.cfg.Primary()
	switch c.w.cfg.Target {
	case Primary:
		return primary != "" && primary != c.node.name
	case Replicas:
		return primary == c.node.name
	}
	return false
}

// read reads what has come of an answer.
func (c *conn) read(b []byte) (int, error) {
	if c.task != nil {
		return c.network.receive(c.task, b)
	}
	return c.stream.Read(b)
}

// send sends what was put.
func (c *conn) send() error {
	if c.task != nil {
		return c.network.send(c.task, c.out)
	}
	_, err := c.stream.Write(c.out)
	return err
}
