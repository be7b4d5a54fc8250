package pgload

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/load/eventloop"
)

// netConn is the connection underneath pgx, and underneath TLS. It counts the bytes, those
// written because they alone can prove that an operation was never sent (pgconn.SafeToRetry is
// wrong about that in v5.9 to v5.12), and it can be broken from another goroutine.
type netConn struct {
	net.Conn
	at      address // where it was dialled
	written atomic.Int64
	read    atomic.Int64
	broken  atomic.Bool
	// own is what is read and written once the connection has left Go's poller; nil before.
	own atomic.Pointer[eventloop.Socket]
	// most is how many bytes may be read while the client connects; 0: it has. pgx keeps what a
	// server says then, for as long as it says something.
	most atomic.Int64
	// unwatch ends the watch over the attempt that dialled it.
	unwatch func() bool
}

// Read counts what comes.
func (c *netConn) Read(b []byte) (n int, err error) {
	n, err = c.below().Read(b)
	if most := c.most.Load(); c.read.Add(int64(n)) > most && most > 0 {
		return n, errTooMuch
	}
	return n, err
}

// Write passes the bytes on. pgx's Terminate, which it writes from a goroutine of
// its own after an error, is not counted: it belongs to no operation.
// Within TLS it looks like any other message, and counts: an operation that was never sent
// may then be unknown, but not the other way round.
func (c *netConn) Write(b []byte) (n int, err error) {
	n, err = c.below().Write(b)
	if terminate := len(b) == 5 && b[0] == 'X'; !terminate {
		c.written.Add(int64(n))
	}
	return n, err
}

// Close closes the connection and ends the watch over its attempt, which would
// otherwise outlive every failed try of a long outage.
func (c *netConn) Close() error {
	c.unwatch()
	return c.below().Close()
}

// SetDeadline ends what waits at a time; a connection that has left Go's poller, for good.
func (c *netConn) SetDeadline(at time.Time) error { return c.below().SetDeadline(at) }

// transport is what a connection and a socket have in common.
type transport interface {
	io.ReadWriteCloser
	SetDeadline(at time.Time) error
}

// below is what is read and written now.
func (c *netConn) below() transport {
	if s := c.own.Load(); s != nil {
		return s
	}
	return c.Conn
}

// leave takes the connection out of Go's poller, for its client's event loop.
func (c *netConn) leave() {
	s := eventloop.Take(c.Conn)
	if s == nil {
		return
	}
	c.own.Store(s)
	if c.broken.Load() { // by somebody who did not know of the socket yet
		s.Sever()
	}
}

// receive reads what has come of an answer; a task waits for it on its loop.
func (c *netConn) receive(t *eventloop.Task, b []byte) (int, error) {
	s := c.own.Load()
	if s == nil { // it could not leave
		return blocked(t, c.Read, b)
	}
	n, err := s.Receive(t, b)
	if err != nil && c.broken.Load() {
		err = net.ErrClosed
	}
	c.read.Add(int64(n))
	return n, err
}

// send writes what belongs to an operation.
func (c *netConn) send(t *eventloop.Task, b []byte) error {
	s := c.own.Load()
	if s == nil { // it could not leave
		_, err := blocked(t, c.Write, b)
		return err
	}
	n, err := s.Send(t, b)
	if err != nil && c.broken.Load() {
		err = net.ErrClosed
	}
	c.written.Add(int64(n))
	return err
}

// blocked does what may wait in Go's poller. It is apart from who calls it, so that only
// here the results are allocated, as those of a closure are.
func blocked(t *eventloop.Task, do func([]byte) (int, error), b []byte) (n int, err error) {
	t.Block(func() { n, err = do(b) })
	return n, err
}

// sever closes the connection while another goroutine reads from it. Nothing is sent.
func (c *netConn) sever() {
	c.broken.Store(true)
	_ = c.Conn.Close() // it may have been closed already, and nothing could be done about any other error
	if s := c.own.Load(); s != nil {
		s.Sever()
	}
}

// mostGreeting is how many bytes a server may send until a client is connected, and mostSetup until the tables are made.
const (
	mostGreeting = 4 << 20
	mostSetup    = 64 << 20
)

var errTooMuch = fmt.Errorf("the server sends more than it can have to say: %w", errProtocol)

// bounded is a connection from which only so much may be read.
type bounded struct {
	net.Conn
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Conn.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errTooMuch
	}
	return n, err
}

// address is where a connection was dialled.
type address struct{ network, address string }

// netConnOf is the connection that our DialFunc made, within TLS or not.
func netConnOf(c *pgconn.PgConn) *netConn {
	conn := c.Conn()
	if encrypted, ok := conn.(*tls.Conn); ok {
		conn = encrypted.NetConn()
	}
	return conn.(*netConn)
}

func encrypted(c *pgconn.PgConn) bool {
	_, yes := c.Conn().(*tls.Conn)
	return yes
}

// attempt is one session's try to connect to one node. Its presence in a context
// is the permission to dial.
type attempt struct {
	ctx     context.Context // of the operation: done when it is given up on
	session *session
}

type attemptKey struct{}

// errNotAnAttempt is returned to pgx where it wants to dial a CancelRequest.
var errNotAnAttempt = errors.New("only a client that connects may dial: nothing is cancelled on the server")

// errWeak is what a weak acknowledgement means.
var errWeak = errors.New("WARNING 01000: the wait for synchronous replication was cancelled; the row is on the primary only")

// errClosed is why a session that has been closed does nothing.
var errClosed = errors.New("the session is closed")

// keptAlive dials TCP or Unix sockets.
func keptAlive() pgconn.DialFunc {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}
	return d.DialContext
}

// dialer returns the DialFunc of a pool. pgxpool passes the values of Acquire's
// context on to it, but not its end; so the end is taken from the attempt. After
// any error of a connection pgx dials a CancelRequest, in the background and with
// a context of its own: without an attempt in it, it is refused.
func dialer(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		a, _ := ctx.Value(attemptKey{}).(*attempt)
		if a == nil {
			return nil, errNotAnAttempt
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(a.ctx, cancel)()
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		c := &netConn{Conn: conn, at: address{network, addr}}
		c.most.Store(mostGreeting)
		c.unwatch = context.AfterFunc(a.ctx, c.sever)
		return c, a.session.adopt(c)
	}
}
