package runner

import (
	"strings"
	"testing"

	"pgchaos/spec"
)

// TestThePlanShowsWhatEndsTheRun: an expectation with abort, and a condition of abort_on.
func TestThePlanShowsWhatEndsTheRun(t *testing.T) {
	const text = `
name: x
cluster: {nodes: [a, b]}
load: {writes: {kind: insert, rate: 10/s}}
duration: 5s
expect:
  - replay_lag on b < 1s
  - {that: error_rate of writes in any 2s < 50%, abort: true}
  - {that: lost_writes == 0}
abort_on: [p99 of writes > 1s]
`
	e, resolved, err := spec.Load("x.yaml", []byte(text), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(e, resolved, 1)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"EXPECT\n  replay_lag on b < 1s\n  error_rate of writes in any 2s < 50%  ends the run as soon as it is broken\n  lost_writes == 0\n",
		"ABORT ON\n  p99 of writes > 1s\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the plan lacks %q:\n%s", want, b.String())
		}
	}
	if len(p.Aborts) != 2 || p.Aborts[0].Broken || !p.Aborts[1].Broken || len(p.Expectations) != 3 {
		t.Errorf("%+v", p.Aborts)
	}
	again, _, err := spec.Load("again.yaml", resolved, spec.Options{Resolved: true})
	if err != nil || len(again.Expect) != 3 || !again.Expect[1].Abort || again.Expect[2].That != "lost_writes == 0" {
		t.Errorf("%v: %+v", err, again)
	}
}

// TestThePlanOfAHookWithAnExecOfItsOwn: without an exec of the cluster's nothing runs on a node's machine to look at the server.
func TestThePlanOfAHookWithAnExecOfItsOwn(t *testing.T) {
	const text = `
name: x
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "postgres://chaos@db1:5432/chaos"}
      n2: {dsn: "postgres://chaos@db2:5432/chaos"}
    hooks:
      delete_pod: {do: "kubectl delete pod {host}", exec: "{command}", proof: down}
load: {writes: {kind: insert, rate: 10/s}}
timeline:
  - {at: 1s, delete_pod: n1}
duration: 5s
expect: [lost_writes == 0]
`
	e, resolved, err := spec.Load("x.yaml", []byte(text), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPlan(e, resolved, 1)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := p.WriteCommands(&b); err != nil {
		t.Fatal(err)
	}
	const want = `    do     kubectl delete pod n1
    proof  the server has ended its sessions and refuses new ones, or was started again
    look   where sessions to the node are forwarded: it cannot be looked at from its machine, since cluster.existing has no exec
`
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("%s", b.String())
	}
}
