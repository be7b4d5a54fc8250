package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// promoteSeconds is how long pg_promote waits for the end of recovery.
const promoteSeconds = 60

// PromoteSQL promotes a standby, and waits for it.
const PromoteSQL = "select pg_catalog.pg_promote(true, 60)" // promoteSeconds

// Promote makes a primary of a standby, and returns when it is out of recovery
// and has committed a write of its own.
func (n *Node) Promote(ctx context.Context) error { return n.locked(ctx, "promote", "", n.promote) }

func (n *Node) promote(ctx context.Context) error {
	if n.down() {
		return ErrNotRunning
	}
	if n.paused.Load() {
		return errors.New("it is paused; resume it first")
	}
	ctx, cancel := context.WithTimeout(ctx, (promoteSeconds+10)*time.Second)
	defer cancel()
	conn, err := n.Connect(ctx, "promote")
	if err != nil {
		return err
	}
	defer abandon(conn)
	var standby, promoted bool
	if err := conn.QueryRow(ctx, "select pg_catalog.pg_is_in_recovery()").Scan(&standby); err != nil {
		return err
	}
	if !standby {
		return errors.New("it is no standby: it accepts writes already")
	}
	if err := conn.QueryRow(ctx, PromoteSQL).Scan(&promoted); err != nil {
		return err
	}
	if !promoted {
		return fmt.Errorf("pg_promote: still in recovery after %d s%s", promoteSeconds, n.complaints(ctx))
	}
	return verifyWritable(ctx, conn)
}

// verifyWritable commits something that leaves a trace in the WAL and nowhere
// else. The session commits locally, so that no standby can hold it up.
func verifyWritable(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "select pg_catalog.pg_logical_emit_message(true, 'pgchaos', 'writable')"); err != nil {
		return fmt.Errorf("out of recovery, but it does not accept a write: %w", err)
	}
	return nil
}
