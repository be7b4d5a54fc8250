package main

import (
	"fmt"
	"strings"
	"testing"

	"pgchaos/internal/plaincluster"
)

// TestThroughPgBouncer: a real PgBouncer that pools by transaction may stand before the load where no workload prepares statements,
// and never before a node.
func TestThroughPgBouncer(t *testing.T) {
	m := meet(t)
	pooled := fmt.Sprintf("127.0.0.1:%d", m.PgBouncer(t, "n1", "transaction"))
	if code, out, errs := m.run("mark", "postgres://postgres@"+pooled+"/"+plaincluster.Database); code != exitPass {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	clients := []string{"--set", "cluster.existing.clients=postgres://" + pooled + "/" + plaincluster.Database}
	code, out, errs := m.run(append([]string{"run", m.file, "--out", m.out}, clients...)...)
	if code != exitUsage || !strings.Contains(errs, "clients leads to a pooler that gives each transaction another session") || !strings.Contains(errs, "write protocol: simple in the workloads") {
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
