package observe_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
	"pgchaos/cluster/observe"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
	"pgchaos/record"
)

// TestSeriesOfServers: while the only synchronous standby is paused, a commit waits, and the standby's lag grows.
func TestSeriesOfServers(t *testing.T) {
	c := up(t)
	a, b := c.Node("a"), c.Node("b")
	w := observe.Start(t.Context(), observe.Nodes(c), record.StartClock(), func(f func()) { f() })
	defer w.End()
	for range 3 {
		client(t, a)
	}
	waits := client(t, a)
	if err := b.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := waits.Exec(t.Context(), "create table waiting (i int)")
		done <- err
	}()
	paused := await(t, w, "a commit that waits and a lag of a second", func(a, b record.NodeSample) bool {
		return a.SyncWaiters == 1 && b.Role == "" && b.Lag != nil && *b.Lag >= time.Second && *b.LagBytes > 0
	})
	if a, b := paused[0], paused[1]; a.Role != record.RolePrimary || a.Connections < 4 || a.LagBytes != nil || b.SyncState != "sync" {
		t.Errorf("while the standby is paused: %+v and %+v", a, b)
	}
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	await(t, w, "no lag", func(a, b record.NodeSample) bool {
		return a.SyncWaiters == 0 && b.Role == record.RoleStandby && b.Received > 0 && b.Lag != nil && *b.Lag == 0 && *b.LagBytes == 0
	})
}

// await returns the samples of the first moment at which they are as wanted.
func await(t *testing.T, w *observe.Watcher, what string, so func(a, b record.NodeSample) bool) []record.NodeSample {
	t.Helper()
	var last []record.NodeSample
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		last = nil
		for _, s := range w.Series() {
			last = append(last, s.Samples[len(s.Samples)-1])
		}
		if len(last) == 2 && so(last[0], last[1]) {
			return slices.Clone(last)
		}
	}
	t.Fatalf("%s: never; at last %+v", what, last)
	return nil
}

func client(t *testing.T, n *cluster.Node) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), n.ConnString(n.Credentials().Load, "load"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// up is a primary a and its synchronous standby b.
func up(t *testing.T) *cluster.Cluster {
	t.Helper()
	base, err := serverdir.Make("pgchaos")
	if err != nil {
		t.Fatal(err)
	}
	p, err := local.New(t.Context(), local.Options{Base: filepath.Join(base, "runs"), Run: "observe", Experiment: "test"})
	if err != nil {
		skip.Test(t, "no PostgreSQL on this machine: %v", err)
	}
	c, err := cluster.New(p, cluster.Config{
		Run: "observe", Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}}, Sync: &cluster.Synchronous{Standbys: "FIRST 1 (b)"},
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
