package cluster

import (
	"cmp"
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
		met  string // what it says of a cluster that was there before; "": the same
	}{
		{fatal("28000", `pg_hba.conf rejects connection for host "::1"`), `connect to b: FATAL: pg_hba.conf rejects connection for host "::1" (SQLSTATE 28000); let pgchaos's superuser in again in its pg_hba.conf`,
			`connect to b: FATAL: pg_hba.conf rejects connection for host "::1" (SQLSTATE 28000); its pg_hba.conf must let this role in`},
		{fatal("28P01", "no"), "connect to b: FATAL: no (SQLSTATE 28P01); let pgchaos's superuser in again in its pg_hba.conf",
			"connect to b: FATAL: no (SQLSTATE 28P01); check the user and the password of its dsn"},
		{fatal("53300", "sorry, too many clients already"), "connect to b: FATAL: sorry, too many clients already (SQLSTATE 53300); raise its max_connections, or use fewer clients", ""},
		{fatal("57P03", "the database system is starting up"), "connect to b: FATAL: the database system is starting up (SQLSTATE 57P03)", ""},
		{fmt.Errorf("failed to connect to `user=postgres`: %w", refused), "connect to b: dial tcp 127.0.0.1:5432: connection refused", ""},
		{context.DeadlineExceeded, "connect to b: context deadline exceeded", ""},
	} {
		for met, want := range map[bool]string{false: c.want, true: cmp.Or(c.met, c.want)} {
			err := error(&connectError{"b", met, c.err})
			if err.Error() != want || !errors.Is(err, c.err) {
				t.Errorf("%s, want %s", strings.TrimSpace(err.Error()), want)
			}
		}
	}
}

// TestIsWrongPassword: among several causes, whichever comes first.
func TestIsWrongPassword(t *testing.T) {
	wrong, standby := error(&connectError{"b", true, &pgconn.PgError{Code: "28P01"}}), error(&pgconn.PgError{Code: "25006"})
	for _, c := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{wrong, true},
		{standby, false},
		{fmt.Errorf("drop it: %w", errors.Join(standby, errors.New("it is a standby"), wrong)), true},
		{errors.Join(standby, syscall.ECONNREFUSED), false},
	} {
		if got := IsWrongPassword(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}
