//go:build long

package main

import (
	"strings"
	"testing"
)

// TestFaultsOnContainers fills the file system of a node and empties it, also where the server ends and where a step has stopped it,
// keeps processors of the node busy, and undoes a command: each effect is looked for in the container, and so is its absence afterwards.
func TestFaultsOnContainers(t *testing.T) {
	p := newDockerPlace(t)
	code, stdout, stderr := p.run(p.onDocker(p.write("x.yaml", `
name: x
cluster:
  nodes: [a, b]
  docker: {disk: 512MB}
  settings: {wal_keep_size: 64MB, max_wal_size: 128MB}
load: {writes: {kind: insert, clients: 1, rate: 20/s}}
timeline:
  - {name: full, at: 500ms, for: 10s, fill_disk: {node: b, leave: 1MB}}    # a busy engine takes seconds for a command
  - {exec: {node: b, command: "head -c 4000000 /dev/zero >$PGDATA/../probe", expect: 1}}
  - {after: undo-full, name: space, exec: {node: b, command: "head -c 4000000 /dev/zero >$PGDATA/../probe", undo: "rm -f $PGDATA/../probe"}}
  - {after: space, name: busy, for: 10s, burn_cpu: {node: b, processes: 2}}
  - {after: busy, exec: {node: b, command: "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'done [p]gchaos-burn'"}}
  - {after: undo-busy, name: quiet, exec: {node: b, command: "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'done [p]gchaos-burn'", expect: 1}}
  # The replay needs space for a table, for want of which the standby's server ends. It is started when there is space again.
  - {after: quiet, name: ending, for: 20s, fill_disk: {node: b}}
  - {after: ending, sql: {node: a, query: "create table more as select * from generate_series(1, 200000)"}}
  - {when: role of b is down, within: 2m, name: ended, wait: 1ms}
  - {after: undo-ending, verify: {role: {b: standby}, streaming: b, within: 20s}}
  # A server that a step has stopped stays so.
  - {after: undo-ending, at: 20s, name: stopped, for: 5s, fill_disk: {node: b}}
  - {after: stopped, stop: b}
  - {after: undo-stopped, verify: {role: {b: down}, within: 1s}}
expect: [lost_writes == 0, nodes_equal]
`))...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	p.nothingOnEngine()
	code, _, stderr = p.run("validate", p.write("y.yaml", "name: y\ncluster: {provider: docker, nodes: [a, b]}\ntimeline: [{fill_disk: b}]\n"))
	if code != exitUsage || !strings.Contains(stderr, "write cluster: {docker: {disk: 512MB}}") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	code, _, stderr = p.run("validate", p.write("z.yaml", "name: z\ncluster: {nodes: [a, b]}\ntimeline: [{fill_disk: b}]\n"))
	if code != exitUsage || !strings.Contains(stderr, "run it with provider: docker") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}
