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

// TestThePlanOfAnExec: every command of the step, and what pgchaos runs whatever the steps are.
func TestThePlanOfAnExec(t *testing.T) {
	const text = `
name: x
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: "postgres://chaos@db1:5432/chaos", host: db1}
    exec: "ssh {host} {command}"
load: {writes: {kind: insert, rate: 10/s}}
timeline:
  - {at: 1s, for: 1s, exec: {node: n1, command: "touch a", proof: "test -e a", undo: "rm a"}}
duration: 5s
expect: [lost_writes == 0]
`
	p := loadPlan(t, text)
	const of = `
COMMANDS  each runs as it stands here, without a shell of pgchaos's
  whatever the steps are, on n1
    before the run: ssh db1 true
`
	const step = `  exec-n1 on n1
    do     ssh db1 /bin/sh -c ''\''touch a'\'''
    proof  ssh db1 /bin/sh -c ''\''test -e a'\'''
    undo   ssh db1 /bin/sh -c ''\''rm a'\'''
    with   env sets PGHOST, PGPORT, PGUSER, PGDATABASE and variables that begin with PGCHAOS_ before each
`
	for name, c := range map[string]struct {
		dirs map[string]string
		df   string
	}{
		"not asked for": {nil, "    before the run, and every 5s in it: ssh db1 df -Pk DATA_DIRECTORY DATA_DIRECTORY/pg_wal\n" +
			"    DATA_DIRECTORY stands for the server's data_directory: pgchaos doctor asks for it\n"},
		"known":          {map[string]string{"n1": "/data"}, "    before the run, and every 5s in it: ssh db1 df -Pk /data /data/pg_wal\n"},
		"may not see it": {map[string]string{"n1": ""}, ""},
	} {
		var b strings.Builder
		if err := p.WriteCommands(&b, c.dirs); err != nil || b.String() != of+c.df+step {
			t.Errorf("%s: %v\n%s", name, err, b.String())
		}
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
	p := loadPlan(t, text)
	var b strings.Builder
	if err := p.WriteCommands(&b, nil); err != nil {
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
