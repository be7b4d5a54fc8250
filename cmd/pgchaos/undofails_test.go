package main

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/cluster"
	"pgchaos/runner"
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
  - {at: 100ms, exec: {node: a, command: "true", undo: "test -e RULE || { echo there is no such rule, pass''word=sEcRet77 >&2; exit 3; }"}}
`, "RULE", rule)), "--out", p.out, "--keep")
	run := p.result().Run
	byHand := []string{"exec_undo a", "there is no such rule", "do by hand what it should do"}
	if code != exitLeftBehind || !hasAll(stderr, append(byHand, "Run '"+"PGCHAOS_DIR="+p.base+" pgchaos clean "+run)...) || !strings.Contains(stdout, "The cluster is still up") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, out, errs := p.run("clean", "--provider", "local", run); code != exitLeftBehind || !hasAll(errs, append(byHand, "pgchaos clean --by-hand "+run+"' removes the run")...) || strings.Contains(out, ": removed") || !strings.Contains(errs, "rule, password=***") {
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

// noNodes are those of a run of which nothing is left; ending says how it ends that they are looked at.
type noNodes struct{ ending error }

func (noNodes) Host(string) any { return nil }
func (n noNodes) Close() error  { return n.ending }

// TestAdviceToDoItByHand is given where a reversal was not done, and nowhere else.
func TestAdviceToDoItByHand(t *testing.T) {
	silent := errors.New("the engine does not answer")
	for _, tc := range []struct {
		name           string
		open, close    error
		byHand, advice bool
		says           string // "": no error
	}{
		{name: "not done", says: "unblock a: this pgchaos does not know such a reversal", advice: true},
		{name: "not done, and not closed", close: silent, says: "does not answer", advice: true},
		{name: "no nodes", open: silent, says: "does not answer"},
		{name: "no nodes, and done by hand", open: silent, byHand: true, says: "does not answer"},
		{name: "not closed, and done by hand", close: silent, byHand: true, says: "does not answer"},
		{name: "done by hand", byHand: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			line := `{"n":1,"schema":"pgchaos.timeline/2","run":"run-1","intend":[{"id":1,"kind":"unblock","node":"a"}]`
			line += fmt.Sprintf(`,"crc":"%08x"}`+"\n", crc32.Checksum([]byte(line), crc32.MakeTable(crc32.Castagnoli)))
			must(t, os.WriteFile(filepath.Join(dir, runner.JournalFile), []byte(line), 0o600))
			l := cluster.Leftover{Run: "run-1", Results: dir, Nodes: func(context.Context) (cluster.LeftNodes, error) {
				return noNodes{tc.close}, tc.open
			}}
			var warned strings.Builder
			err := (&cleanFlags{byHand: tc.byHand}).takeBack(t.Context(), l, io.Discard, &warned)
			if (err == nil) != (tc.says == "") || warned.Len() > 0 {
				t.Fatalf("%v, %s", err, warned.String())
			}
			if err != nil && (!strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "once you have done it by hand") != tc.advice) {
				t.Errorf("%v; that there is advice is %v", err, tc.advice)
			}
		})
	}
}

func hasAll(text string, parts ...string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}
