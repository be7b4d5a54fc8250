package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"pgchaos/internal/serverdir"
	"pgchaos/record"
)

func TestStartSignalAndLog(t *testing.T) {
	ctx := t.Context()
	base := testBase(t)
	p := testProvider(t, base, "signal")
	h, err := newServer(ctx, p, "n1")
	must(t, err)
	if h.Life() != nil {
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

	stopAndStartAgain(t, h, log)
	must(t, p.Remove(ctx))
	noGoroutines(t)
}

// stopAndStartAgain looks at the log that the first life has written so far.
func stopAndStartAgain(t *testing.T, h *host, log []byte) {
	t.Helper()
	ctx := t.Context()
	must(t, h.Signal(ctx, syscall.SIGINT)) // a fast shutdown
	<-h.Life().Ended()
	if exitStatus(h) != "exit status 0" {
		t.Errorf("ended with %s", exitStatus(h))
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
	if exitStatus(h) != "" {
		t.Errorf("running again, and ended with %s", exitStatus(h))
	}
	if again, err := h.Log(ctx, 0); !bytes.HasPrefix(again, log) || err != nil {
		t.Errorf("the second start took the log of the first away, %v: %s", err, again)
	}
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
	if exitStatus(h) != "signal: killed" {
		t.Errorf("ended with %q", exitStatus(h))
	}
	if running, err := h.Running(ctx); running || err != nil {
		t.Errorf("running: %v, %v", running, err)
	}
	t.Logf("%d processes killed in %v", len(before), took)
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
	<-h.Life().Ended()
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
	case <-h.Life().Ended():
		t.Error("a frozen server shut down")
	case <-time.After(100 * time.Millisecond):
	}
	must(t, h.Thaw(ctx))
	<-h.Life().Ended()
	if exitStatus(h) != "exit status 0" {
		t.Errorf("after the thaw it ended with %s", exitStatus(h))
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
	p := testProvider(t, baseIn(t, serverdir.OnDisk), "usage")
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
	var second record.ResourceSample
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
	usageOverAnotherLife(t, h, second)
}

func usageOverAnotherLife(t *testing.T, h *host, second record.ResourceSample) {
	t.Helper()
	ctx := t.Context()
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
