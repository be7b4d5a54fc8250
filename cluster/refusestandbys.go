package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/wait"
)

// RefuseStandbys takes the lines for replication out of the node's pg_hba.conf and ends all of its WAL senders, or puts the lines
// back. It returns when the server has read the file and, where it refuses, no WAL sender is left. Of a server that does not run
// only the file is written. It is idempotent.
func (n *Node) RefuseStandbys(ctx context.Context, refuse bool) error {
	what := "accept standbys on"
	if refuse {
		what = "refuse standbys on"
	}
	return n.locked(ctx, what, "", func(ctx context.Context) error {
		if n.paused.Load() {
			return errors.New("it is paused; resume it first")
		}
		n.refuses.Store(refuse) // before: a call that fails can still have taken effect
		if err := n.writeConf(ctx); err != nil {
			return err
		}
		if n.running() == nil {
			return nil
		}
		conn, err := n.reload(ctx)
		if err != nil {
			return err
		}
		defer abandon(conn)
		return n.awaitRefusal(ctx, conn, refuse)
	})
}

// RefusesStandbys tells whether the node refuses standbys, or a call that was to have it do so has failed.
func (n *Node) RefusesStandbys() bool { return n.refuses.Load() }

// awaitRefusal ends WAL senders until none is left that was let in by the file of before, and checks the file in force.
func (n *Node) awaitRefusal(ctx context.Context, conn *pgx.Conn, refuse bool) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	const rules = "select pg_catalog.count(*) from pg_catalog.pg_hba_file_rules where 'replication' = any(database)"
	var lines int
	if err := conn.QueryRow(ctx, rules).Scan(&lines); err != nil {
		return fmt.Errorf("read pg_hba.conf: %w", err)
	}
	if refuse != (lines == 0) {
		return fmt.Errorf("pg_hba.conf has %d lines for replication", lines)
	}
	for refuse {
		var left int
		// Counted before they are ended: one that has ended stays in the view for a moment.
		const end = "select pg_catalog.count(*) from (select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity where backend_type = 'walsender' offset 0) ended"
		if err := conn.QueryRow(ctx, end).Scan(&left); err != nil {
			return fmt.Errorf("end its WAL senders: %w", err)
		}
		if left == 0 {
			return nil
		}
		if wait.For(ctx, 20*time.Millisecond) != nil {
			return fmt.Errorf("%d WAL senders are left after %s", left, reloadTimeout)
		}
	}
	return nil
}
