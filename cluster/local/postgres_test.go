package local

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/skip"
)

// needPostgres skips a test on a machine without PostgreSQL, but never in CI,
// where a skipped test would pass for a passed one.
func needPostgres(t *testing.T) {
	t.Helper()
	_, err := FindInstallation(t.Context(), "", 0)
	if err == nil {
		return
	}
	skip.Test(t, "this test needs a PostgreSQL server: %v", err)
}

// testBase is a base directory that the server's user can enter, unlike those of
// t.TempDir.
func testBase(t *testing.T) string { return baseIn(t, serverdir.Make) }

func baseIn(t *testing.T, newDir func(pattern string) (string, error)) string {
	t.Helper()
	parent, err := newDir("pgchaos-test-")
	must(t, err)
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
	h := made.(*host)
	_, err = h.Run(ctx, cluster.Command{Argv: []string{
		h.Program("initdb"), "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--pgdata=" + dataDir(h),
	}})
	return h, err
}

func dataDir(h *host) string { return filepath.Join(h.Dir(), "data") }

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
		case <-h.Life().Ended():
			log, _ := h.Log(ctx, 0)
			return false, fmt.Errorf("the server ended: %s\n%s", exitStatus(h), log)
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
	url := fmt.Sprintf("postgres://postgres@%s/postgres?connect_timeout=2", h.address)
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
		_ = cmd.Process.Kill() // it may have lost its server, and ended
		_ = cmd.Wait()
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

func exitStatus(h *host) string {
	status, _ := h.Life().Exit()
	return status
}
