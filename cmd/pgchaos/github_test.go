package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAppendSummary: what is in the summary of a job stays, and the whole stays within GitHub's bound.
func TestAppendSummary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_STEP_SUMMARY", path)
	must(t, appendSummary("long", "short"))
	if _, err := os.Stat(path); err == nil {
		t.Fatal("it is written outside a job of GitHub Actions")
	}
	t.Setenv("GITHUB_ACTIONS", "true")
	must(t, os.WriteFile(path, []byte("mine\n"), 0o644))
	must(t, appendSummary("long", "short"))
	if got := readText(t, path); got != "mine\n\nlong\n" {
		t.Errorf("%q", got)
	}
	must(t, appendSummary(strings.Repeat("x", mostSummary), "short"))
	if got := readText(t, path); got != "mine\n\nlong\n\nshort\n" {
		t.Errorf("%q", got)
	}
	full := strings.Repeat("x", mostSummary-3)
	must(t, os.WriteFile(path, []byte(full), 0o644))
	must(t, appendSummary("long", "short"))
	if got := readText(t, path); got != full {
		t.Errorf("%d bytes", len(got))
	}
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(path, "no"))
	if err := appendSummary("long", "short"); err == nil {
		t.Error("an error is hidden")
	}
}

// TestNightlyOnGitHub: the night is in the summary of the job, and what failed in its annotations; texts of servers are no commands.
func TestNightlyOnGitHub(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_STEP_SUMMARY", path)
	t.Setenv("GITHUB_ACTIONS", "true")
	n := &night{flags: &nightlyFlags{}, cases: []nightCase{
		{Experiment: "kill", Name: "kill", Runs: []string{"run-1"}, Fails: []string{"run-1: 7 writes were lost\n::error::hostile"}},
		{Experiment: "stop", Name: "stop", Runs: []string{"run-2"}, Unknown: []string{"b was not read"}},
	}}
	var out strings.Builder
	must(t, n.write(&out))
	for _, want := range []string{
		"::stop-commands::", "::error title=pgchaos nightly%3A kill::run-1: 7 writes were lost%0A::error::hostile\n", "::warning title=pgchaos nightly%3A stop::b was not read\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if text := readText(t, path); !strings.Contains(text, "| fail | kill | 1 |") || !strings.Contains(text, "7 writes were lost &#58;&#58;error") {
		t.Errorf("%s", text)
	}
}

// TestMistakesOnGitHub: each mistake of an experiment file is an annotation where it stands.
func TestMistakesOnGitHub(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.yaml")
	must(t, os.WriteFile(file, []byte("name: bad\ncluster: {nodes: [a]}\nload: {writes: {kind: insert}}\nduration: 3s\nexpect:\n- p99 off writes < 1s\n- lost_writs == 0\n"), 0o600))
	for _, on := range []string{"", "true"} {
		t.Setenv("GITHUB_ACTIONS", on)
		var out, errs strings.Builder
		if code := run(t.Context(), []string{"validate", file}, strings.NewReader(""), &out, &errs); code != exitUsage {
			t.Errorf("exit code %d", code)
		}
		want := ""
		if on != "" {
			want = "::error title=pgchaos validate,file=" + file + ",line=6,col=7::\"off\" after p99 is not understood; did you mean of? Or write p99 of WORKLOAD [during PHASE] [in any 5s] < 100ms\n" +
				"::error title=pgchaos validate,file=" + file + ",line=7,col=3::there is no metric \"lost_writs\"; did you mean lost_writes?\n"
		}
		if out.String() != want || !strings.Contains(errs.String(), file+":6:7: ") {
			t.Errorf("%q, want %q; %s", out.String(), want, errs.String())
		}
	}
}
