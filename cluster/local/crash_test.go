package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/runlock"
	"pgchaos/internal/skip"
)

// crashBase tells a test binary to be the pgchaos that will be killed.
const crashBase = "PGCHAOS_TEST_CRASH_BASE"

func TestMain(m *testing.M) {
	if base := os.Getenv(crashBase); base != "" {
		fmt.Println(beforeCrash(base))
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

// beforeCrash runs one server and freezes another.
func beforeCrash(base string) error {
	ctx := context.Background()
	p, err := New(ctx, Options{Base: base, Run: "crash", Experiment: "doomed"})
	if err != nil {
		return err
	}
	for _, name := range []string{"n1", "n2"} {
		h, err := newServer(ctx, p, name)
		if err != nil {
			return err
		}
		if err := start(ctx, h); err != nil {
			return err
		}
		if name == "n2" {
			return h.Freeze(ctx)
		}
	}
	return nil
}

func TestCleanAfterCrash(t *testing.T) {
	needPostgres(t)
	ctx := t.Context()
	base := testBase(t)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashBase+"="+base)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	defer func() { _ = child.Process.Kill() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != "<nil>" {
		t.Fatalf("the child: %s, %v", line, err)
	}
	dir, err := resolveBase(base)
	must(t, err)
	before := states(t, dir)

	runs, err := List(base)
	must(t, err)
	if len(runs) != 1 || !runs[0].Alive || runs[0].Kept || runs[0].Processes != len(before) || runs[0].Experiment != "doomed" ||
		len(runs[0].Nodes) != 2 || time.Since(runs[0].Started) > time.Minute {
		t.Errorf("while it lives: %+v", runs)
	}
	if err := Clean(ctx, base, "crash"); !errors.Is(err, runlock.ErrHeld) {
		t.Errorf("clean of a living run: %v", err)
	}
	if left := serving(t, before); len(left) != len(before) {
		t.Errorf("the refused clean ended some: %d of %d are left", len(left), len(before))
	}

	must(t, child.Process.Kill())
	_ = child.Wait() // it was killed
	if left := serving(t, before); len(left) != len(before) {
		t.Errorf("the servers ended with their pgchaos: %d of %d are left", len(left), len(before))
	}
	for pid, state := range states(t, dir+"/crash/nodes/n2") {
		if state != "T" {
			t.Errorf("process %d of the frozen node woke up: %s", pid, state)
		}
	}
	runs, err = List(base)
	must(t, err)
	if len(runs) != 1 || runs[0].Alive || runs[0].Processes != len(before) {
		t.Errorf("after its crash: %+v, want %d processes", runs, len(before))
	}
	must(t, Clean(ctx, base, "crash"))
	if left := serving(t, before); left != nil {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left", base)
	}
}

func TestRemove(t *testing.T) {
	base := testBase(t)
	p := testProvider(t, base, "one")
	other := testProvider(t, base, "two")
	h := testServer(t, p, "n1")
	second := testServer(t, other, "n1")
	if h.address == second.address || h.address.Port >= 32768 {
		t.Errorf("addresses %v and %v", h.address, second.address)
	}
	openSession(t, h)
	before := states(t, p.dir)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Remove(ended); err == nil || !strings.Contains(err.Error(), p.dir) {
		t.Errorf("with an ended context: %v", err)
	}
	must(t, p.Remove(context.WithoutCancel(ended)))
	must(t, p.Remove(t.Context()))
	if left := serving(t, before); left != nil {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(p.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left", p.dir)
	}
	if _, err := query(t.Context(), second, "select 1"); err != nil {
		t.Errorf("the other run: %v", err)
	}
	if _, err := p.Host(t.Context(), "late"); err == nil {
		t.Error("a node for a removed run")
	}
	if err := p.Keep(); err == nil {
		t.Error("a removed run was kept")
	}
	must(t, other.Remove(t.Context()))
	if _, err := os.Stat(base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left", base)
	}
	noGoroutines(t)
}

func TestKeep(t *testing.T) {
	ctx := t.Context()
	base := testBase(t)
	p := testProvider(t, base, "kept")
	h := testServer(t, p, "n1")
	must(t, p.Keep())
	runs, err := List(base)
	must(t, err)
	if len(runs) != 1 || runs[0].Alive || !runs[0].Kept || runs[0].Processes == 0 || runs[0].Nodes[0].Address != h.address {
		t.Errorf("got %+v", runs)
	}
	if _, err := query(ctx, h, "select 1"); err != nil {
		t.Error(err)
	}
	must(t, Clean(ctx, base, "kept"))
	<-h.Life().Ended()
	must(t, p.Remove(ctx)) // nothing is left to remove, no error
}

func TestNewRefusesAndLeavesNothing(t *testing.T) {
	ctx := t.Context()
	base := testBase(t)
	needPostgres(t)
	for _, o := range []Options{
		{Run: ""}, {Run: "../run"}, {Run: "-run"}, {Run: "a/b"}, {Run: ".run"},
		{Run: "run", BinDir: "/missing"}, {Run: "run", Major: 99}, {Run: "run", Base: base + "/missing/base"},
	} {
		if o.Base == "" {
			o.Base = base
		}
		if p, err := New(ctx, o); err == nil {
			t.Errorf("%+v is accepted", o)
			must(t, p.Remove(ctx))
		}
		if _, err := os.Stat(base); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%+v leaves %s", o, base)
		}
	}
	p := testProvider(t, base, "run")
	if _, err := New(ctx, Options{Base: base, Run: "run"}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the same run again: %v", err)
	}
	if _, err := os.Stat(p.dir + "/" + recordFile); err != nil {
		t.Errorf("the refused run hurt the first: %v", err)
	}
	_, err := p.Host(ctx, "n1")
	must(t, err)
	for _, name := range []string{"n1", "", "..", "a/b", "-n"} {
		if _, err := p.Host(ctx, name); err == nil {
			t.Errorf("node %q is accepted", name)
		}
	}
}

// TestServerUserCannotEnter is a base below a directory like root's home.
func TestServerUserCannotEnter(t *testing.T) {
	needPostgres(t)
	if os.Geteuid() != 0 {
		skip.Test(t, "only root runs its servers as somebody else")
	}
	closed := t.TempDir()
	must(t, os.Chmod(closed, 0o700))
	base := closed + "/base"
	if p, err := New(t.Context(), Options{Base: base, Run: "run"}); err == nil {
		t.Error("accepted")
		must(t, p.Remove(context.Background()))
	} else if !strings.Contains(err.Error(), cluster.BaseVariable) {
		t.Errorf("the error does not help: %v", err)
	}
	if _, err := os.Stat(base); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left", base)
	}
}
