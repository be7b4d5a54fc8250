package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAReversalThatFails ends a run with exit code 5, also where the cluster is kept, and says what to do by hand. clean leaves
// the run until that is done.
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
	if code, out, errs := p.run("clean", "--provider", "local", run); code != exitLeftBehind || !hasAll(errs, byHand...) || strings.Contains(out, ": removed") {
		t.Errorf("clean: exit code %d\n%s%s", code, out, errs)
	}
	must(t, os.WriteFile(rule, nil, 0o600)) // what is missing, made by hand
	if code, out, errs := p.run("clean", "--provider", "local", run); code != exitPass || !strings.Contains(out, "taken back before the removal: exec_undo a") {
		t.Errorf("clean, when it can succeed: exit code %d\n%s%s", code, out, errs)
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
