package cluster_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgchaos/cluster"
)

func TestConfigure(t *testing.T) {
	t.Parallel()
	w := build(t, cluster.Config{Nodes: nodes("a", "b"), Settings: map[string]string{"Work_Mem": "5MB"}, MaxClients: 120})
	w.want("b", "select current_setting('work_mem'), current_setting('max_connections')", "5MB|150")

	for _, part := range []struct {
		name string
		run  func(*testing.T, *world)
	}{
		{"reload", testReload},
		{"restart", testRestart},
		{"refused", testRefused},
		{"a start that fails is taken back", testFailedStart},
		{"overridden", testOverridden},
		{"synchronous", testSynchronous},
		{"sessions of pgchaos do not wait", testNoWait},
		{"an abandoned statement is not cancelled", testNoCancel},
		{"stopped", testStopped},
		{"read-only", testReadOnly},
		{"a server that cannot start", testDead},
	} {
		t.Run(part.name, func(t *testing.T) {
			w.t = t
			part.run(t, w)
		})
	}
}

func testReload(t *testing.T, w *world) {
	a := w.Node("a")
	ctx := t.Context()
	started := w.psql("a", "select pg_postmaster_start_time()")
	value := `it's a \ back` + "\nslash"
	change, err := a.Configure(ctx, map[string]string{"work_mem": "9MB", "log_line_prefix": value}, nil)
	w.ok(err)
	if !change.Reloaded || change.Restarted {
		t.Errorf("change: %+v", change)
	}
	w.want("a", "show work_mem", "9MB")
	w.want("a", `select current_setting('log_line_prefix') = E'it''s a \\ back\nslash'`, "t")
	w.want("a", "select pg_postmaster_start_time()", started)
	_, err = a.Configure(ctx, map[string]string{"work_mem": "", "log_line_prefix": ""}, nil)
	w.ok(err)
	w.want("a", "show work_mem", "4MB")
	// initdb's file has this one, and an empty value takes its value back.
	_, err = a.Configure(ctx, map[string]string{"max_wal_size": "2GB"}, nil)
	w.ok(err)
	w.want("a", "show max_wal_size", "2GB")
	_, err = a.Configure(ctx, map[string]string{"max_wal_size": ""}, nil)
	w.ok(err)
	w.want("a", "show max_wal_size", "1GB")
	if _, ok := a.Settings()["work_mem"]; ok {
		t.Error("work_mem is still in the settings")
	}
}

func testRestart(t *testing.T, w *world) {
	a := w.Node("a")
	ctx := t.Context()
	started := w.psql("a", "select pg_postmaster_start_time()")
	change, err := a.Configure(ctx, map[string]string{"shared_buffers": "24MB"}, nil)
	w.ok(err)
	if !change.Restarted || !strings.Contains(change.Detail, "shared_buffers") {
		t.Errorf("change: %+v", change)
	}
	w.want("a", "show shared_buffers", "24MB")
	if again := w.psql("a", "select pg_postmaster_start_time()"); again == started {
		t.Error("it was not restarted")
	}
	select {
	case e := <-a.Incidents():
		t.Errorf("the restart is reported as unexpected: %+v", e)
	default:
	}
}

func testRefused(t *testing.T, w *world) {
	a := w.Node("a")
	ctx := t.Context()
	conf := readFile(w, "a", "conf/postgresql.conf")
	for _, c := range []struct {
		why      string
		settings map[string]string
		text     string
	}{
		{"an unknown name", map[string]string{"work_memory": "4MB"}, "work_memory"},
		{"a value of the wrong kind", map[string]string{"max_connections": "many"}, "max_connections"},
		{"a value out of range", map[string]string{"work_mem": "1kB"}, "work_mem"},
		{"the provider's", map[string]string{"PORT": "5432"}, "address"},
		{"a second file", map[string]string{"include": "/etc/passwd"}, "whole"},
		{"no name at all", map[string]string{"a = 1\nb": "x"}, "no name"},
		{"a list without an end", map[string]string{"synchronous_standby_names": "ANY 1 (b"}, "not closed"},
	} {
		if _, err := a.Configure(ctx, c.settings, nil); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.why, err)
		}
	}
	if _, err := a.Configure(ctx, nil, &cluster.Synchronous{Commit: "mostly"}); err == nil {
		t.Error("an unknown synchronous_commit was accepted")
	}
	if now := readFile(w, "a", "conf/postgresql.conf"); now != conf {
		t.Errorf("the file has changed:\n%s", now)
	}
	w.want("a", "select current_setting('shared_buffers'), count(*) from pg_file_settings where error is not null", "24MB|0")
}

func testFailedStart(t *testing.T, w *world) {
	a := w.Node("a")
	ctx := t.Context()
	// Each of the values is right, and the server that has them all cannot start.
	_, err := a.Configure(ctx, map[string]string{"max_connections": "10", "superuser_reserved_connections": "10"}, nil)
	if err == nil || !strings.Contains(err.Error(), "superuser_reserved_connections") {
		t.Errorf("configure: %v", err)
	}
	w.want("a", "show max_connections", "150")
	w.eventually("a", "select state from pg_stat_replication", "streaming")
}

func testOverridden(t *testing.T, w *world) {
	a := w.Node("a")
	ctx := t.Context()
	w.psql("a", "alter system set work_mem = '11MB'")
	_, err := a.Configure(ctx, map[string]string{"work_mem": "12MB"}, nil)
	if err == nil || !strings.Contains(err.Error(), "postgresql.auto.conf") {
		t.Errorf("configure: %v", err)
	}
	w.psql("a", "alter system reset all")
	_, err = a.Configure(ctx, map[string]string{"work_mem": "12MB"}, nil)
	w.ok(err)
}

func testSynchronous(t *testing.T, w *world) {
	a := w.Node("a")
	ctx := t.Context()
	for _, c := range []struct{ names, state string }{
		{"ANY 1 (b)", "quorum"}, {"FIRST 1 (b, other)", "sync"}, {"other, B", "sync"}, {"*", "sync"}, {"other", "async"}, {"", "async"},
	} {
		change, err := a.Configure(ctx, nil, &cluster.Synchronous{Commit: "remote_apply", Standbys: c.names})
		w.ok(err)
		w.want("a", "select sync_state from pg_stat_replication", c.state)
		w.want("a", "show synchronous_commit", "remote_apply")
		if change.Detail == "" {
			t.Error("a change without a word")
		}
	}
	if s := a.State(ctx); s.SyncCommit != "remote_apply" {
		t.Errorf("the state says synchronous_commit is %q", s.SyncCommit)
	}
}

func testNoWait(t *testing.T, w *world) {
	a, b := w.Node("a"), w.Node("b")
	ctx := t.Context()
	_, err := a.Configure(ctx, nil, &cluster.Synchronous{Standbys: "ANY 1 (b)"})
	w.ok(err)
	w.ok(b.Pause(ctx))
	conn, err := a.Connect(ctx, "test")
	w.ok(err)
	defer func() { w.ok(conn.Close(ctx)) }()
	began := time.Now()
	_, err = conn.Exec(ctx, "create table public.local (i int)")
	w.ok(err)
	if took := time.Since(began); took > hang {
		t.Errorf("it took %s", took)
	}
	w.ok(b.Resume(ctx))
	_, err = a.Configure(ctx, nil, &cluster.Synchronous{})
	w.ok(err)
}

func testNoCancel(t *testing.T, w *world) {
	a := w.Node("a")
	ctx := t.Context()
	conn, err := a.Connect(ctx, "test-abandon")
	w.ok(err)
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := conn.Exec(short, "select pg_sleep(10)"); err == nil {
		t.Fatal("it did not time out")
	}
	time.Sleep(300 * time.Millisecond)
	w.want("a", "select count(*) from pg_stat_activity where application_name like '%test-abandon' and state = 'active'", "1")
}

func testStopped(t *testing.T, w *world) {
	b := w.Node("b")
	ctx := t.Context()
	w.ok(b.Stop(ctx, cluster.StopFast, 0))
	if _, err := b.Configure(ctx, map[string]string{"work_mem": "no"}, nil); err == nil {
		t.Error("a wrong value for a stopped node was accepted")
	}
	change, err := b.Configure(ctx, map[string]string{"work_mem": "13MB"}, nil)
	w.ok(err)
	if change.Reloaded || change.Restarted || w.processes("b") != 0 {
		t.Errorf("change of a stopped node: %+v", change)
	}
	w.ok(b.Start(ctx))
	w.want("b", "show work_mem", "13MB")
}

func testReadOnly(t *testing.T, w *world) {
	a := w.Node("a")
	ctx := t.Context()
	if err := a.StartReadOnly(ctx); err == nil {
		t.Error("a server that runs was started read-only")
	}
	w.ok(a.Kill(ctx))
	w.ok(a.StartReadOnly(ctx))
	w.want("a", "select pg_is_in_recovery(), current_setting('autovacuum'), current_setting('max_wal_senders')", "f|off|0")
	if out, err := w.tryPsql("a", "create table forbidden (i int)"); err == nil || !strings.Contains(out, "read-only") {
		t.Errorf("a write: %v", err)
	}
	if err := a.Start(ctx); err == nil {
		t.Error("a read-only server counts as started")
	}
	b := w.Node("b")
	w.ok(b.Kill(ctx))
	w.ok(b.StartReadOnly(ctx)) // a standby needs as many WAL senders as its primary
	w.ok(b.Stop(ctx, cluster.StopFast, 0))
	w.ok(a.Stop(ctx, cluster.StopFast, 0))
	w.ok(a.Start(ctx))
	w.ok(b.Start(ctx))
	w.psql("a", "create table allowed (i int)")
}

func testDead(t *testing.T, w *world) {
	a, b := w.Node("a"), w.Node("b")
	ctx := t.Context()
	w.ok(b.Stop(ctx, cluster.StopFast, 0))
	w.ok(removeFile(w, "b", "global/pg_control"))
	err := b.Start(ctx)
	if err == nil || !strings.Contains(err.Error(), "pg_control") {
		t.Errorf("start without pg_control: %v", err)
	}
	select {
	case e := <-b.Incidents():
		t.Errorf("a failed start is reported as an unexpected exit: %+v", e)
	case <-time.After(50 * time.Millisecond):
	}
	if err := b.Promote(ctx); !errors.Is(err, cluster.ErrNotRunning) {
		t.Errorf("promote of a dead node: %v", err)
	}
	w.ok(b.Clone(ctx, a, nil, "", nil))
}

// readFile reads a file of a node, past the server.
func readFile(w *world, node, name string) string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.base, "runs", "*", "*", node, name))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("%s of %s: found %v, %v", name, node, found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func TestLoadUser(t *testing.T) {
	t.Parallel()
	w := build(t, cluster.Config{Nodes: nodes("a"), Settings: map[string]string{"log_statement": "all", "max_wal_senders": "4"}})
	a := w.Node("a")
	creds := a.Credentials()
	for _, user := range []cluster.User{creds.Superuser, creds.Load} {
		log, err := a.Log(t.Context())
		w.ok(err)
		if strings.Contains(string(log), user.Password) {
			t.Errorf("the password of %s is in the log", user.Name)
		}
		for _, value := range a.Settings() {
			if strings.Contains(value, user.Password) {
				t.Errorf("the password of %s is in the settings", user.Name)
			}
		}
	}
	out := w.psqlURL(a.ConnString(creds.Load, "load"), "create schema network; create table network.test_data (i int); create table here (i int); select current_user, current_setting('application_name'), current_setting('synchronous_commit')")
	if want := "pgchaos|pgchaos/testloaduser/load|on"; out != want {
		t.Errorf("psql says %q, want %q", out, want)
	}
	w.ok(w.Down(t.Context()))
	w.ok(w.Down(t.Context()))
}
