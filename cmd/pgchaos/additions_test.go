package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/internal/longtest"
	"pgchaos/record"
	"pgchaos/verdict"
)

// additions are one more of each kind of thing that CONTRIBUTING.md tells how to add.
func additions() map[string]addition {
	return map[string]addition{
		"action": {
			added:    map[string]string{"chaos/fault/flicker.go": newAction},
			inserted: map[string][]insertions{"chaos/fault/table.go": {{"		verify(),\n", "		flicker(),\n"}}},
		},
		"metric": {
			inserted: map[string][]insertions{
				"expect/metrics.go": {{"		{Name: \"up_in\"", "		{Name: \"steps_recorded\", Kind: MetricCount, About: \"the number of steps that the result holds\", Exists: \"every run\"},\n"}},
				"report/metric.go":  {{"	case e.Metric == \"split_brain\":\n", "	case e.Metric == \"steps_recorded\":\n		return known(e, float64(len(r.Timeline)))\n"}},
			},
		},
		"rendering": {
			added: map[string]string{"report/steps/steps.go": newRendering},
			inserted: map[string][]insertions{
				"cmd/pgchaos/outputs.go": {
					{"	\"pgchaos/report/export\"\n", "	\"pgchaos/report/steps\"\n"},
					{"		{\"out-summary\",", "		{\"out-steps\", \"write the names of the steps to `FILE`\", steps.Write},\n"},
				},
				"internal/arrows/arrows_test.go": {{"	\"report/text\": ", "	\"report/steps\": {\"report\"},\n"}},
			},
		},
		"provider": {
			added: map[string]string{"cluster/twin/twin.go": newProvider},
			inserted: map[string][]insertions{
				"cmd/pgchaos/providers.go": {
					{"	\"pgchaos/cluster/local\"\n", "	\"pgchaos/cluster/twin\"\n"},
					{"		docker.Kind(),\n", "		twin.Kind(),\n"},
				},
				"internal/arrows/arrows_test.go": {{"	\"cluster/local\": ", "	\"cluster/twin\": {\"cluster\", \"cluster/local\"},\n"}},
			},
		},
	}
}

// TestAnAdditionIsOneFileAndAFewLines builds pgchaos with one more action, metric, rendering and provider, counts the files
// that each touches, and uses all of them together in one run.
func TestAnAdditionIsOneFileAndAFewLines(t *testing.T) {
	longtest.Only(t)
	p := newPlace(t)
	all := additions()
	for name, most := range map[string]struct{ added, changed int }{
		"action":    {1, 1}, // the table of actions
		"metric":    {0, 2}, // the table of metrics; its value
		"rendering": {1, 2}, // the table of files; the permitted imports
		"provider":  {1, 2}, // the table of providers; the permitted imports
	} {
		if a := all[name]; len(a.added) > most.added || len(a.inserted) > most.changed {
			t.Errorf("one more %s touches too many files: %q", name, a.files())
		}
	}
	o := newOverlay(t, all)
	program := filepath.Join(t.TempDir(), "pgchaos")
	o.command(t, "build", "-o", program, "./cmd/pgchaos")
	o.command(t, "test", "-run", "^TestImportArrows$", "./internal/arrows")
	theyAreKnown(t, program)
	theyAreUsed(p, program)
}

// theyAreKnown looks for the additions in what needs no run.
func theyAreKnown(t *testing.T, program string) {
	t.Helper()
	const good = `
name: x
cluster: {nodes: [a, b], provider: twin}
duration: 9s
timeline:
  - {at: 1s, flicker: {node: b, every: 2s}, for: 3s}
  - {at: 6s, flicker: b}
expect: [steps_recorded > 2]
`
	const bad = `
name: x
cluster: {nodes: [a, b], provider: twni}
duration: 9s
timeline:
  - {at: 1s, flicker: {nod: b}}
  - {at: 2s, stop: b}
  - {at: 3s, flicker: {node: b, every: 0s}}
expect: [steps_recored > 2]
`
	for _, tc := range []struct {
		args  string
		stdin string
		want  []string
	}{
		{"plan -", good, []string{"flicker-b", "flicker b: every 2s, taken back after 3s", "undo-flicker-b", "flicker-b-2", "twin", "steps_recorded > 2"}},
		{"validate -", bad, []string{`unknown key "nod" in timeline[0].flicker`, `did you mean "node"?`, "every is 0", `did you mean "twin"?`, "did you mean steps_recorded?"}},
		{"schema", "", []string{`"flicker"`, "Lets a node flicker.", "How often it flickers.", `"twin"`}},
		{"providers", "", []string{"twin: processes of this machine, once more"}},
		{"run --help", "", []string{"--out-steps FILE", "write the names of the steps to FILE", "twin"}},
		{"__complete run quorum-kill --provider t", "", []string{"twin"}},
	} {
		cmd := exec.CommandContext(t.Context(), program, strings.Fields(tc.args)...)
		cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(tc.stdin)
		out, _ := cmd.CombinedOutput() // the text says whether it succeeded
		for _, want := range tc.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s does not say %q:\n%.3000s", tc.args, want, out)
			}
		}
	}
}

// theyAreUsed runs the action on the provider, judges the metric, and writes the rendering.
func theyAreUsed(p *place, program string) {
	p.t.Helper()
	p.program = program
	file := p.write("additions.yaml", `
name: additions
cluster: {nodes: [a, b], provider: twin}
load: {writes: {kind: insert, clients: 1, rate: 20/s}}
duration: 4s
timeline:
  - {at: 1s, flicker: {node: b, every: 1s}, for: 1s}
expect: [steps_recorded == 2, lost_writes == 0]
`)
	rendered := filepath.Join(filepath.Dir(p.base), "steps")
	code, out, errs := p.run("run", file, "--out", p.out, "--out-steps", rendered)
	r := p.result()
	if r.Cluster.Provider != "twin" || len(r.Expectations) != 2 || r.Expectations[0].Verdict != verdict.Pass {
		p.t.Errorf("exit code %d, provider %s, expectations %+v\n%s%s", code, r.Cluster.Provider, r.Expectations, out, errs)
	}
	if !strings.Contains(out, "steps_recorded == 2") || readText(p.t, rendered) != "flicker-b\nundo-flicker-b\n" {
		p.t.Errorf("rendered: %q\n%s", readText(p.t, rendered), out)
	}
	if i := slices.IndexFunc(r.Timeline, func(e record.Event) bool { return e.Status != "done" }); i >= 0 || len(r.Timeline) != 2 {
		p.t.Errorf("the steps: %+v", r.Timeline)
	}
	p.nothingLeft()
}

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
		Capabilities: []cluster.Capability{cluster.CanFreeze},
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

const newRendering = `// Package steps writes the names of a run's steps.
package steps

import (
	"os"

	"pgchaos/report"
)

func Write(path string, r *report.Result) error {
	var text string
	for _, e := range r.Timeline {
		text += e.Name + "\n"
	}
	return os.WriteFile(path, []byte(text), 0o600)
}
`

const newProvider = `// Package twin does what cluster/local does, in a directory of its own.
package twin

import (
	"context"
	"path/filepath"

	"pgchaos/cluster"
	"pgchaos/cluster/local"
)

func Kind() cluster.Kind {
	k := local.Kind()
	k.Description = describe()
	k.Open = func(ctx context.Context, o cluster.OpenOptions) (cluster.Opened, error) {
		p, err := local.New(ctx, local.Options{Base: base(), Run: o.Run, BinDir: o.BinDir, Major: o.Major, Experiment: o.Experiment, Results: o.Results})
		if err != nil {
			return cluster.Opened{}, err
		}
		return cluster.Opened{Provider: provider{p}, Bin: p.Installation().BinDir}, nil
	}
	k.Leftovers = func(context.Context) ([]cluster.Leftover, string, error) { return local.Leftovers(base()) }
	return k
}

type provider struct{ *local.Provider }

func (provider) Describe() cluster.Description { return describe() }

func describe() cluster.Description {
	d := local.Describe()
	d.Name, d.Summary, d.Disks = "twin", "processes of this machine, once more", []string{base()}
	return d
}

func base() string { return filepath.Join(filepath.Dir(cluster.DefaultBase()), "twins") }
`
