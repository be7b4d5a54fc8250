package pgload

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/record"
)

// classify tells what is certain about an operation that ended with err, an
// autocommit statement in the extended protocol; sent is false when not one byte
// of the operation was written. The rule held over 1.4 million operations and 13
// kinds of fault: it is certain that nothing was committed if nothing was sent, if
// COMMIT was answered by ROLLBACK, if a COPY got no data, or if the answer is an ERROR of a class that
// cannot come after the commit. Everything else is unknown, FATAL included: the
// server may have committed before it went away.
func classify(err error, sent bool) record.Outcome {
	if err == nil {
		return record.OK
	}
	if !sent || errors.Is(err, pgx.ErrTxCommitRollback) || errors.Is(err, errCopy) {
		return record.Failed
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && severity(pgErr) == "ERROR" && !mayFollowCommit(pgErr.Code) {
		return record.Failed
	}
	return record.Unknown
}

// severity is not localised where the server tells it so (since 9.6).
func severity(e *pgconn.PgError) string {
	if e.SeverityUnlocalized != "" {
		return e.SeverityUnlocalized
	}
	return e.Severity
}

// mayFollowCommit tells of which errors it is not certain that they precede the
// commit: cancelled (57014 was seen after 712 of 712 committed ones), statement
// completion unknown, and the classes of broken connections, shutdowns, system
// and internal errors.
func mayFollowCommit(code string) bool {
	if code == "57014" || code == "40003" || !isState(code) {
		return true
	}
	for _, class := range []string{"08", "57P", "58", "XX"} {
		if strings.HasPrefix(code, class) {
			return true
		}
	}
	return false
}

// The words for what is not an SQLSTATE.
const (
	kindReadOnly    = "read only"   // connected, but to a node that accepts no writes
	kindNotStandby  = "not standby" // connected, but to a node that is no standby
	kindRefused     = "connection refused"
	kindTimeout     = "timeout"
	kindReset       = "reset"
	kindEOF         = "eof"
	kindClosed      = "closed" // by ourselves
	kindUnreachable = "unreachable"
	kindNoHost      = "unknown host"
	kindRollback    = "rollback"
	kindNoRow       = "no row" // an insert or update that was acknowledged without a row
	kindOpen        = "transaction left open"
	kindScript      = "script"      // an error of the script's own: a division by zero, a \\gset without a row
	kindCopy        = "copy"        // COPY FROM STDIN, for which there is no data
	kindForeign     = "foreign"     // the session led to a database in which nothing may be done
	kindHidden      = "no warnings" // the session gets none: a weak acknowledgement would go unnoticed
	kindTLS         = "tls"         // the server's certificate is not trusted
	kindOther       = "error"
	kindWeak        = "01000"
	kindGivenUp     = "given up"
	kindNoFiles     = "too many open files" // of this machine, as the next three are
	kindNoPorts     = "no free local port"
	kindNoMemory    = "no memory for sockets"
	kindForbidden   = "not permitted"
	kindLedger      = "ledger" // it takes no more writes: the disk is full, or broken
)

// words are the errors that have a word, the more telling ones first: an error
// that joins several gets the first that matches.
var words = []struct {
	kind string
	errs []error
}{
	{kindRollback, []error{pgx.ErrTxCommitRollback}},
	{kindOpen, []error{errOpen}},
	{kindCopy, []error{errCopy}},
	{kindHidden, []error{errHidden}},
	{kindForeign, []error{ErrForeign}},
	{kindGivenUp, []error{errGivenUp}},
	{kindTimeout, []error{errInterrupted}},
	{kindReadOnly, []error{pgconn.ErrReadOnlyConnection}},
	{kindNotStandby, []error{pgconn.ErrPrimaryConnection}},
	{kindNoFiles, []error{syscall.EMFILE, syscall.ENFILE}},
	{kindNoPorts, []error{syscall.EADDRNOTAVAIL, syscall.EADDRINUSE}},
	{kindNoMemory, []error{syscall.ENOBUFS, syscall.ENOMEM}},
	{kindForbidden, []error{syscall.EPERM, syscall.EACCES}},
	{kindRefused, []error{syscall.ECONNREFUSED, syscall.ENOENT}}, // ENOENT: the Unix socket of a server that does not run
	{kindReset, []error{syscall.ECONNRESET, syscall.EPIPE}},
	{kindUnreachable, []error{syscall.EHOSTUNREACH, syscall.ENETUNREACH}},
	{kindTimeout, []error{os.ErrDeadlineExceeded, context.DeadlineExceeded, syscall.ETIMEDOUT}},
	{kindEOF, []error{io.EOF, io.ErrUnexpectedEOF}},
	{kindClosed, []error{net.ErrClosed, io.ErrClosedPipe, pgconn.ErrConnClosed, errClosed}},
}

// kindTypes are the errors that have a word by their type.
var kindTypes = []struct {
	kind string
	is   func(err error) bool
}{
	{kindTLS, func(err error) bool { return untrusted(err) != nil }},
	{kindNoRow, is[*noRowError]}, {kindLedger, is[*ledgerError]}, {kindScript, is[*scriptError]},
}

// untrusted is what is wrong with a server's certificate, in an error that says so.
func untrusted(err error) error {
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return unknown
	case errors.As(err, &host):
		return host
	case errors.As(err, &invalid):
		return invalid
	}
	return nil
}

func is[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// kindOf is the SQLSTATE of an error, or the word for what the connection did.
// Texts are never looked at.
func kindOf(err error) string {
	if err == nil {
		return ""
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && isState(pgErr.Code) {
		return pgErr.Code
	}
	for _, w := range words {
		for _, e := range w.errs {
			if errors.Is(err, e) {
				return w.kind
			}
		}
	}
	for _, w := range kindTypes {
		if w.is(err) {
			return w.kind
		}
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return kindNoHost
	}
	return kindOther
}

// isState tells whether a code is an SQLSTATE: what is no server can send anything.
func isState(code string) bool {
	return len(code) == 5 && strings.Trim(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// unconnectedKind is the most telling of the errors with which all nodes refused a
// client, one error each. An SQLSTATE other than "starting up" says that something
// is wrong with the request itself; then comes what says that servers run but none
// has the wanted role, then what says that they do not.
func unconnectedKind(errs []error) string {
	best, rank := kindOther, len(tellingKinds)+2
	for _, err := range errs {
		kind := kindOf(err)
		if r := telling(kind, err); r < rank {
			best, rank = kind, r
		}
	}
	return best
}

var tellingKinds = []string{
	kindNoFiles, kindNoPorts, kindNoMemory, kindForbidden, kindReadOnly, kindNotStandby, "57P03", kindRefused, kindTimeout, kindUnreachable, kindReset, kindEOF, kindNoHost,
}

func telling(kind string, err error) int {
	for i, k := range tellingKinds {
		if k == kind {
			return i + 1
		}
	}
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return 0
	}
	return len(tellingKinds) + 1
}
