// Package endsession ends sessions on servers that may be frozen or gone.
package endsession

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Within ends a session in the protocol's way, which waits until the server has closed its end, and cuts
// the connection if that takes longer.
func Within(most time.Duration, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	_ = conn.Close(ctx) // the session ends either way, and nothing of it is left to lose
	_ = conn.PgConn().Conn().Close()
}

// AtOnce closes a connection without a message to the server, and does not wait for it.
func AtOnce(conn *pgx.Conn) {
	_ = conn.PgConn().Conn().Close() // first: pgx would wait until a frozen server has read the end of the session
	Within(100*time.Millisecond, conn)
}
