package main

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/internal/serverdir"
	"pgchaos/record"
	"pgchaos/verdict"
)

// TestHookProvesAndIsTakenBack: a command of the user's counts only where its proof holds, its undo is run at the end of `for`, and
// a dead man's switch runs it on the node's machine without pgchaos.
func TestHookProvesAndIsTakenBack(t *testing.T) {
	p := newPlace(t)
	dir, err := serverdir.Make("pgchaos-hook-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o777))
	text := strings.ReplaceAll(`name: hooks
cluster: {nodes: [a]}
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
timeline:
  - {at: 500ms, name: back, for: 500ms, hook: {name: mark, node: a, do: "touch DIR/back", proof: "test -e DIR/back", undo: "rm -f DIR/back"}}
  - {name: armed, hook: {name: mark, node: a, do: "touch DIR/armed", proof: "test -e DIR/armed", undo: "rm -f DIR/armed", undo_after: 1500ms, within: 1s}}
  - {name: disarmed, for: 300ms, hook: {name: other, node: a, do: "touch DIR/other", proof: "test -e DIR/other", undo: "rm -f DIR/other", undo_after: 2s, within: 1s}}
  - {at: 2500ms, exec: {node: a, command: "touch DIR/other"}}   # which the switch would remove, had it not been disarmed
  - {at: 4500ms, name: kept, exec: {node: a, command: "test -e DIR/other"}}
  - {name: gone, exec: {node: a, command: "for i in $(seq 200); do test -e DIR/armed || break; sleep 0.1; done; test -e DIR/back || test -e DIR/armed", expect: 1}}
  - {name: over, for: 100ms, hook: {name: over, node: a, do: "sh -c 'rm -f /tmp/pgchaos-undo-over-on-a.*'", proof: "true", undo: "true", undo_after: 2m}}   # as if the switch had
  - {after: undo-over, name: late, on_error: continue, hook: {name: late, node: a, do: "sleep 0.2", proof: "true", undo: "true", undo_after: 51ms, within: 50ms}}
  - {name: vain, on_error: continue, hook: {name: nothing, node: a, do: "true", proof: "test -e DIR/never", undo: "true", within: 500ms}}
  - {name: wrong, hook: {name: wrong, node: a, do: "sh -c 'touch DIR/wrong; exit 3'", proof: "test -e DIR/wrong", undo: "true"}}
  - {name: hangs, on_error: continue, hook: {name: hangs, node: a, do: "sleep 1000", proof: "true", undo: "true", timeout: 300ms}}
  - {name: alive, on_error: continue, hook: {name: nothing, node: a, do: "true", proof: down, undo: "true", within: 500ms}}
  - {name: unarmed, on_error: continue, hook: {name: HELD, node: a, do: "touch DIR/unarmed", proof: "true", undo: "true", undo_after: 1m}}
  - {stop: a}   # which does not answer then, and is no primary
  - {name: silent, on_error: continue, hook: {name: nothing, node: a, do: "touch DIR/silent", proof: silent, undo: "true", within: 100ms}}
  - {name: moved, on_error: continue, hook: {name: nothing, node: a, do: "true", proof: moved, undo: "true", within: 100ms}}
`, "DIR", filepath.ToSlash(dir))
	held := "held-" + strings.ToLower(rand.Text())
	text = strings.ReplaceAll(text, "HELD", held)
	waiting := "/tmp/pgchaos-undo-" + held + "-on-a.another-run.x" // a dead man's switch of another run
	must(t, os.WriteFile(waiting, nil, 0o644))
	t.Cleanup(func() { must(t, os.Remove(waiting)) })
	if code, stdout, stderr := p.run("run", p.write("hooks.yaml", text), "--out", p.out); code == exitPass {
		t.Errorf("commands that did nothing pass\n%s\n%s", stdout, stderr)
	}
	r := p.result()
	for _, name := range []string{"back", "undo-back", "armed", "disarmed", "kept", "gone", "over", "undo-over"} {
		if m := eventNamed(t, r, func(m record.Event) bool { return m.Name == name }); m.Status != record.EventDone {
			t.Errorf("%+v", m)
		}
	}
	if m := eventNamed(t, r, func(m record.Event) bool { return m.Name == "undo-over" }); m.Detail != "a: nothing waited on its machine any more to run the undo: it has run it by undo_after, or was started anew" {
		t.Errorf("%+v", m)
	}
	for name, why := range map[string]string{"vain": "does not hold after 500ms", "alive": "its server runs as before", "hangs": `the command "sleep 1000" had not ended after 300ms, and was killed`, "late": "the node's machine has taken it back already",
		"unarmed": "waits on this machine already", "silent": "a does not answer already", "moved": "no other node is the primary"} {
		if m := eventNamed(t, r, func(m record.Event) bool { return m.Name == name }); m.Status != record.EventFailed || !strings.Contains(m.Error, why) {
			t.Errorf("%+v", m)
		}
	}
	for _, name := range []string{"unarmed", "silent"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the command of %s ran: %v", name, err)
		}
	}
	const warning = "wrong: a: the command ended with an error, and did what it was to do: sh: exit status 3"
	if m := eventNamed(t, r, func(m record.Event) bool { return m.Name == "wrong" }); m.Status != record.EventDone || !slices.Equal(r.Warned(), []string{warning}) {
		t.Errorf("%+v, %q", m, r.Warned())
	}
	if r.Verdict == verdict.Pass {
		t.Errorf("%s: %q", r.Verdict, r.Reasons)
	}
	p.nothingLeft()
}
