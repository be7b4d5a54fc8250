package cluster_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/record"
)

// TestLifeCycle takes one cluster through the life of a failover, each step seen
// from outside.
func TestLifeCycle(t *testing.T) {
	t.Parallel()
	w := build(t, cluster.Config{
		Nodes:    []cluster.NodeConfig{{Name: "a"}, {Name: "b", Settings: map[string]string{"work_mem": "7MB"}}, {Name: "c"}, {Name: "d", Absent: true}},
		Settings: map[string]string{"wal_receiver_status_interval": "1s", "wal_retrieve_retry_interval": "200ms"},
		Sync:     &cluster.Synchronous{Commit: "on", Standbys: "ANY 1 (b, c)"},
	})
	a, b, d := w.Node("a"), w.Node("b"), w.Node("d")
	w.want("a", "select application_name, state, sync_state from pg_stat_replication order by 1", "b|streaming|quorum c|streaming|quorum")
	w.want("a", "show data_checksums", "on")
	w.want("b", "select current_setting('cluster_name'), current_setting('work_mem'), current_setting('max_connections')", "b|7MB|100")
	w.want("a", "select rolname, rolsuper, rolreplication from pg_roles where rolcanlogin order by 1", "pgchaos|f|f postgres|t|t replicator|f|t")
	if _, ok := b.Settings()["primary_conninfo"]; ok || b.Settings()["work_mem"] != "7MB" {
		t.Errorf("settings of b: %v", b.Settings())
	}
	if !d.Absent() || a.Absent() || d.Address().Port == 0 {
		t.Error("d alone is absent, and has an address")
	}
	w.psql("a", "create table t (i int); insert into t values (1)")
	w.eventually("c", "select count(*) from t", "1")

	w.wantInitdbSettings("a", "b")

	for _, part := range []struct {
		name string
		run  func(*testing.T, *world)
	}{
		{"states", testStates},
		{"pause", testPause},
		{"stop and start", testStopAndStart},
		{"smart stop with a client", testSmartStop},
		{"incidents", testIncidents},
		{"backup and clone", testBackupAndClone},
		{"failover", testFailover},
		{"rejoin by a plain restart", testRejoinPlain},
		{"rejoin by pg_rewind", testRejoinRewind},
		{"rejoin of a killed primary that is past the fork", testRejoinKilled},
		{"rejoin by a base backup", testRejoinBackup},
		{"rejoin where both were promoted", testRejoinSplit},
	} {
		t.Run(part.name, func(t *testing.T) {
			w.t = t
			part.run(t, w)
		})
	}
	if err := w.Down(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, n := range w.Nodes() {
		if left := w.processes(n.Name()); left != 0 {
			t.Errorf("%d processes of %s are left", left, n.Name())
		}
	}
}

// wantInitdbSettings wants what initdb chose to be in force, and pgchaos's own settings
// to be stronger.
func (w *world) wantInitdbSettings(nodes ...string) {
	w.t.Helper()
	for _, node := range nodes {
		w.want(node, `select sourcefile = current_setting('data_directory') || '/postgresql.conf' from pg_settings
			where name in ('dynamic_shared_memory_type', 'shared_buffers', 'default_text_search_config') order by name`, "t t t")
		w.want(node, "select sourcefile = current_setting('config_file') from pg_settings where name = 'max_connections'", "t")
	}
}

func testStates(t *testing.T, w *world) {
	a, b, d := w.Node("a"), w.Node("b"), w.Node("d")
	ctx := t.Context()
	s := a.State(ctx)
	if !s.Reachable || s.Role != record.RolePrimary || s.Timeline != 1 || s.SyncNames != "ANY 1 (b, c)" || s.SyncCommit != "on" || len(s.Standbys) != 2 {
		t.Errorf("state of a: %+v", s)
	}
	if s := b.State(ctx); s.Role != record.RoleStandby || !s.Streaming || s.Timeline != 1 || s.Received == 0 {
		t.Errorf("state of b: %+v", s)
	}
	if s := d.State(ctx); s.Role != record.RoleDown || s.Reachable {
		t.Errorf("state of d: %+v", s)
	}
	if u, err := a.Usage(ctx); err != nil || u.Node != "a" || u.MemoryBytes == 0 {
		t.Errorf("usage of a: %+v, %v", u, err)
	}
}

func testPause(t *testing.T, w *world) {
	c := w.Node("c")
	ctx := t.Context()
	w.ok(c.Pause(ctx))
	began := time.Now()
	if s := c.State(ctx); s.Reachable || s.Role != "" {
		t.Errorf("a frozen node says %+v", s)
	}
	if took := time.Since(began); took > hang {
		t.Errorf("the state of a frozen node took %s", took)
	}
	if err := c.Stop(ctx, cluster.StopFast, 0); err == nil || !strings.Contains(err.Error(), "resume") {
		t.Errorf("stop of a frozen node: %v", err)
	}
	if err := c.Pause(ctx); err == nil || !strings.Contains(err.Error(), "paused already") {
		t.Errorf("pause of a paused node: %v", err)
	}
	w.ok(c.Resume(ctx))
	w.ok(c.Resume(ctx))
	w.want("c", "select 1", "1")
}

func testStopAndStart(t *testing.T, w *world) {
	b := w.Node("b")
	ctx := t.Context()
	for _, mode := range []cluster.StopMode{cluster.StopFast, cluster.StopSmart, cluster.StopImmediate} {
		w.ok(b.Stop(ctx, mode, 10*time.Second))
		if n := w.processes("b"); n != 0 {
			t.Fatalf("%d processes are left after a %s stop", n, mode)
		}
		if err := b.Stop(ctx, mode, 0); !errors.Is(err, cluster.ErrNotRunning) {
			t.Errorf("stop of a stopped node: %v", err)
		}
		w.ok(b.Start(ctx))
		w.ok(b.Start(ctx))
		w.want("b", "select pg_is_in_recovery()", "t")
	}
	w.ok(b.Kill(ctx))
	if n := w.processes("b"); n != 0 {
		t.Fatalf("%d processes are left after a kill", n)
	}
	w.ok(b.Start(ctx))
	before := w.psql("b", "select pg_postmaster_start_time()")
	left := -1
	w.ok(b.Restart(ctx, cluster.StopFast, 0, func() { left = w.processes("b") }))
	if left != 0 {
		t.Errorf("%d processes are left between the stop and the start", left)
	}
	if after := w.psql("b", "select pg_postmaster_start_time()"); after == before {
		t.Error("the restart did not restart it")
	}
	if err := b.Stop(ctx, "gentle", 0); err == nil {
		t.Error("there is no gentle stop")
	}
}

func testSmartStop(t *testing.T, w *world) {
	c := w.Node("c")
	ctx := t.Context()
	conn, err := c.ConnectPlain(ctx, "test")
	w.ok(err)
	defer func() { w.ok(conn.Close(ctx)) }()
	err = c.Stop(ctx, cluster.StopSmart, 300*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "client") {
		t.Errorf("smart stop with a client: %v", err)
	}
	if w.processes("c") == 0 {
		t.Error("it stopped after all")
	}
	w.ok(c.Stop(ctx, cluster.StopFast, 0))
	if c.EndedOnItsOwn() {
		t.Error("a server that was stopped has ended on its own")
	}
	w.ok(c.Start(ctx))
	if c.EndedOnItsOwn() {
		t.Error("a server that runs has ended on its own")
	}
}

func testIncidents(t *testing.T, w *world) {
	b, c := w.Node("b"), w.Node("c")
	ctx := t.Context()
	select {
	case e := <-b.Incidents():
		t.Fatalf("an end that was asked for is reported: %+v", e)
	case e := <-c.Incidents():
		t.Fatalf("an end that was asked for is reported: %+v", e)
	default:
	}
	pid := w.psql("c", "select split_part(pg_read_file('postmaster.pid'), chr(10), 1)")
	w.ok(kill(pid, syscall.SIGKILL))
	select {
	case e := <-c.Incidents():
		if e.Node != "c" || e.Kind != cluster.IncidentExit || e.Detail == "" || time.Since(e.At) > time.Minute {
			t.Errorf("exit: %+v", e)
		}
	case <-time.After(hang):
		t.Fatal("an end that nobody asked for is not reported")
	}
	if !c.EndedOnItsOwn() {
		t.Error("a server that was killed from outside has not ended on its own")
	}
	w.ok(c.Start(ctx))
	w.eventually("a", "select count(*) from pg_stat_replication where application_name = 'c' and state = 'streaming'", "1")
}

func testBackupAndClone(t *testing.T, w *world) {
	a, d := w.Node("a"), w.Node("d")
	ctx := t.Context()
	if err := d.Start(ctx); err == nil || !strings.Contains(err.Error(), "clone") {
		t.Errorf("start of an absent node: %v", err)
	}
	w.ok(a.Backup(ctx, "monday"))
	if err := a.Backup(ctx, "monday"); err == nil {
		t.Error("a second backup of the same name")
	}
	w.psql("a", "insert into t values (2)")
	if err := d.Clone(ctx, a, a, "tuesday", nil); err == nil || !strings.Contains(err.Error(), "tuesday") {
		t.Errorf("clone of a backup that does not exist: %v", err)
	}
	w.ok(d.Clone(ctx, a, a, "monday", nil))
	w.wantInitdbSettings("d")
	w.want("a", "select state from pg_stat_replication where application_name = 'd'", "streaming")
	w.eventually("d", "select count(*) from t", "2")
	w.ok(d.Clone(ctx, a, nil, "", nil))
	w.wantInitdbSettings("d")
	w.want("d", "select pg_is_in_recovery(), count(*) from t", "t|2")
	if d.Absent() {
		t.Error("d is still absent")
	}
}

func testFailover(t *testing.T, w *world) {
	a, b, c, d := w.Node("a"), w.Node("b"), w.Node("c"), w.Node("d")
	ctx := t.Context()
	if err := a.Promote(ctx); err == nil || !strings.Contains(err.Error(), "no standby") {
		t.Errorf("promote of a primary: %v", err)
	}
	w.ok(a.Stop(ctx, cluster.StopFast, 0))
	w.ok(b.Promote(ctx))
	w.want("b", "select pg_is_in_recovery()", "f")
	if s := b.State(ctx); s.Timeline != 2 {
		t.Errorf("right after its promotion b says %+v", s)
	}
	w.psql("b", "insert into t values (3)")
	change, err := b.Configure(ctx, nil, &cluster.Synchronous{Commit: "on", Standbys: "ANY 1 (a, c)"})
	w.ok(err)
	if !change.Reloaded || change.Restarted {
		t.Errorf("configure: %+v", change)
	}
	w.ok(c.Follow(ctx, b))
	w.want("b", "select application_name, state, sync_state from pg_stat_replication", "c|streaming|quorum")
	w.ok(d.Stop(ctx, cluster.StopFast, 0))
	w.ok(d.Follow(ctx, b))
	if w.processes("d") != 0 {
		t.Error("follow started a stopped node")
	}
	w.ok(d.Start(ctx))
	w.eventually("d", "select count(*) from t", "3")
	if err := b.Follow(ctx, c); err == nil {
		t.Error("a primary was repointed")
	}
}

func TestStandbysAreClonedWithOneReplicationSlot(t *testing.T) {
	build(t, cluster.Config{Nodes: nodes("a", "b", "c", "d"), Settings: map[string]string{"max_replication_slots": "1"}})
}
