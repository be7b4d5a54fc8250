package pgload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/record"
)

func pgError(severity, code string) error {
	return fmt.Errorf("wrapped: %w", &pgconn.PgError{Severity: "FEHLER", SeverityUnlocalized: severity, Code: code})
}

func TestClassify(t *testing.T) {
	opError := func(errno syscall.Errno) error {
		return &net.OpError{Op: "read", Err: os.NewSyscallError("read", errno)}
	}
	for _, c := range []struct {
		why  string
		err  error
		sent bool
		want record.Outcome
		kind string
	}{
		{"no error", nil, true, record.OK, ""},

		// Certain: nothing was sent.
		{"nothing sent, whatever the error", io.EOF, false, record.Failed, "eof"},
		{"refused", opError(syscall.ECONNREFUSED), false, record.Failed, "connection refused"},
		{"no such socket", opError(syscall.ENOENT), false, record.Failed, "connection refused"},
		{"starting up, shutting down, in recovery", pgError("FATAL", "57P03"), false, record.Failed, "57P03"},
		{"too many connections", pgError("FATAL", "53300"), false, record.Failed, "53300"},
		{"connected to a read-only node", fmt.Errorf("x: %w", pgconn.ErrReadOnlyConnection), false, record.Failed, "read only"},
		{"connected to a primary instead of a standby", pgconn.ErrPrimaryConnection, false, record.Failed, "not standby"},
		{"closed before the operation", pgconn.ErrConnClosed, false, record.Failed, "closed"},

		// Certain: the server said so.
		{"COMMIT answered by ROLLBACK", pgx.ErrTxCommitRollback, true, record.Failed, "rollback"},
		{"demoted primary", pgError("ERROR", "25006"), true, record.Failed, "25006"},
		{"unique violation", pgError("ERROR", "23505"), true, record.Failed, "23505"},
		{"no such table", pgError("ERROR", "42P01"), true, record.Failed, "42P01"},
		{"recovery conflict of a reader", pgError("ERROR", "40001"), true, record.Failed, "40001"},
		{"deadlock", pgError("ERROR", "40P01"), true, record.Failed, "40P01"},
		{"inside an aborted transaction", pgError("ERROR", "25P02"), true, record.Failed, "25P02"},
		{"out of memory is not of the excluded classes", pgError("ERROR", "53200"), true, record.Failed, "53200"},
		{"a server too old to tell the severity unlocalised", &pgconn.PgError{Severity: "ERROR", Code: "23505"}, true, record.Failed, "23505"},

		// Not certain, though the server said so.
		{"cancelled: 712 of 712 were in the table", pgError("ERROR", "57014"), true, record.Unknown, "57014"},
		{"completion unknown", pgError("ERROR", "40003"), true, record.Unknown, "40003"},
		{"connection exception", pgError("ERROR", "08006"), true, record.Unknown, "08006"},
		{"terminated, as ERROR", pgError("ERROR", "57P01"), true, record.Unknown, "57P01"},
		{"I/O error", pgError("ERROR", "58030"), true, record.Unknown, "58030"},
		{"internal error", pgError("ERROR", "XX000"), true, record.Unknown, "XX000"},
		{"terminated: FATAL after the commit", pgError("FATAL", "57P01"), true, record.Unknown, "57P01"},
		{"another backend crashed", pgError("FATAL", "57P02"), true, record.Unknown, "57P02"},
		{"FATAL of any code", pgError("FATAL", "25006"), true, record.Unknown, "25006"},
		{"PANIC", pgError("PANIC", "53100"), true, record.Unknown, "53100"},
		{"an error without a code", pgError("ERROR", ""), true, record.Unknown, "error"},
		{"a severity that is not ERROR in the server's language only", &pgconn.PgError{Severity: "FEHLER", Code: "23505"}, true, record.Unknown, "23505"},

		// Not certain: no answer.
		{"end of file", io.EOF, true, record.Unknown, "eof"},
		{"end of file in a message", fmt.Errorf("x: %w", io.ErrUnexpectedEOF), true, record.Unknown, "eof"},
		{"reset", opError(syscall.ECONNRESET), true, record.Unknown, "reset"},
		{"broken pipe", opError(syscall.EPIPE), true, record.Unknown, "reset"},
		{"deadline of the socket", os.ErrDeadlineExceeded, true, record.Unknown, "timeout"},
		{"deadline of a context", context.DeadlineExceeded, true, record.Unknown, "timeout"},
		{"keepalive found nobody", opError(syscall.ETIMEDOUT), true, record.Unknown, "timeout"},
		{"no route", opError(syscall.EHOSTUNREACH), true, record.Unknown, "unreachable"},
		{"conn closed: pgx calls it safe to retry, the row was there in 114 of 122", pgconn.ErrConnClosed, true, record.Unknown, "closed"},
		{"closed by ourselves", net.ErrClosed, true, record.Unknown, "closed"},
		{"host not found", &net.DNSError{Err: "no such host"}, true, record.Unknown, "unknown host"},
		{"anything else", errors.New("connection refused"), true, record.Unknown, "error"},
	} {
		if got := classify(c.err, c.sent); got != c.want {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
		if got := kindOf(c.err); got != c.kind {
			t.Errorf("%s: kind %q, want %q", c.why, got, c.kind)
		}
	}
}

func TestTheMostTellingErrorOfAll(t *testing.T) {
	refused := fmt.Errorf("a: %w", syscall.ECONNREFUSED)
	timeout := fmt.Errorf("b: %w", context.DeadlineExceeded)
	starting := pgError("FATAL", "57P03")
	readOnly := pgconn.ErrReadOnlyConnection
	password := pgError("FATAL", "28P01")
	for _, c := range []struct {
		errs []error
		want string
	}{
		{[]error{refused, timeout}, "connection refused"},
		{[]error{timeout, refused, starting}, "57P03"},
		{[]error{refused, starting, readOnly}, "read only"},
		{[]error{readOnly, password, starting}, "28P01"},
		{[]error{starting, errors.New("?")}, "57P03"},
		{[]error{errors.New("?")}, "error"},
		{nil, "error"},
	} {
		if got := unconnectedKind(c.errs); got != c.want {
			t.Errorf("%v: %q, want %q", c.errs, got, c.want)
		}
	}
}
