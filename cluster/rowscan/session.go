package rowscan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/internal/endsession"
)

// session is a connection that is opened when it is needed, and thrown away with
// every error.
type session struct {
	connect func(context.Context) (*pgx.Conn, error)
	conn    *pgx.Conn // nil: none
}

// use does something over the session, with nothing to tell pgx when to stop: when
// ctx ends, the socket is closed, which ends every call of pgx at once, and the query
// on the server as soon as it has something to send. pgx's own way, a deadline, would
// leave a goroutine that reads on.
func (s *session) use(ctx context.Context, do func(*pgx.Conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.conn == nil {
		conn, err := s.connect(ctx)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	broken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(broken)
		breakSocket(s.conn)
	})
	err := do(s.conn)
	if !stop() {
		<-broken
	}
	if err != nil {
		s.drop()
		if ctx.Err() != nil {
			return fmt.Errorf("%w (%w)", ctx.Err(), err)
		}
	}
	return err
}

// breakSocket ends a connection without a word.
func breakSocket(conn *pgx.Conn) {
	_ = conn.PgConn().Conn().Close() // an error means that it has ended already
}

// drop throws the connection away without waiting for the server, and returns when
// nothing of it is left here.
func (s *session) drop() {
	endsession.AtOnce(s.conn)
	<-s.conn.PgConn().CleanupDone()
	s.conn = nil
}

// goodbye is how long the end of a session may take that is not broken.
const goodbye = 200 * time.Millisecond

// close ends the session, in peace if it can.
func (s *session) close() {
	if s.conn == nil {
		return
	}
	endsession.Within(goodbye, s.conn)
	s.drop()
}

// guard breaks the connection when what it writes to refuses: pgx, left alone,
// would read all the rest and throw it away.
type guard struct {
	to   io.Writer
	conn *pgx.Conn
}

func (g guard) Write(p []byte) (int, error) {
	n, err := g.to.Write(p)
	if err != nil {
		breakSocket(g.conn)
	}
	return n, err
}

// The SQLSTATEs that decide what to do next.
const (
	undefinedTable       = "42P01"
	invalidSchemaName    = "3F000"
	serializationFailure = "40001" // on a standby: a conflict with recovery
	deadlockDetected     = "40P01" // on a standby: a conflict with recovery that waits for us
	connectionException  = "08"
	operatorIntervened   = "57P" // shut down, crashed, starting
	tooManyConnections   = "53300"
)

// passing tells whether the same reading can succeed over another connection. A
// timeout is not among what passes: who has waited that long has waited enough.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == serializationFailure || pg.Code == deadlockDetected || pg.Code == tooManyConnections ||
			strings.HasPrefix(pg.Code, connectionException) || strings.HasPrefix(pg.Code, operatorIntervened)
	}
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return false
	}
	var failed *net.OpError
	var number syscall.Errno
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &failed) || errors.As(err, &number)
}
