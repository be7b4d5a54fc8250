package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// newAction is an action that pgchaos does not have.
const newAction = `package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// Flicker is an action for a test.
type Flicker struct {
	OnNodes

	Every units.Duration ` + "`yaml:\"every\" jsonschema_description:\"How often it flickers.\"`" + `
}

func flicker() Kind {
	return Kind{
		Name: "flicker", Group: Networks, Doc: "Lets a node flicker.", New: func() Parameters { return &Flicker{} },
		Facts: record.Facts{Freezes: true}, Outage: true, Phase: true, Undo: steady(), Reversible: true, Needs: Needs{Process: Running},
	}
}

func (p *Flicker) Detail() string { return "every " + p.Every.String() }

func (p *Flicker) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.Pause(ctx)
	})
}

func steady() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "steady",
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, _ chaos.Reversal, ending bool) error {
			return s.Release(ctx, n, n.Resume, ending)
		},
	}
}
`

// TestANewActionIsOneFileAndOneLine builds pgchaos with an action more, with a way of its own to take it back, for which one file
// is added and one line of the table: decoding, validation, the schema and the plan know it.
func TestANewActionIsOneFileAndOneLine(t *testing.T) {
	dir := t.TempDir()
	module, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(module, "chaos", "fault", "table.go")
	text := readText(t, table)
	entry := "		verify(),\n"
	if strings.Count(text, entry) != 1 {
		t.Fatalf("%s has no line %q", table, entry)
	}
	changed := map[string]string{
		table: strings.Replace(text, entry, entry+"		flicker(),\n", 1),
		filepath.Join(module, "chaos", "fault", "flicker.go"): newAction,
	}
	overlay := map[string]map[string]string{"Replace": {}}
	for file, text := range changed {
		to := filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][file] = to
	}
	encoded, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list, program := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "pgchaos")
	if err := os.WriteFile(list, encoded, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", list, "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := func(experiment string, command ...string) string {
		cmd := exec.CommandContext(t.Context(), program, command...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(experiment)
		out, _ := cmd.CombinedOutput() // the text says whether it succeeded
		return string(out)
	}
	good := "name: x\ncluster: {nodes: [a, b]}\nduration: 9s\ntimeline:\n  - {at: 1s, flicker: {node: b, every: 2s}, for: 3s}\n  - {at: 6s, flicker: b}\n"
	bad := "name: x\ncluster: {nodes: [a, b]}\nduration: 9s\ntimeline:\n  - {at: 1s, flicker: {nod: b}}\n  - {at: 2s, stop: b}\n  - {at: 3s, flicker: {node: b, every: 0s}}\n"
	for name, tt := range map[string]struct {
		said string
		want []string
	}{
		"plan":     {run(good, "plan", "-"), []string{"flicker-b", "flicker b: every 2s, taken back after 3s", "undo-flicker-b", "flicker-b-2"}},
		"validate": {run(bad, "validate", "-"), []string{`unknown key "nod" in timeline[0].flicker`, `did you mean "node"?`, "every is 0"}},
		"schema":   {run("", "schema"), []string{`"flicker"`, "Lets a node flicker.", "How often it flickers."}},
	} {
		for _, want := range tt.want {
			if !strings.Contains(tt.said, want) {
				t.Errorf("%s does not say %q:\n%.3000s", name, want, tt.said)
			}
		}
	}
}
