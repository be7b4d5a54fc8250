package cluster

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// connectError is why nobody could connect to a node, in as many words as a reader
// needs: pgconn's text repeats the user, the database and the address before it comes
// to what the server said.
type connectError struct {
	node string
	met  bool // the cluster was there before, and its roles are not pgchaos's
	err  error
}

func (e *connectError) Unwrap() error { return e.err }

func (e *connectError) Error() string {
	var said *pgconn.PgError
	var dialled *net.OpError
	text := e.err.Error()
	switch {
	case errors.As(e.err, &said):
		text = fmt.Sprintf("%s: %s (SQLSTATE %s)%s", said.Severity, said.Message, said.Code, e.remedy(said.Code))
	case errors.As(e.err, &dialled):
		text = dialled.Error()
	}
	return fmt.Sprintf("connect to %s: %s", e.node, text)
}

// wrongPassword is the SQLSTATE invalid_password: of one that is missing, too.
const wrongPassword = "28P01"

// IsWrongPassword tells whether a password that was wrong or missing is among the causes of an error.
func IsWrongPassword(err error) bool {
	switch e := err.(type) { //nolint:errorlint // each cause of several is looked at
	case nil:
		return false
	case *pgconn.PgError:
		return e.Code == wrongPassword
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(e.Unwrap(), IsWrongPassword)
	}
	return IsWrongPassword(errors.Unwrap(err))
}

// WhyNoPassword adds to an error, where a password was wrong or missing, why it can be missing after a run.
func WhyNoPassword(err error) error {
	if !IsWrongPassword(err) {
		return err
	}
	return fmt.Errorf("%w (a password that stood in the experiment is not kept: set PGPASSWORD, or use a password file)", err)
}

// remedy is what to do about an error that PostgreSQL answers a new connection with
// (https://www.postgresql.org/docs/current/errcodes-appendix.html); "" where its own
// words tell that.
func (e *connectError) remedy(code string) string {
	switch code {
	case wrongPassword:
		if e.met {
			return "; check the user and the password of its dsn"
		}
		fallthrough
	case "28000": // invalid_authorization_specification
		if e.met {
			return "; its pg_hba.conf must let this role in"
		}
		return "; let pgchaos's superuser in again in its pg_hba.conf"
	case "53300": // too_many_connections
		return "; raise its max_connections, or use fewer clients"
	}
	return ""
}
