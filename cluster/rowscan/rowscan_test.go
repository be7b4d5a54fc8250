package rowscan_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
)

// pair is a primary a and a standby b.
func pair(t *testing.T) *cluster.Cluster {
	t.Helper()
	if testing.Short() {
		skip.Test(t, "starts PostgreSQL servers, and -short was given")
	}
	base, err := serverdir.Make("pgchaos-rowscan-")
	if err != nil {
		t.Fatal(err)
	}
	p, err := local.New(t.Context(), local.Options{Base: filepath.Join(base, "runs"), Run: "rowscan", Experiment: "test"})
	if err != nil {
		skip.Test(t, "no PostgreSQL on this machine: %v", err)
	}
	c, err := cluster.New(p, cluster.Config{
		Run: "rowscan", Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}},
		Settings: map[string]string{"max_standby_streaming_delay": "0", "wal_retrieve_retry_interval": "200ms"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.Down(context.Background()), os.RemoveAll(base)); err != nil {
			t.Error(err)
		}
	})
	if err := c.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func connect(t *testing.T, n *cluster.Node) *pgx.Conn {
	t.Helper()
	conn, err := n.ConnectPlain(t.Context(), "rowscan")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestRowscan(t *testing.T) {
	c := pair(t)
	a, b := c.Node("a"), c.Node("b")
	t.Run("quiesce", func(t *testing.T) { quiesce(t, a) })
	t.Run("settings", func(t *testing.T) { settings(t, a) })
	t.Run("prober", func(t *testing.T) { prober(t, a, b) })
	t.Run("barrier", func(t *testing.T) { barrier(t, a, b) })
}

func awaitReplay(t *testing.T, primary, standby *pgx.Conn) {
	t.Helper()
	var target string
	if err := primary.QueryRow(t.Context(), "select pg_current_wal_lsn()::text").Scan(&target); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var there bool
		if err := standby.QueryRow(t.Context(), "select pg_last_wal_replay_lsn() >= $1::text::pg_lsn", target).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if there {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not replayed", target)
		}
	}
}
