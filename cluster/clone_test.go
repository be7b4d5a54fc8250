package cluster_test

import (
	"context"
	"sync"
	"testing"

	"pgchaos/cluster"
)

// TestACopyKeepsItsWAL copies a primary that keeps no WAL and removes it at each of many checkpoints: what a base backup
// and the standby made from it need must stay all the same, and nothing that keeps it may be left.
func TestACopyKeepsItsWAL(t *testing.T) {
	t.Parallel()
	w := build(t, cluster.Config{
		Nodes:    nodes("a", "b"),
		Settings: map[string]string{"wal_keep_size": "0", "max_replication_slots": "1", "wal_retrieve_retry_interval": "100ms"},
	})
	a, b := w.Node("a"), w.Node("b")

	ctx, stop := context.WithCancel(t.Context())
	var removing sync.WaitGroup
	removing.Go(func() {
		conn, err := a.Connect(ctx, "test")
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		for ctx.Err() == nil {
			_, err = conn.Exec(ctx, "do 'begin perform pg_logical_emit_message(false, $$a$$, $$b$$); perform pg_switch_wal(); end'")
			if err == nil {
				_, err = conn.Exec(ctx, "checkpoint")
			}
			if err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	for range 3 {
		w.ok(b.Clone(t.Context(), a, nil, "", nil))
		w.want("a", "select count(*) from pg_replication_slots", "0")
	}
	w.ok(a.Backup(t.Context(), "kept"))
	stop()
	removing.Wait()
	w.want("a", "select count(*) from pg_replication_slots", "0")
}
