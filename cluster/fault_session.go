package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/wait"
)

// FaultApp begins the application_name of each session that a fault holds open, by which it can be found and ended on
// the server. It is none of the names of AppName, so that nothing takes such a session for one of the load.
const FaultApp = "pgchaos-fault-"

// heldPatience is how long a server may send nothing to a session that runs a statement for a fault, such as a long query.
const heldPatience = 48 * time.Hour

// checksClient is the version from which a server notices on every system, while it runs a query, that its client is gone
// (client_connection_check_interval; version 14 refuses it on some). A query that a fault holds must not outlive a killed pgchaos.
const checksClient = 15

// ConnectFault opens a session for a fault to hold, under that application_name: as the superuser, or on a
// cluster that was there before as the role of its connection strings, with pgchaos's own settings, so that no time-out of the server ends it.
func (n *Node) ConnectFault(ctx context.Context, app string) (*pgx.Conn, error) {
	settings, later := n.cluster.dialer.settings()
	major := int(n.cluster.dialer.major.Load())
	for _, s := range later {
		if major >= s.since {
			settings[s.name] = s.value
		}
	}
	if major >= checksClient {
		settings["client_connection_check_interval"] = "1s"
	}
	return n.faultSession(ctx, n.cluster.creds.Superuser, app, settings)
}

// ConnectOrdinary opens a session for a fault to hold, as the load's user, which has no connections reserved for it.
func (n *Node) ConnectOrdinary(ctx context.Context, app string) (*pgx.Conn, error) {
	return n.faultSession(ctx, n.cluster.creds.Load, app, map[string]string{"client_encoding": "UTF8"})
}

func (n *Node) faultSession(ctx context.Context, user User, app string, settings map[string]string) (*pgx.Conn, error) {
	if _, err := n.machine(); err != nil {
		return nil, err
	}
	return n.cluster.dialer.open(ctx, n.Name(), n.ConnString(user, "fault"), app, heldPatience, settings, nil)
}

//go:embed endfault.sql
var endFaultSQL string

// EndSessions ends every session of a fault on the node, and returns when none is left. Where the server does not run,
// there is none.
func (n *Node) EndSessions(ctx context.Context, app string) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	if n.Ended(ctx) {
		return nil
	}
	conn, err := n.Connect(ctx, "fault")
	if n.Met() && NobodyListens(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer abandon(conn)
	return EndSessions(ctx, conn, n.Name(), app)
}

// NobodyListens tells whether a connection was refused. The sessions that a fault had there, whose clients are gone, have ended with the server, or end
// by themselves where only the way to it is closed.
func NobodyListens(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// EndSessions ends every session of a fault on the node that conn is connected to, and returns when none is left.
func EndSessions(ctx context.Context, conn *pgx.Conn, node, app string) error {
	for {
		var left int
		if err := conn.QueryRow(ctx, endFaultSQL, app).Scan(&left); err != nil {
			return fmt.Errorf("end the sessions of %s on %s: %w", app, node, err)
		}
		if left == 0 {
			return nil
		}
		if wait.For(ctx, 10*time.Millisecond) != nil {
			return errors.Join(fmt.Errorf("%d sessions of %s are left on %s although they were terminated; end them by pg_terminate_backend", left, app, node), ctx.Err())
		}
	}
}
