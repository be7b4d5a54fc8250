package pgload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/internal/attached"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
	"pgchaos/load"
	"pgchaos/load/eventloop"
	"pgchaos/record"
)

// postgres is a real server of one test's own.
type postgres struct {
	t       *testing.T
	dir     string
	port    int
	process *exec.Cmd
	exited  chan struct{}
	log     *os.File
	writers int              // numbers that tests have used
	path    string           // of the newest ledger
	loops   *eventloop.Group // of sessions and workloads; nil: they are goroutines
}

// withLoops has everything from here on run on event loops.
func (pg *postgres) withLoops() {
	before := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(before + 2)
	loops, err := eventloop.New(2, nil)
	if err != nil {
		pg.t.Fatal(err)
	}
	pg.loops = loops
	pg.t.Cleanup(func() {
		loops.Close()
		runtime.GOMAXPROCS(before)
	})
}

// workload is the load on it.
func (pg *postgres) workload(cfg load.Config) *load.Workload {
	cfg.Loops = pg.loops
	return load.New(cfg)
}

// onLoop is a session whose operations are done by a task.
type onLoop struct {
	*session
	asked    chan context.Context
	answered chan reply
}

func newOnLoop(loops *eventloop.Group, s *session) *onLoop {
	o := &onLoop{s, make(chan context.Context), make(chan reply)}
	loops.Go(func(t *eventloop.Task) {
		for {
			var ctx context.Context
			var more bool
			if t.Block(func() { ctx, more = <-o.asked }); !more {
				return
			}
			r := do(eventloop.With(ctx, t), s)
			t.Block(func() { o.answered <- r })
		}
	})
	return o
}

// sessionOf is a client's, on a loop where there are any.
func (pg *postgres) sessionOf(w *Workload, client int) load.Session {
	s := w.Open(client)
	if pg.loops != nil && w.Pollable() {
		return newOnLoop(pg.loops, s.(*session))
	}
	return s
}

// asClient calls what uses sessions as a client does, on a loop where there are any.
func (pg *postgres) asClient(w *Workload, f func(context.Context)) {
	if pg.loops == nil || !w.Pollable() {
		f(pg.t.Context())
		return
	}
	done := make(chan struct{})
	pg.loops.Go(func(t *eventloop.Task) {
		defer close(done)
		f(eventloop.With(pg.t.Context(), t))
	})
	<-done
}

// hangUp ends the connection of a session that does nothing.
func hangUp(s load.Session) {
	if o, ok := s.(*onLoop); ok {
		s = o.session
	}
	s.(*session).conn.hangUp()
}

func (o *onLoop) Do(ctx context.Context, op *record.Op) time.Duration {
	o.asked <- ctx
	r := <-o.answered
	*op = r.Op
	return r.Pause
}

func (o *onLoop) Close() {
	o.session.Close()
	close(o.asked)
}

// findServer returns the directory of initdb and postgres. Without one the test is
// skipped, but never in CI, where that would hide that nothing was tested.
func findServer(t *testing.T) string {
	if testing.Short() {
		skip.Test(t, "-short: no real server")
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian's place, which is in nobody's PATH
	if len(found) == 0 {
		skip.Test(t, "no initdb: 'make test' installs it")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1])
}

// as is how to run a command as somebody whom PostgreSQL accepts: it refuses root.
func as(t *testing.T, dir string) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attr
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("running as root, and there is nobody to drop to: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return attr
}

// startPostgres initialises and starts a server, which the test's end kills. It does not outlive a test binary that is killed.
func startPostgres(t *testing.T, settings ...string) *postgres {
	bin := findServer(t)
	dir, err := serverdir.Make("pgload-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	attr := as(t, dir)
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C")
	initdb.SysProcAttr = attr
	initdb.Dir = dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	pg := &postgres{t: t, dir: dir, port: freePort(t), log: log, exited: make(chan struct{})}
	// mmap: the dynamic shared memory of a server that is killed lies in its directory, and goes with that.
	args := append([]string{"-D", dir + "/data", "-c", "dynamic_shared_memory_type=mmap", "-p", strconv.Itoa(pg.port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + dir, "-c", "fsync=off", "-c", "shared_buffers=16MB"}, settings...)
	if pg.process, _, err = attached.Server(dir, filepath.Join(bin, "postgres"), args...); err != nil {
		t.Fatal(err)
	}
	pg.process.SysProcAttr, pg.process.Dir = attr, dir
	pg.process.Stdout, pg.process.Stderr = log, log
	if err := pg.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = pg.process.Wait()
		close(pg.exited)
	}()
	t.Cleanup(pg.kill)
	pg.until("the server answers", func() bool {
		conn, err := pgx.Connect(t.Context(), pg.url("postgres"))
		if err == nil {
			_ = conn.Close(t.Context())
		}
		return err == nil
	})
	return pg
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func (pg *postgres) url(user string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s dbname=postgres sslmode=disable application_name=test", pg.port, user)
}

// kill ends the whole process group, waits, and removes the System V shared memory, which outlives a server that is killed.
func (pg *postgres) kill() {
	_ = syscall.Kill(-pg.process.Process.Pid, syscall.SIGKILL) // gone already: fine
	<-pg.exited
	file := pg.dir + "/data/postmaster.pid"
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return // it was killed before, or had ended in good order
	}
	if err != nil {
		pg.t.Fatal(err)
	}
	if lines := strings.Split(string(text), "\n"); len(lines) > 6 { // a server that has just begun has no segment
		segment := strings.Fields(lines[6]) // its key and number
		if out, err := exec.Command("ipcrm", "-m", segment[len(segment)-1]).CombinedOutput(); err != nil {
			pg.t.Errorf("remove shared memory %q: %v: %s", segment, err, out)
		}
	}
	if err := os.Remove(file); err != nil { // the number can be another server's later
		pg.t.Error(err)
	}
}

// until waits for something that happens in another process.
func (pg *postgres) until(what string, holds func() bool) {
	pg.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(pg.log.Name())
			pg.t.Fatalf("never came: %s\n%s", what, text)
		}
	}
}

// admin is a superuser's connection, without statement cache, for what each test
// has to arrange and to look up.
type admin struct {
	*pgx.Conn
	pg *postgres
}

func (pg *postgres) admin() *admin {
	conn, err := pgx.Connect(context.Background(), pg.url("postgres"))
	if err != nil {
		pg.t.Fatal(err)
	}
	return &admin{conn, pg}
}

func (a *admin) exec(statements ...string) {
	a.pg.t.Helper()
	for _, sql := range statements {
		if _, err := a.Exec(context.Background(), sql); err != nil {
			a.pg.t.Fatalf("%s: %v", sql, err)
		}
	}
}

func (a *admin) number(sql string, args ...any) (n int64) {
	a.pg.t.Helper()
	if err := a.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		a.pg.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (a *admin) text(sql string) (s string) {
	a.pg.t.Helper()
	if err := a.QueryRow(context.Background(), sql).Scan(&s); err != nil {
		a.pg.t.Fatalf("%s: %v", sql, err)
	}
	return s
}

// set changes a setting and waits until sessions have it; "" takes the default back.
func (a *admin) set(name, value string) {
	a.pg.t.Helper()
	if value == "" {
		a.exec("alter system reset " + name)
	} else {
		a.exec("alter system set " + name + " = " + value)
	}
	a.exec("select pg_reload_conf()")
	a.pg.until(name+" is in force", func() bool {
		return a.number("select count(*) from pg_settings where name = $1 and (setting = $2 or $2 = '' and setting = boot_val)", name, value) == 1
	})
	if name == "synchronous_standby_names" && value != "" {
		a.untilCommitsWait()
	}
}

// untilCommitsWait returns when a commit waits for a standby. Sessions that have the setting do not wait before the checkpointer
// has read it, too (SyncRepUpdateSyncStandbysDefined in src/backend/replication/syncrep.c).
func (a *admin) untilCommitsWait() {
	a.pg.t.Helper()
	probe := a.pg.admin()
	defer func() { _ = probe.Close(context.Background()) }()
	probe.exec("set application_name = 'probe'")
	done := make(chan error, 1)
	begin := func() {
		go func() {
			_, err := probe.Exec(context.Background(), "select pg_logical_emit_message(true, 'pgload', '')")
			done <- err
		}()
	}
	begin()
	a.pg.until("commits wait", func() bool {
		select {
		case err := <-done: // it has not waited
			if err != nil {
				a.pg.t.Fatal(err)
			}
			begin()
		default:
		}
		return a.number("select count(*) from pg_stat_activity where application_name = 'probe' and wait_event = 'SyncRep'") == 1
	})
	a.exec("select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'probe'")
	if err := <-done; err != nil { // a warning is no error
		a.pg.t.Fatal(err)
	}
}

// run runs one of PostgreSQL's programs.
func (pg *postgres) run(program string, args ...string) {
	pg.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		path = filepath.Join(findServer(pg.t), program)
	}
	cmd := exec.Command(path, args...)
	cmd.SysProcAttr, cmd.Dir = as(pg.t, pg.dir), pg.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		pg.t.Fatalf("%s: %v\n%s", program, err, out)
	}
}
