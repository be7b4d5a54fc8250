package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func TestConnectErrorsAreShort(t *testing.T) {
	fatal := func(code, message string) error {
		return fmt.Errorf("failed to connect to `user=postgres`: server error: %w", &pgconn.PgError{Severity: "FATAL", Code: code, Message: message})
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5432}, Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		err  error
		want string
	}{
		{fatal("28000", `pg_hba.conf rejects connection for host "::1"`), `connect to b: FATAL: pg_hba.conf rejects connection for host "::1" (SQLSTATE 28000); let pgchaos's superuser in again in its pg_hba.conf`},
		{fatal("53300", "sorry, too many clients already"), "connect to b: FATAL: sorry, too many clients already (SQLSTATE 53300); raise its max_connections, or use fewer clients"},
		{fatal("57P03", "the database system is starting up"), "connect to b: FATAL: the database system is starting up (SQLSTATE 57P03)"},
		{fmt.Errorf("failed to connect to `user=postgres`: %w", refused), "connect to b: dial tcp 127.0.0.1:5432: connection refused"},
		{context.DeadlineExceeded, "connect to b: context deadline exceeded"},
	} {
		err := error(&connectError{"b", c.err})
		if err.Error() != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s, want %s", strings.TrimSpace(err.Error()), c.want)
		}
	}
}
