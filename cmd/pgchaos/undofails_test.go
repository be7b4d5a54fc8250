package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAReversalThatFails ends a run with exit code 5, also where the cluster is kept, and says what to do by hand. clean leaves
// the run until that is done, or until somebody says that it was done by hand.
func TestAReversalThatFails(t *testing.T) {
	p := newPlace(t)
	rule := filepath.Join(filepath.Dir(p.base), "rule")
	code, stdout, stderr := p.run("run", p.write("x.yaml", strings.ReplaceAll(`
name: x
cluster: {nodes: [a]}
load: {writes: {kind: insert, clients: 1, rate: 20/s}}
duration: 500ms
timeline:
  - {at: 100ms, exec: {node: a, command: "true", undo: "test -e RULE || { echo there is no such rule >&2; exit 3; }"}}
`, "RULE", rule)), "--out", p.out, "--keep")
	run := p.result().Run
	byHand := []string{"exec_undo a", "there is no such rule", "do by hand what it should do"}
	if code != exitLeftBehind || !hasAll(stderr, append(byHand, "Run '"+"PGCHAOS_DIR="+p.base+" pgchaos clean "+run)...) || !strings.Contains(stdout, "The cluster is still up") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, out, errs := p.run("clean", "--provider", "local", run); code != exitLeftBehind || !hasAll(errs, append(byHand, "pgchaos clean --by-hand "+run+"' removes the run")...) || strings.Contains(out, ": removed") {
		t.Errorf("clean: exit code %d\n%s%s", code, out, errs)
	}
	if code, _, errs := p.run("clean", "--by-hand"); code != exitUsage {
		t.Errorf("clean --by-hand of no run: exit code %d, %s", code, errs)
	}
	if code, out, errs := p.run("clean", "--provider", "local", "--by-hand", run); code != exitPass || !hasAll(out, "done by hand, as you say: exec_undo a", ": removed") {
		t.Errorf("clean, when it was done by hand: exit code %d\n%s%s", code, out, errs)
	}
	p.nothingLeft()
}

func hasAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
