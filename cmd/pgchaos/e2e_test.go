package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/cluster/local"
	"pgchaos/internal/atonce"
	"pgchaos/internal/fsyncstub"
	"pgchaos/internal/race"
	"pgchaos/internal/serverdir"
	"pgchaos/internal/sharedmem"
	"pgchaos/internal/skip"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/verdict"
)

// The tests in this file run the built binary on a real cluster, and look at what
// it did from outside: psql, the process table, the file system.

// binary is pgchaos, built once for all tests. detecting is the same with the race detector; without one it is binary.
var binary, detecting string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

// parallelTests is how many of the tests with a place run at once. They wait for much of their time.
const parallelTests = 3

// certain are the expectations of quorum-kill that hold however busy the machine is.
const certain = "expect=[lost_writes == 0, nodes_equal]"

func buildAndRun(m *testing.M) int {
	for _, name := range []string{"GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"} { // in a job, the tests are not the job's subject
		_ = os.Unsetenv(name) // it fails for names that cannot be in an environment
	}
	if err := atonce.Tests(parallelTests); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	heedSignals()
	dir, err := os.MkdirTemp("", "pgchaos-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "pgchaos")
	detecting = binary
	const bare = "-ldflags=-s -w" // nobody debugs it: that links in half the time
	builds := [][]string{{"build", bare, "-o", binary, "."}}
	if race.Enabled() {
		detecting = filepath.Join(dir, "race", "pgchaos")
		builds = append(builds, []string{"build", "-race", bare, "-o", detecting, "."})
	}
	for _, args := range builds {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build pgchaos: %v\n%s", err, out)
			return 1
		}
	}
	if err := doNotMeasureFsync(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// doNotMeasureFsync has no run here measure fsync; a test of package runner and those on Docker do.
func doNotMeasureFsync(below string) error {
	found, err := local.FindInstallation(context.Background(), "", 0)
	if err != nil {
		return nil //nolint:nilerr // needPostgres says so, where it is needed
	}
	if err := os.Chmod(below, 0o755); err != nil { // the servers' user must be able to enter
		return err
	}
	return fsyncstub.Install(found.BinDir, below)
}

// heedSignals has the runs of the tests heed the signals that their tests send. A script's & starts
// a command with interrupts ignored, which pgchaos would inherit, and respect. What this process does not
// ignore has its usual effect in the programs that it starts.
func heedSignals() {
	unread := make(chan os.Signal, 1) // the tests themselves go on ignoring it
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGTERM} {
		if signal.Ignored(s) {
			signal.Notify(unread, s)
		}
	}
}

// place is where one test's runs live, apart from every other's.
type place struct {
	t    *testing.T
	base string // PGCHAOS_DIR
	out  string // --out
	// program is the pgchaos that is run: binary or detecting.
	program string
	// memory is the shared memory of the servers, which must not outlive them.
	memory *sharedmem.Watch
}

func newPlace(t *testing.T) *place {
	t.Helper()
	t.Parallel() // most of such a test is waiting
	if testing.Short() {
		skip.Test(t, "runs a real cluster for many seconds: not with -short")
	}
	needPostgres(t)
	return makePlace(t)
}

// detectRaces has the place's runs use the race detector. It needs several times the CPU, and other tests need that for what
// they measure. The tests that ask for it use together all of pgchaos that works at the same time; those inside of packages always have it.
func (p *place) detectRaces() *place {
	p.program = detecting
	return p
}

// needPostgres skips a test on a machine without PostgreSQL. In CI a skipped test would
// pass for a passed one.
func needPostgres(t *testing.T) {
	t.Helper()
	if _, err := local.FindInstallation(t.Context(), "", 0); err != nil {
		missing(t, "PostgreSQL's server programs", err)
	}
}

// missing skips a test for the lack of something that scripts/setup.sh installs.
func missing(t *testing.T, what string, err error) {
	t.Helper()
	skip.Test(t, "this test needs %s, which 'make test' installs: %v", what, err)
}

func makePlace(t *testing.T) *place {
	t.Helper()
	dir, err := serverdir.Make("pgchaos-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, program: binary, base: filepath.Join(dir, "runs"), out: filepath.Join(dir, "result"), memory: sharedmem.Start(dir)}
	t.Cleanup(func() {
		p.memory.End()
		if left := p.memory.Left(); len(left) > 0 {
			t.Errorf("shared memory left at the end: %v", left)
		}
		if left := p.processes(); len(left) > 0 {
			t.Errorf("processes left at the end: %v", left)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return p
}

// quieter gives shipped experiments a load that leaves the processors to the tests beside them.
var quieter = map[string][]string{
	"async-kill":  {"--set", "load.writes.rate=200/s"},
	"quorum-kill": {"--set", "load.writes.rate=200/s", "--set", "load.reads.rate=200/s"},
	"walkthrough": {"--set", "load.reads.rate=200/s"},
}

// sooner has shipped experiments wait less between their steps.
var sooner = map[string][]string{
	"async-kill": {"--set", "timeline.cut-off.at=1s", "--set", "timeline.kill-pgmaster.at=2500ms", "--set", "timeline.stop-load-writes.at=5s"},
	"quorum-kill": {"--set", "timeline.stop-pgslave.at=2s", "--set", "timeline.configure-pgslavenew.at=4s", "--set", "timeline.kill-pgmaster.at=5s",
		"--set", "timeline.stop-load-writes.at=14s"},
	"stall": {"--set", "timeline.pause-primary-a.at=1s", "--set", "timeline[1].at=9s"},
	"walkthrough": {"--set", "timeline.before-reads.wait=2s", "--set", "timeline.during-reads.wait=3s", "--set", "timeline.with-both.wait=1s",
		"--set", "timeline.with-one.wait=2s"},
}

// command is pgchaos with arguments, in this place.
func (p *place) command(args ...string) *exec.Cmd {
	if len(args) > 1 && args[0] == "run" {
		args = append(args, quieter[strings.TrimSuffix(filepath.Base(args[1]), ".yaml")]...)
	}
	cmd := exec.CommandContext(p.t.Context(), p.program, args...)
	cmd.Env = append(os.Environ(), "PGCHAOS_DIR="+p.base)
	cmd.Dir = "../.."
	return cmd
}

// run runs pgchaos and returns its exit code and output.
func (p *place) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	if slices.Contains(args, "--keep") {
		p.t.Cleanup(p.removeKept)
	}
	var o, e bytes.Buffer
	cmd := p.command(args...)
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
}

// removeKept removes a kept cluster of a test that has failed or was skipped before it did so.
func (p *place) removeKept() {
	r, err := report.Read(p.out)
	if err != nil || !p.t.Failed() && !p.t.Skipped() {
		return
	}
	cmd := exec.Command(p.program, "clean", r.Run) // the test's context has ended
	cmd.Env = append(os.Environ(), "PGCHAOS_DIR="+p.base)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Errorf("remove the kept cluster: %v\n%s", err, out)
	}
}

// write puts a file beside the runs.
func (p *place) write(name, text string) string {
	p.t.Helper()
	file := filepath.Join(filepath.Dir(p.base), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	return file
}

func (p *place) result() *report.Result {
	p.t.Helper()
	r, err := report.Read(p.out)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// processes are all processes of the machine whose working directory or command
// line lies in this place: pgchaos's own, the servers', the tools'.
func (p *place) processes() (found []string) {
	p.t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		p.t.Fatal(err)
	}
	root := filepath.Dir(p.base)
	for _, dir := range dirs {
		cwd, _ := os.Readlink(filepath.Join(dir, "cwd"))      // gone, or a kernel thread
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline")) // likewise
		if len(line) == 0 {
			continue
		}
		env, _ := os.ReadFile(filepath.Join(dir, "environ")) // likewise
		ours := strings.HasPrefix(cwd, root) || bytes.Contains(line, []byte(root)) || bytes.Contains(env, []byte(root))
		if pid := filepath.Base(dir); ours && pid != strconv.Itoa(os.Getpid()) {
			found = append(found, pid+" "+string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// nothingLeft fails the test if a process, shared memory, or a directory of a run is still there.
func (p *place) nothingLeft() {
	p.t.Helper()
	if left := p.processes(); len(left) > 0 {
		p.t.Errorf("processes left behind: %v", left)
	}
	if left := p.memory.Left(); len(left) > 0 {
		p.t.Errorf("shared memory left behind: %v", left)
	}
	if _, err := os.Stat(p.base); !errors.Is(err, os.ErrNotExist) {
		entries, _ := os.ReadDir(p.base)
		p.t.Errorf("directory %s left behind, with %v (%v)", p.base, entries, err)
	}
}

func TestQuorumKill(t *testing.T) {
	p := newPlace(t).detectRaces()
	code, stdout, stderr := p.run(append([]string{"run", "experiments/quorum-kill.yaml", "--out", p.out, "--keep", "--set", certain}, sooner["quorum-kill"]...)...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	if r.Verdict != verdict.Pass || r.Stage != report.StageChecked {
		t.Errorf("verdict %s at stage %s", r.Verdict, r.Stage)
	}
	a := r.Audits[0]
	if a.Lost.N != 0 || a.Acknowledged < 1000 || !a.Complete {
		t.Errorf("lost %d of %d acknowledged, complete %v", a.Lost.N, a.Acknowledged, a.Complete)
	}
	recoveredInOrder(t, r)
	p.ledgerOfAFailover(r)
	// Not what the report says, but what psql finds on each node.
	var first string
	for i, n := range r.Cluster.Nodes {
		got := p.psql(n.Address, "select count(*), md5(string_agg(int_value || char_value, ',' order by int_value)) from test_data")
		if i == 0 {
			first = got
		}
		if got != first {
			t.Errorf("%s holds %s, %s holds %s", r.Cluster.Nodes[0].Name, first, n.Name, got)
		}
	}
	rows, err := strconv.ParseInt(strings.Split(first, "|")[0], 10, 64)
	if err != nil || rows < a.Acknowledged {
		t.Errorf("psql counts %q rows, %d were acknowledged", first, a.Acknowledged)
	}
	if got := p.psql(address(r, "pgslavenew"), "select string_agg(application_name || '=' || sync_state, ' ' order by application_name) from pg_stat_replication"); got != "pgmaster=quorum pgslave=quorum" {
		t.Errorf("on the new primary, psql sees %q", got)
	}
	// The kept cluster is removed when it is named, and not before.
	if code, out, _ := p.run("clean", "--provider", "local"); code != 0 || !strings.Contains(out, "left up on purpose") {
		t.Errorf("clean of a kept cluster: exit %d, %s", code, out)
	}
	if code, out, errs := p.run("clean", r.Run, "--provider", "local"); code != 0 {
		t.Errorf("clean %s: exit %d, %s%s", r.Run, code, out, errs)
	}
	p.nothingLeft()
	p.reportAgain(stdout)
}

// recoveredInOrder holds the stages of quorum-kill's two faults against the order in
// which they must have come.
func recoveredInOrder(t *testing.T, r *report.Result) {
	t.Helper()
	if len(r.Recoveries) != 2 {
		t.Fatalf("recoveries: %+v", r.Recoveries)
	}
	stop, kill := r.Recoveries[0], r.Recoveries[1]
	if stop.Lost || stop.Redundancy.State != outage.StageNone || stop.Rejoined.State != outage.StageMissed || stop.Rejoined.At != kill.Issued {
		t.Errorf("stop-pgslave: %+v", stop)
	}
	// One primary at a time, and every moment known: nothing to beware of.
	if len(stop.Caveats)+len(kill.Caveats) > 0 || stop.Next != kill.Event || kill.Next != "" {
		t.Errorf("caveats %q and %q; after them came %q and %q", stop.Caveats, kill.Caveats, stop.Next, kill.Next)
	}
	if reads := stop.Workloads[1]; reads.LastOldAck.State != outage.StageReached || reads.LastOldAck.At > stop.Effective || len(reads.Nodes) != 1 || reads.Nodes[0].Node != "pgslave" {
		t.Errorf("stop-pgslave, reads: %+v", reads)
	}
	recoveredFromKill(t, kill)
}

func recoveredFromKill(t *testing.T, kill outage.Recovery) {
	t.Helper()
	writes := kill.Workloads[0]
	if !kill.Lost || kill.NewPrimary != "pgslavenew" || !writes.Writes || !writes.Loaded {
		t.Fatalf("kill-pgmaster: %+v", kill)
	}
	type stage struct {
		name string
		outage.Stage
	}
	issued := stage{"issued", outage.Stage{State: outage.StageReached, At: kill.Issued}}
	old := stage{"last old ack", writes.LastOldAck}
	asked, writable, fresh := stage{"promotion asked", kill.Promotion}, stage{"writable", kill.Writable}, stage{"first new ack", writes.FirstNewAck}
	for _, order := range [][]stage{
		{old, writable, fresh}, // the old one may have acknowledged last just before the fault
		{issued, {"first error", writes.FirstError}, fresh},
		{issued, asked, writable, {"redundancy", kill.Redundancy}, {"rejoined", kill.Rejoined}},
	} {
		for i, s := range order {
			if s.State != outage.StageReached || i > 0 && s.At < order[i-1].At {
				t.Errorf("%s: %s at %s, after %s at %s", s.name, s.State, s.At, order[max(0, i-1)].name, order[max(0, i-1)].At)
			}
		}
	}
	if c := writes.Clients; c.Clients != 8 || c.Hit == 0 || c.NeverBack != 0 || c.Max.For <= 0 || c.Median.For > c.P99.For || c.P99.For > c.Max.For {
		t.Errorf("clients: %+v", c)
	}
}

// reportAgain holds `pgchaos report` against what the run printed.
func (p *place) reportAgain(printed string) {
	p.t.Helper()
	code, again, stderr := p.run("report", p.out)
	if code != 0 || !strings.HasPrefix(printed, again) {
		p.t.Errorf("report: exit %d %s; not what the run had printed:\n%s", code, stderr, again)
	}
}

func TestAsyncKillMustLoseWrites(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run(append([]string{"run", "async-kill", "--out", p.out}, sooner["async-kill"]...)...)
	if code != exitFail {
		t.Fatalf("exit code %d, not %d\n%s\n%s", code, exitFail, stdout, stderr)
	}
	r := p.result()
	a := r.Audits[0]
	if a.Lost.N < 100 {
		t.Errorf("%d writes lost; the standby had been held back for seconds", a.Lost.N)
	}
	// What is lost was acknowledged by the primary after its standby had been held
	// back, and is still on its own fork.
	held := eventNamed(t, r, func(m record.Event) bool { return m.Action == "configure" })
	for _, run := range a.Lost.Runs {
		if run.Node != "pgmaster" || !slices.Contains(run.FoundOn, "pgmaster") || run.To < held.Issued {
			t.Errorf("lost run %+v: not explained by the hold-back at %s", run, held.Issued)
		}
	}
	if !strings.Contains(stdout, "FAIL") || !strings.Contains(stdout, "lost_writes") {
		t.Errorf("the report does not say what failed:\n%s", stdout)
	}
	p.nothingLeft()
}

func TestWalkthrough(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run(append([]string{"run", "walkthrough", "--out", p.out}, sooner["walkthrough"]...)...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	var counts []string
	for _, m := range r.Timeline {
		if m.Action == "sql" && strings.Contains(m.Detail, ": ") {
			counts = append(counts, m.Detail[strings.LastIndex(m.Detail, ": ")+2:])
		}
	}
	if n := len(counts); n < 3 || counts[n-1] != counts[n-2] || counts[n-1] != counts[n-3] || counts[n-1] == "0" {
		t.Errorf("row counts on the three nodes: %v", counts)
	}
	p.nothingLeft()
}

// TestInterruptDoesNotWaitForAnswers interrupts writers that hang in a wait for a
// synchronous standby, and wait for it up to an hour.
func TestInterruptDoesNotWaitForAnswers(t *testing.T) {
	p := newPlace(t)
	file := p.write("hang.yaml", `
name: hang
cluster: {nodes: [a, b], synchronous: {commit: "on", standbys: b}}
load: {writes: {kind: insert, clients: 4, timeout: 1h}}
timeline:
  - {at: 500ms, stop: b}
  - {name: hang, wait: 1s}
  - {stop_load: writes}
`)
	cmd := p.command("run", file, "--out", p.out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.await("the step after the hang, which waits for the writers", func() bool {
		j, err := runner.ReadJournal(p.out)
		return err == nil && slices.ContainsFunc(j.Events, func(e record.Event) bool { return e.Name == "hang" && e.Status == record.EventDone }) &&
			strings.Contains(strings.Join(p.processes(), " "), "waiting for")
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the exit code says it
	}()
	p.await("the end of the run", func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	p.nothingLeft()
}

func TestCleanAfterSIGKILL(t *testing.T) {
	p := newPlace(t)
	cmd := p.command("run", "quorum-kill", "--out", p.out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.await("load", func() bool {
		_, err := runner.ReadJournal(p.out)
		return err == nil
	})
	if code, out, _ := p.run("clean", "--provider", "local"); code != 0 || !strings.Contains(out, "still running") {
		t.Errorf("clean beside a live run: exit %d, %s", code, out)
	}
	time.Sleep(500 * time.Millisecond) // for some acknowledgements: a kill has no better moment
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	book := p.book()
	var acknowledged int64
	for _, w := range book.Writers() {
		acknowledged += w.Acknowledged()
	}
	if book.Closed || book.Damage != nil || acknowledged == 0 {
		t.Errorf("the killed run's ledger: closed %v, damage %v, %d acknowledged", book.Closed, book.Damage, acknowledged)
	}
	if len(p.processes()) == 0 {
		t.Error("no server outlived the kill: this test proves nothing")
	}
	if runtime.GOOS == "linux" && p.memory.Noted() == 0 {
		t.Error("no shared memory was seen: that none is left proves nothing")
	}
	if r := p.result(); r.Stage != report.StagePlanned || r.Verdict == verdict.Pass {
		t.Errorf("the killed run's result is at stage %q with verdict %s", r.Stage, r.Verdict)
	}
	pidFiles, err := filepath.Glob(filepath.Join(p.base, "*", "nodes", "pgslave", "data", "postmaster.pid"))
	if err != nil || len(pidFiles) != 1 {
		t.Fatalf("postmaster.pid: %v, %v", pidFiles, err)
	}
	if err := os.WriteFile(pidFiles[0], []byte("1\n2\n3\n4\n5\n6\nno segment\n"), 0o600); err != nil { // the server's user can do that
		t.Fatal(err)
	}
	p.cleanTakesThePasswords("warning: ", "data/postmaster.pid: its seventh line is not")
	if code, out, _ := p.run("clean", "--provider", "local"); code != 0 || !strings.Contains(out, "nothing to remove") {
		t.Errorf("clean with nothing to do: exit %d, %s", code, out)
	}
}

// book is the ledger that a run has left.
func (p *place) book() *ledger.Book {
	p.t.Helper()
	b, err := ledger.Open(filepath.Join(p.out, runner.LedgerFile))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = b.Close() })
	return b
}

// ledgerOfAFailover holds quorum-kill's ledger against what must be in it: who
// acknowledged on which timeline, in the order of the WAL, and the sums of the result.
func (p *place) ledgerOfAFailover(r *report.Result) {
	p.t.Helper()
	b := p.book()
	if b.Run != r.Run || !b.Closed || b.Damage != nil {
		p.t.Errorf("run %q, closed %v, damage %v", b.Run, b.Closed, b.Damage)
	}
	sum := r.LedgerFile.Workloads[0]
	if n := sum.OK + sum.Weak; n != r.Audits[0].Acknowledged || sum.Issued < n || sum.Writers != 8 || r.LedgerFile.Bytes == 0 {
		p.t.Errorf("the result sums up %+v, %d were acknowledged", r.LedgerFile, r.Audits[0].Acknowledged)
	}
	systems, timelines := map[string]bool{}, map[string]uint32{}
	for _, w := range b.Writers() {
		var lsn record.LSN
		for e, err := range b.Entries(w.ID, 1, w.Issued) {
			if err != nil {
				p.t.Fatal(err)
			}
			if !e.Outcome.Acknowledged() {
				continue
			}
			systems[e.Server.SystemID] = true
			if was, ok := timelines[e.Server.Node]; ok && was != e.Server.Timeline || e.LSN <= lsn && !e.Late {
				p.t.Fatalf("writer %d: %+v after LSN %v", w.ID, e, lsn)
			}
			timelines[e.Server.Node] = e.Server.Timeline
			lsn = max(lsn, e.LSN)
		}
	}
	if len(systems) != 1 || !maps.Equal(timelines, map[string]uint32{"pgmaster": 1, "pgslavenew": 2}) {
		p.t.Errorf("system identifiers %v, timelines %v", systems, timelines)
	}
}

// underLoad begins a run, and returns when its cluster is up and the load begins.
func (p *place) underLoad(args ...string) *exec.Cmd {
	p.t.Helper()
	cmd := p.command(args...)
	must(p.t, cmd.Start())
	p.await("load", p.loading)
	return cmd
}

// loading tells whether the cluster is up: the result is empty until then.
func (p *place) loading() bool {
	_, err := report.Read(p.out)
	return err == nil
}

// await polls for something outside. On a busy machine it can take a while.
func (p *place) await(what string, so func() bool) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			p.t.Fatalf("waited for %s: %v", what, ctx.Err())
		case <-tick.C:
		}
	}
}

// psql asks a kept cluster's node, as a person would, with the run's password file.
func (p *place) psql(address, query string) string {
	p.t.Helper()
	host, port, _ := strings.Cut(address, ":")
	if _, err := exec.LookPath("psql"); err != nil {
		missing(p.t, "psql", err)
	}
	cmd := exec.CommandContext(p.t.Context(), "psql", "-X", "-A", "-t", "-h", host, "-p", port, "-U", "postgres", "-c", query, "postgres")
	cmd.Env = append(os.Environ(), "PGPASSFILE="+filepath.Join(p.out, "pgpass"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("psql on %s: %v: %s", address, err, out)
	}
	return strings.TrimSpace(string(out))
}

func address(r *report.Result, node string) string {
	for _, n := range r.Cluster.Nodes {
		if n.Name == node {
			return n.Address
		}
	}
	return ""
}

func eventNamed(t *testing.T, r *report.Result, is func(record.Event) bool) record.Event {
	t.Helper()
	i := slices.IndexFunc(r.Timeline, is)
	if i < 0 {
		t.Fatal("no such event")
	}
	return r.Timeline[i]
}
