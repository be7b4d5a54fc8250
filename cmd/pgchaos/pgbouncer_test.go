package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/internal/plaincluster"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/report"
	"pgchaos/runner"
)

// TestThroughPgBouncer: a real PgBouncer that pools by transaction may stand before the load where no workload prepares statements,
// or where it keeps them apart, and never before a node.
func TestThroughPgBouncer(t *testing.T) {
	m := meet(t)
	pooled := fmt.Sprintf("127.0.0.1:%d", m.PgBouncer(t, "n1", "transaction"))
	if code, out, errs := m.run("mark", "postgres://postgres@"+pooled+"/"+plaincluster.Database); code != exitPass {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	clients := []string{"--set", "cluster.existing.clients=postgres://" + pooled + "/" + plaincluster.Database}
	code, out, errs := m.run(append([]string{"run", m.file, "--out", m.out + "-extended", "--set", "timeline=[{wait: 1s}]", "--set", "expect=[lost_writes == 0, nodes_equal]"}, clients...)...)
	if m.KeepsStatements {
		if code != exitPass {
			t.Errorf("prepared statements, which are kept apart: exit code %d\n%s%s", code, out, errs)
		}
	} else if code != exitUsage || !strings.Contains(errs, "clients leads to a pooler that gives each transaction another session") || !strings.Contains(errs, "write protocol: simple in the workloads") {
		t.Errorf("prepared statements: exit code %d\n%s%s", code, out, errs)
	}
	node := strings.Replace(m.DSN("n1", plaincluster.Database, ""), fmt.Sprintf("127.0.0.1:%d", m.Ports["n1"]), pooled, 1)
	code, out, errs = m.run("run", m.file, "--out", m.out, "--set", "cluster.existing.nodes.n1.dsn="+node)
	if code != exitUsage || !strings.Contains(errs, "a pooler such as PgBouncer is there; let the node's dsn lead to the server itself, and clients to the pooler") {
		t.Errorf("a node behind it: exit code %d\n%s%s", code, out, errs)
	}
	m.unchanged()
	clients = append(clients, "--set", "load.writes.protocol=simple", "--set", "timeline=[{wait: 1s}]", "--set", "expect=[lost_writes == 0, nodes_equal]")
	if code, out, errs := m.run(append([]string{"run", m.file, "--out", m.out}, clients...)...); code != exitPass {
		t.Fatalf("exit code %d\n%s%s", code, out, errs)
	}
	if w := m.result().Workloads[0].Total; w.Failed+w.Unknown > 0 || w.OK == 0 {
		t.Errorf("%+v", w)
	}
	m.unchanged()
}

// TestAFailoverBehindPgBouncer: a PgBouncer that pools by transaction keeps its clients while the standby takes over from the primary. Which
// server acknowledged a write is known all the same, and which answered a read: what the standby never got is a loss, and no promise to readers
// that was broken.
func TestAFailoverBehindPgBouncer(t *testing.T) {
	m := meet(t)
	m.mark()
	pooled := m.PgBouncer(t, "n1", "transaction")
	failover := filepath.Join(m.Dir, "failover")
	must(t, os.WriteFile(failover, []byte(fmt.Sprintf(`#!/bin/sh
on_n2() { psql -qAtX -h 127.0.0.1 -p %[2]d -U postgres "$@"; }
on_n2 -c "alter system set primary_conninfo = ''" -c 'select pg_reload_conf()' && sleep 0.7 # and so loses an insert of slow
%[1]s/kill n1
on_n2 -c 'select pg_promote()' && %[1]s/repool %[2]d
`, m.Dir, m.Ports["n2"])), 0o755))
	file := m.write("pooled.yaml", fmt.Sprintf(`
name: pooled
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "%[1]s"}
      n2: {dsn: "%[2]s"}
    exec: "env NODE={host} {command}"
    clients: "postgres://127.0.0.1:%[3]d/shop"
    settle: 1s
    hooks:
      fail_over: {do: "%[4]s", proof: moved}
load:
  writes: {kind: insert, clients: 2, rate: 50/s, timeout: 3s, protocol: %[5]s}
  updates: {kind: update, clients: 1, rate: 20/s, timeout: 3s, protocol: %[5]s}
  slow: {kind: insert, table: slow, clients: 1, rate: 2/s, timeout: 3s, protocol: %[5]s}
  reads: {kind: read, target: primary, table: slow, clients: 2, rate: 100/s, timeout: 3s, protocol: %[5]s}
timeline:
  - {at: 500ms, name: failed-over, fail_over: n1}
  - {when: throughput of writes > 25/s, within: 30s, wait: 2s}
expect:
  - write_rto < 60s
  - lost_writes < 10000
`, m.DSN("n1", plaincluster.Database, ""), m.DSN("n2", plaincluster.Database, ""), pooled, failover, map[bool]string{true: "extended", false: "simple"}[m.KeepsStatements]))
	code, stdout, stderr := m.run("run", file, "--out", m.out)
	if code != exitInconclusive { // n1 is not started again
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := m.result()
	step := eventNamed(t, r, func(e record.Event) bool { return e.Name == "failed-over" })
	promoted := eventNamed(t, r, func(e record.Event) bool { return e.Promotion != nil })
	book, err := ledger.Open(filepath.Join(m.out, runner.LedgerFile))
	must(t, err)
	defer func() { must(t, book.Close()) }()
	before, after := 0, 0
	for w, err := range book.All() {
		must(t, err)
		want := ledger.Server{SystemID: w.Entry.Server.SystemID, Node: "n1", Timeline: 1}
		switch {
		case !w.Entry.Outcome.Acknowledged():
			continue
		case w.Entry.Done < step.Issued:
			before++
		case w.Entry.Done > promoted.Effective:
			after++
			want.Node, want.Timeline = "n2", 2
		default:
			continue
		}
		if w.Entry.Server != want {
			t.Errorf("a write that was acknowledged at %s is booked on %+v, want %+v", w.Entry.Done, w.Entry.Server, want)
		}
	}
	if before < 10 || after < 10 {
		t.Errorf("%d writes were acknowledged before the failover, and %d after it", before, after)
	}
	readsOf(t, r)
	rec := r.Recoveries[0]
	if rec.NewPrimary != "n2" || len(rec.Workloads) != 4 {
		t.Errorf("%+v", rec)
	}
	for _, w := range rec.Workloads { // what updates say of the server is asked again when another one is the primary
		if w.FirstNewAck.State != outage.StageReached || w.LastOldAck.At > promoted.Effective+readEvery {
			t.Errorf("%s: last on n1 %+v, first on n2 %+v; n2 was promoted at %s", w.Workload, w.LastOldAck, w.FirstNewAck, promoted.Effective)
		}
	}
}

// readsOf wants reads of both nodes, and none that broke a promise.
func readsOf(t *testing.T, r *report.Result) {
	t.Helper()
	var reads []report.NodeReads
	for _, w := range r.Workloads {
		if w.Reads == nil {
			continue
		}
		reads = w.Reads.Nodes
		for _, f := range w.Reads.Findings {
			if t.Log(f.What, f.N); f.Violation {
				t.Errorf("reads broke a promise: %+v", f)
			}
		}
	}
	if len(reads) != 2 || reads[0].Reads < 10 || reads[1].Reads < 10 {
		t.Errorf("%+v", reads)
	}
}
