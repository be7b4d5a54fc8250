package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"pgchaos/record"
	"pgchaos/runner"
)

// TestDockerExec meets containers with published ports as a cluster that pgchaos has not built, as one of docker compose is: commands come to the
// nodes by docker exec, and containers are frozen and killed by docker itself. Behind the forwarded ports only that shows that a server has ended.
func TestDockerExec(t *testing.T) {
	p := newDockerPlace(t)
	built := p.write("built.yaml", `
name: built
cluster: {nodes: [a, b], synchronous: {standbys: b}}
load: {writes: {kind: insert, clients: 2, rate: 50/s}}
timeline: [{wait: 1s}]
expect: [lost_writes == 0]
`)
	if code, stdout, stderr := p.run(p.onDocker(built, "--keep")...); code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	dsn, host := map[string]string{}, map[string]string{}
	for _, n := range []string{"a", "b"} {
		host[n] = "pgchaos-" + r.Run + "-" + n
		dsn[n] = fmt.Sprintf("postgres://postgres@%s/postgres?passfile=%s", address(r, n), filepath.Join(p.out, runner.Passfile))
	}
	if code, stdout, stderr := p.run("mark", dsn["a"]); code != exitPass {
		t.Fatalf("mark: exit code %d\n%s\n%s", code, stdout, stderr)
	}
	kept := p.out
	p.out = filepath.Join(filepath.Dir(kept), "met")
	met := p.write("met.yaml", fmt.Sprintf(`
name: met
cluster:
  provider: existing
  existing:
    nodes:
      n1: {dsn: %q, standby: a, host: %q}
      n2: {dsn: %q, standby: b, host: %q}
    exec: "docker exec {host} {command}"
    hooks:
      freeze: {exec: "{command}", do: "docker pause {host}", undo: "docker unpause {host}", proof: silent}
      kill: {exec: "{command}", do: "docker kill {host}", undo: "docker start {host}", proof: down}
  synchronous: {standbys: n2}
load:
  writes: {kind: insert, clients: 4, rate: 50/s, timeout: 2s}
timeline:
  - {at: 1s, freeze: n2, for: 1s}
  - {name: thawed, verify: {all_streaming: true, within: 60s}}
  - {kill: n2, for: 2s}
  - {name: back, verify: {all_streaming: true, within: 60s}}
expect: [lost_writes == 0, nodes_equal]
`, dsn["a"], host["a"], dsn["b"], host["b"]))
	code, stdout, stderr := p.run("run", met, "--out", p.out, "--yes-this-may-break")
	if code != exitPass {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	for _, m := range p.result().Timeline {
		if m.Status != record.EventDone && m.Status != record.EventSeen {
			t.Errorf("%+v", m)
		}
	}
	p.out = kept
	if got := p.psql(address(r, "a"), "select count(*) from pg_namespace where nspname like 'pgchaos%'"); got != "0" {
		t.Errorf("%s schemas of pgchaos are left", got)
	}
	if code, out, errs := p.run("clean", r.Run); code != exitPass {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingOnEngine()
}
