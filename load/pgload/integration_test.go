package pgload

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/record/ledger"
)

// TestPostgres is this package against a real server: what the fake one is
// believed to do like it, it does.
func TestPostgres(t *testing.T) {
	t.Run("goroutines", func(t *testing.T) { testPostgres(t, startPostgres(t)) })
	t.Run("event loops", func(t *testing.T) {
		pg := startPostgres(t)
		pg.withLoops()
		testPostgres(t, pg)
	})
}

func testPostgres(t *testing.T, pg *postgres) {
	a := pg.admin()
	a.exec("create role loader login")
	if err := CreateTable(t.Context(), a.Conn, DefaultTable); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		run  func(t *testing.T, pg *postgres, a *admin)
	}{
		{"create table", testCreateTable},
		{"inserts land", testInsertsLand},
		{"serial keys", testSerial},
		{"a server that does not tell who it is", testSecretive},
		{"only in the marked database", testMarked},
		{"reads", testReads},
		{"no such table", testNoSuchTable},
		{"weak acknowledgement", testWeak},
		{"terminated in the wait", testTerminated},
		{"given up on, and not cancelled", testAbandoned},
		{"given up on, and answered later", testLate},
		{"cancelled by us", testCancelledByUs},
		{"a statement cancelled by us", testCancelledStatement},
		{"terminated by us", testTerminatedByUs},
		{"without allocations", testAllocations},
		{"demoted", testDemoted},
		{"killed", testKilled}, // the last: nothing is left after it
	} {
		t.Run(test.name, func(t *testing.T) {
			pg.t = t
			test.run(t, pg, a)
		})
	}
}

// config is a workload on the server, as a user without any rights of its own. Its
// writers have other numbers than those of any before, for they share a table.
func (pg *postgres) config(kind string) Config {
	const most = 5
	pg.t.Helper()
	pg.path = filepath.Join(pg.t.TempDir(), "ledger.bin")
	book, err := ledger.Create(pg.path, "test")
	if err != nil {
		pg.t.Fatal(err)
	}
	pg.t.Cleanup(func() { _ = book.Close() })
	for range pg.writers {
		if _, err := book.AddWriter("earlier"); err != nil {
			pg.t.Fatal(err)
		}
	}
	pg.writers += most
	return Config{
		Workload: kind, Work: Work{Kind: kind, Payload: 30}, Target: Primary, Endpoints: []Endpoint{{Node: "only", Host: "127.0.0.1", Port: pg.port}},
		User: "loader", Database: "postgres", AppName: "pgload", Clients: 1, ConnectTimeout: 2 * time.Second,
		Ledger: book, Clock: record.StartClock(),
	}
}

// book is what the ledger of the newest config has, which is closed for that.
func (pg *postgres) book(cfg Config) *ledger.Book {
	pg.t.Helper()
	if err := cfg.Ledger.Close(); err != nil {
		pg.t.Fatal(err)
	}
	return openBook(pg.t, pg.path)
}

func (pg *postgres) open(cfg Config) *Workload {
	pg.t.Helper()
	w, err := New(cfg)
	if err != nil {
		pg.t.Fatal(err)
	}
	return w
}

// session opens the only client of a workload; the test's end closes both.
func (pg *postgres) session(cfg Config) load.Session {
	pg.t.Helper()
	w := pg.open(cfg)
	s := pg.sessionOf(w, 0)
	pg.t.Cleanup(func() {
		s.Close()
		w.Close()
	})
	return s
}

func expect(t *testing.T, reply reply, outcome record.Outcome, kind string) {
	t.Helper()
	if reply.Outcome != outcome || reply.Kind != kind {
		t.Errorf("%v %q (%v), want %v %q", reply.Outcome, reply.Kind, reply.Err, outcome, kind)
	}
}

func testCreateTable(t *testing.T, pg *postgres, a *admin) {
	for _, table := range []string{`Sch"ema.T able`, "plain"} {
		for range 2 { // the second time there is nothing to do
			if err := CreateTable(t.Context(), a.Conn, table); err != nil {
				t.Fatal(err)
			}
		}
		cfg := pg.config(Insert)
		cfg.Table, cfg.Serial = table, true
		expect(t, once(pg.session(cfg)), record.OK, "")
	}
	// Also nothing to do for somebody who may create nothing.
	loader, err := pgx.Connect(t.Context(), pg.url("loader"))
	if err != nil {
		t.Fatal(err)
	}
	if err := CreateTable(t.Context(), loader, DefaultTable); err != nil {
		t.Error(err)
	}
	if err := CreateTable(t.Context(), loader, "denied.t"); err == nil {
		t.Error("a schema was created without the right to")
	}
	_ = loader.Close(t.Context())
}

// testInsertsLand: the ledger and the table say the same, row by row.
func testInsertsLand(t *testing.T, pg *postgres, a *admin) {
	cfg := pg.config(Insert)
	cfg.Clients = 4
	w := pg.open(cfg)
	l := pg.workload(load.Config{Clients: 4, Open: w.Open, Clock: cfg.Clock})
	l.Start()
	time.Sleep(300 * time.Millisecond)
	l.Stop()
	l.Close()
	w.Close()
	rec := l.Record()
	ok := rec.Total.Outcomes[record.OK]
	book := pg.book(cfg)
	if n := counts(book); ok < 10 || rec.Total.Samples() != ok || n[record.OK] != ok {
		t.Errorf("recorded %v, ledger %v", rec.Total.Outcomes, n)
	}
	only := ledger.Server{Node: "only", Timeline: 1, SystemID: a.text("select system_identifier::text from pg_control_system()")}
	for _, w := range book.Writers() {
		lsn := record.LSN(0)
		for _, e := range entries(t, book, w.ID) {
			if e.Server != only || e.LSN <= lsn || e.Sent <= 0 || e.Done <= e.Sent {
				t.Errorf("writer %d: %+v after LSN %v; the server is %+v", w.ID, e, lsn, only)
			}
			lsn = e.LSN
		}
	}
	written := entriesByKey(t, book)
	if n := a.number("select count(*) from test_data"); n != ok {
		t.Errorf("%d rows for %d acknowledgements", n, ok)
	}
	rows, err := a.Query(t.Context(), "select int_value, char_value from test_data")
	if err != nil {
		t.Fatal(err)
	}
	var number int64
	var value string
	_, err = pgx.ForEachRow(rows, []any{&number, &value}, func() error {
		key := record.Key(number)
		if value != string(record.AppendPayload(nil, key, 30)) {
			t.Errorf("row %v has the value %q", key, value)
		}
		if e, issued := written[key]; !issued || e.Outcome != record.OK {
			t.Errorf("row %v is %+v in the ledger", key, e)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	pg.until("the connections are closed", func() bool {
		return a.number("select count(*) from pg_stat_activity where application_name = 'pgload'") == 0
	})
}

func testSerial(t *testing.T, pg *postgres, a *admin) {
	if err := CreateTable(t.Context(), a.Conn, "serial"); err != nil {
		t.Fatal(err)
	}
	cfg := pg.config(Insert)
	cfg.Table, cfg.Serial = "serial", true
	s := pg.session(cfg)
	for range 5 {
		expect(t, once(s), record.OK, "")
	}
	if n := a.number("select count(*) from serial where int_value between 1 and 5 and char_value like 'w%:' || int_value || ':%'"); n != 5 {
		t.Errorf("%d rows with the sequence's numbers", n)
	}
	cfg.Kind = Read
	expect(t, once(pg.session(cfg)), record.OK, "")
}

func testReads(t *testing.T, pg *postgres, a *admin) {
	a.exec("insert into test_data values (1, 'w0:1:')")
	cfg := pg.config(Read)
	w := pg.open(cfg)
	s := w.Open(0).(*session)
	expect(t, once(s), record.OK, "")
	if !s.works[0].(*read).primary {
		t.Error("the row does not tell that the node is not in recovery")
	}
	cfg.Progress = NewWriterProgress()
	cfg.Progress.add(DefaultTable, 1_000_000)
	expect(t, once(pg.session(cfg)), record.OK, "") // a writer without rows
	cfg.Kind, cfg.SQL = SQL, []string{"select count(*), pg_sleep(0) from test_data"}
	expect(t, once(pg.session(cfg)), record.OK, "")
	cfg.SQL = []string{"select repeat('x', 20000000)"} // a row that is longer than what is kept of one
	expect(t, once(pg.session(cfg)), record.OK, "")
	cfg.SQL = []string{"begin"}
	expect(t, once(pg.session(cfg)), record.Failed, "transaction left open")
	cfg.SQL = []string{"select 1; select 2"}
	expect(t, once(pg.session(cfg)), record.Failed, "42601")
	cfg.Target, cfg.Kind = Replicas, Read
	expect(t, once(pg.session(cfg)), record.Failed, "not standby")
	s.Close()
	w.Close()
}

// testNoSuchTable, and that a session finds one that is made later, also one that
// it has used before.
func testNoSuchTable(t *testing.T, pg *postgres, a *admin) {
	cfg := pg.config(Insert)
	cfg.Table = "later"
	s := pg.session(cfg)
	expect(t, once(s), record.Failed, "42P01")
	for range 2 {
		if err := CreateTable(t.Context(), a.Conn, "later"); err != nil {
			t.Fatal(err)
		}
		expect(t, once(s), record.OK, "")
		a.exec("drop table later")
		expect(t, once(s), record.Failed, "42P01")
	}
	books := pg.book(cfg).Writers()
	if n := books[len(books)-1].Issued; n != 4 {
		t.Errorf("%d sequence numbers, want none for the one that could not be prepared", n)
	}
}

const inTheWait = "select count(*) from pg_stat_activity where application_name = 'pgload' and wait_event = 'SyncRep'"

// inWait does one insert that has to wait for a standby that does not exist, lets
// something be done to it, and returns the reply.
func inWait(t *testing.T, pg *postgres, a *admin, cfg Config, act string) reply {
	t.Helper()
	a.set("synchronous_standby_names", "nobody")
	defer a.set("synchronous_standby_names", "")
	s := pg.session(cfg)
	done := make(chan reply)
	go func() { done <- once(s) }()
	pg.until("the insert waits", func() bool { return a.number(inTheWait) == 1 })
	a.exec("select " + act + "(pid) from pg_stat_activity where application_name = 'pgload'")
	return <-done
}

// testWeak: also where the server, the role and the database want no warnings to be sent.
func testWeak(t *testing.T, pg *postgres, a *admin) {
	a.set("client_min_messages", "error")
	defer a.set("client_min_messages", "notice")
	a.exec("alter role loader set client_min_messages = error", "alter database postgres set client_min_messages = error")
	defer a.exec("alter role loader reset all", "alter database postgres reset all")
	before := a.number("select count(*) from test_data")
	cfg := pg.config(Insert)
	expect(t, inWait(t, pg, a, cfg, "pg_cancel_backend"), record.Weak, "01000")
	if n := a.number("select count(*) from test_data"); n != before+1 {
		t.Errorf("%d rows more", n-before)
	}
}

// testTerminated: the server's last word is a notice, and the row is there.
func testTerminated(t *testing.T, pg *postgres, a *admin) {
	cfg := pg.config(Insert)
	before := a.number("select count(*) from test_data")
	expect(t, inWait(t, pg, a, cfg, "pg_terminate_backend"), record.Unknown, "eof")
	if n := a.number("select count(*) from test_data"); n != before+1 {
		t.Errorf("%d rows more: the commit was long done", n-before)
	}
}

// testAbandoned: the client gives up, the workload is closed, and the backend
// waits on: pgchaos has sent it nothing.
func testAbandoned(t *testing.T, pg *postgres, a *admin) {
	before := a.number("select count(*) from test_data")
	a.set("synchronous_standby_names", "nobody")
	cfg := pg.config(Insert)
	cfg.Clients, cfg.MaxAbandoned = 2, 3
	w := pg.open(cfg)
	l := pg.workload(load.Config{Clients: 2, MaxAbandoned: 3, Timeout: 100 * time.Millisecond, Open: w.Open, Clock: cfg.Clock})
	l.Start()
	pg.until("clients and abandoned operations all wait", func() bool { return a.number(inTheWait) == 5 })
	l.Stop()
	rec := l.Record() // on a busy machine some may have been given up on before they had connected
	if unknown := rec.Total.Outcomes[record.Unknown]; rec.Abandoned != 5 || unknown < 5 || rec.Total.Samples() != unknown {
		t.Errorf("abandoned %d, %v", rec.Abandoned, rec.Total.Outcomes)
	}
	l.Close()
	w.Close()
	time.Sleep(200 * time.Millisecond)
	if n := a.number(inTheWait); n != 5 {
		t.Errorf("%d backends wait, want 5: somebody cancelled", n)
	}
	a.set("synchronous_standby_names", "")
	pg.until("the backends are done", func() bool {
		return a.number("select count(*) from pg_stat_activity where application_name = 'pgload'") == 0
	})
	if n := a.number("select count(*) from test_data"); n != before+5 {
		t.Errorf("%d rows more: each was given up on, and committed all the same", n-before)
	}
	if n := counts(pg.book(cfg)); n[record.Unknown] != 5 {
		t.Errorf("ledger: %v", n)
	}
}

// testSecretive: who may not ask writes all the same.
func testSecretive(t *testing.T, pg *postgres, a *admin) {
	a.exec("revoke execute on function pg_control_system from public")
	defer a.exec("grant execute on function pg_control_system to public")
	cfg := pg.config(Insert)
	s := pg.session(cfg)
	expect(t, once(s), record.OK, "")
	expect(t, once(s), record.OK, "")
	hangUp(s)
	book := pg.book(cfg)
	for _, e := range entries(t, book, len(book.Writers())-1) {
		if e.Server != (ledger.Server{Node: "only"}) || e.LSN == 0 {
			t.Errorf("ledger: %+v", e)
		}
	}
}

// testMarked: a session that leads to another database than the marked one does nothing there, and neither does what makes the tables.
func testMarked(t *testing.T, pg *postgres, a *admin) {
	system := a.text("select system_identifier::text from pg_control_system()")
	a.exec("create table of_sql (text text); grant insert on of_sql to public")
	rows := func() int64 {
		return a.number("select (select count(*) from test_data) + (select count(*) from of_sql)")
	}
	before := rows()
	for _, tt := range []struct {
		name   string
		marked Marked
		secret bool // the server does not say which it is
		want   bool
	}{
		{"the marked one", Marked{system, "postgres", "own"}, false, true},
		{"of another cluster", Marked{"7", "postgres", "own"}, false, false},
		{"another one of this cluster", Marked{system, "shop", "own"}, false, false},
		{"of who knows which", Marked{system, "postgres", "own"}, true, false},
		{"where it is not known which is marked", Marked{"", "postgres", "own"}, false, false},
	} {
		if tt.secret {
			a.exec("revoke execute on function pg_control_system from public")
		}
		for _, kind := range []string{Insert, SQL} {
			for _, route := range []string{Hosts, URL} {
				cfg := pg.config(kind)
				cfg.Marked, cfg.Route = &tt.marked, route
				if route == URL {
					cfg.URL = fmt.Sprintf("postgres://loader@127.0.0.1:%d/postgres?sslmode=disable", pg.port)
				}
				if kind == SQL {
					cfg.SQL = []string{"insert into of_sql values ('mine')"}
				}
				outcome, word := record.OK, ""
				if !tt.want {
					outcome, word = record.Failed, "foreign"
				}
				before := rows()
				expect(t, once(pg.session(cfg)), outcome, word)
				if made := rows() - before; made != map[bool]int64{true: 1}[tt.want] {
					t.Errorf("%s, %s, %s: %d rows", tt.name, kind, route, made)
				}
			}
		}
		cfg := pg.config(Insert)
		cfg.Marked, cfg.Table = &tt.marked, "elsewhere.t"
		_, err := Setup(t.Context(), cfg, cfg.Endpoints[0])
		if errors.Is(err, ErrForeign) == tt.want || err == nil {
			t.Errorf("%s: %v", tt.name, err) // there is no schema of that name, and none is made
		}
		cfg = pg.config(TPCB)
		cfg.Marked = &tt.marked
		if _, err := Setup(t.Context(), cfg, cfg.Endpoints[0]); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: pgbench's tables in another schema: %v", tt.name, err)
		}
		if tt.secret {
			a.exec("grant execute on function pg_control_system to public")
		}
	}
	if n := a.number("select count(*) from pg_namespace where nspname = 'elsewhere'"); n != 0 || before == rows() {
		t.Errorf("%d schemas were made", n)
	}
}

// timedOut has writers wait for a standby that does not exist until they give up.
// Three errors of a kind are waited for: on a busy machine a client can also give up before it has a new session. It calls
// then, and returns what the load and the ledger have in the end.
func timedOut(t *testing.T, pg *postgres, a *admin, onTimeout, kind string, then func(l *load.Workload)) (load.Record, []ledger.Entry) {
	t.Helper()
	a.set("synchronous_standby_names", "nobody")
	defer a.set("synchronous_standby_names", "")
	before := a.number("select count(*) from test_data")
	cfg := pg.config(Insert)
	cfg.MaxAbandoned, cfg.OnTimeout = 3, onTimeout
	w := pg.open(cfg)
	l := pg.workload(load.Config{Clients: 1, MaxAbandoned: 3, Timeout: 600 * time.Millisecond, Grace: 10 * time.Second, Open: w.Open, Clock: cfg.Clock})
	l.Start()
	pg.until("three time-outs", func() bool { return ofKind(l.Record(), kind).N >= 3 })
	then(l)
	l.Close()
	w.Close()
	book := pg.book(cfg)
	all := entries(t, book, len(book.Writers())-1)
	a.set("synchronous_standby_names", "")
	// Each commit that was waited for was long done. Only the last may have been broken off
	// before the server had it.
	pg.until("each commit is visible", func() bool {
		n := a.number("select count(*) from test_data") - before
		return n == int64(len(all)) || n == int64(len(all)-1) && all[len(all)-1].Outcome != record.OK
	})
	return l.Record(), all
}

// ofKind are the errors of a kind.
func ofKind(rec load.Record, kind string) load.ErrorCount {
	i := slices.IndexFunc(rec.Errors, func(e load.ErrorCount) bool { return e.Kind == kind })
	if i < 0 {
		return load.ErrorCount{}
	}
	return rec.Errors[i]
}

// testLate: what was given up on stays so for the client, and its answer, which
// comes when the wait is over, is in the ledger.
func testLate(t *testing.T, pg *postgres, a *admin) {
	rec, all := timedOut(t, pg, a, Abandon, "timeout", func(l *load.Workload) {
		l.Stop()
		if n := l.Record(); n.Late != 0 || n.Abandoned < 3 {
			t.Errorf("before the wait is over: late %d, abandoned %d", n.Late, n.Abandoned)
		}
		a.set("synchronous_standby_names", "")
		pg.until("late answers", func() bool { return l.Record().Abandoned == 0 })
	})
	if rec.Total.Outcomes[record.OK] != 0 || rec.Total.Outcomes[record.Unknown] != rec.GaveUp || rec.Late != rec.GaveUp {
		t.Errorf("%v, gave up on %d, late %d", rec.Total.Outcomes, rec.GaveUp, rec.Late)
	}
	for _, e := range all {
		if e.Outcome != record.OK || !e.Late || e.LSN == 0 || e.Server.Timeline != 1 || e.Done-e.Sent < 100*time.Millisecond {
			t.Errorf("ledger: %+v", e)
		}
	}
}

// testCancelledByUs: the server acknowledges what is on the primary only.
func testCancelledByUs(t *testing.T, pg *postgres, a *admin) {
	rec, all := timedOut(t, pg, a, Cancel, "timeout, cancelled", func(*load.Workload) {})
	weak := rec.Total.Outcomes[record.Weak]
	if e := ofKind(rec, "timeout, cancelled"); weak < 3 || e.Outcome != record.Weak || e.N != weak {
		t.Errorf("%v, %+v", rec.Total.Outcomes, rec.Errors)
	}
	booked := slices.DeleteFunc(slices.Clone(all), func(e ledger.Entry) bool { return e.Outcome != record.Weak || e.Late || e.LSN == 0 })
	if int64(len(booked)) != weak {
		t.Errorf("%d weakly acknowledged, in the ledger: %+v", weak, all)
	}
}

// testTerminatedByUs: the server's last word proves nothing, and the row is there.
func testTerminatedByUs(t *testing.T, pg *postgres, a *admin) {
	rec, all := timedOut(t, pg, a, Terminate, "timeout, terminated", func(*load.Workload) {})
	if e := ofKind(rec, "timeout, terminated"); e.Outcome != record.Unknown || rec.Total.Outcomes[record.Unknown] < e.N {
		t.Errorf("%v, %+v", rec.Total.Outcomes, rec.Errors)
	}
	for _, e := range all {
		if e.Outcome != record.Unknown {
			t.Errorf("ledger: %+v", e)
		}
	}
}

// testCancelledStatement: an ERROR 57014 for a write is unknown.
func testCancelledStatement(t *testing.T, pg *postgres, a *admin) {
	a.exec("create table locked (like test_data)", "grant all on locked to public")
	cfg := pg.config(Insert)
	cfg.Table, cfg.OnTimeout = "locked", Cancel
	w := pg.open(cfg)
	l := pg.workload(load.Config{Clients: 1, Timeout: 600 * time.Millisecond, Grace: 10 * time.Second, Open: w.Open, Clock: cfg.Clock})
	l.Start()
	pg.until("the session is connected", func() bool { return l.Record().Total.Samples() > 0 })
	a.exec("begin", "lock table locked")
	pg.until("a time-out", func() bool { return len(l.Record().Errors) > 0 })
	a.exec("rollback")
	l.Stop()
	l.Close()
	w.Close()
	if e := l.Record().Errors[0]; e.Outcome != record.Unknown || e.Kind != "timeout, cancelled" || !strings.Contains(e.Example, "57014") {
		t.Errorf("%+v", e)
	}
	if n := counts(pg.book(cfg)); n[record.Unknown] != 1 || n[record.Failed] != 0 {
		t.Errorf("ledger: %v", n)
	}
}

func entriesByKey(t *testing.T, b *ledger.Book) map[record.Key]ledger.Entry {
	all := map[record.Key]ledger.Entry{}
	for _, w := range b.Writers() {
		for _, e := range entries(t, b, w.ID) {
			all[record.PackKey(w.ID, e.Seq)] = e
		}
	}
	return all
}

// testAllocations: an operation that succeeds leaves nothing for the garbage collector.
func testAllocations(t *testing.T, pg *postgres, _ *admin) {
	const operations = 500
	for name, c := range map[string]struct {
		kind string
		work Work
	}{
		"insert":   {Insert, Work{Kind: Insert, Payload: 64}},
		"batch":    {Insert, Work{Kind: Insert, Payload: 64, Pipeline: 10}},
		"select 1": {SQL, Work{Kind: SQL, SQL: []string{"select 1"}}},
	} {
		cfg := pg.config(c.kind)
		cfg.Work, cfg.Progress = c.work, NewWriterProgress()
		w := pg.open(cfg)
		s := w.Open(0)
		var before, after runtime.MemStats
		pg.asClient(w, func(ctx context.Context) {
			var op record.Op
			for i := range 2 * operations { // the first of them connects, and makes buffers
				if i == operations {
					runtime.ReadMemStats(&before)
				}
				op = record.Op{}
				s.Do(ctx, &op)
				s.Settle(&op, false)
			}
			runtime.ReadMemStats(&after)
			expect(t, reply{Op: op}, record.OK, "")
		})
		if n := after.Mallocs - before.Mallocs; n > operations/10 { // which other goroutines may have made
			t.Errorf("%s: %d allocations in %d operations", name, n, operations)
		}
		s.Close()
		w.Close()
	}
}

func testDemoted(t *testing.T, pg *postgres, a *admin) {
	cfg := pg.config(Insert)
	s := pg.session(cfg)
	expect(t, once(s), record.OK, "")
	a.set("default_transaction_read_only", "on")
	var reply reply
	pg.until("the session notices", func() bool { reply = once(s); return reply.Outcome != record.OK })
	expect(t, reply, record.Failed, "25006")
	expect(t, once(s), record.Failed, "read only")
	a.exec("set default_transaction_read_only = off")
	a.set("default_transaction_read_only", "")
	pg.until("the session finds it again", func() bool { reply = once(s); return reply.Outcome == record.OK })
}

func testKilled(t *testing.T, pg *postgres, a *admin) {
	cfg := pg.config(SQL)
	cfg.SQL = []string{"select pg_sleep(30)"}
	s := pg.session(cfg)
	done := make(chan reply)
	go func() { done <- do(context.Background(), s) }()
	pg.until("the statement runs", func() bool {
		return a.number("select count(*) from pg_stat_activity where application_name = 'pgload' and wait_event = 'PgSleep'") == 1
	})
	pg.kill()
	if reply := <-done; reply.Outcome != record.Unknown || reply.Kind != "eof" && reply.Kind != "reset" {
		t.Errorf("%v %q: %v", reply.Outcome, reply.Kind, reply.Err)
	}
	expect(t, do(context.Background(), s), record.Failed, "connection refused")
	_ = a.Close(t.Context())
}
