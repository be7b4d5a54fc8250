package rowscan_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/rowscan"
	"pgchaos/record"
	"pgchaos/rows"
	"pgchaos/verdict"
)

func TestScan(t *testing.T) {
	c := pair(t)
	a, b := c.Node("a"), c.Node("b")
	conn := connect(t, a)
	exec(t, conn, "create schema network")

	t.Run("every kind", func(t *testing.T) { everyKind(t, a, conn) })
	t.Run("nulls", func(t *testing.T) { nulls(t, a, conn) })
	t.Run("behind the back", func(t *testing.T) { behindTheBack(t, a, conn) })
	t.Run("plan", func(t *testing.T) { rangePlan(t, conn) })
	t.Run("broken index", func(t *testing.T) { brokenIndex(t, a, conn) })
	t.Run("missing", func(t *testing.T) {
		for _, name := range []string{"nothing", "no_schema.nothing"} {
			h, err := rowscan.Scan(t.Context(), dial(a), rows.Table{Name: name}, rowscan.ScanOptions{})
			if h != nil || err == nil || !strings.Contains(err.Error(), "does not exist on this node") {
				t.Errorf("%s: %v, %v", name, h, err)
			}
		}
	})
	wide := rows.Table{Name: "wide", Payload: 1500}
	exec(t, conn, "create table wide (int_value bigint primary key, char_value varchar)")
	fill(t, conn, wide, scanWide)
	t.Run("terminated", func(t *testing.T) { terminated(t, a, wide) })
	t.Run("slow", func(t *testing.T) { slow(t, a, conn, wide) })
	t.Run("conflict", func(t *testing.T) { conflict(t, a, b, wide) })
	t.Run("growing", func(t *testing.T) { growing(t, a, conn) })
	t.Run("rewritten", func(t *testing.T) { rewritten(t, a, conn) })
	t.Run("context", func(t *testing.T) { endedContext(t, a, conn, wide) })
	t.Run("frozen", func(t *testing.T) { frozen(t, a, wide) })
	t.Run("stopped", func(t *testing.T) {
		if err := b.Stop(t.Context(), cluster.StopFast, 0); err != nil {
			t.Fatal(err)
		}
		if h, err := rowscan.Scan(t.Context(), dial(b), wide, rowscan.ScanOptions{Tries: 2}); h != nil || err == nil {
			t.Errorf("a stopped node holds %v, %v", h, err)
		}
	})
}

// scanWide is how many rows of 1500 bytes the table has: more than sockets buffer.
const scanWide = 20000

func dial(n *cluster.Node) func(context.Context) (*pgx.Conn, error) {
	return func(ctx context.Context) (*pgx.Conn, error) { return n.Connect(ctx, "scan") }
}

// fill writes writer 1's rows 1 to n as they are to be.
func fill(t *testing.T, conn *pgx.Conn, table rows.Table, n int) {
	t.Helper()
	source := pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		key := record.PackKey(1, int64(i)+1)
		return []any{int64(key), string(record.AppendPayload(nil, key, table.Payload))}, nil
	})
	if _, err := conn.CopyFrom(t.Context(), pgx.Identifier{table.Name}, []string{"int_value", "char_value"}, source); err != nil {
		t.Fatal(err)
	}
}

func scanned(t *testing.T, n *cluster.Node, table rows.Table, o rowscan.ScanOptions) *rows.Holding {
	t.Helper()
	h, err := rowscan.Scan(t.Context(), dial(n), table, o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// exactly tells whether a holding is of writer 1's rows 1 to n, and of nothing else.
func exactly(h *rows.Holding, n int) error {
	set := h.Written[1]
	if h.Rows != int64(n) || h.OddRows != 0 || len(h.Written) != 1 || set == nil || set.GetCardinality() != uint64(n) || set.Minimum() != 1 || set.Maximum() != uint64(n) {
		return fmt.Errorf("%d rows, %d of them odd, of %d writers; want %d", h.Rows, h.OddRows, len(h.Written), n)
	}
	return nil
}

// ways are ways to read the same table.
func ways() map[string]rowscan.ScanOptions {
	return map[string]rowscan.ScanOptions{
		"by default":     {},
		"block by block": {RangeBlocks: 1},
		"small ranges":   {RangeBlocks: 3, Connections: 3},
		"one session":    {RangeBlocks: 5, Connections: 1},
		"one range":      rowscan.Whole(rowscan.ScanOptions{RangeBlocks: 1}),
	}
}

// noneLeft waits for the end of the scans' sessions.
func noneLeft(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		left := 0
		if err := conn.QueryRow(t.Context(), "select count(*) from pg_stat_activity where application_name like '%/scan'").Scan(&left); err != nil {
			t.Fatal(err)
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions are left", left)
		}
	}
}

// behindTheBack does to a table what nobody should, and demands that exactly this is
// seen.
func behindTheBack(t *testing.T, a *cluster.Node, conn *pgx.Conn) {
	const n = 2000
	key := func(seq int64) record.Key { return record.PackKey(1, seq) }
	for _, c := range []struct {
		why    string
		serial bool
		sql    string
		args   []any
		rows   int64 // more or less than before
		good   int64
		odd    []rows.OddRow // but for the digests
	}{
		{"deleted", false, "delete from victim where int_value = $1", []any{int64(key(7))}, -1, -1, nil},
		{"changed", false, "update victim set char_value = char_value || 'x' where int_value = $1", []any{int64(key(7))}, 0, -1,
			[]rows.OddRow{{Why: rows.Altered, Key: key(7), Int: int64(key(7))}}},
		{"changed key", false, "update victim set int_value = int_value + 100000 where int_value = $1", []any{int64(key(7))}, 0, -1,
			[]rows.OddRow{{Why: rows.Altered, Key: key(100007), Int: int64(key(100007))}}},
		{"added", false, "insert into victim values (17, 'somebody')", nil, 1, 0, []rows.OddRow{{Why: rows.Altered, Key: 17, Int: 17}}},
		{"duplicated", false, "insert into victim select * from victim where int_value = $1", []any{int64(key(7))}, 1, 0,
			[]rows.OddRow{{Why: rows.Copy, Key: key(7), Int: int64(key(7))}}},
		{"serial, duplicated", true, "insert into victim select int_value + 5000, char_value from victim where char_value like 'w1:7:%'", nil, 1, 0,
			[]rows.OddRow{{Why: rows.Copy, Key: key(7)}}},
		{"serial, changed int_value", true, "update victim set int_value = int_value + 5000 where char_value like 'w1:7:%'", nil, 0, 0, nil},
	} {
		table := rows.Table{Name: "victim", Payload: 64, Serial: c.serial}
		exec(t, conn, "create table victim (int_value bigint primary key, char_value varchar)")
		fill(t, conn, table, n)
		o := rowscan.ScanOptions{RangeBlocks: 4}
		before := scanned(t, a, table, o)
		if err := exactly(before, n); err != nil {
			t.Fatalf("%s, before: %v", c.why, err)
		}
		exec(t, conn, "alter table victim drop constraint victim_pkey")
		exec(t, conn, c.sql, c.args...)
		after := scanned(t, a, table, o)
		for i := range after.Odd {
			after.Odd[i].Digest = [16]byte{}
		}
		if after.Rows != n+c.rows || int64(after.Written[1].GetCardinality()) != n+c.good || !slices.Equal(after.Odd, c.odd) || before.Equal(after) != verdict.Fail {
			t.Errorf("%s: %d rows, %d as written, and %+v; equal: %d", c.why, after.Rows, after.Written[1].GetCardinality(), after.Odd, before.Equal(after))
		}
		exec(t, conn, "drop table victim")
	}
}

// rangePlan: a range is read alone, and no index is asked, whatever the planner believes.
func rangePlan(t *testing.T, conn *pgx.Conn) {
	settings, query, err := rowscan.RangeQuery("wide_index", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, conn, "create table wide_index as select g::bigint int_value, 'x'::varchar char_value from generate_series(1, 1000) g")
	exec(t, conn, "create index on wide_index (int_value, char_value)")
	if _, err := conn.PgConn().Exec(t.Context(), settings).ReadAll(); err != nil {
		t.Fatal(err)
	}
	query = query[strings.Index(query, "(")+1 : strings.LastIndex(query, ") to stdout")]
	rows, err := conn.Query(t.Context(), "explain "+query)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || !strings.Contains(plan[0], "Tid Range Scan") {
		t.Errorf("the plan is %s (%v)", strings.Join(plan, "\n"), err)
	}
	exec(t, conn, "rollback")
}

// brokenIndex has an index miss a row, so that a scan of the index misses it too. The index
// has all that is asked for, and roles have settings that forbid all else.
func brokenIndex(t *testing.T, a *cluster.Node, conn *pgx.Conn) {
	exec(t, conn, `create table broken (int_value bigint, char_value varchar, primary key (int_value) include (char_value));
		insert into broken select g, 'x' from generate_series(1, 1000) g;
		set allow_system_table_mods = on;
		update pg_index set indisready = false where indexrelid = 'broken_pkey'::regclass`)
	exec(t, conn, "insert into broken values (1001, 'unindexed')")
	exec(t, conn, "update pg_index set indisready = true where indexrelid = 'broken_pkey'::regclass; alter role all set enable_seqscan = off")
	exec(t, conn, "alter role all set seq_page_cost = 1000; alter role all set random_page_cost = 0")
	exec(t, conn, "vacuum analyze broken")
	var found int
	if err := connect(t, a).QueryRow(t.Context(), "select count(*) from (select int_value, char_value from broken offset 0) b").Scan(&found); err != nil || found != 1000 {
		t.Errorf("a plain select finds %d rows (%v), so that this test tests nothing", found, err)
	}
	for way, o := range ways() {
		if h := scanned(t, a, rows.Table{Name: "broken"}, o); h.Rows != 1001 || h.OddRows != 1001 {
			t.Errorf("%s: %d rows, want 1001", way, h.Rows)
		}
	}
	exec(t, conn, "alter role all reset all; reset all; drop table broken")
}

// tap is a connection that does something once, when so many bytes have come, and
// from then on may be slow.
type tap struct {
	net.Conn
	left *atomic.Int64
	do   func()
	slow time.Duration
}

func (c *tap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if left := c.left.Add(-int64(n)); left <= 0 {
		if left+int64(n) > 0 {
			c.do()
		}
		time.Sleep(c.slow)
	}
	return n, err
}

// tapped connects as Node.Connect does, and has do done once when all its sessions
// together have read so many bytes.
type tapped struct {
	sessions, left atomic.Int64
	connect        func(context.Context) (*pgx.Conn, error)
}

// cancelTakes is how long a CancelRequest takes to be refused, so that
// the test sees code that does not wait for the end of pgx's own goroutine.
const cancelTakes = 200 * time.Millisecond

func tapAfter(t *testing.T, n *cluster.Node, bytes int64, slow time.Duration, do func()) *tapped {
	t.Helper()
	of := &tapped{}
	of.left.Store(bytes)
	of.connect = func(ctx context.Context) (*pgx.Conn, error) {
		config, err := pgx.ParseConfig(n.ConnString(n.Credentials().Superuser, "scan"))
		if err != nil {
			return nil, err
		}
		var connected atomic.Bool
		config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			if connected.Swap(true) {
				time.Sleep(cancelTakes)
				return nil, errors.New("no cancel request is sent")
			}
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &tap{Conn: conn, left: &of.left, do: do, slow: slow}, nil
		}
		of.sessions.Add(1)
		return pgx.ConnectConfig(ctx, config)
	}
	return of
}

// slow reads longer than the role's statements may last.
func slow(t *testing.T, a *cluster.Node, conn *pgx.Conn, wide rows.Table) {
	exec(t, conn, "alter role all set statement_timeout = '300ms'")
	defer exec(t, conn, "alter role all reset statement_timeout")
	of := tapAfter(t, a, 2<<20, 0, func() { time.Sleep(400 * time.Millisecond) })
	h, err := rowscan.Scan(t.Context(), of.connect, wide, rowscan.ScanOptions{Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := exactly(h, scanWide); err != nil || of.sessions.Load() != 1 {
		t.Errorf("%v; %d sessions", err, of.sessions.Load())
	}
}

// terminated ends a backend in the middle of a range.
func terminated(t *testing.T, a *cluster.Node, wide rows.Table) {
	for way, o := range map[string]rowscan.ScanOptions{
		"ranges":    {RangeBlocks: 2000},
		"one range": rowscan.Whole(rowscan.ScanOptions{}),
	} {
		ended := 0
		of := tapAfter(t, a, 2<<20, 0, func() {
			err := connect(t, a).QueryRow(t.Context(), `select count(*) filter (where pg_terminate_backend(pid))
				from pg_stat_activity where query like 'copy%' and state = 'active'`).Scan(&ended)
			if err != nil {
				t.Error(err)
			}
		})
		h, err := rowscan.Scan(t.Context(), of.connect, wide, o)
		if err != nil {
			t.Errorf("%s: %v", way, err)
			continue
		}
		if err := exactly(h, scanWide); err != nil || ended == 0 || of.sessions.Load() < 2 {
			t.Errorf("%s: %v; %d backends terminated, %d sessions", way, err, ended, of.sessions.Load())
		}
	}
}

// conflict reads on a standby that replays what the reading's snapshot needs, and gives
// queries no time at all.
//
// The table is larger than what sockets buffer, so that the server is still reading when
// the conflict comes; and the reading goes on meanwhile, because a backend that is
// blocked in a send does not see that it is to be cancelled.
func conflict(t *testing.T, a, b *cluster.Node, wide rows.Table) {
	primary, standby := connect(t, a), connect(t, b)
	exec(t, primary, "create table junk (i int); insert into junk select generate_series(1, 1000)")
	awaitReplay(t, primary, standby)
	of := tapAfter(t, b, 4<<20, time.Millisecond, func() {
		exec(t, primary, "delete from junk")
		exec(t, primary, "vacuum junk")
	})
	h, err := rowscan.Scan(t.Context(), of.connect, wide, rowscan.ScanOptions{RangeBlocks: 2000})
	if err != nil {
		t.Fatal(err)
	}
	conflicts := 0
	if err := connect(t, b).QueryRow(t.Context(), "select confl_snapshot from pg_stat_database_conflicts where datname = current_database()").Scan(&conflicts); err != nil {
		t.Fatal(err)
	}
	if err := exactly(h, scanWide); err != nil || conflicts == 0 || of.sessions.Load() < 3 {
		t.Errorf("%v; %d conflicts, %d sessions", err, conflicts, of.sessions.Load())
	}
	t.Logf("%d conflicts with recovery", conflicts)
}

// growing adds rows behind the end while the first range is read.
func growing(t *testing.T, a *cluster.Node, conn *pgx.Conn) {
	table := rows.Table{Name: "growing", Payload: 1000}
	exec(t, conn, "create table growing (int_value bigint, char_value varchar)")
	fill(t, conn, table, 4000)
	of := tapAfter(t, a, 1<<18, 0, func() {
		other := connect(t, a)
		source := pgx.CopyFromSlice(4000, func(i int) ([]any, error) {
			key := record.PackKey(1, int64(i)+4001)
			return []any{int64(key), string(record.AppendPayload(nil, key, table.Payload))}, nil
		})
		if _, err := other.CopyFrom(t.Context(), pgx.Identifier{"growing"}, []string{"int_value", "char_value"}, source); err != nil {
			t.Error(err)
		}
	})
	h, err := rowscan.Scan(t.Context(), of.connect, table, rowscan.ScanOptions{Connections: 1, RangeBlocks: 200})
	if err != nil {
		t.Fatal(err)
	}
	if err := exactly(h, 8000); err != nil {
		t.Error(err)
	}
}

// rewritten moves all rows between two ranges.
func rewritten(t *testing.T, a *cluster.Node, conn *pgx.Conn) {
	done := make(chan error, 1)
	of := tapAfter(t, a, 1<<18, 0, func() {
		other := connect(t, a)
		go func() {
			_, err := other.Exec(t.Context(), "vacuum full growing")
			done <- err
		}()
		for waiting := 0; waiting == 0; time.Sleep(5 * time.Millisecond) {
			if err := conn.QueryRow(t.Context(), "select count(*) from pg_locks where not granted").Scan(&waiting); err != nil {
				t.Error(err)
				return
			}
		}
	})
	h, err := rowscan.Scan(t.Context(), of.connect, rows.Table{Name: "growing", Payload: 1000}, rowscan.ScanOptions{Connections: 1, RangeBlocks: 200})
	if h != nil || err == nil || !strings.Contains(err.Error(), "rewritten") {
		t.Errorf("%v, %v", h, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// endedContext ends the context in the middle of a range: the rest of it is not read,
// nothing is left here, and nothing goes on there.
func endedContext(t *testing.T, a *cluster.Node, conn *pgx.Conn, wide rows.Table) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const read = 4 << 20
	of := tapAfter(t, a, read, time.Millisecond, cancel)
	before := runtime.NumGoroutine()
	h, err := rowscan.Scan(ctx, of.connect, wide, rowscan.ScanOptions{})
	if more := -of.left.Load(); h != nil || !errors.Is(err, context.Canceled) || more > read {
		t.Errorf("%v, %v, after %d bytes more", h, err, more)
	}
	endOfGoroutines(t, "ended context", before)
	noneLeft(t, conn)
	if err := exactly(scanned(t, a, wide, rowscan.ScanOptions{}), scanWide); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// endOfGoroutines: what has nothing left to do may need a moment to end.
func endOfGoroutines(t *testing.T, why string, before int) {
	t.Helper()
	for deadline := time.Now().Add(cancelTakes / 4); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%s: %d goroutines are left, %d were there before", why, runtime.NumGoroutine(), before)
			return
		}
	}
}

// frozen has the server cease to answer: before the first connection, and in the middle
// of a range. Nothing is left afterwards.
func frozen(t *testing.T, a *cluster.Node, wide rows.Table) {
	freeze := func() {
		if err := a.Pause(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for why, c := range map[string]struct {
		before func()
		bytes  int64
	}{
		"from the beginning":       {freeze, 1 << 40},
		"in the middle of a range": {func() {}, 4 << 20},
	} {
		of := tapAfter(t, a, c.bytes, 0, freeze)
		before := runtime.NumGoroutine()
		c.before()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		began := time.Now()
		h, err := rowscan.Scan(ctx, of.connect, wide, rowscan.ScanOptions{RangeBlocks: 1000})
		took := time.Since(began)
		cancel()
		if h != nil || !errors.Is(err, context.DeadlineExceeded) || took > time.Minute {
			t.Errorf("%s: %v after %s: %v", why, h, took, err)
		}
		endOfGoroutines(t, why, before)
		if err := a.Resume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := exactly(scanned(t, a, wide, rowscan.ScanOptions{}), scanWide); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
