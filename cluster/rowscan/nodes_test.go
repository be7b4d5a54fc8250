package rowscan_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/probe"
	"pgchaos/cluster/rowscan"
	"pgchaos/record"
)

func quiesce(t *testing.T, a *cluster.Node) {
	admin := connect(t, a)
	client := func() *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), a.ConnString(a.Credentials().Load, "load/w"))
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	prefix := "pgchaos/rowscan/load"
	if n, err := rowscan.Quiesce(t.Context(), admin, prefix, time.Second); n != 0 || err != nil {
		t.Errorf("with nobody there: %d, %v", n, err)
	}
	leaving := client()
	go func() {
		time.Sleep(100 * time.Millisecond)
		_ = leaving.Close(context.Background())
	}()
	if n, err := rowscan.Quiesce(t.Context(), admin, prefix, 5*time.Second); n != 0 || err != nil {
		t.Errorf("with one who leaves: %d, %v", n, err)
	}
	staying := client()
	if n, err := rowscan.Quiesce(t.Context(), admin, prefix, 50*time.Millisecond); n != 1 || err != nil {
		t.Errorf("with one who stays: %d, %v", n, err)
	}
	if err := staying.Ping(t.Context()); err == nil {
		t.Error("who stayed is still there")
	}
	exec(t, admin, "select 1") // this test's own session is no load
}

func prober(t *testing.T, a, b *cluster.Node) {
	dials := 0
	p := probe.NewProber(func(ctx context.Context) (*pgx.Conn, error) { dials++; return b.Connect(ctx, "probe") }, "b", b.Credentials().Load.Name)
	for range 3 {
		if s := p.Read(t.Context()); !s.Reachable || s.Node != "b" || s.Role != record.RoleStandby || !s.Streaming || s.Timeline != 1 || s.SyncCommit != "on" || s.SystemID == "" {
			t.Errorf("state: %+v", s)
		}
	}
	if dials != 1 {
		t.Errorf("%d connections for 3 readings", dials)
	}
	lostAndFound(t, b, p)
	p.Close()
	p.Close()
	if s := p.Read(t.Context()); s.Reachable {
		t.Error("a closed prober reads")
	}
	if s := a.State(t.Context()); s.SyncWaiters != 0 {
		t.Errorf("waiters without a regime: %+v", s)
	}
	waiters(t, a)
}

// lostAndFound freezes and kills the node under its prober.
func lostAndFound(t *testing.T, b *cluster.Node, p *probe.Prober) {
	if err := b.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // over the held connection, and over a new one
		began := time.Now()
		if s := p.Read(t.Context()); s.Reachable || s.Error == "" || s.Role != "" {
			t.Errorf("a frozen node says %+v", s)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the reading of a frozen node took %s", took)
		}
	}
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.Read(t.Context()); !s.Reachable {
		t.Errorf("after the resume: %+v", s)
	}
	if err := b.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.Read(t.Context()); s.Reachable {
		t.Errorf("a killed node says %+v", s)
	}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := p.Read(t.Context()); !s.Reachable {
		t.Errorf("after the start: %+v", s)
	}
}

// waiters has one commit wait for a standby that is not there.
func waiters(t *testing.T, a *cluster.Node) {
	if _, err := a.Configure(t.Context(), nil, &cluster.Synchronous{Standbys: "ANY 1 (nobody)"}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	client, err := pgx.Connect(t.Context(), a.ConnString(a.Credentials().Load, "load"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close(context.Background()) }()
	go func() {
		_, err := client.Exec(t.Context(), "create table waiting (i int)")
		done <- err
	}()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if s := a.State(t.Context()); s.SyncWaiters == 1 && s.SyncNames == "ANY 1 (nobody)" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no waiter was seen")
		}
	}
	if _, err := rowscan.Barrier(t.Context(), connect(t, a), "public", "rowscan"); err != nil {
		t.Errorf("a barrier while commits wait: %v", err)
	}
	if _, err := a.Configure(t.Context(), nil, &cluster.Synchronous{}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func barrier(t *testing.T, a, b *cluster.Node) {
	primary, standby := connect(t, a), connect(t, b)
	await := func(conn *pgx.Conn, p rowscan.Point, within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return rowscan.AwaitBarrier(ctx, conn, p)
	}
	point, err := rowscan.Barrier(t.Context(), primary, "public", "rowscan")
	if err != nil || point.LSN == 0 || point.Timeline != 1 || point.ID == "" {
		t.Fatalf("barrier: %+v, %v", point, err)
	}
	for _, conn := range []*pgx.Conn{primary, standby} {
		if err := await(conn, point, 5*time.Second); err != nil {
			t.Error(err)
		}
	}
	refuse := func(why string, conn *pgx.Conn, p rowscan.Point) {
		t.Helper()
		if err := await(conn, p, 400*time.Millisecond); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("want an error with %q: %v", why, err)
		}
	}
	other := point
	other.Timeline = 7
	refuse("timeline 1", standby, other)
	other = point
	other.Run = "another"
	refuse("diverged", standby, other)

	exec(t, standby, "select pg_wal_replay_pause()")
	point, err = rowscan.Barrier(t.Context(), primary, "public", "rowscan")
	if err != nil {
		t.Fatal(err)
	}
	refuse("paused", standby, point)
	exec(t, standby, "select pg_wal_replay_resume()")
	if err := await(standby, point, 5*time.Second); err != nil {
		t.Error(err)
	}

	if err := a.Stop(t.Context(), cluster.StopFast, 0); err != nil {
		t.Fatal(err)
	}
	other = point
	other.ID, other.LSN = "00000000-0000-0000-0000-000000000000", point.LSN+1<<30
	refuse("not streaming", standby, other)
	if err := b.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	refuse("a primary of its own", connect(t, b), other)
	if err := b.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	refuse("cannot be asked", standby, other)
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
}
