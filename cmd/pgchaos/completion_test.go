package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"pgchaos/report"
)

// completions are what pgchaos offers a shell, without the descriptions.
func completions(t *testing.T, args ...string) (words []string, directive string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), append([]string{cobra.ShellCompNoDescRequestCmd}, args...), nil, &stdout, &stderr); code != exitPass {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	return lines[:len(lines)-1], lines[len(lines)-1]
}

func TestCompletion(t *testing.T) {
	t.Chdir(t.TempDir())
	must(t, os.MkdirAll("mine/below", 0o755))
	for _, file := range []string{"mine/a.yaml", "mine/notes.txt", "quick.yml"} {
		must(t, os.WriteFile(file, []byte("name: x\ncluster: {nodes: [a]}\nload: {w: {kind: insert}}\ntimeline: [{at: 1s, stop: a}]\n"), 0o600))
	}
	for _, dir := range []string{"results/one", "results/two", "other/deep/result"} {
		must(t, os.MkdirAll(dir, 0o755))
		must(t, os.WriteFile(filepath.Join(dir, report.FileName), []byte("{}"), 0o600))
	}
	const done, open = ":4", ":6" // no files; and no space after the word
	for _, tc := range []struct {
		name      string
		args      []string
		want      []string
		directive string
	}{
		{"a command", []string{"rep"}, []string{"report"}, done},
		{"a format of compare", []string{"compare", "--format", "m"}, []string{"md"}, done},
		{"results to compare", []string{"compare", "results/one", "results/"}, []string{"results/two"}, done},
		{"a command of history", []string{"history", "re"}, []string{"rebuild"}, done},
		{"a verdict of the history", []string{"history", "list", "--verdict", "f"}, []string{"fail"}, done},
		{"a format of the history", []string{"history", "show", "--format", "j"}, []string{"json"}, done},
		{"a store", []string{"history", "list", "--store", ""}, nil, ":16"},
		{"results for a store", []string{"history", "add", "results/o"}, []string{"results/one"}, done},
		{"no run without a store", []string{"history", "show", ""}, nil, done},
		{"a store to serve", []string{"serve", "--store", ""}, nil, ":16"},
		{"an address to serve at", []string{"serve", "--listen", ""}, []string{"127.0.0.1:8081"}, done},
		{"a provider", []string{"run", "quorum-kill", "--provider", ""}, []string{"docker", "existing", "local"}, done},
		{"an address for metrics", []string{"run", "quorum-kill", "--metrics", ""}, []string{"127.0.0.1:9187"}, done},
		{"a provider after =", []string{"clean", "--provider=d"}, []string{"docker"}, done},
		{"a provider of selftest", []string{"selftest", "--provider", "l"}, []string{"local"}, done},
		{"a shipped experiment", []string{"run", "quor"}, []string{"quorum-kill"}, done},
		{"a shipped experiment or a file", []string{"validate", "qu"}, []string{"quick.yml", "quorum-kill"}, done},
		{"an experiment's file and folder", []string{"run", "mine/"}, []string{"mine/a.yaml", "mine/below/"}, done},
		{"a folder", []string{"run", "mi"}, []string{"mine/"}, open},
		{"nothing after an experiment", []string{"run", "quick.yml", ""}, nil, done},
		{"the first part of a path", []string{"run", "mine/a.yaml", "--set", "lo"}, []string{"load."}, open},
		{"the next part", []string{"run", "mine/a.yaml", "--set", "load."}, []string{"load.w."}, open},
		{"the last part", []string{"run", "mine/a.yaml", "--set=load.w.ra"}, []string{"load.w.rate=", "load.w.ramp="}, open},
		{"a step by its name", []string{"plan", "mine/a.yaml", "--set", "timeline.s"}, []string{"timeline.stop-a."}, open},
		{"a path of a shipped experiment", []string{"validate", "quorum-kill", "--set", "load.writes.ti"}, []string{"load.writes.timeout="}, open},
		{"no path without an experiment", []string{"run", "--set", "lo"}, nil, done},
		{"no path of standard input", []string{"run", "-", "--set", "lo"}, nil, done},
		{"a number of a workload", []string{"run", "mine/a.yaml", "--find-max", "load.w.r"}, []string{"load.w.rate", "load.w.rows", "load.w.retry"}, done},
		{"results, and the way to others", []string{"report", ""}, []string{"results/one", "results/two", "mine/", "other/"}, done},
		{"results of a folder", []string{"audit", "results/t"}, []string{"results/two"}, done},
		{"results further down", []string{"export", "other/"}, []string{"other/deep/result"}, done},
		{"a format", []string{"export", "--format", ""}, []string{"jepsen"}, done},
		{"a directory", []string{"run", "quorum-kill", "--out", ""}, nil, ":16"},
		{"a help topic", []string{"help", "completion", ""}, nil, done},
		{"a shell", []string{"completion", ""}, []string{"bash", "zsh", "fish", "powershell"}, done},
		{"a shipped experiment to show", []string{"show", "as"}, []string{
			"async-kill", "connection-storm", "flapping-standby", "lagging-standby", "long-query-remote-apply", "nemesis", "partition-primary", "patroni-hung-agent", "patroni-hung-agent-control", "patroni-lost-sync", "patroni-lost-sync-control", "patroni-switchovers", "quorum-kill",
			"rolling-restart", "slot-lost", "split-brain", "stall", "switchover", "sync-modes", "sync-modes-delay", "sync-modes-kill",
			"sync-modes-slow-standby", "walkthrough", "weak-acks",
		}, done},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, directive := completions(t, tc.args...)
			if !slices.Equal(got, tc.want) || directive != tc.directive {
				t.Errorf("%q %s, want %q %s", got, directive, tc.want, tc.directive)
			}
		})
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range shells() {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{"completion", shell}, nil, &stdout, &stderr); code != exitPass || !strings.Contains(stdout.String(), "__complete") {
			t.Errorf("%s: exit code %d: %s", shell, code, &stderr)
		}
	}
}
