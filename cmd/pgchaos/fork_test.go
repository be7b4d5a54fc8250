package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/audit"
	"pgchaos/internal/longtest"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/runner"
)

// rewound loses writes, and then takes the only fork that has them.
const rewound = `
name: rewound
cluster:
  nodes: [a, b]
  settings: {wal_retrieve_retry_interval: 100ms}
load:
  writes: {kind: insert, clients: 2, rate: 200/s}
timeline:
  - {name: hold-back, at: 300ms, configure: {node: b, settings: {primary_conninfo: ""}}}
  - {wait: 500ms}
  - {kill: a}
  - {promote: b}
  - {rejoin: a}
  - {wait: 60s}
`

// TestAuditOfAForkThatIsGone kills pgchaos when it has rewound a former primary: what it
// had read of it before explains the losses all the same. Then it takes of what the run
// has left one thing after the other away, and each time the audit says what it lacks.
func TestAuditOfAForkThatIsGone(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	cmd := p.command("run", p.write("rewound.yaml", rewound), "--out", p.out)
	must(t, cmd.Start())
	p.await("the rejoin", func() bool {
		j, err := runner.ReadJournal(p.out)
		return err == nil && slices.ContainsFunc(j.Events, func(m record.Event) bool {
			return m.Action == "rejoin" && m.Status == record.EventDone && strings.Contains(m.Detail, "by pg_rewind")
		})
	})
	must(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed

	code, out, errs := p.run("audit", p.out)
	a := p.result().Audits[0]
	if len(a.Forks) != 1 || !a.Forks[0].Read || a.Forks[0].Step != "rejoin-a" || a.Forks[0].Timeline != 1 || !a.Complete {
		t.Fatalf("exit %d, %+v\n%s%s", code, a, out, errs)
	}
	if code != exitFail || a.Lost.N == 0 || a.Unexplained != 0 {
		t.Errorf("exit %d, %d lost, %d unexplained\n%s", code, a.Lost.N, a.Unexplained, out)
	}
	for _, r := range a.Lost.Runs {
		if r.Cause != audit.CauseFork || r.LostBy != "kill-a" || !slices.Equal(r.OnForks, []string{"a"}) {
			t.Errorf("lost: %+v", r)
		}
	}
	_, full, _ := p.run("report", p.out, "--full")
	words := strings.Join(strings.Fields(full), " ")
	if strings.Contains(words, "not known any more") || !strings.Contains(words, "it is not recorded whether clients had read the missing rows") {
		t.Errorf("a fork that was read is not gone, and who read what is not recorded:\n%s", full)
	}

	file := filepath.Join(p.out, "fork-1.json")
	text := []byte(readText(t, file))
	must(t, os.WriteFile(file, bytes.Replace(text, []byte(`"rows":`), []byte(`"rows":1`), 1), 0o644))
	p.auditSays("the fork of a before rejoin-a was not read: the run had read it, and what it read is not to be had: read fork-1.json: it is damaged")
	written := filepath.Join(p.out, runner.LedgerFile)
	text = []byte(readText(t, written))
	copy(text[ledger.BlockSize+100:], "a sector that is not as it was written")
	must(t, os.WriteFile(written, text, 0o644))
	p.auditSays("the ledger is damaged:")

	p.cleanTakesThePasswords()
}

// TestForkThatCannotBeRead takes a former primary's fork away that does not start any
// more: the run says so, and does not pass as if there had been none.
func TestForkThatCannotBeRead(t *testing.T) {
	p := newPlace(t)
	code, out, errs := p.run("run", p.write("unread.yaml", `
name: unread
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 500ms, stop_load: writes}
  - {verify: {caught_up: b}}
  - {kill: a}
  - {promote: b}
  - {exec: {node: a, command: "echo work_mem = nonsense >> \"$PWD/data/postgresql.auto.conf\"", expect: 0}}
  - {clone: a}
expect: [lost_writes == 0, nodes_equal]
`), "--out", p.out)
	r := p.result()
	if code != exitInconclusive || len(r.Audits) != 1 || r.Audits[0].Complete || len(r.Audits[0].Forks) != 1 {
		t.Fatalf("exit %d, %+v\n%s%s", code, r.Audits, out, errs)
	}
	const want = "the fork of a before clone-a was not read: start it to read what it has alone:"
	if f := r.Audits[0].Forks[0]; f.Read || !slices.ContainsFunc(r.Reasons, func(reason string) bool { return strings.Contains(reason, want) }) {
		t.Errorf("%+v, %q", f, r.Reasons)
	}
	if m := r.Timeline[len(r.Timeline)-1]; m.Action != "clone" || m.Status != record.EventDone {
		t.Errorf("%+v", m)
	}
	p.nothingLeft()
}

// auditSays audits again, and finds reasons why it is not complete.
func (p *place) auditSays(wanted ...string) audit.Audit {
	p.t.Helper()
	code, out, errs := p.run("audit", p.out)
	r := p.result()
	if code != exitFail && code != exitInconclusive || len(r.Audits) != 1 {
		p.t.Fatalf("exit %d, %+v\n%s%s", code, r.Audits, out, errs)
	}
	reasons := strings.Join(r.Reasons, "\n")
	for _, want := range wanted {
		if r.Audits[0].Complete || !strings.Contains(reasons, want) {
			p.t.Errorf("the audit is complete: %t, and its reasons do not say %q:\n%s", r.Audits[0].Complete, want, reasons)
		}
	}
	return r.Audits[0]
}

// cleanTakesThePasswords removes the cluster of a killed run, and nothing else.
func (p *place) cleanTakesThePasswords(warnings ...string) {
	p.t.Helper()
	passwords := []string{runner.AccessFile, runner.Passfile}
	for _, name := range passwords {
		_ = readText(p.t, filepath.Join(p.out, name))
	}
	if code, out, errs := p.run("clean", "--provider", "local"); code != 0 || !strings.Contains(out, "removed") {
		p.t.Errorf("clean: exit %d, %s%s", code, out, errs)
	} else if len(warnings) == 0 && errs != "" || slices.ContainsFunc(warnings, func(w string) bool { return !strings.Contains(errs, w) }) {
		p.t.Errorf("clean warns %q, want %q", errs, warnings)
	}
	for _, name := range passwords {
		if _, err := os.Stat(filepath.Join(p.out, name)); !errors.Is(err, fs.ErrNotExist) {
			p.t.Errorf("%s has outlived the cluster: %v", name, err)
		}
	}
	for _, name := range []string{report.FileName, runner.LedgerFile, runner.JournalFile} {
		_ = readText(p.t, filepath.Join(p.out, name))
	}
	p.nothingLeft()
}
