package main

import (
	"strings"
	"testing"
)

// TestPlanShowsWhatIsSent: a DBA can read beforehand what is sent to its servers and to its manager, and whose
// sessions are ended. No password is in it.
func TestPlanShowsWhatIsSent(t *testing.T) {
	p := newPlace(t)
	text := ""
	for _, manager := range []string{`{patroni: "http://me:hush@db1:8008,https://db2:8008"}`, `{pg_auto_failover: "postgres://autoctl_node@db9:5432/pg_auto_failover"}`} {
		code, out, errs := p.run("plan", p.write("sent.yaml", `
name: sent
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "postgres://chaos@db1/shop", standby: m1}
      n2: {dsn: "postgres://chaos@db2/shop", standby: m2}
    manager: `+manager+`
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
timeline:
  - {switchover: {}}
  - {name: named, switchover: n2}
  - {terminate_backends: n1}
  - {cancel_backends: {node: n1, user: app, state: active}}
  - {drop_slot: n2, for: 1s}
  - {lock_table: {node: primary, table: test_data}, for: 1s}
  - {checkpoint: n1}
  - {switch_wal: n1}
  - {vacuum_full: {node: n1, table: shop.orders}}
  - {reindex: {node: n1, table: test_data, concurrently: true}}
  - {long_query: {node: n2, table: test_data}, for: 1s}
  - {long_transaction: n1, for: 1s}
  - {exhaust_connections: n2, for: 1s}
  - {pause_replay: n2}
  - {resume_replay: n2}
  - {promote: n2}
  - {sql: {node: n1, query: "select 'a  b';\nselect 2"}}
`))
		if code != exitPass || strings.Contains(out, "hush") {
			t.Fatalf("exit code %d\n%s%s", code, out, errs)
		}
		_, steps, _ := strings.Cut(out, "\nTIMELINE")
		steps, _, _ = strings.Cut(steps, "\nPHASES")
		_, sent, _ := strings.Cut(out, "\nSENT")
		text += "TIMELINE" + steps + "\nSENT" + sent + "\n"
	}
	golden(t, "plan-sent", text)
}
