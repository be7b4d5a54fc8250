package cluster_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgchaos/cluster"
	"pgchaos/record"
)

// TestExamine takes from nodes what they have alone, by a clone and by a rejoin, and
// looks at what can be read of it before.
func TestExamine(t *testing.T) {
	t.Parallel()
	w := build(t, cluster.Config{
		Nodes: []cluster.NodeConfig{
			{Name: "a"}, {Name: "b"}, {Name: "d", Absent: true},
			{Name: "c", Settings: map[string]string{"recovery_min_apply_delay": "1h"}},
		},
		Settings: map[string]string{"wal_retrieve_retry_interval": "200ms", "autovacuum": "off"},
	})
	a, b, c, d := w.Node("a"), w.Node("b"), w.Node("c"), w.Node("d")
	ctx := t.Context()
	w.psql("a", "create table t (i int); insert into t values (1)")
	w.eventually("b", "select count(*) from t", "1")

	var seen []string
	rows := func(ctx context.Context, n *cluster.Node, state record.NodeState, err error) {
		if err != nil {
			seen = append(seen, n.Name()+": "+err.Error())
			return
		}
		conn, err := n.ConnectPlain(ctx, "test")
		w.ok(err)
		defer func() { _ = conn.Close(ctx) }()
		var rows int
		w.ok(conn.QueryRow(ctx, "select count(*) from t").Scan(&rows))
		seen = append(seen, fmt.Sprintf("%s: %s, %d rows on %d", n.Name(), state.Role, rows, state.Timeline))
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if len(seen) != len(want) {
			t.Fatalf("%s: examined %q, and it should be %q", what, seen, want)
		}
		for i := range want {
			if !strings.HasPrefix(seen[i], want[i]) {
				t.Errorf("%s: examined %q, and it should be %q", what, seen[i], want[i])
			}
		}
		seen = nil
	}
	w.ok(d.Clone(ctx, a, nil, "", rows))
	expect("a node that never was anything")
	w.ok(d.Clone(ctx, a, nil, "", rows))
	expect("a standby on the primary's timeline")

	// What b has not, a wrote, and c has received; c would not show it for an hour, and
	// replays it only when it is examined, which takes a moment.
	_, err := b.Configure(ctx, map[string]string{"primary_conninfo": ""}, nil)
	w.ok(err)
	w.psql("a", "insert into t select generate_series(2, 300000)")
	end := w.psql("a", "select pg_current_wal_flush_lsn()")
	w.eventually("c", "select pg_last_wal_receive_lsn() >= '"+end+"'::pg_lsn", "t")
	w.ok(a.Kill(ctx))
	w.ok(c.Kill(ctx))
	w.ok(b.Promote(ctx))
	w.want("b", "select count(*) from t", "1")
	done, err := c.Rejoin(ctx, b, rows)
	w.ok(err)
	expect("a standby that went past the fork", "c: standby, 300000 rows on 1")
	if done.Way == cluster.WayRestart {
		t.Errorf("rejoin of a standby that went past the fork: %+v", done)
	}

	w.ok(a.Clone(ctx, b, nil, "", rows))
	expect("a killed former primary", "a: standby, 300000 rows on 1")
	w.eventually("a", "select count(*) from t", "1")

	w.ok(a.Pause(ctx))
	w.ok(removeFile(w, "a", "global/pg_control"))
	w.ok(a.Clone(ctx, b, nil, "", rows))
	expect("a frozen node without its pg_control", "a: a: "+w.bin+"/pg_controldata: exit status 1")
	w.want("a", "select pg_is_in_recovery()", "t")
	w.ok(w.Down(context.Background()))
}
