package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"pgchaos/chaos"
	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// TestFaultsOnSessionsAndMaintenance does each of them to real servers, and looks at the servers while it is in force and afterwards.
func TestFaultsOnSessionsAndMaintenance(t *testing.T) {
	t.Parallel()
	s := build(t, cluster.Config{
		Nodes:    []cluster.NodeConfig{{Name: "a"}, {Name: "b"}},
		Settings: map[string]string{"max_connections": "20", "wal_retrieve_retry_interval": "200ms", "max_standby_streaming_delay": "-1"},
		Sync:     &cluster.Synchronous{Commit: "on", Standbys: "ANY 1 (b)"},
	})
	for _, part := range []struct {
		name string
		run  func(*scene)
	}{
		{"lock_table", testLockTable},
		{"long_transaction", testLongTransaction},
		{"long_query", testLongQuery},
		{"exhaust_connections", testExhaustConnections},
		{"terminate_backends", testTerminateBackends},
		{"cancel_backends", testCancelBackends},
		{"maintenance", testMaintenance},
		{"slow_fsync", testSlowFsync},
		{"exec", testExec},
		{"reversals of a paused node", testReversalsOfAPausedNode},
		{"burn_cpu", testBurnCPU},
		{"a server that is gone", testHeldOnAKilledServer},
	} {
		t.Run(part.name, func(t *testing.T) {
			s.T = t
			part.run(s)
			s.want("a", heldSessions, "0")
			s.want("b", heldSessions, "0")
		})
	}
}

func testLockTable(s *scene) {
	const count = "set lock_timeout = '300ms'; select count(*) from public.test_data"
	s.do("lock_table", &fault.LockTable{OnNodes: on("a"), Table: "test_data"})
	_, err := s.ask("a", count)
	s.refused(err, "55P03")
	s.want("a", heldSessions, "1")
	s.heal()
	s.want("a", count, "1000")
	s.do("lock_table", &fault.LockTable{OnNodes: on("a"), Table: "public.test_data", Mode: "share"}, "mode")
	s.want("a", count, "1000")
	_, err = s.ask("a", "set lock_timeout = '300ms'; insert into public.test_data values (0)")
	s.refused(err, "55P03")
	_, err = s.try("lock_table", &fault.LockTable{OnNodes: on("a"), Table: "test_data", Mode: "exclusive", Within: units.Duration(300 * time.Millisecond)}, "mode", "within")
	s.refused(err, "55P03")
	_, err = s.try("lock_table", &fault.LockTable{OnNodes: on("a"), Table: "no_such"})
	s.refused(err, "42P01")
	s.heal()
}

func testLongTransaction(s *scene) {
	s.do("long_transaction", &fault.LongTransaction{OnNodes: on("a", "b")})
	for _, node := range []string{"a", "b"} {
		s.want(node, "select count(*) from pg_stat_activity where application_name like 'pgchaos-fault-long-transaction%' and state = 'idle in transaction' and backend_xmin is not null", "1")
	}
	s.heal()
}

func testLongQuery(s *scene) {
	s.do("long_query", &fault.LongQuery{OnNodes: on("b"), Table: "test_data"})
	s.want("b", "select count(*) from pg_stat_activity where application_name like 'pgchaos-fault-long-query%' and state = 'active'", "1")
	// The rewrite needs an exclusive lock on the standby, too, so that replay waits there for the query.
	s.do("vacuum_full", &fault.VacuumFull{OnTable: fault.OnTable{WithTimeout: fault.WithTimeout{OnNodes: on("a")}, Table: "test_data"}})
	s.query("a", "insert into public.test_data values (2001)")
	s.eventually("b", "select count(*) from pg_locks l join pg_stat_activity a using (pid) where a.backend_type = 'startup' and not l.granted", "1")
	s.heal()
	s.eventually("b", "select count(*) from public.test_data where i = 2001", "1")
	_, err := s.try("long_query", &fault.LongQuery{OnNodes: on("b"), Table: "no_such"})
	s.refused(err, "42P01")
	if version, err := strconv.Atoi(s.query("b", "show server_version_num")); err != nil || version < 150000 {
		return
	}
	// As when pgchaos is killed: its connection ends without a word.
	s.do("long_query", &fault.LongQuery{OnNodes: on("b")})
	s.Drop(s.query("b", "select application_name from pg_stat_activity where application_name like 'pgchaos-fault-long-query%'"))
	s.eventually("b", heldSessions, "0")
	s.heal()
}

func testExhaustConnections(s *scene) {
	before := s.client("a", "before")
	s.do("exhaust_connections", &fault.ExhaustConnections{OnNodes: on("a")})
	n := s.Cluster.Node("a")
	_, err := pgx.Connect(s.Context(), n.ConnString(n.Credentials().Load, "load/late"))
	s.refused(err, "53300")
	if _, err := before.Exec(s.Context(), "select 1"); err != nil {
		s.Errorf("a client that was connected before: %v", err)
	}
	if st := n.State(s.Context()); !st.Reachable {
		s.Errorf("pgchaos cannot read the node: %s", st.Error)
	}
	if _, err := s.try("exhaust_connections", &fault.ExhaustConnections{OnNodes: on("a")}); !errors.Is(err, chaos.ErrNoEffect) {
		s.Errorf("connections were taken of which none was left: %v", err)
	}
	s.heal()
	if _, err := s.client("a", "late").Exec(s.Context(), "select 1"); err != nil {
		s.Error(err)
	}
	_ = before.Close(s.Context())
}

func testTerminateBackends(s *scene) {
	one, two, other := s.client("a", "writes"), s.client("a", "writes"), s.client("a", "reads")
	alive := func(conn *pgx.Conn) bool {
		_, err := conn.Exec(s.Context(), "select 1")
		return err == nil
	}
	events := s.do("terminate_backends", &fault.TerminateBackends{OnBackends: fault.OnBackends{OnNodes: on("a"), Workload: "writes", AtLeast: 2}}, "at_least")
	if got := events[0].Numbers["a"]; got != 2 || !strings.Contains(events[0].Detail, "2 backends ended") {
		s.Errorf("%+v", events[0])
	}
	if alive(one) || alive(two) || !alive(other) {
		s.Error("a backend of writes lives, or the one of reads does not")
	}
	_, err := s.try("terminate_backends", &fault.TerminateBackends{OnBackends: fault.OnBackends{
		OnNodes: on("a"), AtLeast: 5, Within: units.Duration(200 * time.Millisecond),
	}}, "at_least", "within")
	if err == nil || !strings.Contains(err.Error(), "never 5 backends") || !alive(other) {
		s.Errorf("too few backends: %v", err)
	}
	// A fault's own session is no client.
	s.do("long_transaction", &fault.LongTransaction{OnNodes: on("a")})
	s.do("terminate_backends", &fault.TerminateBackends{OnBackends: fault.OnBackends{OnNodes: on("a")}})
	s.want("a", heldSessions, "1")
	if alive(other) {
		s.Error("without a choice, a client was left")
	}
	s.heal()
}

func testCancelBackends(s *scene) {
	must(s, s.Cluster.Node("b").Pause(s.Context()))
	defer func() { must(s, s.Cluster.Node("b").Resume(context.Background())) }()
	n := s.Cluster.Node("a")
	cfg, err := pgx.ParseConfig(n.ConnString(n.Credentials().Load, "load/writes"))
	must(s, err)
	notices := make(chan string, 10)
	cfg.OnNotice = func(_ *pgconn.PgConn, notice *pgconn.Notice) { notices <- notice.Code + " " + notice.Routine }
	conn, err := pgx.ConnectConfig(s.Context(), cfg)
	must(s, err)
	defer func() { _ = conn.Close(context.Background()) }()
	committed := make(chan error, 1)
	go func() {
		_, err := conn.Exec(s.Context(), "insert into public.test_data values (3001)")
		committed <- err
	}()
	events := s.do("cancel_backends", &fault.CancelBackends{OnBackends: fault.OnBackends{
		OnNodes: on("a"), WaitEvent: "SyncRep", Within: units.Duration(time.Minute),
	}}, "within")
	if got := events[0]; got.Numbers["a"] != 1 || got.Detail != "a: 1 backend cancelled" {
		s.Errorf("%+v", got)
	}
	if err := <-committed; err != nil {
		s.Errorf("the insert whose wait was cancelled: %v", err)
	}
	if got := <-notices; got != "01000 SyncRepWaitForLSN" {
		s.Errorf("notice %s", got)
	}
	_, err = s.try("cancel_backends", &fault.CancelBackends{OnBackends: fault.OnBackends{
		OnNodes: on("a"), WaitEvent: "SyncRep", Within: units.Duration(100 * time.Millisecond),
	}}, "within")
	if err == nil || errors.Is(err, chaos.ErrNoEffect) {
		s.Errorf("without a waiter: %v", err)
	}
	s.statementsThatEndBeforeTheSignal()
}

// statementsThatEndBeforeTheSignal: a statement that does not fail was not cancelled, and is not counted. One that handles the error of the
// cancellation stands for one that ends as the signal comes.
func (s *scene) statementsThatEndBeforeTheSignal() {
	user := s.Cluster.Node("a").Credentials().Load.Name
	cancel := func(within time.Duration, statements ...string) (record.Event, error) {
		ctx, stop := context.WithCancel(s.Context())
		var conns []*pgx.Conn
		var running sync.WaitGroup
		for _, statement := range statements {
			conn := s.client("a", "sleeping")
			conns = append(conns, conn)
			running.Go(func() {
				for one := range strings.Lines(statement) {
					_, _ = conn.Exec(ctx, one)
				}
			})
		}
		defer func() {
			stop()
			running.Wait()
			for _, conn := range conns {
				_ = conn.Close(context.Background())
			}
		}()
		s.eventually("a", "select count(*) from pg_stat_activity where usename = '"+user+"' and state = 'active'", strconv.Itoa(len(statements)))
		events, err := s.try("cancel_backends", &fault.CancelBackends{OnBackends: fault.OnBackends{
			OnNodes: on("a"), State: "active", User: user, AtLeast: len(statements), Within: units.Duration(within),
		}}, "at_least", "within")
		return events[0], err
	}
	const heedless = "do $$ begin perform pg_sleep(60); exception when query_canceled then null; end $$"
	event, err := cancel(time.Minute, "select pg_sleep(60)", heedless)
	if want := "a: 1 of 2 backends cancelled; what the others did had ended by itself"; err != nil || event.Numbers["a"] != 1 || event.Detail != want {
		s.Errorf("%+v, %v", event, err)
	}
	if event, err = cancel(2*time.Second, heedless); !errors.Is(err, chaos.ErrNoEffect) {
		s.Errorf("%+v, %v", event, err)
	}
	event, err = cancel(time.Minute, heedless+"\nselect pg_sleep(60)")
	if want := "a: 1 backend cancelled"; err != nil || event.Numbers["a"] != 1 || event.Detail != want {
		s.Errorf("where the second try cancels a statement: %+v, %v", event, err)
	}
}

func testMaintenance(s *scene) {
	at := func(nodes ...string) fault.WithTimeout { return fault.WithTimeout{OnNodes: on(nodes...)} }
	const checkpoints = "select checkpoint_lsn from pg_control_checkpoint()"
	before := s.query("a", checkpoints)
	s.do("checkpoint", &fault.Checkpoint{WithTimeout: at("a")})
	if s.query("a", checkpoints) == before {
		s.Error("no checkpoint was made")
	}
	const segment = "select substr(pg_walfile_name(pg_current_wal_lsn()), 9)"
	before = s.query("a", segment)
	s.do("switch_wal", &fault.SwitchWAL{WithTimeout: at("a")})
	s.query("a", "insert into public.test_data values (4001)")
	if s.query("a", segment) <= before {
		s.Error("the WAL goes on in the same segment")
	}
	if _, err := s.try("switch_wal", &fault.SwitchWAL{WithTimeout: at("b")}); err == nil {
		s.Error("a standby has switched its WAL")
	}
	const index = "select pg_relation_filenode('public.test_data_pkey')"
	for _, concurrently := range []bool{false, true} {
		before = s.query("a", index)
		s.do("reindex", &fault.Reindex{OnTable: fault.OnTable{WithTimeout: at("a"), Table: "test_data"}, Concurrently: concurrently})
		if s.query("a", index) == before {
			s.Errorf("concurrently %v: the index is the same", concurrently)
		}
	}
	s.reindexFails()
	// One that takes too long is cancelled on the server.
	s.do("lock_table", &fault.LockTable{OnNodes: on("a"), Table: "test_data", Mode: "access share"}, "mode")
	short := at("a")
	short.Timeout = units.Duration(300 * time.Millisecond)
	_, err := s.try("vacuum_full", &fault.VacuumFull{OnTable: fault.OnTable{WithTimeout: short, Table: "test_data"}}, "timeout")
	s.refused(err, "57014")
	s.heal()
}

// reindexFails has a REINDEX CONCURRENTLY not done to its end: of what is invalid then, it removes what it has left, and nothing else.
func (s *scene) reindexFails() {
	s.Helper()
	s.query("a", "create index broken_ccnew on public.test_data ((1))")
	s.query("a", "update pg_index set indisvalid = false where indexrelid = 'public.broken_ccnew'::regclass")
	s.query("a", "create index others on public.test_data ((2))")
	s.do("long_transaction", &fault.LongTransaction{OnNodes: on("a")})
	early := fault.WithTimeout{OnNodes: on("a"), Timeout: units.Duration(time.Second)}
	// Meanwhile, an index of somebody else becomes invalid, as one is that is being built.
	invalid := make(chan error, 1)
	go func() {
		_, err := s.ask("a", `do $$ begin
			for i in 1..1000 loop
				exit when exists (select from pg_index where not indisvalid and indexrelid::regclass::text ~ '^others_ccnew');
				perform pg_sleep(0.01);
				commit;
			end loop;
			update pg_index set indisvalid = false where indexrelid = 'public.others'::regclass;
		end $$`)
		invalid <- err
	}()
	_, err := s.try("reindex", &fault.Reindex{OnTable: fault.OnTable{WithTimeout: early, Table: "test_data"}, Concurrently: true}, "timeout")
	must(s, <-invalid)
	s.refused(err, "57014")
	if left := s.query("a", "select string_agg(indexrelid::regclass::text, ' ' order by indexrelid) from pg_index where not indisvalid"); left != "broken_ccnew others" {
		s.Errorf("the invalid indexes are %s, and should be the one that was there before and the one of somebody else", left)
	}
	s.heal()
	s.query("a", "drop index public.broken_ccnew, public.others")
}

func testExec(s *scene) {
	exec := func(command, proof, undo string) *fault.Exec {
		return &fault.Exec{OnNodes: on("b"), Command: command, Proof: proof, Undo: undo}
	}
	there := func() bool {
		_, err := s.Cluster.Node("b").Exec(s.Context(), "test -e $PGDATA/mark")
		return err == nil
	}
	events := s.do("exec", exec(`touch $PGDATA/mark; echo $PGCHAOS_RUN $PGCHAOS_NODE $PGCHAOS_PRIMARY $PGCHAOS_STEP $PGCHAOS_HOST:$PGCHAOS_PORT`, "test -e $PGDATA/mark", "rm -f $PGDATA/mark"))
	want := fmt.Sprintf("b: %s b a %s %s", "testfaultsonsessionsandmaintenance", events[0].Name, s.Cluster.Node("b").Address())
	if events[0].Detail != want || !there() {
		s.Errorf("%q, want %q", events[0].Detail, want)
	}
	s.heal()
	if there() {
		s.Error("the undo was not run")
	}
	// It is taken back also where the proof does not hold.
	_, err := s.try("exec", exec("touch $PGDATA/mark", "false", "rm -f $PGDATA/mark"))
	if !errors.Is(err, chaos.ErrNoEffect) || errors.Is(err, chaos.ErrNotSo) || !there() {
		s.Errorf("a proof that does not hold: %v", err)
	}
	s.heal()
	if there() {
		s.Error("the undo of the failed step was not run")
	}
	if _, err := s.try("exec", exec("exit 3", "true", "")); !errors.Is(err, chaos.ErrNotSo) || errors.Is(err, chaos.ErrNoEffect) {
		s.Errorf("another exit status than the expected one: %v", err)
	}
	s.do("exec", exec("true", "", "echo lost >&2; exit 3"))
	if err := s.undo.Heal(s.Context()); err == nil || !strings.Contains(err.Error(), "by hand") || !strings.Contains(err.Error(), "lost") {
		s.Errorf("an undo that fails: %v", err)
	}
	s.undo.Kinds = nil // it would fail for ever
	s.undo = &chaos.Undo{Scene: s.Scene, Kinds: fault.Reversals(), Journal: s}
}

// testSlowFsync times a commit of a client's own session, which was open before.
func testSlowFsync(s *scene) {
	client := s.client("a", "writes")
	commit := func(i int) time.Duration {
		began := time.Now()
		_, err := client.Exec(s.Context(), "set synchronous_commit = local; insert into public.test_data values ("+strconv.Itoa(i)+")", pgx.QueryExecModeSimpleProtocol)
		must(s, err)
		return time.Since(began)
	}
	const delay = 60 * time.Millisecond
	quiet := s.commits(4) // whose flushes a commit can share
	s.do("slow_fsync", &fault.SlowFsync{OnNodes: on("a"), Delay: units.Duration(delay)})
	quiet()
	if took := commit(5001); took < delay {
		s.Errorf("a commit takes %s", took)
	}
	if _, err := s.try("slow_fsync", &fault.SlowFsync{OnNodes: on("b"), Delay: units.Duration(delay)}); err == nil || !strings.Contains(err.Error(), "is a standby") {
		s.Errorf("on a standby: %v", err)
	}
	s.do("configure", &fault.Configure{OnNodes: on("a"), Settings: map[string]string{"fsync": "off"}})
	if _, err := s.try("slow_fsync", &fault.SlowFsync{OnNodes: on("a"), Delay: units.Duration(time.Microsecond)}); err == nil || !strings.Contains(err.Error(), "fsync = off") {
		s.Errorf("without a flush: %v", err)
	}
	s.do("configure", &fault.Configure{OnNodes: on("a"), Settings: map[string]string{"fsync": ""}})
	s.heal()
	s.want("a", "select current_setting('commit_delay') || ' ' || current_setting('commit_siblings')", "0 5")
	// On a busy machine one commit may take as long, but not each of many.
	fastest := time.Hour
	for i := range 20 {
		fastest = min(fastest, commit(5100+i))
	}
	if fastest >= delay {
		s.Errorf("the fastest of 20 commits takes %s", fastest)
	}
	_ = client.Close(s.Context())
}

// commits has clients of a commit without a pause, until they are to be quiet.
func (s *scene) commits(clients int) (quiet func()) {
	s.Helper()
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range clients {
		client := s.client("a", "commits")
		all.Go(func() {
			for {
				select {
				case <-stop:
					_ = client.Close(s.Context())
					return
				default:
				}
				if _, err := client.Exec(s.Context(), "set synchronous_commit = local; select pg_logical_emit_message(true, 'test', 'commit')", pgx.QueryExecModeSimpleProtocol); err != nil {
					s.Error(err)
					return
				}
			}
		})
	}
	quiet = sync.OnceFunc(func() { close(stop); all.Wait() })
	s.Cleanup(quiet)
	return quiet
}

// testBurnCPU looks for the processes in the process table. They are none of the server's, and end all the same. Where somebody else kills
// them, what looks after them ends, too, and it is said.
func testBurnCPU(s *scene) {
	if runtime.GOOS != "linux" {
		return
	}
	b := s.Cluster.Node("b")
	s.do("burn_cpu", &fault.BurnCPU{OnNodes: on("b"), Processes: 2}, "processes")
	if busy, _ := s.burning(); len(busy) < 2 {
		s.Errorf("%d processes are busy", len(busy))
	}
	must(s, b.Stop(s.Context(), cluster.StopFast, 0))
	must(s, b.Start(s.Context()))
	look := fault.Reversals()["end_burning"].Look
	if gone := look(s.Context(), b, s.last[0]); gone != "" {
		s.Error(gone)
	}
	s.heal()
	if busy, _ := s.burning(); len(busy) > 0 {
		s.Errorf("%d processes are busy", len(busy))
	}

	s.do("burn_cpu", &fault.BurnCPU{OnNodes: on("b"), Processes: 2}, "processes")
	busy, keepers := s.burning()
	if len(keepers) == 0 {
		s.Error("nothing looks after the busy processes: this test proves nothing")
	}
	// What ends them after their time is killed, and not they themselves.
	for _, pid := range busy {
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); string(name) == "timeout\n" {
			must(s, syscall.Kill(pid, syscall.SIGKILL))
		}
	}
	for end := time.Now().Add(30 * time.Second); len(busy)+len(keepers) > 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		busy, keepers = s.burning()
	}
	if len(busy)+len(keepers) > 0 {
		s.Errorf("left of killed processes: %d that are busy, %d that look after them", len(busy), len(keepers))
	}
	if gone := look(s.Context(), b, s.last[0]); gone != "b: 2 of 2 busy processes had ended before" {
		s.Errorf("of killed processes it is said %q", gone)
	}
	s.heal()
}

// burning are the processes of the newest step, and those that look after them. Other tests may keep processors busy meanwhile.
func (s *scene) burning() (busy, keepers []int) {
	s.Helper()
	var of struct{ Mark string }
	must(s, json.Unmarshal(s.last[0].Arguments, &of))
	if of.Mark == "" {
		s.Fatal("the journal has no mark")
	}
	found, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(s, err)
	for _, file := range found {
		line, _ := os.ReadFile(file) // it may have ended
		pid, err := strconv.Atoi(strings.Split(file, "/")[2])
		must(s, err)
		switch {
		case strings.Contains(string(line), "\x00"+of.Mark+"\x00"):
			busy = append(busy, pid)
		case strings.Contains(string(line), of.Mark):
			keepers = append(keepers, pid)
		}
	}
	return busy, keepers
}

// testHeldOnAKilledServer: sessions end with their server, so that there is nothing to take back. A command that pgchaos runs on the
// node is no sign of a server.
func testHeldOnAKilledServer(s *scene) {
	s.do("long_transaction", &fault.LongTransaction{OnNodes: on("b")})
	b := s.Cluster.Node("b")
	must(s, b.Kill(s.Context()))
	began, over := make(chan struct{}), make(chan error, 1)
	go func() {
		close(began)
		_, err := b.Exec(s.Context(), "sleep 0.7")
		over <- err
	}()
	<-began
	for range 100 { // until the command runs
		if !b.Down(s.Context()) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.heal()
	must(s, <-over)
	must(s, b.Start(s.Context()))
}

// testReversalsOfAPausedNode: what ends while its node is paused waits for the end of the pause, where that comes by itself.
func testReversalsOfAPausedNode(s *scene) {
	step := func(name, action string, p fault.Parameters, length time.Duration) chaos.Step {
		kind, _ := fault.Find(action)
		env := fault.Env{Scene: s.Scene, Step: name}
		return chaos.Step{
			Name: name, Action: action, Facts: kind.Facts, Fault: kind.Outage, Needs: kind.Capabilities,
			For: length, Do: p.Action(env), Reverse: kind.Reverse(p, env),
		}
	}
	run := func(length, pause time.Duration) (events map[string]record.Event, err error) {
		s.clock = record.StartClock()
		line := chaos.Timeline{
			Clock: s.clock, Undo: s.undo, Begin: func(record.Event) {}, End: func(record.Event) {},
			Steps: []chaos.Step{
				step("replay", "pause_replay", &fault.PauseReplay{OnStandbys: fault.OnStandbys{OnNodes: on("b")}}, pause),
				step("delayed", "apply_delay", &fault.ApplyDelay{OnNodes: on("b"), Delay: units.Duration(time.Hour)}, length),
				step("frozen", "pause", &fault.Pause{OnNodes: on("b")}, pause),
			},
		}
		if pause == 0 {
			line.Steps = line.Steps[1:] // nobody answers until it is resumed
		}
		err = line.Run(s.Context())
		events = map[string]record.Event{}
		for _, m := range line.Events() {
			events[m.Name] = m
		}
		s.heal()
		return events, err
	}
	var events map[string]record.Event
	for length := 500 * time.Millisecond; ; length *= 2 {
		var err error
		if events, err = run(length, length+length/2); err != nil {
			s.Fatal(err)
		}
		if due := events["undo-delayed"].Planned; *due > events["frozen"].Effective {
			break // else the machine was too busy to freeze it in time
		}
	}
	if m := events["undo-delayed"]; m.Status != record.EventDone || m.Effective < events["undo-frozen"].Issued || !strings.Contains(m.Detail, "for the end of a pause") {
		s.Errorf("%+v, and the pause ended at %s", m, events["undo-frozen"].Issued)
	}
	if m := events["undo-replay"]; m.Status != record.EventDone {
		s.Errorf("%+v", m)
	}
	s.want("b", "show recovery_min_apply_delay", "0")
	s.want("b", "select pg_is_wal_replay_paused()", "f")
	if _, err := run(500*time.Millisecond, 0); err == nil || !strings.Contains(err.Error(), "it is paused; resume it first") {
		s.Errorf("a pause that does not end by itself would be waited for without an end: %v", err)
	}
	s.want("b", "show recovery_min_apply_delay", "0")
}
