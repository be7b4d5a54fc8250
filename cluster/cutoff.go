package cluster

import (
	"context"
	"fmt"
	"maps"
	"time"

	"pgchaos/internal/wait"
)

// cutOffTimeout bounds how long a WAL receiver may outlive its primary_conninfo.
const cutOffTimeout = 10 * time.Second

// cutsOff takes an empty primary_conninfo out of the settings: the one value that
// Configure accepts for it. A standby then follows nobody, and keeps what it has
// received; Follow, Rejoin or Clone give it an upstream again.
func cutsOff(settings map[string]string) (rest map[string]string, cut bool) {
	if value, ok := settings["primary_conninfo"]; !ok || value != "" {
		return settings, false
	}
	rest = maps.Clone(settings)
	delete(rest, "primary_conninfo")
	return rest, true
}

// awaitCutOff waits until no WAL receiver is left: what one has already received
// is kept, so that an effect is only certain once it is gone.
func (n *Node) awaitCutOff(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cutOffTimeout)
	defer cancel()
	conn, err := n.Connect(ctx, "configure")
	if err != nil {
		return err
	}
	defer abandon(conn)
	for {
		var gone bool
		if err := conn.QueryRow(ctx, "select not exists (select from pg_catalog.pg_stat_wal_receiver)").Scan(&gone); err != nil {
			return fmt.Errorf("look for its WAL receiver: %w", err)
		}
		if gone {
			return nil
		}
		if wait.For(ctx, 5*time.Millisecond) != nil {
			return fmt.Errorf("its WAL receiver still runs %s after primary_conninfo was taken away", cutOffTimeout)
		}
	}
}
