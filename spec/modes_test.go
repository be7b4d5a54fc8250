package spec_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgchaos/chaos/fault"
	"pgchaos/spec"
	"pgchaos/syncmode"
)

// inModes loads an experiment in some modes.
func inModes(t *testing.T, text string, words ...string) (*spec.Series, []string) {
	t.Helper()
	o, notes, err := spec.InModes("test.yaml", []byte(text), spec.Options{}, words)
	if err != nil {
		t.Fatal(err)
	}
	s, err := spec.LoadSeries("test.yaml", []byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return s, notes
}

func shipped(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../experiments", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// regimeOf is what a step of an experiment demands.
func regimeOf(t *testing.T, e *spec.Experiment, name string) *spec.Synchronous {
	t.Helper()
	i := slices.IndexFunc(e.Timeline, func(s spec.Step) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no step %s", name)
	}
	return e.Timeline[i].Parameters().(*fault.Configure).Synchronous
}

func conditionOf(t *testing.T, e *spec.Experiment, name string) *spec.Condition {
	t.Helper()
	i := slices.IndexFunc(e.Timeline, func(s spec.Step) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no step %s", name)
	}
	return e.Timeline[i].Parameters().(*spec.Condition)
}

// TestModesBecomeVariants: each mode is a variant; a configure step follows, with the names of its own, and what the
// timeline waits for as well.
func TestModesBecomeVariants(t *testing.T) {
	s, notes := inModes(t, shipped(t, "quorum-kill"), "off", "local", "remote_write/first-1", "on/any-2")
	var names []string
	for _, v := range s.Variants {
		names = append(names, v.Name)
	}
	if got := strings.Join(names, " "); got != "off local remote_write/first-1 on/any-2" || len(notes) > 0 || !s.Several || s.Baseline != "off" {
		t.Fatalf("%s, notes %q, baseline %s", got, notes, s.Baseline)
	}
	for i, want := range []struct{ commit, own, step, state string }{
		{"off", "", "", "async"},
		{"local", "ANY 1 (pgslave, pgslavenew)", "ANY 1 (pgmaster, pgslave)", "quorum"},
		{"remote_write", "FIRST 1 (pgslave, pgslavenew)", "FIRST 1 (pgmaster, pgslave)", ""},
		{"on", "ANY 2 (pgslave, pgslavenew)", "ANY 2 (pgmaster, pgslave)", "quorum"},
	} {
		e := s.Variants[i].Experiment
		own, step := e.Cluster.Synchronous, regimeOf(t, e, "configure-pgslavenew")
		if own.Commit != want.commit || own.Standbys != want.own || step.Commit != want.commit || step.Standbys != want.step {
			t.Errorf("%s: %+v, then %+v", s.Variants[i].Name, own, step)
		}
		c := conditionOf(t, e, "recovered")
		if c.SyncState["pgslave"] != want.state || c.Role["pgmaster"] != "standby" {
			t.Errorf("%s: waits for %s", s.Variants[i].Name, c)
		}
		if want.state == "" && (len(c.SyncState) > 0 || len(c.Streaming) != 2) {
			t.Errorf("%s: waits for %s", s.Variants[i].Name, c)
		}
		again, _, err := spec.Load("again.yaml", s.Variants[i].Text, spec.Options{Resolved: true})
		if err != nil || *again.Cluster.Synchronous != *own {
			t.Errorf("%s: the resolved text is another experiment: %v", s.Variants[i].Name, err)
		}
	}
}

// TestOneModeIsOneRun: no series is made of it; where the file says nothing of synchronous replication, all
// standbys of the start count.
func TestOneModeIsOneRun(t *testing.T) {
	s, notes := inModes(t, shipped(t, "stall"), "on")
	if s.Several || len(notes) > 0 || len(s.Variants) != 1 || s.Variants[0].Name != "" {
		t.Fatalf("%d variants, notes %q", len(s.Variants), notes)
	}
	if got := s.Variants[0].Cluster.Synchronous; got.Commit != "on" || got.Standbys != `ANY 1 ("standby-b")` {
		t.Errorf("%+v", got)
	}
}

// TestStepsThatMakeItSynchronous: an experiment that begins asynchronous and becomes synchronous follows the mode from there.
func TestStepsThatMakeItSynchronous(t *testing.T) {
	s, _ := inModes(t, shipped(t, "walkthrough"), "remote_apply/first-1")
	e := s.Variants[0].Experiment
	if e.Cluster.Synchronous != nil {
		t.Errorf("it begins with %+v", e.Cluster.Synchronous)
	}
	if got := regimeOf(t, e, "configure-pgmaster"); got.Commit != "remote_apply" || got.Standbys != "FIRST 1 (pgslave, pgslavenew)" {
		t.Errorf("%+v", got)
	}
	if c := conditionOf(t, e, "both-are-async"); c.SyncState["pgslave"] != "async" {
		t.Errorf("before that step it waits for %s", c)
	}
	if c := conditionOf(t, e, "both-are-quorum"); len(c.SyncState) > 0 || len(c.Streaming) != 2 {
		t.Errorf("after it, for %s", c)
	}
}

const twoStandbys = `
name: test
cluster:
  nodes: [a, b, c]
  SYNC
load:
  writes: {kind: insert}
timeline:
  STEP
  - {wait: 1s}
`

func withSync(sync, step string) string {
	return strings.NewReplacer("SYNC", sync, "STEP", step).Replace(twoStandbys)
}

// TestWhatAModeReplaces: only what makes commits wait.
func TestWhatAModeReplaces(t *testing.T) {
	s, _ := inModes(t, withSync(`synchronous: {standbys: "FIRST 1 (b)"}`, `- {name: degrade, configure: {node: a, synchronous: {standbys: ""}}}`), "remote_apply")
	e := s.Variants[0].Experiment
	if got := e.Cluster.Synchronous.Standbys; got != "ANY 1 (b)" {
		t.Errorf("c, which the file does not name, counts as well: %s", got)
	}
	if got := regimeOf(t, e, "degrade"); got.Standbys != "" || got.Commit != "on" {
		t.Errorf("the step that takes the wait away became %+v", got)
	}
	// Without any synchronous replication in the file, what it expects of its standbys follows too.
	s, _ = inModes(t, withSync("", `- {name: look, when: {sync_state: {b: async}}, verify: {sync_state: {c: async}}}`), "on/any-2")
	c := conditionOf(t, s.Variants[0].Experiment, "look")
	if c.SyncState["c"] != "quorum" || s.Variants[0].Timeline[0].When.SyncState["b"] != "quorum" {
		t.Errorf("it waits for %s when %s", c, s.Variants[0].Timeline[0].When)
	}
	s, _ = inModes(t, withSync(`synchronous: {standbys: "ANY 1 (*)"}`, `- {configure: {node: replicas, synchronous: {standbys: "ANY 1 (a, b, c)"}}}`), "on/any-2")
	if got := s.Variants[0].Cluster.Synchronous.Standbys; got != "ANY 2 (*)" {
		t.Error(got)
	}
}

// TestModesThatDoNotDiffer are run once, and said.
func TestModesThatDoNotDiffer(t *testing.T) {
	one := withSync(`synchronous: {standbys: "FIRST 1 (b)"}`, "")
	s, notes := inModes(t, one, "async", "local", "on/first-1", "on", "max-protection")
	if len(s.Variants) != 2 || s.Variants[1].Name != "on/first-1" || len(notes) != 4 {
		t.Errorf("%d variants, %q", len(s.Variants), notes)
	}
	s, notes = inModes(t, one, "max-availability", "max-protection")
	if s.Several || len(notes) != 3 || !strings.Contains(notes[0], "PostgreSQL never does") {
		t.Errorf("%d variants, %q", len(s.Variants), notes)
	}
}

// TestModesThatAreRefused: what is wrong, and what would be right.
func TestModesThatAreRefused(t *testing.T) {
	plain := withSync("", "")
	for name, tc := range map[string]struct {
		text, says string
		words      []string
	}{
		"misspelt":          {plain, `did you mean "remote_apply"?`, []string{"remote_aply"}},
		"unknown":           {plain, "'pgchaos modes' lists them", []string{"frobnicate"}},
		"no choice":         {plain, "write first-1, any-1, any-2", []string{"on/all"}},
		"no level":          {plain, "write on/any-1, remote_write/any-1 or remote_apply/any-1", []string{"async", "any-1"}},
		"an empty one":      {plain, `--sync-mode "on,": one of the modes is empty; write them as in async,on/any-1`, []string{"on", ""}},
		"a choice for none": {plain, "a commit in off waits for no standby; write off", []string{"off/any-1"}},
		"nothing":           {plain, "names no mode", nil},
		"too many":          {plain, "a commit would wait for 3 standbys, and there are 2", []string{"on/any-3"}},
		"no standby":        {strings.Replace(plain, "[a, b, c]", "[a]", 1), "there is no standby to wait for", []string{"on"}},
		"absent":            {"name: x\ncluster: {nodes: {a: , b: {absent: true}}}\nload: {writes: {kind: insert}}\ntimeline: [{backup: {node: a, name: x}}, {clone: {node: b, backup: x}}]\n", "there is no standby", []string{"on"}},
		"variants":          {plain + "variants: {x: {}, y: {}}\n", "variants of its own", []string{"on"}},
		"the sessions' own": {strings.Replace(plain, "{kind: insert}", "{kind: insert, synchronous_commit: local}", 1), "sets synchronous_commit for its sessions", []string{"on"}},
		"a step's setting":  {withSync("", "- {configure: {node: a, settings: {synchronous_commit: local}}}"), "the step configure-a sets synchronous_commit", []string{"on"}},
		"a mistake in it":   {strings.Replace(plain, "kind: insert", "kind: insrt", 1), "insrt", []string{"on"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := spec.InModes("test.yaml", []byte(tc.text), spec.Options{}, tc.words)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v, want %s", err, tc.says)
			}
		})
	}
}

// TestModesOfAnExperiment: which differ depends on its standbys.
func TestModesOfAnExperiment(t *testing.T) {
	e, _, err := spec.Load("x.yaml", []byte(shipped(t, "stall")), spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range e.Modes(syncmode.All()) {
		switch {
		case m.String() == "on/any-1" && (m.SameAs != "on/first-1" || m.Sets.Standbys != `ANY 1 ("standby-b")`),
			m.String() == "on/any-2" && m.Impossible == "", m.String() == "on/first-1" && m.SameAs != "":
			t.Errorf("%s: %+v", m.Mode, m)
		}
	}
}
