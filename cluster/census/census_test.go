package census_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/check"
	"pgchaos/cluster"
	"pgchaos/cluster/census"
	"pgchaos/cluster/local"
	"pgchaos/history"
)

// pair is a primary a and a standby b.
func pair(t *testing.T) *cluster.Cluster {
	t.Helper()
	if testing.Short() && os.Getenv("CI") == "" {
		t.Skip("starts PostgreSQL servers, and -short was given")
	}
	base, err := os.MkdirTemp("", "pgchaos-census-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(base, 0o755); err != nil { // the servers run as another user
		t.Fatal(err)
	}
	p, err := local.New(t.Context(), local.Options{Base: filepath.Join(base, "runs"), Run: "census", Experiment: "test"})
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("CI must have PostgreSQL: %v", err)
		}
		t.Skipf("no PostgreSQL on this machine: %v", err)
	}
	c, err := cluster.New(p, cluster.Config{
		Run: "census", Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}},
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
	conn, err := n.Connect(t.Context(), "census")
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

func TestCensus(t *testing.T) {
	c := pair(t)
	a, b := c.Node("a"), c.Node("b")
	conn := connect(t, a)
	exec(t, conn, "create schema network")

	t.Run("packed", func(t *testing.T) { packed(t, conn) })
	t.Run("serial", func(t *testing.T) { serial(t, conn) })
	t.Run("missing", func(t *testing.T) {
		for _, name := range []string{"nothing", "no_schema.nothing"} {
			for _, err := range census.Rows(t.Context(), conn, check.Table{Name: name}) {
				if err == nil || !strings.Contains(err.Error(), "does not exist") {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		exec(t, conn, "select 1") // the connection is as good as before
	})
	t.Run("stopped early", func(t *testing.T) { stoppedEarly(t, a) })
	t.Run("context", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var got error
		for _, err := range census.Rows(ctx, connect(t, a), check.Table{Name: "big"}) {
			cancel()
			if err != nil {
				got = err
			}
		}
		if got == nil {
			t.Error("an ended context went unnoticed")
		}
	})
	t.Run("conflict", func(t *testing.T) { conflict(t, a, b) })
	t.Run("broken index", func(t *testing.T) { brokenIndex(t, conn) })
	t.Run("quiesce", func(t *testing.T) { quiesce(t, a) })
	t.Run("prober", func(t *testing.T) { prober(t, a, b) })
	t.Run("barrier", func(t *testing.T) { barrier(t, a, b) })
}

func packed(t *testing.T, conn *pgx.Conn) {
	exec(t, conn, `create table network.test_data (int_value bigint, char_value varchar);
		insert into network.test_data values (null, 'x'), (-7, 'y'), ((1::bigint << 40) | 5, 'five'), ((1::bigint << 40) | 4, null), ((1::bigint << 40) | 5, ''), (3, 'three')`)
	var got []string
	for row, err := range census.Rows(t.Context(), conn, check.Table{Name: "network.test_data"}) {
		if err != nil {
			t.Fatal(err)
		}
		value := "NULL"
		if row.Value != nil {
			value = string(row.Value)
		}
		got = append(got, fmt.Sprintf("%s/%d=%s", row.Key, row.Int, value))
	}
	want := "w0:0/-7=y w0:0/0=x w0:3/3=three w1:4/1099511627780=NULL w1:5/1099511627781= w1:5/1099511627781=five"
	// NULL sorts before every number.
	want = strings.Replace(want, "w0:0/-7=y w0:0/0=x", "w0:0/0=x w0:0/-7=y", 1)
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got  %s\nwant %s", s, want)
	}
}

// serial holds the SQL that finds the key in a tag against history.ParseTag.
func serial(t *testing.T, conn *pgx.Conn) {
	exec(t, conn, "create table tagged (int_value bigserial, char_value varchar)")
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]string, 0, 600)
	values = append(values, "", "w", "w:", "w1:", "w:1:", "w1::", "w1:0:", "w1:1", "w1:1:", "w01:2:x", "w1:02:x", "w00:1:", "xw1:1:", "\nw1:1:", "w8388607:1099511627775:",
		"w8388608:1:", "w1:1099511627776:", "w99999999999999999999:1:", "w1:99999999999999999999999999:", "w-1:1:", "w1:1:\nw2:2:", "w0:1:a", "w١:1:")
	for range 500 {
		key := history.PackKey(rng.IntN(20), rng.Int64N(1000)+1)
		values = append(values, string(history.AppendPayload(nil, key, rng.IntN(60))))
	}
	rng.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	for _, v := range values {
		exec(t, conn, "insert into tagged (char_value) values ($1)", v)
	}
	exec(t, conn, "insert into tagged (char_value) values (null)")
	var last history.Key
	count := 0
	for row, err := range census.Rows(t.Context(), conn, check.Table{Name: "tagged", Serial: true}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
		want, _ := history.ParseTag(row.Value)
		if row.Key != want {
			t.Errorf("%q: key %s, want %s", row.Value, row.Key, want)
		}
		if row.Key < last {
			t.Errorf("%s comes after %s", row.Key, last)
		}
		if last = row.Key; row.Int == 0 {
			t.Error("a row without int_value")
		}
	}
	if count != len(values)+1 {
		t.Errorf("%d rows, want %d", count, len(values)+1)
	}
}

func stoppedEarly(t *testing.T, a *cluster.Node) {
	conn := connect(t, a)
	exec(t, conn, "create table big as select g as int_value, repeat('x', 500) as char_value from generate_series(1, 200000) g")
	before := runtime.NumGoroutine()
	count := 0
	for _, err := range census.Rows(t.Context(), conn, check.Table{Name: "big"}) {
		if err != nil {
			t.Fatal(err)
		}
		if count++; count == 3 {
			break
		}
	}
	if count != 3 || !conn.IsClosed() {
		t.Errorf("after %d rows the connection is closed: %t", count, conn.IsClosed())
	}
	// The connection's own goroutines end with it.
	for deadline := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left, %d were there before", runtime.NumGoroutine(), before)
		}
	}
	other := connect(t, a)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var left int
		if err := other.QueryRow(t.Context(), "select count(*) from pg_stat_activity where query like 'copy%' and pid <> pg_backend_pid()").Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d COPYs go on", left)
		}
	}
	n := 0
	for _, err := range census.Rows(t.Context(), other, check.Table{Name: "big"}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 200000 {
		t.Errorf("%d rows, want 200000", n)
	}
	exec(t, other, "select 1")
}

// conflict reads on a standby that replays what the reading's snapshot needs, and
// gives queries no time at all.
//
// The table is larger than what sockets buffer, so that the server is still
// reading when the conflict comes; and the reading goes on meanwhile, because a
// backend that is blocked in a send does not see that it is to be cancelled.
func conflict(t *testing.T, a, b *cluster.Node) {
	const wide = 20000
	primary, standby, other := connect(t, a), connect(t, b), connect(t, b)
	exec(t, primary, fmt.Sprintf("create table wide as select g::bigint as int_value, repeat('x', 2000) as char_value from generate_series(1, %d) g", wide))
	exec(t, primary, "create table junk (i int); insert into junk select generate_series(1, 1000)")
	awaitReplay(t, primary, other)
	rows, conflicts := 0, 0
	var last history.Key
	for row, err := range census.Rows(t.Context(), standby, check.Table{Name: "wide"}) {
		if err != nil {
			t.Fatal(err)
		}
		if rows++; row.Key <= last {
			t.Fatalf("%s comes after %s", row.Key, last)
		}
		last = row.Key
		if rows == 100 || rows == wide/4 {
			exec(t, primary, "delete from junk")
			exec(t, primary, "vacuum junk")
			exec(t, primary, "insert into junk select generate_series(1, 1000)")
		}
		if rows%20 == 0 {
			time.Sleep(time.Millisecond) // two seconds in all, for the standby to replay
		}
	}
	if err := connect(t, b).QueryRow(t.Context(), "select confl_snapshot from pg_stat_database_conflicts where datname = current_database()").Scan(&conflicts); err != nil {
		t.Fatal(err)
	}
	if rows != wide || conflicts == 0 {
		t.Errorf("%d rows, want %d; %d conflicts, want at least one", rows, wide, conflicts)
	}
	t.Logf("%d conflicts with recovery", conflicts)
}

// brokenIndex has an index miss a row, so that whoever trusts it misses it too.
func brokenIndex(t *testing.T, conn *pgx.Conn) {
	exec(t, conn, `create table broken (int_value bigint primary key, char_value varchar);
		insert into broken select g, 'x' from generate_series(1, 1000) g;
		set allow_system_table_mods = on;
		update pg_index set indisready = false where indexrelid = 'broken_pkey'::regclass`)
	exec(t, conn, "insert into broken values (1001, 'unindexed')")
	exec(t, conn, "update pg_index set indisready = true where indexrelid = 'broken_pkey'::regclass; analyze broken; set enable_seqscan = off; set enable_bitmapscan = off")
	var found int
	if err := conn.QueryRow(t.Context(), "select count(*) from broken where int_value > 1000").Scan(&found); err != nil || found != 0 {
		t.Fatalf("the index finds %d rows (%v), so that this test tests nothing", found, err)
	}
	rows := 0
	for _, err := range census.Rows(t.Context(), conn, check.Table{Name: "broken"}) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
	}
	if rows != 1001 {
		t.Errorf("%d rows, want 1001", rows)
	}
	exec(t, conn, "reset all; drop table broken")
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
