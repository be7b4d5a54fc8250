package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"pgchaos/internal/plaincluster"
	"pgchaos/internal/skip"
	"pgchaos/record"
)

// TestARefusalIsNoEnd: a firewall refuses pgchaos, and the server behind it goes on to accept writes beside the standby that
// somebody promotes. It counts neither as down nor as no split brain.
func TestARefusalIsNoEnd(t *testing.T) {
	if out, err := exec.Command("iptables", "-S", "INPUT").CombinedOutput(); err != nil {
		skip.Test(t, "packets cannot be refused here: iptables: %v: %s", err, out)
	}
	m := meet(t)
	m.mark()
	rule := fmt.Sprintf("INPUT -p tcp -d 127.0.0.1 --dport %d -j REJECT --reject-with tcp-reset", m.Ports["n1"])
	t.Cleanup(func() { _ = exec.Command("sh", "-c", "iptables -D "+rule+" 2>/dev/null").Run() }) // the run has done it already
	file := m.write("refused.yaml", fmt.Sprintf(`
name: refused
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "%[1]s"}
      n2: {dsn: "%[2]s"}
    exec: "env NODE={host} {command}"
    settle: 1s
    hooks:
      refuse: {do: "iptables -I %[3]s", undo: "sh -c 'while iptables -C %[3]s; do iptables -D %[3]s; done 2>/dev/null'", proof: "iptables -C %[3]s"}
      promote: {do: "psql -h 127.0.0.1 -p %[4]d -U postgres -c 'select pg_promote()'", proof: moved}
load:
  writes: {kind: insert, clients: 2, rate: 50/s, timeout: 1s}
timeline:
  - {at: 300ms, name: no-end, on_error: continue, hook: {name: end, node: n1, do: "iptables -I %[3]s", undo: "true", proof: down, within: 300ms}}
  - {name: open, exec: {node: n1, command: "iptables -D %[3]s"}}
  - {name: reached, verify: {primary: n1, within: 30s}}
  - {name: refused, refuse: n1, for: 1500ms}
  - {promote: n1}
  - {after: undo-refused, at: 500ms, wait: 100ms}
`, m.DSN("n1", plaincluster.Database, ""), m.DSN("n2", plaincluster.Database, ""), rule, m.Ports["n2"]))
	code, stdout, stderr := m.run("run", file, "--out", m.out)
	if code != exitFail {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := m.result()
	if e := eventNamed(t, r, func(e record.Event) bool { return e.Name == "no-end" }); e.Status != record.EventFailed || !strings.Contains(e.Error, "has not ended one that was open before") {
		t.Errorf("a firewall passes for a server that has ended: %+v", e)
	}
	for _, n := range r.Cluster.Nodes {
		if len(n.Settings) > 0 {
			t.Errorf("%s is said to have settings that nobody read: %v", n.Name, n.Settings)
		}
	}
	unread := false
	for _, n := range r.States {
		for _, s := range n.States {
			if n.Node == "n1" && s.Role == record.RoleDown {
				t.Errorf("n1 is said to be down at %s: %s", s.At, s.Error)
			}
			unread = unread || n.Node == "n1" && !s.Reachable
		}
	}
	if !unread || len(r.TwoWritable) == 0 {
		t.Errorf("n1 was not read for a while: %v; two that accepted writes: %v\n%s", unread, r.TwoWritable, stdout)
	}
}
