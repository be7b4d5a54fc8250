package cluster

import (
	"errors"
	"fmt"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
)

// connectError is why nobody could connect to a node, in as many words as a reader
// needs: pgconn's text repeats the user, the database and the address before it comes
// to what the server said.
type connectError struct {
	node string
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

// remedy is what to do about an error that PostgreSQL answers a new connection with
// (https://www.postgresql.org/docs/current/errcodes-appendix.html); "" where its own
// words tell that.
func (e *connectError) remedy(code string) string {
	switch code {
	case "28000", "28P01": // invalid_authorization_specification, invalid_password
		return "; let pgchaos's superuser in again in its pg_hba.conf"
	case "53300": // too_many_connections
		return "; raise its max_connections, or use fewer clients"
	}
	return ""
}
