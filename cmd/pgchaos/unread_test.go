package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/plaincluster"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/report/junit"
	"pgchaos/report/summary"
	"pgchaos/verdict"
)

// managedFile is an experiment on a managed service: nothing leads to the standby, and no command runs anywhere.
const managedFile = `
name: managed
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "%s"}
      n2: {unread: true}
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
  reads: {kind: read, clients: 1, rate: 20/s}
timeline:
  - {name: ended, at: 300ms, terminate_backends: n1}
  - {wait: 700ms}
expect:
  - nodes_equal
  - write_rto < 60s
`

// TestManagedService: a run that reads one of two nodes breaks what SQL can break, says that it has not read the other one, and
// does not pass where that node would be needed.
func TestManagedService(t *testing.T) {
	m := meet(t)
	m.mark()
	file := m.write("managed.yaml", fmt.Sprintf(managedFile, m.DSN("n1", plaincluster.Database, "")))
	code, stdout, stderr := m.run("run", file, "--out", m.out)
	if code != exitInconclusive || !strings.Contains(strings.Join(strings.Fields(stdout), " "), "on n1 (the primary); 1 of 2 nodes read") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := m.result()
	for i, want := range []verdict.Verdict{verdict.Inconclusive, verdict.Pass} {
		if e := r.Expectations[i]; e.Verdict != want {
			t.Errorf("%s is %s: %s, want %s", e.Text, e.Verdict, e.Why, want)
		}
	}
	a := r.Audits[0]
	if a.Acknowledged < 10 || a.Lost.N > 0 || a.Complete || len(a.Nodes) != 2 {
		t.Errorf("%d acknowledged, %d lost, complete: %v, %d nodes", a.Acknowledged, a.Lost.N, a.Complete, len(a.Nodes))
	}
	if r.Workloads[0].Total.Unknown+r.Workloads[0].Total.Failed == 0 {
		t.Error("no write noticed that its session ended")
	}
	m.saysWhatWasRead(r)
	m.saysWhomTheFileDoesNotName(file)
	m.demandsWhatNobodyReads(file)
	m.unchanged()
}

// demandsWhatNobodyReads: commits can be demanded to wait for a standby that nobody reads and that stands first in the file, and it is seen
// when they no longer do.
func (m *met) demandsWhatNobodyReads(file string) {
	m.t.Helper()
	standbys := func(names string) {
		m.SQL(m.t, "n1", "postgres", "alter system set synchronous_standby_names = '"+names+"'")
		m.SQL(m.t, "n1", "postgres", "select pg_reload_conf()")
	}
	standbys("1 (n2)")
	demand := []string{file, "--set", "cluster.existing.nodes={a: {unread: true, standby: n2}, n1: {dsn: '" + m.DSN("n1", plaincluster.Database, "") + "'}}", "--set", "cluster.synchronous={standbys: 1 (a)}",
		"--set", "load.reads.target=primary", "--set", "expect=[]", "--set", "timeline=[{wait: 60s}]"}
	if code, text := m.doctored(demand...); code != exitPass || strings.Contains(text, "does not name") || !strings.Contains(text, `its synchronous_standby_names is "1 (n2)", and the file demands "1 (a)"`) {
		m.t.Errorf("exit code %d\n%s", code, text)
	}
	out := m.out + "-demand"
	cmd, _, says := m.begun("demand.log", append([]string{"run", "--out", out, "-v"}, demand...)...)
	m.await("the load", says("running load and timeline"))
	standbys("")
	m.await("the weakening", says("weakened-n1"))
	must(m.t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait() // it was interrupted
	r, err := report.Read(out)
	must(m.t, err)
	if weakened := eventNamed(m.t, r, func(e record.Event) bool { return e.Action == "weakened" }); weakened.Weakening.Was.Standbys != "FIRST 1 (a)" {
		m.t.Errorf("%+v", weakened.Weakening)
	}
	m.SQL(m.t, "n1", "postgres", "alter system reset synchronous_standby_names")
}

// saysWhomTheFileDoesNotName: doctor and the report speak of a standby that streams and is in no file, and not of a node that the file names
// without a dsn.
func (m *met) saysWhomTheFileDoesNotName(file string) {
	m.t.Helper()
	const found = "1 standby stream"
	if code, text := m.doctored(file); code != exitPass || strings.Contains(text, found) {
		m.t.Errorf("exit code %d\n%s", code, text)
	}
	alone := []string{file, "--set", "cluster.existing.nodes={n1: {dsn: '" + m.DSN("n1", plaincluster.Database, "") + "'}}", "--set", "expect=[]", "--set", "load.reads.target=primary"}
	const finding = "unknown  1 standby streams from n1 that the file does not name: n2 (127.0.0.1); name it among the nodes: a run reads these alone\n"
	if code, text := m.doctored(alone...); code != exitInconclusive || !strings.Contains(text, finding) || strings.Contains(text, "all other nodes stream") {
		m.t.Errorf("exit code %d\n%s", code, text)
	}
	out := m.out + "-alone"
	code, text, errs := m.run(append([]string{"run", "--out", out}, alone...)...)
	if shown := strings.Join(strings.Fields(text), " "); code != exitPass || !strings.Contains(shown, "warning "+found+"ed from n1 before the load that the file does not name: n2 (127.0.0.1). It was not read") {
		m.t.Errorf("exit code %d\n%s%s", code, text, errs)
	}
	r, err := report.Read(out)
	if must(m.t, err); len(r.Cluster.Warnings) != 1 {
		m.t.Fatalf("warnings: %q", r.Cluster.Warnings)
	}
	equal, err := expect.Parse("nodes_equal")
	must(m.t, err)
	if got := expect.Judge(equal, r); got.Verdict != verdict.Inconclusive || !strings.Contains(got.Why, "1 standby that the file does not name was not read: n2 (127.0.0.1)") {
		m.t.Errorf("nodes_equal: %+v", got)
	}
	cases := junit.Of(r).Cases
	if last := cases[len(cases)-1]; !strings.Contains(last.Output, "warning: "+r.Cluster.Warnings[0]) {
		m.t.Errorf("junit: %s", last.Output)
	}
}

// saysWhatWasRead looks for it in the other ways to show a result.
func (m *met) saysWhatWasRead(r *report.Result) {
	m.t.Helper()
	if s := summary.Of(r); s.Tables[0].NodesRead != "1 of 2 nodes read" {
		m.t.Errorf("summary: %q", s.Tables[0].NodesRead)
	}
	cases := junit.Of(r).Cases
	if whole := cases[len(cases)-1]; len(whole.Errors) == 0 || !strings.Contains(whole.Output, "1 of 2 nodes read") {
		m.t.Errorf("junit: %+v", whole)
	}
	for _, format := range []string{"md", "html"} {
		out := filepath.Join(filepath.Dir(m.out), "report."+format)
		if code, _, errs := m.run("report", m.out, "--format", format, "--output", out); code != exitPass && code != exitInconclusive {
			m.t.Errorf("%s: exit code %d: %s", format, code, errs)
		}
		text, err := os.ReadFile(out)
		if must(m.t, err); !strings.Contains(string(text), "1 of 2 nodes read") {
			m.t.Errorf("%s does not say how many nodes were read", format)
		}
	}
}

// TestBoundsOfARun: a run on somebody's cluster that passes a bound stops, takes its faults back, and is inconclusive; also while
// it makes its tables.
func TestBoundsOfARun(t *testing.T) {
	m := meet(t)
	m.mark()
	stops := func(name, why string, args ...string) {
		t.Helper()
		out, begun := m.out+"-"+name, time.Now()
		defer func() { t.Logf("%s: %.1f s", name, time.Since(begun).Seconds()) }()
		code, stdout, stderr := m.run(append([]string{"run", m.file, "--out", out}, args...)...)
		if code != exitInconclusive || !strings.Contains(strings.Join(strings.Fields(stdout), " "), why) {
			t.Errorf("%s: exit code %d, want %q\n%s\n%s", name, code, why, stdout, stderr)
		}
		m.unchanged()
	}
	waits := []string{"--set", "timeline=[{wait: 60s}]"}
	stops("setup", "of WAL since its beginning, and max_wal is 1MB", append(waits, "--set", "cluster.existing.max_wal=1MB",
		"--set", "load.setup=create table filled as select generate_series(1, 50000000) as id;")...)
	stops("tpcb", "of WAL since its beginning, and max_wal is 1MB", append(waits, "--set", "cluster.existing.max_wal=1MB",
		"--set", "load.writes={kind: tpcb, scale: 20, clients: 1, rate: 10/s}")...)
	m.goesOnForLag()
	m.stopsForLag(append(waits, "--set", "cluster.existing.max_lag=10kB"))
	// A df that finds less space from the third question on: doctor asks once for each node.
	must(t, os.WriteFile(filepath.Join(m.Dir, "df"), []byte(`#!/bin/sh
echo x >>`+m.Dir+`/asked.$NODE
echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
if [ "$(wc -l <`+m.Dir+`/asked.$NODE)" -gt 2 ]; then echo "/dev/x 9000000 8999000 1000 99% /"; else echo "/dev/x 9000000 1000 8999000 1% /"; fi
`), 0o755))
	must(t, os.Chmod(m.Dir, 0o777))
	stops("disk", "is free on the disk of", append(waits, "--set", "cluster.existing.exec=env NODE={host} PATH="+m.Dir+":/usr/bin:/bin {command}")...)
	if code, _, errs := m.run("run", m.file, "--set", "cluster.existing.min_free=60000GB"); code != exitUsage || !strings.Contains(errs, "and min_free is 60000 GB; free some of it, or write a smaller min_free") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// begun begins a command that writes into a log. What it has said is the text so far, and says gives conditions on that.
func (m *met) begun(log string, args ...string) (cmd *exec.Cmd, said func() string, says func(what string) func() bool) {
	m.t.Helper()
	f, err := os.Create(filepath.Join(filepath.Dir(m.out), log))
	must(m.t, err)
	cmd = m.command(args...)
	cmd.Stdout, cmd.Stderr = f, f
	must(m.t, cmd.Start())
	must(m.t, f.Close()) // the command has its own
	said = func() string {
		text, _ := os.ReadFile(f.Name()) // none yet
		return string(text)
	}
	return cmd, said, func(what string) func() bool {
		return func() bool { return strings.Contains(said(), what) }
	}
}

// goesOnForLag: the lag that a fault of the run makes is what the run is for.
func (m *met) goesOnForLag() {
	m.t.Helper()
	m.SQL(m.t, "n1", plaincluster.Database, "grant execute on function pg_wal_replay_pause(), pg_wal_replay_resume() to "+plaincluster.Role)
	cmd, said, says := m.begun("paused.log", "run", m.file, "--out", m.out+"-paused", "--set", "cluster.existing.max_lag=5MB", "--set", "timeline=[{at: 300ms, pause_replay: n2}, {wait: 2s}]")
	m.await("the fault", func() bool {
		return m.Get(m.t, "n2", "postgres", "select pg_is_wal_replay_paused()::text") == "true"
	})
	m.SQL(m.t, "n1", "postgres", "select count(pg_logical_emit_message(false, 'lag', repeat('x', 1000000))) from generate_series(1, 20)")
	_ = cmd.Wait() // its exit code says how it ended
	if cmd.ProcessState.ExitCode() != exitPass || says("the run was stopped")() {
		m.t.Errorf("exit code %d\n%s", cmd.ProcessState.ExitCode(), said())
	}
	m.unchanged()
}

// stopsForLag stops the replay on n2 during a run, by nothing that the run knows of, until it has stopped for that.
func (m *met) stopsForLag(args []string) {
	m.t.Helper()
	cmd, said, says := m.begun("lag.log", append([]string{"run", m.file, "--out", m.out + "-lag", "-v"}, args...)...)
	m.await("the load", says("running load and timeline"))
	m.SQL(m.t, "n2", "postgres", "select pg_wal_replay_pause()")
	m.await("the end of the load", says("the run was stopped: n2 is "))
	m.SQL(m.t, "n2", "postgres", "select pg_wal_replay_resume()")
	_ = cmd.Wait() // its exit code says how it ended
	if cmd.ProcessState.ExitCode() != exitInconclusive || !says("while no fault is in force, and max_lag is 10kB")() {
		m.t.Errorf("exit code %d\n%s", cmd.ProcessState.ExitCode(), said())
	}
	m.unchanged()
}

// TestHooksNameTheirNode: {host} and {node} in the commands of hooks stand for the node, and undo.sh has the undos of hooks and of
// exec steps.
func TestHooksNameTheirNode(t *testing.T) {
	m := meet(t)
	m.mark()
	file := strings.Replace(fmt.Sprintf(existingFile, m.DSN("n1", plaincluster.Database, ""), m.DSN("n2", plaincluster.Database, "")+`", host: "db2`, m.Dir), "      kill:",
		`      touch: {do: "touch `+m.Dir+`/{host}-{node}", undo: "rm -f `+m.Dir+`/{host}-{node}", proof: "test -e `+m.Dir+`/{host}-{node}"}
      kill:`, 1)
	must(t, os.Chmod(m.Dir, 0o777))
	before, _, _ := strings.Cut(file, "timeline:")
	path := m.write("named.yaml", before+`timeline:
  - {name: touched, touch: n2, for: 200ms}
  - {name: run, exec: {node: n2, command: "echo $PGCHAOS_NODE >`+m.Dir+`/x", undo: "mv `+m.Dir+`/x `+m.Dir+`/'{host} y'"}}
`)
	if code, out, errs := m.run("plan", path); code != exitPass || !strings.Contains(out, "env NODE=db2 rm -f "+m.Dir+"/db2-n2") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if code, out, errs := m.run("run", path, "--out", m.out); code != exitPass {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(m.Dir, "db2-n2")); err == nil {
		t.Error("the hook's undo did not name the file that do made")
	}
	must(t, os.Rename(filepath.Join(m.Dir, "{host} y"), filepath.Join(m.Dir, "x"))) // what the exec's undo has made
	must(t, os.WriteFile(filepath.Join(m.Dir, "db2-n2"), nil, 0o600))
	script := filepath.Join(m.out, "undo.sh")
	if out, err := exec.CommandContext(t.Context(), script).CombinedOutput(); err != nil {
		text, _ := os.ReadFile(script)
		t.Errorf("%v: %s\n%s", err, out, text)
	}
	if left, _ := filepath.Glob(filepath.Join(m.Dir, "db2-n2")); len(left) > 0 {
		t.Error("undo.sh did not take the hook back")
	}
	if _, err := os.Stat(filepath.Join(m.Dir, "{host} y")); err != nil {
		t.Error("undo.sh did not take the exec step back")
	}
	if code, _, errs := m.run("validate", path, "--set", "cluster.existing.nodes.n2.host=a;b"); code != exitUsage || !strings.Contains(errs, "a shell would not take that as it stands") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	m.unchanged()
}
