package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInit: what it writes is valid, has a comment on what each part is for, and nothing is
// overwritten by it.
func TestInit(t *testing.T) {
	t.Chdir(t.TempDir())
	do := func(args ...string) (code int, out string) {
		var stdout, stderr bytes.Buffer
		code = run(t.Context(), args, nil, &stdout, &stderr)
		return code, stdout.String() + stderr.String()
	}
	if code, out := do("init"); code != exitPass || !strings.Contains(out, "pgchaos run my.yaml") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, out := do("plan", "my.yaml"); code != exitPass || !strings.Contains(out, "kill primary") {
		t.Errorf("exit code %d: %s", code, out)
	}
	must(t, os.WriteFile("my.yaml", []byte("mine"), 0o600))
	if code, out := do("init"); code != exitUsage || !strings.Contains(out, "my.yaml is there already") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if text, err := os.ReadFile("my.yaml"); err != nil || string(text) != "mine" {
		t.Errorf("the file is now %q (%v)", text, err)
	}
	if code, out := do("init", "other.yaml"); code != exitPass || !strings.Contains(out, "pgchaos run other.yaml") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, out := do("init", "no/such/folder.yaml"); code != exitUsage {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestShowPrintsTheFile(t *testing.T) {
	want, err := os.ReadFile("../../experiments/quorum-kill.yaml")
	must(t, err)
	for _, name := range []string{"quorum-kill", "quorum-kill.yaml"} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{"show", name}, nil, &stdout, &stderr); code != exitPass || !bytes.Equal(stdout.Bytes(), want) {
			t.Errorf("exit code %d: %s%s", code, &stderr, &stdout)
		}
	}
}

// TestFirstExperimentRuns runs what init wrote.
func TestFirstExperimentRuns(t *testing.T) {
	p := newPlace(t)
	file := filepath.Join(filepath.Dir(p.base), "my.yaml")
	if code, out, errs := p.run("init", file); code != exitPass {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if code, out, errs := p.run("validate", file); code != exitPass || strings.Contains(out, "warning") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	p.runsAsItSays(file, "--set", "timeline.pause-gamma.at=1s", "--set", "timeline.configure-replicas.at=4500ms", "--set", "timeline.kill-primary.at=5s", "--set", "timeline[6].at=12s")
}

// TestExperimentFromStandardInput: a run looks at the experiment twice, and must read it once.
func TestExperimentFromStandardInput(t *testing.T) {
	const text = "name: typed\ncluster: {nodes: [a]}\nload: {w: {kind: insert}}\nduration: 1s\n"
	for _, args := range [][]string{{"plan", "-"}, {"plan", "-", "--yaml"}, {"validate", "-", "-"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, strings.NewReader(text), &stdout, &stderr); code != exitPass || stdout.Len() == 0 {
			t.Errorf("%q: exit code %d: %s%s", args, code, &stdout, &stderr)
		}
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"run", "-"}, strings.NewReader(text+"duratoin: 2s\n"), &stdout, &stderr)
	if code != exitUsage || !strings.HasPrefix(stderr.String(), "standard input:5:1: unknown key") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	stderr.Reset()
	code = run(t.Context(), []string{"plan", "-"}, strings.NewReader(strings.Repeat("#", 3<<20)), &stdout, &stderr)
	if code != exitUsage || !strings.Contains(stderr.String(), "more than a mebibyte") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}
