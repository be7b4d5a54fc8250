//go:build long

package main

import (
	"strings"
	"testing"
)

// TestACutLosesWhatAStoppedReceiverDoesNot does the same failover of asynchronous replication twice. What is sent to a stopped WAL
// receiver (SIGSTOP) lies in the socket of the standby, which reads it when the receiver goes on, also where the primary is dead by then. What
// is sent into a cut network does not arrive while it is cut. The load has ended before the primary is killed, so that no write is
// lost on its way.
func TestACutLosesWhatAStoppedReceiverDoesNot(t *testing.T) {
	for _, of := range []struct {
		name, fault, promoted string
		loses                 bool
	}{
		{"stopped", "for: 8s, pause_process: {node: b, process: walreceiver}", "after: undo-away", false},
		{"cut", "partition: {between: [a, b]}", "after: kill-a, at: 1s", true},
	} {
		t.Run(of.name, func(t *testing.T) {
			p := newPlace(t)
			code, stdout, stderr := p.run("run", p.write("x.yaml", `
name: `+of.name+`
cluster: {nodes: [a, b]}
load: {writes: {kind: insert, clients: 4, rate: 200/s, timeout: 2s}}
timeline:
  - {at: 1s, name: away, `+of.fault+`}
  - {when: acknowledged of writes >= 600, within: 7s, stop_load: writes}
  - {kill: a}
  - {`+of.promoted+`, promote: b}
expect: [lost_writes >= 0]
`), "--out", p.out)
			if code != exitPass {
				t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
			// What was acknowledged before the fault is on the standby.
			a := p.result().Audits[0]
			if of.loses != (a.Lost.N > 100) || !of.loses && a.Lost.N > 0 || a.Lost.N >= a.Acknowledged {
				t.Errorf("lost %d of %d writes\n%s", a.Lost.N, a.Acknowledged, stdout)
			}
		})
	}
}

// TestABackupUnderLoadMakesAStandby makes a base backup while clients write, and a standby of it while they go on.
func TestABackupUnderLoadMakesAStandby(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run("run", p.write("x.yaml", `
name: x
cluster: {nodes: {a: , b: , c: {absent: true}}}
load: {writes: {kind: insert, clients: 4, rate: 300/s}}
timeline:
  - {at: 1s, name: copying, backup: {node: primary, name: monday}}
  - {when: acknowledged of writes >= 1000, within: 20s, name: cloned, clone: {node: c, backup: monday}}
  - {name: streams, verify: {streaming: c, caught_up: c, within: 30s}}
expect: [lost_writes == 0, nodes_equal, error_rate of writes == 0%, samples of writes during copying > 0, samples of writes during cloned > 0]
`), "--out", p.out)
	if code != exitPass || !strings.Contains(stdout, "nothing lost") {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
}
