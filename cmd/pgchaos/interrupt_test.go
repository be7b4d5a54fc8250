package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgchaos/internal/longtest"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/verdict"
)

// long is a run that somebody has to end.
const long = `
name: long
cluster: {nodes: [a]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {wait: 60s}
expect: [lost_writes == 0]
`

// inGroup has a command begin a process group, as a shell does: a terminal's signals go
// to all of it.
func inGroup(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// throughShell has a shell do something first, and then become the command.
func throughShell(of *exec.Cmd, first string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", append([]string{"-c", first + `; exec "$0" "$@"`}, of.Args...)...)
	cmd.Env, cmd.Dir = of.Env, of.Dir
	return cmd
}

func signalGroup(t *testing.T, cmd *exec.Cmd, s syscall.Signal) {
	t.Helper()
	must(t, syscall.Kill(-cmd.Process.Pid, s))
}

// awaitAcknowledged waits until the load's writes are answered.
func (p *place) awaitAcknowledged() {
	p.t.Helper()
	p.await("acknowledged writes", func() bool {
		b, err := ledger.Open(filepath.Join(p.out, runner.LedgerFile))
		if err != nil {
			return false
		}
		defer func() { _ = b.Close() }() // it was only read
		return slices.ContainsFunc(b.Writers(), func(a ledger.Account) bool { return a.Acknowledged() > 0 })
	})
}

// TestEverySignalEndsARunAndAuditsIt sends each signal to pgchaos and all that is in its
// process group: servers and tools must not be in it.
func TestEverySignalEndsARunAndAuditsIt(t *testing.T) {
	t.Parallel()
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} // of a terminal, and of service managers
	if longtest.Enabled {
		signals = append(signals, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGABRT)
	}
	for _, s := range signals {
		t.Run(s.String(), func(t *testing.T) {
			p := newPlace(t)
			if s == syscall.SIGINT { // all signals end a run in the same way
				p.detectRaces()
			}
			cmd := inGroup(p.command("run", p.write("long.yaml", long), "--out", p.out))
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			must(t, cmd.Start())
			p.awaitAcknowledged()
			signalGroup(t, cmd, s)
			_ = cmd.Wait() // the exit code says it
			r := p.result()
			if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !r.Interrupted || r.Verdict != verdict.Inconclusive {
				t.Errorf("exit code %d, interrupted %v, verdict %s\n%s", code, r.Interrupted, r.Verdict, stderr.String())
			}
			if a := r.Audits; r.Stage != report.StageChecked || len(a) != 1 || !a[0].Complete || a[0].Acknowledged == 0 || a[0].Lost.N != 0 {
				t.Errorf("stage %s, audits %+v", r.Stage, a)
			}
			if len(r.Workloads) != 1 || r.Workloads[0].Total.Samples == 0 {
				t.Errorf("the samples of the load are not in the result: %+v", r.Workloads)
			}
			if !strings.Contains(stdout.String(), "the run was interrupted") || !strings.Contains(stderr.String(), "a second interrupt ends at once") {
				t.Errorf("%s\n%s", stdout.String(), stderr.String())
			}
			p.nothingLeft()
		})
	}
}

// TestInterruptShowsLosses interrupts a run after a failover that lost writes.
func TestInterruptShowsLosses(t *testing.T) {
	p := newPlace(t)
	cmd := p.command("run", p.write("loss.yaml", `
name: loss
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 500ms, configure: {node: b, settings: {primary_conninfo: ""}}}
  - {wait: 1s}
  - {kill: a}
  - {promote: b}
  - {name: rest, wait: 60s}
`), "--out", p.out)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	must(t, cmd.Start())
	p.await("the promotion", func() bool {
		j, err := runner.ReadJournal(p.out)
		return err == nil && len(j.Events) == 5
	})
	must(t, cmd.Process.Signal(syscall.SIGINT))
	_ = cmd.Wait() // the exit code says it
	r := p.result()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || len(r.Audits) != 1 || r.Audits[0].Lost.N == 0 || r.Verdict != verdict.Fail {
		t.Errorf("exit code %d, %+v, verdict %s", code, r.Audits, r.Verdict)
	}
	if !strings.Contains(stdout.String(), "lost") || !strings.Contains(stdout.String(), "FAIL") {
		t.Errorf("%s", stdout.String())
	}
	p.nothingLeft()
}

// TestASecondInterruptLeavesTheCluster: it ends at once, and what stays is named, with the command that removes it. A fault that is in force and
// would take long to be taken back does not keep it.
func TestASecondInterruptLeavesTheCluster(t *testing.T) {
	t.Parallel()
	for name, timeline := range map[string]string{
		"in the load":            "",
		"while a node is frozen": "  - {when: acknowledged of writes >= 1, within: 2m, pause: a}\n",
	} {
		if timeline == "" && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := newPlace(t).detectRaces()
			cmd := p.command("run", p.write("long.yaml", strings.Replace(long, "timeline:\n", "timeline:\n"+timeline, 1)), "--out", p.out)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			must(t, cmd.Start())
			p.awaitAcknowledged()
			p.await("the steps", func() bool {
				j, err := runner.ReadJournal(p.out)
				return err == nil && len(j.Events) == strings.Count(timeline, "\n")+1 // with the wait
			})
			for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
				must(t, cmd.Process.Signal(s)) // the kernel would join equal ones
			}
			_ = cmd.Wait() // the exit code says it
			r := p.result()
			want := []string{"the cluster (a), as a second interrupt asked for", "pgchaos clean " + r.Run + "' to remove it"}
			if timeline != "" {
				want = append(want, "to be done: resume a")
			}
			for _, text := range want {
				if !strings.Contains(stderr.String(), text) {
					t.Errorf("it does not say %q:\n%s", text, stderr.String())
				}
			}
			if code := cmd.ProcessState.ExitCode(); code != exitLeftBehind || len(r.Audits) != 0 || !r.Interrupted {
				t.Errorf("exit code %d, audits %+v, interrupted %v\n%s", code, r.Audits, r.Interrupted, stderr.String())
			}
			if code, out, errs := p.run("clean", r.Run); code != 0 {
				t.Errorf("clean: exit %d, %s%s", code, out, errs)
			}
			p.nothingLeft()
		})
	}
}

// TestTheExitCodeOfAnInterruptedRun: what is left behind comes first, then the interrupt, also one that came when the
// verdict was known already.
func TestTheExitCodeOfAnInterruptedRun(t *testing.T) {
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		result report.Result
		err    error
		want   int
	}{
		{"not interrupted", t.Context(), report.Result{Verdict: verdict.Pass}, nil, exitPass},
		{"in the load", over, report.Result{Verdict: verdict.Inconclusive, Interrupted: true}, nil, exitInterrupted},
		{"in the removal", over, report.Result{Verdict: verdict.Pass}, nil, exitInterrupted},
		{"in the removal, of a run that failed", over, report.Result{Verdict: verdict.Fail}, nil, exitInterrupted},
		{"while the cluster was built", over, report.Result{Interrupted: true}, context.Canceled, exitInterrupted},
		{"and something is left", over, report.Result{Verdict: verdict.Pass}, runner.ErrLeftBehind, exitLeftBehind},
	} {
		if got := exitCode((&runFlags{}).finish(tt.ctx, &tt.result, tt.err, nil, io.Discard)); got != tt.want {
			t.Errorf("%s: exit code %d, want %d", tt.name, got, tt.want)
		}
	}
	full := &os.PathError{Op: "write", Path: "a.csv", Err: syscall.ENOSPC}
	err := (&runFlags{}).finish(over, &report.Result{Interrupted: true}, context.Canceled, full, io.Discard)
	if exitCode(err) != exitInterrupted || !strings.Contains(err.Error(), "write a.csv: no space left on device") {
		t.Errorf("a file that could not be written: exit code %d, %v", exitCode(err), err)
	}
}

// TestIgnoredSignalsStayIgnored starts a run as nohup does, and as a script's `&` does.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	p := newPlace(t)
	file := p.write("short.yaml", strings.Replace(long, "60s", "3s", 1))
	of := p.command("run", file, "--out", p.out)
	cmd := throughShell(of, `trap "" HUP INT QUIT`)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	must(t, inGroup(cmd).Start())
	p.awaitAcknowledged()
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT} {
		signalGroup(t, cmd, s)
	}
	err := cmd.Wait()
	if r := p.result(); err != nil || r.Interrupted || r.Verdict != verdict.Pass {
		t.Errorf("%v, interrupted %v, verdict %s\n%s%s", err, r.Interrupted, r.Verdict, stdout.String(), stderr.String())
	}
	p.nothingLeft()
}

// TestACrashIsNoUsageError has Go's runtime end pgchaos, as a bug would.
func TestACrashIsNoUsageError(t *testing.T) {
	p := newPlace(t)
	cmd := throughShell(p.command("run", p.write("long.yaml", long), "--out", p.out), "ulimit -c 0") // no core file
	cmd.Env = append(cmd.Env, "GOTRACEBACK=none")
	must(t, cmd.Start())
	p.awaitAcknowledged()
	must(t, cmd.Process.Signal(syscall.SIGTRAP))
	_ = cmd.Wait() // the state says it
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGABRT {
		t.Errorf("it ended with %s", cmd.ProcessState)
	}
	if code, out, errs := p.run("audit", p.out); code != exitInconclusive || !p.result().Audits[0].Complete {
		t.Errorf("audit: exit code %d\n%s%s", code, out, errs)
	}
	if code, out, errs := p.run("clean", "--provider", "local"); code != 0 {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingLeft()
}
