package cluster_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/record"
)

func testRejoinPlain(t *testing.T, w *world) {
	a, b := w.Node("a"), w.Node("b")
	ctx := t.Context()
	done, err := a.Rejoin(ctx, b, func(context.Context, *cluster.Node, record.NodeState, error) {
		t.Error("it was shut down with nothing of its own, and examined")
	})
	w.ok(err)
	t.Logf("%+v", done)
	if done.Way != cluster.WayRestart || len(done.Tried) != 0 || done.Took == 0 {
		t.Errorf("rejoin: %+v", done)
	}
	w.want("a", "select pg_is_in_recovery(), received_tli from pg_stat_wal_receiver", "t|2")
	w.eventually("a", "select count(*) from t", "3")
	w.eventually("b", "select string_agg(application_name || sync_state, ',' order by application_name) from pg_stat_replication", "aquorum,cquorum,dasync")
}

func testRejoinRewind(t *testing.T, w *world) {
	a, b, c, d := w.Node("a"), w.Node("b"), w.Node("c"), w.Node("d")
	ctx := t.Context()
	w.ok(a.Stop(ctx, cluster.StopFast, 0))
	split(w, "b", "c") // b is still a primary, with a row of its own
	w.psql("b", "checkpoint")
	target := w.psql("b", "select pg_current_wal_lsn()")
	w.eventually("d", "select pg_last_wal_replay_lsn() >= '"+target+"'::pg_lsn", "t")
	w.psql("d", "checkpoint")
	if err := d.Follow(ctx, c); err == nil || !strings.Contains(err.Error(), "past") {
		t.Errorf("d has b's row, past the fork, and follows c: %v", err)
	}
	w.ok(a.Follow(ctx, c))
	w.ok(a.Start(ctx))
	w.eventually("c", "select state from pg_stat_replication where application_name = 'a'", "streaming")
	done, err := b.Rejoin(ctx, c, nil)
	w.ok(err)
	t.Logf("%+v", done)
	if done.Way != cluster.WayRewind || len(done.Tried) != 1 {
		t.Errorf("rejoin: %+v", done)
	}
	w.eventually("b", "select string_agg(i::text, ',' order by i) from t", "1,2,3,101")
	w.want("b", "select pg_is_in_recovery()", "t")
	// d streamed timeline 2 from b. Without an upstream it has no receiver, which
	// it goes on trying to start, to say so.
	w.ok(b.Stop(ctx, cluster.StopFast, 0))
	for range 5 {
		if s := d.State(ctx); s.Timeline != 2 || s.Streaming {
			t.Errorf("state of d: %+v", s)
		}
	}
	w.ok(b.Start(ctx))
	if s := c.State(ctx); s.Timeline != 3 || s.Role != record.RolePrimary {
		t.Errorf("state of c: %+v", s)
	}
}

func testRejoinKilled(t *testing.T, w *world) {
	a, c, d := w.Node("a"), w.Node("c"), w.Node("d")
	ctx := t.Context()
	// d has been a standby all the time, past the fork, and crashes after a
	// restart point there.
	w.ok(d.Kill(ctx))
	done, err := d.Rejoin(ctx, c, nil)
	w.ok(err)
	if done.Way != cluster.WayRewind || !strings.Contains(done.Tried[0], "its own WAL goes to") {
		t.Errorf("rejoin: %+v", done)
	}
	w.ok(a.Stop(ctx, cluster.StopFast, 0))
	split(w, "c", "d")
	w.ok(c.Kill(ctx))
	examined := 0
	done, err = c.Rejoin(ctx, d, func(ctx context.Context, n *cluster.Node, state record.NodeState, err error) {
		examined++
		w.ok(err)
		if n != c || state.Role != record.RoleStandby || state.Timeline != 3 || state.LSN == 0 {
			t.Errorf("examined %s: %+v", n.Name(), state)
		}
		w.want("c", "select count(*) from t where i = 100", "1") // which it alone has
		if conn, err := pgx.Connect(ctx, c.ConnString(c.Credentials().Load, "client")); err == nil {
			t.Error("a client was let in")
			_ = conn.Close(ctx)
		}
	})
	w.ok(err)
	if examined != 1 {
		t.Errorf("examined %d times", examined)
	}
	t.Logf("%+v", done)
	if done.Way != cluster.WayRewind || len(done.Tried) != 1 || !strings.Contains(done.Tried[0], "past") {
		t.Errorf("rejoin: %+v", done)
	}
	w.eventually("c", "select count(*) from t where i = 100", "0")
	w.eventually("c", "select count(*) from t where i = 101", "2")
}

func testRejoinBackup(t *testing.T, w *world) {
	a, b, d := w.Node("a"), w.Node("b"), w.Node("d")
	ctx := t.Context()
	w.ok(a.Follow(ctx, d))
	w.ok(a.Start(ctx))
	w.eventually("d", "select state from pg_stat_replication where application_name = 'a'", "streaming")
	w.ok(b.Stop(ctx, cluster.StopFast, 0))
	split(w, "d", "a")
	w.ok(d.Kill(ctx))
	w.ok(removeFile(w, "d", "global/pg_control"))
	done, err := d.Rejoin(ctx, a, nil)
	w.ok(err)
	t.Logf("%+v", done)
	if done.Way != cluster.WayBackup || len(done.Tried) != 2 {
		t.Errorf("rejoin: %+v", done)
	}
	w.want("a", "select state from pg_stat_replication where application_name = 'd'", "streaming")
}

func testRejoinSplit(t *testing.T, w *world) {
	a, b, d := w.Node("a"), w.Node("b"), w.Node("d")
	ctx := t.Context()
	// b and d follow a's timeline; each is promoted on its own, so that both are
	// on a timeline of the same number.
	_, err := b.Rejoin(ctx, a, nil)
	w.ok(err)
	w.eventually("a", "select count(*) from pg_stat_replication where state = 'streaming'", "2")
	w.psql("a", "set synchronous_commit = local; create table more as select g, repeat('x', 100) as x from generate_series(1, 50000) g")
	target := w.psql("a", "select pg_current_wal_lsn()")
	w.eventually("b", "select pg_last_wal_replay_lsn() >= '"+target+"'::pg_lsn", "t")
	w.ok(a.Stop(ctx, cluster.StopFast, 0))
	w.ok(b.Promote(ctx))
	w.psql("b", "set synchronous_commit = local; insert into t values (201)")
	w.ok(d.Promote(ctx))
	w.psql("d", "insert into t values (202)")
	if s, u := b.State(ctx), d.State(ctx); s.Timeline != u.Timeline {
		t.Fatalf("the timelines are %d and %d", s.Timeline, u.Timeline)
	}
	if err := b.Follow(ctx, d); err == nil {
		t.Error("a primary was repointed")
	}
	w.ok(b.Kill(ctx)) // before its first checkpoint
	done, err := b.Rejoin(ctx, d, nil)
	w.ok(err)
	t.Logf("%+v", done)
	if done.Way != cluster.WayBackup || !strings.Contains(done.Tried[1], "of their own") {
		t.Errorf("rejoin: %+v", done)
	}
	w.want("b", "select count(*) filter (where i = 201), count(*) filter (where i = 202) from t", "0|1")
}

// split promotes a standby while its primary goes on: the old primary gets the
// row 100, the new one the row 101. The new one has so much to write that its
// first checkpoint takes its time.
func split(w *world, old, promoted string) {
	w.t.Helper()
	w.psql(old, "set synchronous_commit = local; drop table if exists filler; create table filler as select g, repeat('x', 100) as x from generate_series(1, 50000) g")
	w.psql(old, "set synchronous_commit = local; insert into t values (99)")
	w.psql(old, "set synchronous_commit = local; delete from t where i = 99")
	target := w.psql(old, "select pg_current_wal_lsn()")
	w.eventually(promoted, "select pg_last_wal_replay_lsn() >= '"+target+"'::pg_lsn", "t")
	w.ok(w.Node(promoted).Promote(w.t.Context()))
	w.psql(old, "set synchronous_commit = local; insert into t values (100)")
	w.psql(promoted, "set synchronous_commit = local; insert into t values (101)")
}
