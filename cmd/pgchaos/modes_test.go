package main

import (
	"strings"
	"testing"
)

// TestASyncModeIsWhatRuns: the servers have the mode that was named, from the beginning and on the promoted node, and the report says so.
func TestASyncModeIsWhatRuns(t *testing.T) {
	p := newPlace(t)
	file := p.write("mode.yaml", `
name: mode
cluster: {nodes: [a, b, c], settings: {wal_log_hints: on}}
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
timeline:
  - {at: 1s, configure: {node: b, synchronous: {standbys: "ANY 1 (a, c)"}}}
  - {stop: a}
  - {promote: b}
  - {follow: {node: c, upstream: b}}
  - {name: names, sql: {node: b, query: "select current_setting('synchronous_standby_names') || current_setting('synchronous_commit') = 'FIRST 1 (a, c)remote_apply'", expect: t}}
  - {wait: 2s}
`)
	// The step alone makes it synchronous, so the mode applies from there on.
	code, stdout, stderr := p.run("run", file, "--sync-mode", "remote_apply/first-1", "--out", p.out)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if command := strings.Join(p.result().Command, " "); !strings.Contains(command, "--sync-mode remote_apply/first-1") {
		t.Errorf("the result repeats itself by: %s", command)
	}
	if !strings.Contains(stdout, "asynchronous") || p.result().Variant != nil {
		t.Error(stdout)
	}
}
