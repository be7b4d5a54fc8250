package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/internal/skip"
)

func needCgroups(t *testing.T) cgroups {
	t.Helper()
	c, err := machineCgroups()
	if err != nil {
		skip.Test(t, "no limit can be set on this machine: %v", err)
	}
	return c
}

// busyBackend starts a session that computes until the test ends.
func busyBackend(t *testing.T, h *host) identity {
	t.Helper()
	cmd := psql(context.WithoutCancel(t.Context()), h, "-c", "set application_name = 'busy'; select count(*) from generate_series(1, 1000000000000)")
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var id identity
	must(t, until(t.Context(), func() (bool, error) {
		out, err := query(t.Context(), h, "select coalesce(max(pid), 0) from pg_stat_activity where application_name = 'busy'")
		if err != nil {
			return false, err
		}
		pid := 0
		_, err = fmt.Sscan(out, &pid)
		var known bool
		id, known = identityOf(pid)
		return known, err
	}))
	return id
}

// used is the processor time that a process uses over a second, and how long that second was.
func used(t *testing.T, id identity) (cpu, wall time.Duration) {
	t.Helper()
	read := func() time.Duration {
		p, _, ok := readStat(fmt.Sprintf("/proc/%d/stat", id.pid), make([]byte, 4096))
		if !ok || p.identity != id {
			t.Fatalf("process %d is gone", id.pid)
		}
		return p.cpu
	}
	from, began := read(), time.Now()
	time.Sleep(time.Second)
	return read() - from, time.Since(began)
}

// everyProcessIn demands that all processes of a node are in a group.
func everyProcessIn(t *testing.T, h *host, dir string) {
	t.Helper()
	in, err := processesIn(dir)
	must(t, err)
	members, err := h.members()
	must(t, err)
	if len(members) < 4 {
		t.Errorf("only %d processes", len(members))
	}
	for _, p := range live(members) {
		if !slices.Contains(in, p.pid) {
			t.Errorf("process %d is not in %s", p.pid, dir)
		}
	}
}

// TestLimit: a busy backend gets the share of a processor that it may have, and what it can get again afterwards. The limits
// hold for a server that is started meanwhile, and nothing is left of them.
func TestLimit(t *testing.T) {
	c := needCgroups(t)
	ctx := t.Context()
	run := fmt.Sprintf("limit-%d", os.Getpid()) // the machine's cgroups are for all
	p := testProvider(t, testBase(t), run)
	h := testServer(t, p, "n1")
	busy := busyBackend(t, h)
	cpu, wall := used(t, busy)
	// A quarter of what it got. The machine can be busy: then that was little.
	least := max(2*leastCPU, int64(cpu)*1_000_000_000/int64(wall)/4)
	to := cluster.Limits{NanoCPUs: least, Memory: 200_000_000}
	must(t, h.SetLimits(ctx, to))
	dirs := map[controller]string{ofCPU: filepath.Join(c.below[ofCPU], groupName(run, "n1")), ofMemory: filepath.Join(c.below[ofMemory], groupName(run, "n1"))}
	for _, dir := range dirs {
		everyProcessIn(t, h, dir)
	}
	openSession(t, h) // forked later
	everyProcessIn(t, h, dirs[ofMemory])
	now, err := h.Limits(ctx)
	must(t, err)
	if off := to.NanoCPUs - now.NanoCPUs; off < 0 || off >= 10_000 || now.Memory != to.Memory/int64(os.Getpagesize())*int64(os.Getpagesize()) {
		t.Errorf("the limits are %+v, want %+v", now, to)
	}
	limited, over := used(t, busy)
	// It may have used the quotas of the periods at both ends, too.
	most := time.Duration(float64(least)/1e9*float64(over+2*period*time.Microsecond)) + 2*tick
	t.Logf("%v of processor time in %v without a limit, %v in %v with %.3f cores, at most %v", cpu, wall, limited, over, float64(least)/1e9, most)
	if limited > most {
		t.Errorf("it used %v of processor time in %v, and may use %v", limited, over, most)
	}

	must(t, h.Kill(ctx))
	must(t, start(ctx, h))
	everyProcessIn(t, h, dirs[ofCPU])
	everyProcessIn(t, h, dirs[ofMemory])

	must(t, h.SetLimits(ctx, cluster.Limits{Memory: to.Memory}))
	everyProcessIn(t, h, dirs[ofMemory])
	if now, err := h.Limits(ctx); err != nil || now.NanoCPUs != 0 || now.Memory == 0 {
		t.Errorf("with a limit of memory alone: %+v, %v", now, err)
	}
	for range 2 { // idempotent
		must(t, h.SetLimits(ctx, cluster.Limits{}))
		for of, dir := range dirs {
			everyProcessIn(t, h, c.own[of])
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", dir, err)
			}
		}
	}
	busy = busyBackend(t, h)
	must(t, until(ctx, func() (bool, error) {
		cpu, wall := used(t, busy)
		return int64(cpu) > 2*least*int64(wall)/1_000_000_000, nil
	}))
	if err := h.SetLimits(ctx, cluster.Limits{NanoCPUs: leastCPU / 2}); err == nil || !strings.Contains(err.Error(), "0.01") {
		t.Errorf("a limit that is too low: %v", err)
	}
	must(t, p.Remove(ctx))
	if _, err := os.Stat(dirs[ofCPU]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left after Remove: %v", err)
	}
}

// TestCleanRemovesLimits: whose pgchaos is gone, by the record alone and by taking back first.
func TestCleanRemovesLimits(t *testing.T) {
	c := needCgroups(t)
	ctx := t.Context()
	for _, first := range []bool{false, true} {
		base, run := testBase(t), fmt.Sprintf("limited-%d", os.Getpid())
		p := testProvider(t, base, run)
		h := testServer(t, p, "n1")
		must(t, h.SetLimits(ctx, cluster.Limits{NanoCPUs: 500_000_000, Memory: 300 << 20}))
		must(t, p.release())
		if first {
			left, err := OpenNodes(ctx, base, run)
			must(t, err)
			back := left.Host("n1").(interface {
				SetLimits(context.Context, cluster.Limits) error
			})
			if err := back.SetLimits(ctx, cluster.Limits{Memory: 1 << 30}); err == nil {
				t.Error("a local node had a limit before")
			}
			must(t, back.SetLimits(ctx, cluster.Limits{}))
			everyProcessIn(t, h, c.own[ofCPU])
			must(t, left.Close())
		}
		must(t, Clean(ctx, base, run))
		for _, below := range c.below {
			if _, err := os.Stat(filepath.Join(below, groupName(run, "n1"))); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("left after clean: %v", err)
			}
		}
	}
}

// TestOnlyGroupsOfTheRunAreRemoved: whatever a record says.
func TestOnlyGroupsOfTheRunAreRemoved(t *testing.T) {
	c := needCgroups(t)
	right := filepath.Join(c.below[ofCPU], "pgchaos-r-n1")
	wrong := []string{
		c.below[ofCPU], filepath.Join(c.below[ofCPU], "pgchaos-other-n1"), c.below[ofCPU] + "/x/../pgchaos-r-n1",
		filepath.Join(t.TempDir(), "pgchaos-r-n1"), "pgchaos-r-n1", "",
	}
	if diff := cmp.Diff([]string{right}, groupsOf("r", nodeRecord{Name: "n1", Groups: append(wrong, right)})); diff != "" {
		t.Error(diff)
	}
	var n nodeRecord
	must(t, json.Unmarshal([]byte(`{"name": "n1"}`), &n)) // of an older pgchaos
	if groupsOf("r", n) != nil {
		t.Error("a record without groups has some")
	}
}

// TestMoveInVersion2: with the kernel's own tree of version 2, which need not have controllers.
func TestMoveInVersion2(t *testing.T) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	must(t, err)
	self, err := os.ReadFile("/proc/self/cgroup")
	must(t, err)
	m := mountOf(string(mounts), "")
	i := strings.Index(string(self), "0::")
	if m.at == "" || i < 0 {
		skip.Test(t, "version 2 of cgroups is not mounted")
	}
	path, _, _ := strings.Cut(string(self)[i+len("0::"):], "\n")
	own := filepath.Join(m.at, path)
	dir := filepath.Join(own, fmt.Sprintf("pgchaos-test-%d", os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		skip.Test(t, "no cgroup can be made here: %v", err)
	}
	cmd := exec.Command("sh", "-c", "sleep 60 & wait")
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = dissolve(context.WithoutCancel(t.Context()), dir, own)
		all, _ := processes(nil)
		id, _ := identityOf(cmd.Process.Pid)
		_ = signalAll(family{roots: []identity{id}}.of(all), 9)
		_ = cmd.Wait()
	})
	id, _ := identityOf(cmd.Process.Pid)
	must(t, enter(t.Context(), dir, id))
	if in, err := processesIn(dir); err != nil || !slices.Contains(in, cmd.Process.Pid) {
		t.Errorf("in the group are %v, %v", in, err)
	}
	must(t, dissolve(t.Context(), dir, own))
	must(t, dissolve(t.Context(), dir, own)) // idempotent
	if in, err := processesIn(own); err != nil || !slices.Contains(in, cmd.Process.Pid) {
		t.Errorf("in pgchaos's own group are %v, %v", in, err)
	}
}
