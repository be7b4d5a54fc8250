package local

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/cluster"
)

func TestRun(t *testing.T) {
	ctx := t.Context()
	t.Setenv("PGDATABASE", "leaked")
	p := testProvider(t, testBase(t), "run")
	made, err := p.Host(ctx, "n1")
	must(t, err)
	h := made.(*host)
	if entries, err := os.ReadDir(h.Dir()); len(entries) != 0 || err != nil {
		t.Errorf("the new directory holds %v, %v", entries, err)
	}

	out, err := h.Run(ctx, cluster.Command{
		Argv: []string{"sh", "-c", `cat; echo "$EXTRA,$HOME,$PGDATABASE"; pwd >&2; id -u >&2`},
		Env:  []string{"EXTRA=more"}, Stdin: strings.NewReader("in "),
	})
	must(t, err)
	if want := "in more," + h.Dir() + ",\n"; out.Stdout != want {
		t.Errorf("wrote %q, want %q", out.Stdout, want)
	}
	uid := os.Geteuid()
	if own := p.owner; own != nil {
		uid = own.uid
	}
	if want := h.Dir() + "\n" + strconv.Itoa(uid) + "\n"; out.Stderr != want {
		t.Errorf("complained %q, want %q", out.Stderr, want)
	}

	out, err = h.Run(ctx, cluster.Command{Argv: []string{"sh", "-c", "echo some; for i in $(seq 1000); do echo complaint $i >&2; done; exit 3"}})
	var exit *cluster.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("got %v", err)
	}
	if exit.Status != "exit status 3" || exit.Argv[0] != "sh" || out.Stdout != "some\n" {
		t.Errorf("got %+v, %q", exit, out.Stdout)
	}
	if len(exit.Stderr) > 2048 || !strings.HasPrefix(exit.Stderr, "complaint ") || !strings.HasSuffix(exit.Stderr, "complaint 1000") {
		t.Errorf("the error keeps %d bytes: %q", len(exit.Stderr), exit.Stderr)
	}

	if _, err := h.Run(ctx, cluster.Command{Argv: []string{"/missing/program"}}); err == nil || errors.As(err, &exit) && exit == nil {
		t.Errorf("a missing program: %v", err)
	}
	if _, err := h.Run(ctx, cluster.Command{}); err == nil {
		t.Error("no command, no error")
	}
}

// TestACommandThatLeavesAProcess has succeeded, whether that holds its output or not.
func TestACommandThatLeavesAProcess(t *testing.T) {
	p := testProvider(t, testBase(t), "left")
	made, err := p.Host(t.Context(), "n1")
	must(t, err)
	h := made.(*host)
	for command, held := range map[string]bool{"echo left; sleep 600 & echo $!": true, "echo left; sleep 600 >/dev/null 2>&1 & echo $!": false} {
		out, err := h.Run(t.Context(), cluster.Command{Argv: []string{"sh", "-c", command}})
		text, left, _ := strings.Cut(out.Stdout, "\n")
		if err != nil || out.Held != held || text != "left" {
			t.Errorf("%s: %+v, %v", command, out, err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(left))
		must(t, err)
		if _, there := identityOf(pid); !there {
			t.Errorf("%s: the process in the background has ended", command)
		}
		must(t, syscall.Kill(pid, syscall.SIGKILL))
	}
}

// TestRunEndsWithContext runs what shuns its parent in both ways: a session of
// its own, and a parent that is gone.
func TestRunEndsWithContext(t *testing.T) {
	p := testProvider(t, testBase(t), "cancel")
	made, err := p.Host(t.Context(), "n1")
	must(t, err)
	h := made.(*host)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan time.Time, 1)
	go func() {
		defer func() {
			ended <- time.Now()
			cancel()
		}()
		err := until(ctx, func() (bool, error) { // all are there
			all, err := processes(p.owner)
			return len(live(family{dir: h.Dir(), uid: h.provider.owner.serverUID()}.of(all))) >= 4, err
		})
		if err != nil {
			t.Error(err)
		}
	}()
	_, err = h.Run(ctx, cluster.Command{Argv: []string{"sh", "-c", "(sleep 600 &); setsid -w sleep 601 & sleep 602"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(<-ended); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	if running, err := h.Running(t.Context()); running || err != nil {
		t.Errorf("left running: %v, %v", running, err)
	}
	if _, err := h.Run(ctx, cluster.Command{Argv: []string{"true"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	noGoroutines(t)
}
