package spec

import (
	"slices"
	"testing"
)

func TestPaths(t *testing.T) {
	paths := Paths([]byte(`name: x
cluster:
  nodes: {a: , b: {settings: {work_mem: 8MB}}}
  settings: {wal_level: replica}
load:
  writes: {kind: insert, stages: [{for: 5s, rate: 10/s}]}
  setup: create table t (i int)
timeline:
  - {at: 5s, stop: b}
  - {name: back, start: b}
  - {configure: {node: a, settings: {work_mem: 4MB}}}
`))
	for _, want := range []string{
		"name", "seed", "duration", "expect", "baseline.p95", "cluster.provider", "cluster.postgres", "cluster.settings.wal_level",
		"cluster.synchronous.commit", "cluster.docker.image", "cluster.nodes.b.settings.work_mem", "cluster.nodes.b.absent",
		"load.writes.rate", "load.writes.clients", "load.writes.stages", "load.writes.stages[0].rate", "load.setup",
		"timeline", "timeline.stop-b.at", "timeline.stop-b.stop", "timeline.back.start", "timeline.configure-a.configure.settings.work_mem",
	} {
		if !slices.Contains(paths, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, not := range []string{"", "cluster", "load.writes", "timeline.stop-b.kill", "load.setup.kind", "cluster.synchronous"} {
		if slices.Contains(paths, not) {
			t.Errorf("%q is among them", not)
		}
	}
	if t.Failed() {
		t.Log(paths)
	}
	for _, bad := range []string{"", "[", "- a", "just text"} {
		if got := Paths([]byte(bad)); got != nil {
			t.Errorf("of %q: %q", bad, got)
		}
	}
}

// TestEveryPathCanBeSet: --set accepts each of the paths, with any value that fits.
func TestEveryPathCanBeSet(t *testing.T) {
	text := []byte("name: x\ncluster: {nodes: [a, b]}\nload: {w: {kind: insert}}\ntimeline:\n- {at: 5s, stop: b}\n- {start: b}\n")
	root, problems := parse("", text)
	if problems != nil {
		t.Fatal(problems)
	}
	for _, path := range Paths(text) {
		d := newDecoder("")
		d.set(root, path+"=1")
		if len(d.problems) > 0 && path != "timeline" {
			t.Errorf("%s: %v", path, d.problems)
		}
		if root, problems = parse("", text); problems != nil {
			t.Fatal(problems)
		}
	}
}
