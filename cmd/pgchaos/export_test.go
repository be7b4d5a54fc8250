package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/runner"
)

const demanding = `name: failover
cluster:
  nodes: [a, b]
  synchronous: {commit: "on", standbys: b}
load:
  writes: {kind: insert, clients: 2}
timeline:
  - {at: 4ms, kill: a}
  - {promote: b}
  - {start: a}
`

// resultOfTwo makes the result directory of a run of two writers that met a failover.
func resultOfTwo(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	const ms = time.Millisecond
	l, err := ledger.Create(filepath.Join(dir, runner.LedgerFile), "run-1")
	must(t, err)
	a := l.AddServer(ledger.Server{Node: "a", SystemID: "7000", Timeline: 1})
	b := l.AddServer(ledger.Server{Node: "b", SystemID: "7000", Timeline: 2})
	first, err := l.AddWriter("writes")
	must(t, err)
	second, err := l.AddWriter("writes")
	must(t, err)
	first.Record(first.Next(1*ms), record.OK, a, 0x3000028, 2*ms)
	second.Record(second.Next(1*ms), record.Weak, a, 0x3000060, 5*ms)
	late := first.Next(3 * ms)
	first.Record(late, record.Unknown, 0, 0, 8*ms)
	first.Record(first.Next(9*ms), record.Failed, b, 0, 10*ms)
	second.Record(second.Next(6*ms), record.Unknown, 0, 0, 11*ms)
	second.Record(second.Next(12*ms), record.OK, b, 0x3000100, 14*ms)
	first.Record(late, record.OK, a, 0x3000098, 13*ms)
	first.Record(first.Next(15*ms), record.OK, b, 0x3000138, 16*ms)
	second.Next(17 * ms) // nobody knows
	must(t, l.Close())
	must(t, report.Write(dir, &report.Result{
		Stage: report.StageRan, Name: "failover", Run: "run-1", Experiment: demanding,
		States: []report.NodeHistory{{Node: "b", States: []record.NodeState{
			{Node: "b", At: 8 * ms, Reachable: true, Role: record.RolePrimary, Timeline: 2, SystemID: "7000", SyncCommit: "on", SyncNames: "a"},
			{Node: "b", At: 15 * ms, Reachable: true, Role: record.RolePrimary, Timeline: 2, SystemID: "7000", SyncCommit: "on"},
		}}, {Node: "a", States: []record.NodeState{
			{Node: "a", At: 1 * ms, Reachable: true, Role: record.RolePrimary, Timeline: 1, SystemID: "7000", SyncCommit: "on", SyncNames: "b"},
		}}},
		Timeline: []record.Event{
			{Name: "kill-a", Action: "kill", Nodes: []string{"a"}, Fault: true, Issued: 4 * ms, Effective: 7 * ms, Ended: 7 * ms, Status: record.EventDone},
			{Name: "promote-b", Action: "promote", Nodes: []string{"b"}, Issued: 8 * ms, Ended: 9 * ms, Status: record.EventFailed, Error: "it took too long"},
			{Name: "start-a", Action: "start", Issued: 9 * ms, Status: record.EventSkipped},
		},
	}))
	return dir
}

func TestExport(t *testing.T) {
	dir := resultOfTwo(t)
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"export", "--format", "jepsen", dir}, nil, &stdout, &stderr); code != exitPass || stderr.Len() > 0 {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	for line := range strings.Lines(stdout.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	golden(t, "export-jepsen", stdout.String())
}

// TestExportOfADamagedLedger spoils a block: what is left is printed, and what is not
// known is an error.
func TestExportOfADamagedLedger(t *testing.T) {
	dir := resultOfTwo(t)
	file := filepath.Join(dir, runner.LedgerFile)
	text, err := os.ReadFile(file)
	must(t, err)
	text[ledger.BlockSize+80] ^= 0xff // in the first block of entries
	must(t, os.WriteFile(file, text, 0o644))
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"export", "--format", "jepsen", dir}, nil, &stdout, &stderr)
	if code != exitFailed || !strings.Contains(stderr.String(), "writes are missing from the output: block 1") || strings.Count(stdout.String(), `"type":"ok"`) != 2 {
		t.Errorf("exit code %d: %s%s", code, stderr.String(), stdout.String())
	}
	must(t, os.WriteFile(file, []byte("no ledger"), 0o644))
	stdout.Reset()
	if code := run(t.Context(), []string{"export", "--format", "jepsen", dir}, nil, &stdout, &stderr); code != exitUsage || stdout.Len() > 0 {
		t.Errorf("of no ledger: exit code %d, %s", code, stdout.String())
	}
}

// TestExportOfAKilledRun takes the steps from the journal, and says that what commits waited
// for is not known.
func TestExportOfAKilledRun(t *testing.T) {
	dir := resultOfTwo(t)
	must(t, report.Write(dir, &report.Result{Stage: report.StagePlanned, Run: "run-1", Experiment: demanding}))
	must(t, os.WriteFile(filepath.Join(dir, runner.JournalFile), []byte(
		`{"schema":"pgchaos.timeline/1","run":"run-1","started":"2026-11-23T06:45:00Z"}`+"\n"+
			`{"begin":{"name":"kill-a","action":"kill","issued_ns":4000000}}`+"\n"), 0o644))
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"export", "--format", "jepsen", dir}, nil, &stdout, &stderr)
	if code != exitPass || strings.Count(stdout.String(), `"process":"nemesis"`) != 1 || strings.Count(stdout.String(), `"weak":true`) != 1 {
		t.Errorf("exit code %d: %s%s", code, stderr.String(), stdout.String())
	}
	if text := stderr.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "others may be weak too: the run was broken off") {
		t.Error(text)
	}
}

// TestExportBesideADamagedResult: what was weak by the regime stands in the result alone, so that without it a plain "ok"
// proves nothing.
func TestExportBesideADamagedResult(t *testing.T) {
	dir := resultOfTwo(t)
	file := filepath.Join(dir, report.FileName)
	text, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, bytes.Replace(text, []byte("failover"), []byte("failoVer"), 1), 0o600))
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"export", "--format", "jepsen", dir}, nil, &stdout, &stderr)
	if code != exitFailed || !strings.Contains(stderr.String(), "only acknowledgements with the server's notice are marked as weak") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}
