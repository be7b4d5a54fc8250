package main

import (
	"strings"
	"testing"
)

// TestTooFewOpenFiles: reported before anything starts, with what to do, and not where the limit suffices.
func TestTooFewOpenFiles(t *testing.T) {
	p := newPlace(t)
	file := p.write("many.yaml", "name: many\ncluster: {nodes: [a, b]}\nload:\n  writes: {kind: insert, clients: 150, rate: 300/s}\ntimeline: [{wait: 1s}]\n")
	f := experimentFlags{}
	all, err := f.plan(t.Context(), file, reading{})
	must(t, err)
	plan := all.Plans[0]
	clients, files := plan.OpenFiles()
	if clients != 150 || files < 150 || files > 300 {
		t.Errorf("%d clients, %d files", clients, files)
	}
	if err := filesWithin(plan, uint64(files)); err != nil {
		t.Error(err)
	}
	if err := filesWithin(plan, 100); err == nil || !strings.Contains(err.Error(), "150 clients need about") || !strings.Contains(err.Error(), "the limit is 100: raise it (ulimit") {
		t.Error(err)
	}
	cmd := p.command("run", file, "--out", p.out)
	cmd.Args = append([]string{"sh", "-c", `ulimit -n 100; exec "$@"`, "sh"}, cmd.Args...)
	cmd.Path = "/bin/sh"
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitUsage || !strings.Contains(string(out), "150 clients need about") {
		t.Errorf("exit code %d: %s", code, out)
	}
}
