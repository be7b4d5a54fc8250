package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	sleep "pgchaos/internal/wait" // wait is an action
)

// connectStandby opens a session to a node, and tells whether it is a standby.
func connectStandby(ctx context.Context, n *cluster.Node) (conn *pgx.Conn, standby bool, err error) {
	conn, err = n.Connect(ctx, "fault")
	if err != nil {
		return nil, false, err
	}
	if standby, err = isInRecovery(ctx, conn, n.Name()); err != nil {
		endsession.Within(100*time.Millisecond, conn)
		return nil, false, err
	}
	return conn, standby, nil
}

func isInRecovery(ctx context.Context, conn *pgx.Conn, node string) (standby bool, err error) {
	if err := conn.QueryRow(ctx, "select pg_catalog.pg_is_in_recovery()").Scan(&standby); err != nil {
		return false, fmt.Errorf("ask %s whether it is a standby: %w", node, err)
	}
	return standby, nil
}

// isStandby tells whether a node is a standby.
func isStandby(ctx context.Context, n *cluster.Node) (bool, error) {
	conn, standby, err := connectStandby(ctx, n)
	if err == nil {
		endsession.Within(100*time.Millisecond, conn)
	}
	return standby, err
}

func notStandby(n *cluster.Node) error {
	return fmt.Errorf("%s is a primary, and this is done to a standby", n.Name())
}

// before14 tells whether the server is older than PostgreSQL 14.
func before14(conn *pgx.Conn) bool {
	major, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	number, err := strconv.Atoi(major)
	return err == nil && number < 14 // of a beta of a new version it is no number
}

// errNotYet is why until gave up.
var errNotYet = errors.New("not so within the time")

// until asks until the answer is yes, at most for a time.
func until(ctx context.Context, within time.Duration, ask func(context.Context) (bool, error)) error {
	waiting, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		if done, err := ask(ctx); done || err != nil {
			return err
		}
		if sleep.For(waiting, 20*time.Millisecond) != nil {
			if err := ctx.Err(); err != nil {
				return err
			}
			return fmt.Errorf("%w, %s", errNotYet, within)
		}
	}
}
