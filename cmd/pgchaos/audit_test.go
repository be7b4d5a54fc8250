package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/expect"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/verdict"
)

// TestAuditAfterSIGKILL kills pgchaos in the middle of its load, after the first fault,
// and lets the audit say what can still be said.
func TestAuditAfterSIGKILL(t *testing.T) {
	p := newPlace(t).detectRaces()
	cmd := p.command("run", "quorum-kill", "--out", p.out, "--set", "timeline.stop-pgslave.at=2s")
	must(t, cmd.Start())
	p.await("the first fault", func() bool {
		j, err := runner.ReadJournal(p.out)
		return err == nil && len(j.Events) > 0 && j.Events[0].Status == record.EventDone
	})
	if code, _, errs := p.run("audit", p.out); code != exitUsage || !strings.Contains(errs, "still running") {
		t.Errorf("audit of a live run: exit %d, %s", code, errs)
	}
	time.Sleep(time.Second) // of load without the standby
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed

	out := p.auditOfAKill()
	p.auditAgain(out)
	p.auditOfALoss()
	p.exportRead()

	if code, out, errs := p.run("clean", "--provider", "local"); code != 0 {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingLeft()
	if code, _, errs := p.run("audit", p.out); code != exitUsage || !strings.Contains(errs, "nothing is left") {
		t.Errorf("audit when all is gone: exit %d, %s", code, errs)
	}
}

// auditOfAKill says what is lost, and names what nobody can know.
func (p *place) auditOfAKill() (printed string) {
	p.t.Helper()
	code, out, errs := p.run("audit", p.out)
	if code != exitInconclusive {
		p.t.Fatalf("exit code %d\n%s\n%s", code, out, errs)
	}
	for _, want := range []string{
		"INCONCLUSIVE", "nothing lost", "pgchaos was ended (by SIGKILL or a crash)", "steps were not begun: configure-pgslavenew, kill-pgmaster", "pgslave cannot be reached",
		"it does not run, and starts with", "lost_writes == 0", "had recorded its load", "pgchaos clean",
	} {
		if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			p.t.Errorf("the report does not say %q", want)
		}
	}
	r := p.result()
	if r.Stage != report.StageChecked || r.Afterwards == nil || r.Afterwards.Stage != report.StagePlanned || r.Afterwards.Until < 2*time.Second {
		p.t.Errorf("stage %s, %+v", r.Stage, r.Afterwards)
	}
	if a := r.Audits[0]; a.Authority != "pgmaster" || a.Lost.N != 0 || a.Acknowledged < 500 || a.Complete {
		p.t.Errorf("%+v", a)
	}
	if m := r.Timeline; len(m) != 1 || m[0].Name != "stop-pgslave" || len(r.Phases) != 2 {
		p.t.Errorf("timeline %+v, phases %+v", m, r.Phases)
	}
	if p.t.Failed() {
		p.t.Logf("%s", out)
	}
	return out
}

// auditAgain starts the missing node as the report said, and finds more.
func (p *place) auditAgain(printed string) {
	p.t.Helper()
	p.bringBack(printed)
	code, out, errs := p.run("audit", p.out)
	r := p.result()
	if a := r.Audits[0]; code != exitInconclusive || len(r.Audits) != 1 || !a.Complete || a.Lost.N != 0 {
		p.t.Errorf("audited again: exit %d, %+v\n%s%s", code, a, out, errs)
	}
	for _, s := range r.Settle {
		if s.Error != "" {
			p.t.Errorf("not settled: %+v", s)
		}
	}
	i := slices.IndexFunc(r.Expectations, func(j expect.Judgement) bool { return j.Text == "nodes_equal" })
	if i < 0 || r.Expectations[i].Verdict != verdict.Pass {
		p.t.Errorf("%+v", r.Expectations)
	}
}

// bringBack does what a report says to bring the missing nodes back.
func (p *place) bringBack(printed string) (commands int) {
	p.t.Helper()
	verdict, _, _ := strings.Cut(strings.Join(strings.Fields(printed), " "), "Cluster")
	for _, command := range regexp.MustCompile("with `([^`]*)`").FindAllStringSubmatch(verdict, -1) {
		commands++
		if out, err := exec.CommandContext(p.t.Context(), "sh", "-c", command[1]).CombinedOutput(); err != nil {
			p.t.Fatalf("%s: %v: %s", command[1], err, out)
		}
	}
	return commands
}

// TestAuditOfALongScript audits a killed run whose result holds more than a user may write
// into an experiment.
func TestAuditOfALongScript(t *testing.T) {
	p := newPlace(t)
	p.write("long.sql", "select '"+strings.Repeat("x", 1<<20)+"';\n")
	cmd := p.command("run", p.write("x.yaml", `
name: x
cluster: {nodes: [a]}
load:
  big: {kind: script, script: long.sql, clients: 1, rate: 1/s}
  writes: {kind: insert, clients: 2, rate: 50/s}
timeline: [{wait: 60s}]
`), "--out", p.out)
	must(t, cmd.Start())
	p.awaitAcknowledged()
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	code, out, errs := p.run("audit", p.out)
	if a := p.result().Audits; code != exitInconclusive || len(a) != 1 || !a[0].Complete || a[0].Acknowledged == 0 || a[0].Lost.N != 0 {
		t.Errorf("exit %d, %+v\n%s%s", code, a, out, errs)
	}
	if code, out, errs := p.run("clean", "--provider", "local"); code != 0 {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingLeft()
}

// TestAuditOfAFork brings a former primary and a paused one back, as the audit says: the
// first must not become a second primary, and is read as the fork that it is.
func TestAuditOfAFork(t *testing.T) {
	p := newPlace(t)
	cmd := p.command("run", p.write("fork.yaml", `
name: fork
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 1s, kill: a}
  - {promote: b}
  - {wait: 1s}
  - {pause: b}
  - {wait: 60s}
`), "--out", p.out)
	must(t, cmd.Start())
	p.await("the pause", func() bool {
		j, err := runner.ReadJournal(p.out)
		return err == nil && len(j.Events) == 5
	})
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	code, out, errs := p.run("audit", p.out)
	if code != exitInconclusive || !strings.Contains(strings.Join(strings.Fields(out), " "), "there is not one node that accepts writes") {
		t.Errorf("with nobody there: exit %d\n%s%s", code, out, errs)
	}
	if n := p.bringBack(out); n != 2 {
		t.Fatalf("%d commands\n%s", n, out)
	}
	code, out, errs = p.run("audit", p.out)
	r := p.result()
	if a := r.Audits; code != exitInconclusive && code != exitFail || len(a) != 1 || a[0].Authority != "b" || !a[0].Complete || len(r.SplitBrain) > 0 {
		t.Errorf("exit %d, %+v, split brain %v\n%s%s", code, a, r.SplitBrain, out, errs)
	}
	if i := slices.IndexFunc(r.Settle, func(n report.SettleNote) bool { return n.Node == "a" && strings.Contains(n.Done, "read as a fork") }); i < 0 {
		t.Errorf("%+v", r.Settle)
	}
	if code, out, errs := p.run("clean", "--provider", "local"); code != 0 {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingLeft()
}

// auditOfALoss takes acknowledged rows away: a loss is a failure, whatever else is not
// known.
func (p *place) auditOfALoss() {
	p.t.Helper()
	p.psql(address(p.result(), "pgmaster"), "delete from test_data where int_value between 10 and 12")
	code, out, errs := p.run("audit", p.out)
	if lost := p.result().Audits[0].Lost; code != exitFail || lost.N != 3 {
		p.t.Errorf("with three rows deleted: exit %d, lost %+v\n%s%s", code, lost, out, errs)
	}
}

// exportRead exports the writes with a final read of every node.
func (p *place) exportRead() {
	p.t.Helper()
	code, out, errs := p.run("export", "--format", "jepsen", p.out, "--read")
	all := strings.Split(strings.TrimSpace(out), "\n")
	const note = "only acknowledgements with the server's notice are marked as weak" // nothing more is known of a killed run
	if code != 0 || errs != "" && !strings.HasPrefix(errs, note) || len(all) < 1000 {
		p.t.Fatalf("exit %d, %d lines, %s", code, len(all), errs)
	}
	reads := 0
	for _, line := range all[len(all)-6:] {
		if strings.Contains(line, `"type":"ok","f":"read","value":[1,2,3,4,5,6,7,8,9,13,`) {
			reads++
		}
	}
	if reads != 3 {
		p.t.Errorf("%d nodes were read to hold all but the deleted rows", reads)
	}
}

// TestAuditOfAKeptInterruption finishes a run that its user had ended twice, so that it
// did not audit itself, and left up.
func TestAuditOfAKeptInterruption(t *testing.T) {
	p := newPlace(t)
	cmd := p.command("run", p.write("calm.yaml", `
name: calm
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {wait: 60s}
expect: [lost_writes == 0, nodes_equal]
`), "--out", p.out, "--keep")
	must(t, cmd.Start())
	p.await("load", func() bool {
		_, err := runner.ReadJournal(p.out)
		return err == nil
	})
	time.Sleep(time.Second)
	must(t, cmd.Process.Signal(syscall.SIGINT))
	must(t, cmd.Process.Signal(syscall.SIGTERM)) // the kernel would join two equal ones
	_ = cmd.Wait()                               // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted {
		t.Fatalf("exit code %d", code)
	}
	code, out, errs := p.run("audit", p.out)
	r := p.result()
	if a := r.Audits; code != exitInconclusive || len(a) != 1 || !a[0].Complete || a[0].Acknowledged == 0 || a[0].Lost.N != 0 {
		t.Errorf("exit %d, %+v\n%s%s", code, a, out, errs)
	}
	if len(r.Reasons) != 2 || r.Reasons[0] != "the run was interrupted" || len(r.Workloads) != 1 {
		t.Errorf("%q, %d workloads", r.Reasons, len(r.Workloads))
	}
	p.auditOfACutLedger()
	if code, out, errs := p.run("clean", r.Run, "--provider", "local"); code != 0 {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingLeft()
}

// auditOfACutLedger takes writes off the end of a ledger whose load had ended: their rows
// are nobody else's, and the audit knows that it does not know.
func (p *place) auditOfACutLedger() {
	p.t.Helper()
	file := filepath.Join(p.out, runner.LedgerFile)
	whole := readText(p.t, file)
	must(p.t, os.Truncate(file, 2<<14)) // the names, and a block of one writer
	defer func() { must(p.t, os.WriteFile(file, []byte(whole), 0o644)) }()
	a := p.auditSays("the ledger is damaged: when the load ended it held ", "the end of the ledger is missing")
	if r := p.result(); r.Verdict != verdict.Inconclusive || a.Foreign.N == 0 {
		p.t.Errorf("%s, %d rows of writes that it does not tell of", r.Verdict, a.Foreign.N)
	}
}

// TestAuditRefuses what is not to be audited, before it touches anything.
func TestAuditRefuses(t *testing.T) {
	const experiment = "name: calm\ncluster: {nodes: [a]}\nload: {writes: {kind: insert}}\ntimeline: [{wait: 1s}]\n"
	const oneNode = `{"run": "calm-1", "provider": "local", "nodes": [{"name": "a"}]}`
	for _, tc := range []struct {
		name, experiment, access string
		stage                    report.Stage
		want                     string
	}{
		{"a run with its audit", experiment, oneNode, report.StageChecked, "has its audit already"},
		{"a run whose cluster it has removed", experiment, "", report.StageRan, "removed with the cluster"},
		{"an experiment of another time", "name: [", oneNode, report.StageRan, "read the experiment of the run again"},
		{"a cluster of which nothing is left", experiment, oneNode, report.StageRan, "nothing is left of its cluster"},
		{"a way to nowhere", experiment, "{}", report.StageRan, "names no node"},
		{"a provider that is not known here", experiment, strings.Replace(oneNode, "local", "cloud", 1), report.StageRan, `no provider "cloud"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("PGCHAOS_DIR", filepath.Join(t.TempDir(), "runs"))
			dir := t.TempDir()
			must(t, report.Write(dir, &report.Result{Run: "calm-1", Stage: tc.stage, Experiment: tc.experiment}))
			before := readText(t, filepath.Join(dir, report.FileName))
			if tc.access != "" {
				must(t, os.WriteFile(filepath.Join(dir, runner.AccessFile), []byte(tc.access), 0o600))
			}
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), []string{"audit", dir}, nil, &stdout, &stderr)
			if code != exitUsage || !strings.Contains(stderr.String(), tc.want) || stdout.Len() > 0 {
				t.Errorf("exit code %d: %s%s", code, stderr.String(), stdout.String())
			}
			if now := readText(t, filepath.Join(dir, report.FileName)); now != before {
				t.Errorf("the result is now %s", now)
			}
		})
	}
}
