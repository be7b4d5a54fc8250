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

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"

	"pgchaos/internal/catch"
	"pgchaos/record"
)

// What a client does about an operation that has reached its time-out.
const (
	Abandon   = "abandon"   // gives up on the answer; nothing is sent to the server
	Cancel    = "cancel"    // sends a CancelRequest, and waits for the answer
	Terminate = "terminate" // has the backend terminated, and waits for the answer
)

// interruptTimeout bounds one CancelRequest or pg_terminate_backend: a server that
// does not take it in that time is not waited for.
const interruptTimeout = time.Second

// backend is whom to interrupt.
type backend struct {
	node      *node
	at        address
	pid       uint32
	secret    []byte
	encrypted bool
}

// Interrupt has the server end the operation in flight, as Config.OnTimeout says.
// It starts that, and waits for nothing; see load.Interrupter.
//
// The connection is closed by do afterwards: a cancellation that comes late must
// not hit another operation.
func (s *session) Interrupt() bool {
	b := s.flying.Swap(nil)
	if b == nil {
		return false
	}
	s.w.interrupts.Go(func() {
		defer catch.Panic(s.w.cfg.Panicked)
		ctx, cancel := context.WithTimeout(s.w.ctx, interruptTimeout)
		defer cancel()
		// What comes of it shows in the answer, or in that there is none.
		if s.w.cfg.OnTimeout == Terminate {
			_ = s.w.terminate(ctx, b)
		} else {
			_ = s.w.cancelRequest(ctx, b)
		}
	})
	return true
}

// cancelRequest asks a server to cancel what a backend does, and waits until it has
// passed that on, which it says by closing the connection.
func (w *Workload) cancelRequest(ctx context.Context, b *backend) error {
	message, err := (&pgproto3.CancelRequest{ProcessID: b.pid, SecretKey: b.secret}).Encode(nil)
	if err != nil {
		return err
	}
	conn, err := w.dial(ctx, b.at.network, b.at.address)
	if err != nil {
		return fmt.Errorf("cancel on %s: %w", b.node.name, err)
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if b.encrypted {
		if conn, err = encrypt(ctx, conn, b.node.pool.Config().ConnConfig); err != nil {
			return fmt.Errorf("cancel on %s: %w", b.node.name, err)
		}
	}
	if _, err := conn.Write(message); err != nil {
		return fmt.Errorf("cancel on %s: %w", b.node.name, err)
	}
	_, _ = io.Copy(io.Discard, conn) // nothing is ever said
	return nil
}

// terminateSQL ends a backend of the load's, and nobody else's: its number may
// belong to another by now.
const terminateSQL = "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where pid = $1 and usename = current_user and application_name = $2"

// terminate ends a backend over a connection of its own; a user may do that to
// what is the same user's.
func (w *Workload) terminate(ctx context.Context, b *backend) error {
	cc := b.node.pool.Config().ConnConfig.Copy()
	cc.ValidateConnect, cc.OnNotice = nil, nil
	var dialled atomic.Bool
	cc.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dialled.Swap(true) { // for a CancelRequest of pgx's own
			return nil, errNotAnAttempt
		}
		return w.dial(ctx, network, address)
	}
	conn, err := pgx.ConnectConfig(ctx, cc)
	if err != nil {
		return fmt.Errorf("terminate on %s: %w", b.node.name, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, terminateSQL, pgx.QueryExecModeExec, int64(b.pid), w.cfg.AppName)
	return err
}

// encrypt begins TLS on a connection as the load's own have it: the key of a backend is
// nobody else's business, and a proxy may refuse it otherwise.
func encrypt(ctx context.Context, conn net.Conn, cc *pgx.ConnConfig) (net.Conn, error) {
	if cc.SSLNegotiation != "direct" {
		if _, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}); err != nil {
			return nil, err
		}
		var answer [1]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return nil, err
		}
		if answer[0] != 'S' {
			return nil, errors.New("the server refuses TLS for a CancelRequest")
		}
	}
	encrypted := tls.Client(conn, tlsOf(cc))
	return encrypted, encrypted.HandshakeContext(ctx)
}

// tlsOf is how the connections of a pool that have TLS have it: sslmode=allow begins without.
func tlsOf(cc *pgx.ConnConfig) *tls.Config {
	for _, f := range cc.Fallbacks {
		if cc.TLSConfig == nil && f.TLSConfig != nil {
			return f.TLSConfig
		}
	}
	return cc.TLSConfig
}

// The kinds of what an interruption has brought about.
const (
	kindCancelled  = "timeout, cancelled"
	kindTerminated = "timeout, terminated"
)

// interrupted gives an operation that was interrupted the kind of that, where it is what the interruption leads to. What the answer proves is not
// touched: by its outcome it is what it would be without.
func (s *session) interrupted(op *record.Op) {
	switch {
	case s.w.cfg.OnTimeout == Cancel && (op.Outcome == record.Weak || op.Kind == "57014" || errors.Is(op.Err, errInterrupted)):
		op.Kind = kindCancelled
	case s.w.cfg.OnTimeout == Terminate && (op.Outcome == record.Weak || op.Kind == "57P01" || op.Kind == kindEOF || op.Kind == kindReset || errors.Is(op.Err, errInterrupted)):
		op.Kind = kindTerminated
	}
}

// checkOnTimeout accepts the words of Config.OnTimeout.
func checkOnTimeout(word string) error {
	switch word {
	case "", Abandon, Cancel, Terminate:
		return nil
	}
	return errors.New("on time-out " + word + ": none of " + Abandon + ", " + Cancel + ", " + Terminate)
}
