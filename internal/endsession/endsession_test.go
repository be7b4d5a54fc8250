package endsession

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgproto3"
)

// frozen is a session on a server that has answered once, and reads nothing any more.
func frozen(t *testing.T) *pgx.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		server := pgproto3.NewBackend(theirs, theirs)
		if _, err := server.ReceiveStartupMessage(); err != nil {
			return
		}
		server.Send(&pgproto3.AuthenticationOk{})
		server.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
		_ = server.Flush()
	}()
	cfg, err := pgx.ParseConfig("host=server sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	cfg.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	cfg.DialFunc = func(context.Context, string, string) (net.Conn, error) { return ours, nil }
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = theirs.Close() })
	return conn
}

// TestAFrozenServerIsNotWaitedFor: the socket is closed in the end, so that no goroutine waits for it.
func TestAFrozenServerIsNotWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		end   func(*pgx.Conn)
		takes time.Duration
	}{
		"within a second": {func(conn *pgx.Conn) { Within(time.Second, conn) }, time.Second},
		"at once":         {AtOnce, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn := frozen(t)
			begun := time.Now()
			c.end(conn)
			if took := time.Since(begun); took != c.takes || !conn.IsClosed() {
				t.Errorf("%s: after %s, closed %v", name, took, conn.IsClosed())
			}
		})
	}
}
