package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/history"
)

// needPostgres skips a test on a machine without PostgreSQL, but never in CI,
// where a skipped test would pass for a passed one.
func needPostgres(t *testing.T) {
	t.Helper()
	_, err := FindInstallation(t.Context(), "", 0)
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skipf("this test needs a PostgreSQL server: %v", err)
}

// testBase is a base directory that the server's user can enter, unlike those of
// t.TempDir.
func testBase(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("/var/tmp", "pgchaos-test-")
	must(t, err)
	must(t, os.Chmod(parent, 0o711))
	t.Cleanup(func() { must(t, os.RemoveAll(parent)) })
	return filepath.Join(parent, "base")
}

func testProvider(t *testing.T, base, run string) *Provider {
	t.Helper()
	needPostgres(t)
	p, err := New(t.Context(), Options{Base: base, Run: run, Experiment: "test"})
	must(t, err)
	t.Cleanup(func() {
		if err := p.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// newServer makes a host with a database cluster in it, not started.
func newServer(ctx context.Context, p *Provider, name string) (*host, error) {
	made, err := p.Host(ctx, name)
	if err != nil {
		return nil, err
	}
	_, err = made.Run(ctx, cluster.Command{Argv: []string{
		made.Program("initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--pgdata=" + dataDir(made),
	}})
	return made.(*host), err
}

func dataDir(h cluster.Host) string { return filepath.Join(h.Dir(), "data") }

// start starts the server, and returns when it answers.
func start(ctx context.Context, h *host) error {
	err := h.Start(ctx, []string{
		h.Program("postgres"), "-D", dataDir(h), "-p", strconv.Itoa(h.Listen().Port),
		"-c", "listen_addresses=" + h.Listen().Host, "-c", "unix_socket_directories=", "-c", "shared_buffers=32MB",
	})
	if err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		_, err := query(ctx, h, "select 1")
		select {
		case <-h.Exited():
			log, _ := h.Log(ctx, 0)
			return false, fmt.Errorf("the server ended: %s\n%s", h.ExitStatus(), log)
		default:
			return err == nil, nil
		}
	})
}

func testServer(t *testing.T, p *Provider, name string) *host {
	t.Helper()
	h, err := newServer(t.Context(), p, name)
	must(t, err)
	must(t, start(t.Context(), h))
	return h
}

// psql connects from outside, as a client does.
func psql(ctx context.Context, h *host, args ...string) *exec.Cmd {
	url := fmt.Sprintf("postgres://postgres@%s/postgres?connect_timeout=2", h.Client())
	cmd := exec.CommandContext(ctx, h.Program("psql"), append([]string{"-X", "-A", "-t", url}, args...)...)
	cmd.WaitDelay = time.Second
	return cmd
}

func query(ctx context.Context, h *host, sql string) (string, error) {
	out, err := psql(ctx, h, "-c", sql).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// openSession keeps a backend busy until the test ends, and returns when it is.
func openSession(t *testing.T, h *host) {
	t.Helper()
	cmd := psql(t.Context(), h, "-c", "select pg_sleep(600)")
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	must(t, until(t.Context(), func() (bool, error) {
		n, err := query(t.Context(), h, "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)'")
		return n == "1", err
	}))
}

// states asks ps for the states of a run's processes: those whose command line
// names the directory, which a postmaster's does, and all below them. It knows
// nothing of how the package finds them.
func states(t *testing.T, dir string) map[int]string {
	t.Helper()
	out, err := exec.Command("ps", "-e", "-o", "pid=,ppid=,state=,args=").Output()
	must(t, err)
	found := map[int]string{}
	for again := true; again; {
		again = false
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			pid, _ := strconv.Atoi(f[0])
			parent, _ := strconv.Atoi(f[1])
			_, known := found[pid]
			_, child := found[parent]
			if !known && (child || strings.Contains(line, dir+"/")) {
				found[pid], again = f[2], true
			}
		}
	}
	maps.DeleteFunc(found, func(_ int, state string) bool { return state == "Z" })
	return found
}

// serving tells which of some processes are still there and not zombies.
func serving(t *testing.T, pids map[int]string) (left []int) {
	t.Helper()
	for pid := range pids {
		out, _ := exec.Command("ps", "-o", "state=", "-p", strconv.Itoa(pid)).Output()
		if state := strings.TrimSpace(string(out)); state != "" && state != "Z" {
			left = append(left, pid)
		}
	}
	return left
}

// noGoroutines fails if one that this package started is left.
func noGoroutines(t *testing.T) {
	t.Helper()
	var stacks []byte
	err := until(context.Background(), func() (bool, error) {
		stacks = make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for _, name := range []string{"(*host).Start.func", "(*host).Get.func", "(*host).Run.func"} {
			if bytes.Contains(stacks, []byte(name)) {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		t.Errorf("goroutines are left: %v\n%s", err, stacks)
	}
}

func TestStartSignalAndLog(t *testing.T) {
	ctx := t.Context()
	base := testBase(t)
	p := testProvider(t, base, "signal")
	h, err := newServer(ctx, p, "n1")
	must(t, err)
	if h.Exited() != nil || h.ExitStatus() != "" {
		t.Error("it has ended before it began")
	}
	if err := h.Signal(ctx, syscall.SIGINT); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal to nobody: %v", err)
	}
	if log, err := h.Log(ctx, 0); len(log) != 0 || err != nil {
		t.Errorf("log before the start: %q, %v", log, err)
	}
	if err := h.Start(ctx, []string{filepath.Join(h.dir, "missing")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("start of nothing: %v", err)
	}
	// The server must outlive the context that it was started with.
	starting, cancel := context.WithCancel(ctx)
	must(t, start(starting, h))
	cancel()
	if err := h.Start(ctx, []string{"true"}); err == nil {
		t.Error("started twice")
	}
	if running, err := h.Running(ctx); !running || err != nil {
		t.Errorf("running: %v, %v", running, err)
	}
	log, err := h.Log(ctx, 0)
	must(t, err)
	if !bytes.Contains(log, []byte("ready to accept connections")) {
		t.Errorf("the log does not tell: %s", log)
	}

	must(t, h.Signal(ctx, syscall.SIGINT)) // a fast shutdown
	<-h.Exited()
	if h.ExitStatus() != "exit status 0" {
		t.Errorf("ended with %s", h.ExitStatus())
	}
	if running, err := h.Running(ctx); running || err != nil {
		t.Errorf("running after its end: %v, %v", running, err)
	}
	rest, err := h.Log(ctx, int64(len(log)))
	must(t, err)
	if !bytes.Contains(rest, []byte("database system is shut down")) || bytes.Contains(rest, []byte("ready to accept")) {
		t.Errorf("the log from byte %d: %s", len(log), rest)
	}
	if rest, err := h.Log(ctx, 1<<40); len(rest) != 0 || err != nil {
		t.Errorf("past the end of the log: %q, %v", rest, err)
	}

	must(t, start(ctx, h))
	if h.ExitStatus() != "" {
		t.Errorf("running again, and ended with %s", h.ExitStatus())
	}
	must(t, p.Remove(ctx))
	noGoroutines(t)
}

func TestKillLeavesNothing(t *testing.T) {
	ctx := t.Context()
	base := testBase(t)
	p := testProvider(t, base, "kill")
	h := testServer(t, p, "n1")
	other := testServer(t, p, "n10") // whose directory's name begins like the first one's
	openSession(t, h)
	before := states(t, h.dir)
	if len(before) < 6 {
		t.Fatalf("%d processes: too few to prove anything", len(before))
	}
	began := time.Now()
	must(t, h.Kill(ctx))
	took := time.Since(began)
	if left := serving(t, before); left != nil {
		t.Errorf("left: %v", left)
	}
	if h.ExitStatus() != "signal: killed" {
		t.Errorf("ended with %q", h.ExitStatus())
	}
	if running, err := h.Running(ctx); running || err != nil {
		t.Errorf("running: %v, %v", running, err)
	}
	t.Logf("%d processes killed in %v", len(before), took)
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := query(ctx, other, "select 1"); err != nil {
		t.Errorf("the other node: %v", err)
	}
	must(t, h.Kill(ctx)) // nobody is there, no error
	must(t, start(ctx, h))
}

// TestKillFindsOrphans kills the postmaster alone, as a clumsy operator does, of a
// server whose backends stand still and so do not see it.
func TestKillFindsOrphans(t *testing.T) {
	ctx := t.Context()
	p := testProvider(t, testBase(t), "orphans")
	h := testServer(t, p, "n1")
	openSession(t, h)
	must(t, h.Freeze(ctx))
	before := states(t, h.dir)
	must(t, h.Signal(ctx, syscall.SIGKILL))
	<-h.Exited()
	if left := serving(t, before); len(left) != len(before)-1 {
		t.Fatalf("%d of %d processes are left: no orphans to find", len(left), len(before))
	}
	if running, err := h.Running(ctx); !running || err != nil {
		t.Errorf("running with orphans: %v, %v", running, err)
	}
	must(t, h.Kill(ctx))
	if left := serving(t, before); left != nil {
		t.Errorf("left: %v", left)
	}
	if running, err := h.Running(ctx); running || err != nil {
		t.Errorf("running: %v, %v", running, err)
	}
}

func TestFreezeAndThaw(t *testing.T) {
	ctx := t.Context()
	p := testProvider(t, testBase(t), "freeze")
	h := testServer(t, p, "n1")
	if err := p.hosts[0].Thaw(ctx); err != nil {
		t.Errorf("thaw what is not frozen: %v", err)
	}
	openSession(t, h)
	for range 2 { // idempotent
		began := time.Now()
		must(t, h.Freeze(ctx))
		t.Logf("frozen in %v", time.Since(began))
		for pid, state := range states(t, h.dir) {
			if state != "T" {
				t.Errorf("process %d is in state %s", pid, state)
			}
		}
	}
	asking, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if out, err := query(asking, h, "select 1"); err == nil {
		t.Errorf("a frozen server answers %s", out)
	}
	for range 2 {
		must(t, h.Thaw(ctx))
		for pid, state := range states(t, h.dir) {
			if state == "T" {
				t.Errorf("process %d is in state %s", pid, state)
			}
		}
	}
	if out, err := query(ctx, h, "select 7"); out != "7" {
		t.Errorf("after the thaw it answers %q, %v", out, err)
	}

	// A signal waits for the thaw; Kill does not.
	must(t, h.Freeze(ctx))
	must(t, h.Signal(ctx, syscall.SIGINT))
	select {
	case <-h.Exited():
		t.Error("a frozen server shut down")
	case <-time.After(100 * time.Millisecond):
	}
	must(t, h.Thaw(ctx))
	<-h.Exited()
	if h.ExitStatus() != "exit status 0" {
		t.Errorf("after the thaw it ended with %s", h.ExitStatus())
	}
	must(t, start(ctx, h))
	must(t, h.Freeze(ctx))
	before := states(t, h.dir)
	must(t, h.Kill(ctx))
	if left := serving(t, before); left != nil {
		t.Errorf("left: %v", left)
	}
	if err := h.Freeze(ctx); err == nil {
		t.Error("nothing was frozen, and no error")
	}
	must(t, h.Thaw(ctx))
}

func TestUsage(t *testing.T) {
	ctx := t.Context()
	p := testProvider(t, testBase(t), "usage")
	h := testServer(t, p, "n1")
	first, err := h.Usage(ctx)
	must(t, err)
	if first.Node != "n1" || first.CPUPercent != 0 || first.NetIn != nil || first.MemoryLimit != nil {
		t.Errorf("first: %+v", first)
	}
	var counted, listed int // the two look at different moments, in which a backend may end
	err = until(ctx, func() (bool, error) {
		now, err := h.Usage(ctx)
		counted, listed = now.Processes, len(states(t, h.dir))
		return counted == listed, err
	})
	if err != nil {
		t.Errorf("%d processes, ps says %d: %v", counted, listed, err)
	}
	// A backend that works and ends: neither its time nor what it wrote may be lost
	// with it, though both may be seen a little later.
	before, err := h.Usage(ctx)
	must(t, err)
	began := time.Now()
	if _, err := query(ctx, h, "create table t as select g, repeat('x', 500) from generate_series(1, 60000) g; checkpoint"); err != nil {
		t.Fatal(err)
	}
	var second history.Usage
	var busy float64 // seconds of CPU
	var wrote uint64
	err = until(ctx, func() (bool, error) {
		second, err = h.Usage(ctx)
		if err != nil || runtime.GOOS == "linux" && second.BlockOut == nil {
			return false, fmt.Errorf("no count of transfers, or no usage: %w", err)
		}
		busy += second.CPUPercent / 100 * time.Since(began).Seconds()
		began = time.Now()
		if runtime.GOOS == "linux" {
			wrote = *second.BlockOut - *before.BlockOut
		}
		return busy >= 0.03 && (wrote >= 30<<20 || runtime.GOOS != "linux"), nil
	})
	t.Logf("%.3f s of CPU, %d bytes written: %+v", busy, wrote, second)
	if err != nil || busy > 10 || wrote > 300<<20 {
		t.Errorf("not what writing a table of 30 MB takes: %v", err)
	}
	if second.MemoryBytes < 4<<20 || second.MemoryBytes > 300<<20 {
		t.Errorf("%d bytes of memory", second.MemoryBytes)
	}
	must(t, h.Kill(ctx))
	third, err := h.Usage(ctx)
	must(t, err)
	if third.Processes != 0 || third.MemoryBytes != 0 || third.CPUPercent != 0 {
		t.Errorf("after its end: %+v", third)
	}
	must(t, start(ctx, h))
	fourth, err := h.Usage(ctx)
	must(t, err)
	if runtime.GOOS == "linux" && (*third.BlockOut < *second.BlockOut || *fourth.BlockOut < *third.BlockOut) {
		t.Errorf("the bytes written went back: %d, %d, %d", *second.BlockOut, *third.BlockOut, *fourth.BlockOut)
	}
}
