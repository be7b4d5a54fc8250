package pgload

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/load"
	"pgchaos/record"
)

// everyKind is a work of each kind and form, by name.
func everyKind() map[string]func(c *Config) {
	work := func(w Work) func(c *Config) { return func(c *Config) { c.Work = w } }
	params := []Param{
		{Name: "n", Kind: "sequence", Min: 1}, {Name: "u", Kind: "uniform", Min: -5, Max: 5}, {Name: "z", Kind: "zipfian", Min: 1, Max: 9, Theta: 1.5},
		{Name: "g", Kind: "gaussian", Min: 1, Max: 9}, {Name: "c", Kind: "choice", Choices: []string{"r'd", `gr\een`, "1"}},
		{Name: "t", Kind: "text", Length: 12}, {Name: "at", Kind: "now"}, {Name: "who", Kind: "client"}, {Name: "id", Kind: "uuid"},
	}
	typed := "insert into typed values (:n, :u, :z, :g, :c, :t, :at, :who, :id, 'not :n'::text)"
	return map[string]func(c *Config){
		"insert":                    work(Work{Kind: Insert, Payload: 30}),
		"insert, rows":              work(Work{Kind: Insert, Payload: 30, Rows: 3}),
		"insert, serial":            work(Work{Kind: Insert, Payload: 30, Table: "serials", Serial: true, Rows: 2}),
		"insert, statements":        work(Work{Kind: Insert, Payload: 30, Rows: 2, Statements: 3}),
		"insert, pipeline":          work(Work{Kind: Insert, Payload: 30, Rows: 2, Pipeline: 5}),
		"insert, large pipeline":    work(Work{Kind: Insert, Payload: 3000, Rows: 2, Pipeline: 50}),
		"read":                      work(Work{Kind: Read, Reads: map[string]int{Latest: 1, Point: 1, Range: 1}}),
		"read, serial":              work(Work{Kind: Read, Table: "serials", Serial: true, Reads: map[string]int{Latest: 1, Point: 1, Range: 1}}),
		"read, pipeline":            work(Work{Kind: Read, Pipeline: 4}),
		"update":                    work(Work{Kind: Update, Rows: 100, Payload: 20}),
		"update, pipeline":          work(Work{Kind: Update, Rows: 100, Payload: 20, Pipeline: 3}),
		"tpcb":                      work(Work{Kind: TPCB, Scale: 1}),
		"sql":                       work(Work{Kind: SQL, SQL: []string{typed}, Params: params}),
		"sql, pipeline":             work(Work{Kind: SQL, SQL: []string{typed}, Params: params, Pipeline: 3}),
		"sql, transaction":          work(Work{Kind: SQL, SQL: []string{"create temp table mine (n int) on commit drop", "insert into mine values (:u)", typed}, Params: params}),
		"sql, copy out":             work(Work{Kind: SQL, SQL: []string{"copy (select 1) to stdout"}}),
		"script":                    work(Work{Kind: Script, ScriptName: "s.sql", Script: aScript}),
		"script, pipeline":          work(Work{Kind: Script, ScriptName: "p.sql", Script: aPipeline}),
		"mix":                       func(c *Config) { c.Kind = Mix; c.Mix = aMix() },
		"sql, a table made at once": work(Work{Kind: Script, ScriptName: "t.sql", Script: "create temp table now (n int);\ninsert into now values (1);\ndrop table now;"}),
	}
}

const aScript = `\set n random(1, 10)
begin;
select :n + 1 as more, 'it''s' as said \gset my_
\if :my_more > 1
insert into scripted values (:my_more, :client_id);
\else
select 1/0;
\endif
\sleep 1 ms
end;
`

const aPipeline = `\set n random(1, 10)
\startpipeline
insert into scripted values (:n, 0);
select :n::int;
insert into scripted values (:n, 1);
\endpipeline
`

func aMix() []Part {
	return []Part{
		{Name: "writes", Weight: 2, Work: Work{Kind: Insert, Payload: 30}},
		{Name: "reads", Weight: 2, Work: Work{Kind: Read}},
		{Name: "changes", Weight: 1, Work: Work{Kind: Update, Rows: 100}},
	}
}

// startWorks is a server with the tables that everyKind needs.
func startWorks(t *testing.T) (*postgres, *admin) {
	pg := startPostgres(t)
	a := pg.admin()
	a.exec("create role loader login", "create table scripted (n int, who int)", "grant all on scripted to public",
		`create table typed (n int, u int4, z int8, g int, c text, t varchar, at timestamptz, who int, id uuid, fixed text, check (fixed = 'not :n'))`,
		"grant all on typed to public")
	for _, change := range everyKind() {
		cfg := Config{User: "postgres", Database: "postgres"}
		change(&cfg)
		for range 2 { // the second time there is nothing to do
			if _, err := Setup(t.Context(), cfg, Endpoint{Host: "127.0.0.1", Port: pg.port}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return pg, a
}

// TestEveryKind over both protocols, over shared connections and on event loops on a real server: each
// operation succeeds, is counted, and is in the ledger as it is in the table; and a
// workload whose connections are lost comes back.
func TestEveryKind(t *testing.T) {
	pg, a := startWorks(t)
	defer func() { _ = a.Close(t.Context()) }()
	pg.withLoops()
	loops := pg.loops
	for name, change := range everyKind() {
		for _, protocol := range []string{Extended, Simple, "on event loops"} {
			t.Run(name+", "+protocol, func(t *testing.T) {
				pg.t, pg.loops = t, nil
				cfg := pg.config(SQL)
				cfg.Protocol, cfg.Progress, cfg.Clients, cfg.Connections, cfg.Seed = protocol, NewWriterProgress(), 3, 2, 7
				if protocol == "on event loops" {
					pg.loops, cfg.Protocol, cfg.Connections = loops, Extended, 0
				}
				change(&cfg)
				w, err := New(cfg)
				if protocol == Simple && (strings.Contains(name, "pipeline")) {
					if err == nil {
						t.Error("a pipeline in the simple protocol: no error")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				testKind(t, pg, a, w)
			})
		}
	}
}

func testKind(t *testing.T, pg *postgres, a *admin, w *Workload) {
	before := a.number("select count(*) from test_data") + a.number("select count(*) from serials")
	sessions := []load.Session{pg.sessionOf(w, 0), pg.sessionOf(w, 1), pg.sessionOf(w, 2)}
	useKind(t, pg, a, w, sessions)
	for _, s := range sessions {
		s.Close()
	}
	w.Close()
	cfg := w.cfg
	ok := int64(0)
	for _, e := range entriesByKey(t, pg.book(cfg)) {
		switch {
		case e.Outcome == record.OK && (e.LSN == 0 || e.Server.Node != "only"):
			t.Errorf("ledger: %+v", e)
		case e.Outcome == record.OK:
			ok++
		case e.Outcome != record.Unknown && e.Outcome != record.Failed:
			t.Errorf("ledger: %+v", e)
		}
	}
	if n := a.number("select count(*) from test_data") + a.number("select count(*) from serials") - before; n != ok {
		t.Errorf("%d rows more for %d acknowledgements", n, ok)
	}
}

// useKind does some operations, and breaks every connection off in their midst.
func useKind(t *testing.T, pg *postgres, a *admin, w *Workload, sessions []load.Session) {
	t.Helper()
	parts := map[int]bool{}
	for i := range 30 {
		if i == 15 {
			a.exec("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgload'")
			pg.until("the backends are gone", func() bool {
				return a.number("select count(*) from pg_stat_activity where application_name = 'pgload'") == 0
			})
		}
		reply := once(sessions[i%3])
		if i >= 15 && i < 18 && reply.Outcome != record.OK {
			reply = once(sessions[i%3]) // it was lost; but not again
		}
		if reply.Outcome != record.OK || reply.Out <= 0 || reply.In <= 0 || reply.Sent <= 0 && w.slots != nil || reply.Node != 1 {
			t.Fatalf("operation %d: %+v", i, reply)
		}
		parts[reply.Part] = true
	}
	if len(parts) != len(w.parts) {
		t.Errorf("parts %v", parts)
	}
	if n := a.number("select count(*) from pg_stat_activity where application_name = 'pgload'"); n > 2 && w.slots != nil || n > 3 {
		t.Errorf("%d connections, of which there are to be 2 or, one for each, 3", n)
	}
}

// TestWhatIsCertain of operations of several statements, on a real server.
func TestWhatIsCertain(t *testing.T) {
	t.Parallel()
	pg, a := startWorks(t)
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create table deferred (n int unique deferrable initially deferred)", "grant all on deferred to public", "insert into deferred values (1)",
		"create procedure commits() language plpgsql as $$ begin delete from deferred where n = 2; commit; raise 'no'; end $$")
	a.exec("create table nothing (like update_data)", "grant all on nothing to public")
	sql := func(list ...string) Work { return Work{Kind: SQL, SQL: list} }
	scr := func(text string) Work { return Work{Kind: Script, ScriptName: "s", Script: text} }
	for _, c := range []struct {
		name     string
		work     Work
		protocol string
		want     record.Outcome
		kind     string
	}{
		{"an error before COMMIT", sql("insert into scripted values (1, 1)", "select 1/0"), Extended, record.Failed, "22012"},
		{"terminated before COMMIT", sql("insert into scripted values (1, 1)", "select pg_terminate_backend(pg_backend_pid())"), Extended, record.Failed, "57P01"},
		{"terminated alone", sql("select pg_terminate_backend(pg_backend_pid())"), Extended, record.Unknown, "57P01"},
		{"an error of the commit", sql("insert into deferred values (1)"), Extended, record.Failed, "23505"},
		{"an error of COMMIT", sql("insert into deferred values (1)", "select 1"), Extended, record.Failed, "23505"},
		{"an error of COMMIT, simple", sql("insert into deferred values (1)", "select 1"), Simple, record.Failed, "23505"},
		{"an error behind a commit of its own", sql("call commits()"), Extended, record.Unknown, "P0001"},
		{"an error behind a write of the script", scr("insert into scripted values (1, 1);\nselect 1/0;"), Extended, record.Unknown, "22012"},
		{"an error behind a commit of the script", scr("begin;\ninsert into scripted values (1, 1);\ncommit;\nselect 1/0;"), Simple, record.Unknown, "22012"},
		{"an error behind a read of the script", scr("select 1;\nselect 1/0;"), Extended, record.Failed, "22012"},
		{"an error in the transaction of the script", scr("begin;\ninsert into scripted values (1, 1);\nselect 1/0;\nend;"), Extended, record.Failed, "22012"},
		{"an error of the script", scr("begin;\ninsert into scripted values (1, 1);\n\\set n 1/0\nend;"), Extended, record.Failed, "script"},
		{"a \\gset without a row", scr("select 1 where false \\gset"), Extended, record.Failed, "script"},
		{"left open", scr("begin;\ninsert into scripted values (1, 1);"), Extended, record.Failed, "transaction left open"},
		{"an error in a pipeline", scr("\\startpipeline\ninsert into scripted values (1, 1);\nselect 1/0;\n\\endpipeline"), Extended, record.Failed, "22012"},
		{"an error behind a pipeline's transaction", scr("\\startpipeline\ninsert into scripted values (1, 1);\n\\syncpipeline\nselect 1/0;\n\\endpipeline"), Extended, record.Unknown, "22012"},
		{"an error in a pipeline that commits", scr("\\startpipeline\nbegin;\ninsert into scripted values (1, 1);\ncommit;\nselect 1/0;\n\\endpipeline"), Extended, record.Unknown, "22012"},
		{"several in one text, simple", scr("insert into scripted values (1, 1) \\; commit \\; select 1/0;"), Simple, record.Unknown, "22012"},
		{"cancelled, simple", sql("select pg_cancel_backend(pg_backend_pid())"), Simple, record.Unknown, "57014"},
		{"cancelled before COMMIT", sql("insert into scripted values (1, 1)", "select pg_cancel_backend(pg_backend_pid())"), Extended, record.Failed, "57014"},
		{"data to copy in", sql("copy scripted from stdin"), Extended, record.Failed, "copy"},
		{"a procedure, simple", sql("do $$ begin raise 'no'; end $$"), Extended, record.Unknown, "P0001"},
		{"begin in a list", sql("begin"), Extended, record.Failed, "transaction left open"},
		{"no row to update", Work{Kind: Update, Table: "nothing", Rows: 1}, Extended, record.Failed, "no row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pg.t = t
			cfg := pg.config(SQL)
			cfg.Work, cfg.Protocol = c.work, c.protocol
			a.exec("truncate scripted")
			s := pg.session(cfg)
			expect(t, once(s), c.want, c.kind)
			if n := a.number("select count(*) from scripted"); c.want == record.Failed && n != 0 {
				t.Errorf("%d rows of a certain failure", n)
			}
			pg.until("no transaction is open", func() bool {
				return a.number("select count(*) from pg_stat_activity where application_name = 'pgload' and state like 'idle in%'") == 0
			})
			once(s) // the session can be used again
		})
	}
}

// TestRetry: both of two transactions that cannot both be serialised succeed, with new
// numbers, and what was rolled back is counted and recorded as failed.
func TestRetry(t *testing.T) {
	t.Parallel()
	pg, a := startWorks(t)
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create table fails (left_ int)", "grant all on fails to public", "insert into fails values (2)",
		`create function fail_twice() returns trigger language plpgsql security definer as $$ begin
		if nextval('failures') <= 2 then raise 'again' using errcode = '40001'; end if; return new; end $$`,
		"create sequence failures", "create trigger t before insert on test_data for each row execute function fail_twice()")
	for _, c := range []struct {
		name    string
		work    Work
		retry   int
		want    record.Outcome
		retries int
	}{
		{"one statement", Work{Kind: Insert}, 3, record.OK, 2},
		{"a transaction", Work{Kind: Insert, Statements: 2}, 3, record.OK, 2},
		{"a pipeline", Work{Kind: Insert, Pipeline: 2}, 3, record.OK, 2},
		{"not often enough", Work{Kind: Insert}, 1, record.Failed, 1},
		{"never", Work{Kind: Insert}, 0, record.Failed, 0},
		{"a transaction of the user's", Work{Kind: SQL, SQL: []string{"select 1", "insert into test_data values (-nextval('failures'), '')"}}, 2, record.OK, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			pg.t = t
			a.exec("select setval('failures', 1, false)", "grant usage on sequence failures to public")
			cfg := pg.config(Insert)
			cfg.Work, cfg.Retry, cfg.Isolation = c.work, c.retry, "serializable"
			s := pg.session(cfg)
			if c.work.Kind == SQL { // which draws from the sequence itself
				a.exec("select setval('failures', 1, false)")
			}
			reply := once(s)
			if reply.Outcome != c.want || reply.Retries != c.retries && c.work.Kind == Insert {
				t.Errorf("%+v", reply)
			}
			if c.work.Kind != Insert {
				return
			}
			s.Close()
			books := pg.book(cfg)
			n := counts(books)
			each := int64(max(1, c.work.Statements, c.work.Pipeline))
			ok := int64(0)
			if c.want == record.OK {
				ok = each
			}
			if failed := int64(c.retries+1)*each - ok; n[record.OK] != ok || n[record.Failed] != failed || n[record.Unknown] != 0 {
				t.Errorf("ledger: %v, want %d acknowledged and %d failed", n, ok, failed)
			}
		})
	}
}

// TestSettingsOfSessions: what a workload wants is what its sessions have.
func TestSettingsOfSessions(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login", "create table wrong (name text)", "grant all on wrong to public")
	for _, protocol := range []string{Extended, Simple} {
		cfg := pg.config(SQL)
		cfg.Protocol, cfg.Isolation, cfg.ReadOnly, cfg.SynchronousCommit = protocol, "repeatable read", true, "remote_write"
		cfg.Connection = map[string]string{"search_path": "pg_catalog", "connect_timeout": "5"}
		cfg.SQL = []string{`select 1/(case when string_agg(current_setting(name), ' ' order by name) =
			'pgload pg_catalog remote_write repeatable read on' then 1 else 0 end) from pg_settings where name in
			('transaction_isolation', 'transaction_read_only', 'synchronous_commit', 'search_path', 'application_name')`}
		w := pg.open(cfg)
		s := w.Open(0)
		expect(t, once(s), record.OK, "")
		s.Close()
		w.Close()
	}
}

// TestPgbenchRuns: pgbench itself runs on the tables that are made for tpcb.
func TestPgbenchRuns(t *testing.T) {
	t.Parallel()
	pg, a := startWorks(t)
	defer func() { _ = a.Close(t.Context()) }()
	pg.run("pgbench", "-n", "-t", "10", "-M", "prepared", "-h", "127.0.0.1", "-p", fmt.Sprint(pg.port), "-U", "loader", "postgres")
	if err := CreatePgbench(t.Context(), a.Conn, 2); err == nil || !strings.Contains(err.Error(), "scale 1") {
		t.Errorf("another scale: %v", err)
	}
	sizes := "select (select count(*) from pgbench_accounts) * 100 + (select count(*) from pgbench_tellers) * 10 + (select count(*) from pgbench_branches)"
	if n := a.number(sizes); n != 100_000*100+10*10+1 {
		t.Errorf("sizes %d", n)
	}
	if n := a.number("select count(*) from pgbench_tellers t join pgbench_accounts a using (bid) where a.aid in (1, 100000) and tid in (1, 10)"); n != 4 {
		t.Errorf("%d: the tellers and the accounts are not of the branch", n)
	}
	a.exec("drop table pgbench_history")
	if err := CreatePgbench(t.Context(), a.Conn, 1); err == nil || !strings.Contains(err.Error(), "pgbench_history") {
		t.Errorf("half of the tables: %v", err)
	}
	if err := CreateUpdateTable(t.Context(), a.Conn, DefaultUpdateTable, 150, 20); err != nil {
		t.Fatal(err)
	}
	if n := a.number("select count(distinct int_value) from update_data"); n != 150 {
		t.Errorf("%d rows of an update's table that 50 were added to", n)
	}
	denied, err := pgx.Connect(context.Background(), pg.url("loader"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = denied.Close(context.Background()) }()
	if err := CreateUpdateTable(t.Context(), denied, "denied.t", 1, 1); err == nil {
		t.Error("a schema was created without the right to")
	}
}

// TestGivenUpBetweenStatements: a client that has gone sends nothing more, so that its
// transaction is rolled back.
func TestGivenUpBetweenStatements(t *testing.T) {
	t.Parallel()
	pg, a := startWorks(t)
	defer func() { _ = a.Close(t.Context()) }()
	for _, tc := range []struct {
		work Work
		in   string // where a session is in the middle of it
	}{
		{Work{Kind: SQL, SQL: []string{"insert into scripted values (1, 1)", "select pg_sleep(4)"}}, "wait_event = 'PgSleep'"},
		{Work{Kind: Script, ScriptName: "s", Script: "begin;\ninsert into scripted values (1, 1);\n\\sleep 60 s\nend;"}, "state = 'idle in transaction' and query like 'insert%'"},
	} {
		cfg := pg.config(SQL)
		cfg.Work, cfg.Clients, cfg.Connections, cfg.MaxAbandoned = tc.work, 2, 1, 1
		w := pg.open(cfg)
		s, other := w.Open(0), w.Open(1)
		ctx, giveUp := context.WithCancel(t.Context())
		ended, otherEnded := make(chan reply, 1), make(chan reply, 1)
		go func() { ended <- do(ctx, s) }()
		pg.until("it is in the middle of its operation", func() bool {
			return a.number("select count(*) from pg_stat_activity where application_name = 'pgload' and "+tc.in) == 1
		})
		go func() { // it gets the place that is given up
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			otherEnded <- do(ctx, other)
		}()
		giveUp()
		expect(t, <-ended, record.Failed, "given up")
		if reply := <-otherEnded; reply.Kind == kindGivenUp && reply.Outcome == record.Dropped || reply.Sent == 0 {
			t.Errorf("who waits for a connection: %+v", reply)
		}
		s.Close()
		other.Close()
		w.Close()
		pg.until("nobody is connected", func() bool {
			return a.number("select count(*) from pg_stat_activity where application_name = 'pgload'") == 0
		})
		if n := a.number("select count(*) from scripted"); n != 0 {
			t.Errorf("%d rows", n)
		}
	}
}

// TestLargePipeline: a server that cannot get rid of its answers reads no more, so that
// they are read while the rest is still being sent.
func TestLargePipeline(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login")
	cfg := pg.config(SQL)
	cfg.SQL, cfg.Pipeline = []string{"select repeat(:t, 5)"}, 600
	cfg.Params = []Param{{Name: "t", Kind: "text", Length: 20_000}}
	s := pg.session(cfg)
	done := make(chan reply, 1)
	go func() { done <- once(s) }()
	select {
	case reply := <-done:
		if expect(t, reply, record.OK, ""); reply.Out < 600*20_000 || reply.In < 600*100_000 {
			t.Errorf("%+v", reply)
		}
	case <-time.After(30 * time.Second):
		t.Error("it is stuck")
	}
}

// TestPreparedNoMore: who took the prepared statements away, the session gets new ones.
func TestPreparedNoMore(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t)
	a := pg.admin()
	defer func() { _ = a.Close(t.Context()) }()
	a.exec("create role loader login")
	cfg := pg.config(SQL)
	cfg.SQL = []string{"deallocate all"}
	s := pg.session(cfg)
	expect(t, once(s), record.OK, "")
	expect(t, once(s), record.Failed, "26000")
	expect(t, once(s), record.OK, "")
}

// TestTPCBAddsUp: every transaction is in all of the tables, once.
func TestTPCBAddsUp(t *testing.T) {
	t.Parallel()
	pg, a := startWorks(t)
	defer func() { _ = a.Close(t.Context()) }()
	cfg := pg.config(TPCB)
	cfg.Clients = 3
	w := pg.open(cfg)
	l := load.New(load.Config{Clients: 3, Open: w.Open, Clock: cfg.Clock})
	l.Start()
	time.Sleep(300 * time.Millisecond)
	pg.until("ten transactions", func() bool { return a.number("select count(*) from pgbench_history") >= 10 })
	l.Stop()
	l.Close()
	w.Close()
	ok := l.Record().Total.Outcomes[record.OK]
	if n := a.number("select count(*) from pgbench_history"); n != ok || ok < 10 || l.Record().Total.Samples() != ok {
		t.Errorf("%d rows of history for %d of %d operations", n, ok, l.Record().Total.Samples())
	}
	sum := a.number("select sum(delta) from pgbench_history")
	for _, balance := range []string{"abalance) from pgbench_accounts", "tbalance) from pgbench_tellers", "bbalance) from pgbench_branches"} {
		if n := a.number("select sum(" + balance); n != sum {
			t.Errorf("%s: %d, want %d", balance, n, sum)
		}
	}
	if n := a.number("select count(distinct aid) from pgbench_history"); n < ok*9/10 {
		t.Errorf("%d operations on %d accounts", ok, n)
	}
}

// TestInterruptedBetweenStatements: the time-out is over while nothing runs that the server
// could end; then nothing more is sent, and nothing was committed.
func TestInterruptedBetweenStatements(t *testing.T) {
	t.Parallel()
	pg, a := startWorks(t)
	defer func() { _ = a.Close(t.Context()) }()
	for mode, kind := range map[string]string{Cancel: "timeout, cancelled", Terminate: "timeout, terminated"} {
		cfg := pg.config(Script)
		cfg.ScriptName, cfg.Script = "s", "begin;\ninsert into scripted values (1, 1);\n\\sleep 4 s\ninsert into scripted values (2, 2);\nend;"
		cfg.OnTimeout = mode
		s := pg.session(cfg)
		done := make(chan reply)
		go func() { done <- once(s) }()
		pg.until("the script sleeps", func() bool {
			return a.number("select count(*) from pg_stat_activity where application_name = 'pgload' and state = 'idle in transaction' and query like 'insert%'") == 1
		})
		if !s.(load.Interrupter).Interrupt() {
			t.Error("there is nothing to interrupt")
		}
		expect(t, <-done, record.Failed, kind)
		if n := a.number("select count(*) from scripted"); n != 0 {
			t.Errorf("%d rows", n)
		}
		s.Close()
	}
}
