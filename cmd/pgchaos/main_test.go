package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares what a person reads with the file that was approved.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", file, diff)
	}
}

func TestCommandLine(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		code int
	}{
		{"help", []string{"--help"}, exitPass},
		{"help-run", []string{"run", "--help"}, exitPass},
		{"help-clean", []string{"help", "clean"}, exitPass},
		{"help-audit", []string{"audit", "--help"}, exitPass},
		{"help-export", []string{"export", "--help"}, exitPass},
		{"list", []string{"list"}, exitPass},
		{"help-providers", []string{"providers", "--help"}, exitPass},
		{"metrics", []string{"metrics"}, exitPass},
		{"metrics-one", []string{"metrics", "replay_lag"}, exitPass},
		{"metrics-percentile", []string{"metrics", "service_p99.95"}, exitPass},
		{"metrics-one-json", []string{"metrics", "p99", "--format", "json"}, exitPass},
		{"metrics-misspelt", []string{"metrics", "replay_lags"}, exitUsage},
		{"metrics-another-word", []string{"metrics", "latency"}, exitUsage},
		{"metrics-bad-format", []string{"metrics", "--format", "jsno"}, exitUsage},
		{"modes", []string{"modes"}, exitPass},
		{"modes-two-standbys", []string{"modes", "quorum-kill"}, exitPass},
		{"modes-one-standby", []string{"modes", "stall"}, exitPass},
		{"modes-json", []string{"modes", "stall", "--format", "json"}, exitPass},
		{"modes-misspelt", []string{"run", "quorum-kill", "--sync-mode", "async,remote_aply"}, exitUsage},
		{"modes-impossible", []string{"plan", "stall", "--sync-mode", "on/any-2"}, exitUsage},
		{"plan-modes", []string{"plan", "stall", "--sync-mode", "async,local,on/first-1,max-protection"}, exitPass},
		{"modes-bad-format", []string{"modes", "--format", "jsno"}, exitUsage},
		{"modes-no-file", []string{"modes", "no/such.yaml"}, exitUsage},
		{"plan-quorum-kill", []string{"plan", "quorum-kill"}, exitPass},
		{"plan-walkthrough", []string{"plan", "walkthrough"}, exitPass},
		{"plan-set", []string{"plan", "async-kill", "--set", "load.writes.rate=50/s", "--set", "expect=[]"}, exitPass},
		{"plan-series", []string{"plan", "testdata/series.yaml"}, exitPass},
		{"plan-yaml", []string{"plan", "async-kill", "--yaml", "--set", "load.writes.rate=50/s"}, exitPass},
		{"validate", []string{"validate", "quorum-kill", "testdata/bad.yaml"}, exitUsage},
		{"run-bad-file", []string{"run", "testdata/bad.yaml"}, exitUsage},
		{"run-unsendable", []string{"run", "testdata/unsendable.yaml"}, exitUsage},
		{"run-out-nowhere", []string{"run", "quorum-kill", "--out-csv", "no/such/directory/series.csv"}, exitUsage},
		{"run-out-twice", []string{"run", "quorum-kill", "--out-csv", "no-such", "--out-jtl", "./no-such"}, exitUsage},
		{"run-bad-set", []string{"run", "quorum-kill", "--set", "load.writes.rat=1/s"}, exitUsage},
		{"run-bad-metrics", []string{"run", "quorum-kill", "--metrics", "9187"}, exitUsage},
		{"run-bad-provider", []string{"run", "quorum-kill", "--provider", "cloud"}, exitUsage},
		{"run-unknown", []string{"run", "quorum-kil"}, exitUsage},
		{"run-no-file", []string{"run", "no/such.yaml"}, exitUsage},
		{"run-nothing", []string{"run"}, exitUsage},
		{"run-two-files", []string{"run", "a.yaml", "b.yaml"}, exitUsage},
		{"run-seed", []string{"run", "quorum-kill", "--seed", "one"}, exitUsage},
		{"run-set-nothing", []string{"run", "quorum-kill", "--set"}, exitUsage},
		{"run-keep", []string{"run", "quorum-kill", "--keep=perhaps"}, exitUsage},
		{"list-argument", []string{"list", "quorum-kill"}, exitUsage},
		{"unknown-flag", []string{"run", "--frobnicate"}, exitUsage},
		{"misspelt-flag", []string{"run", "quorum-kill", "--provdier", "docker"}, exitUsage},
		{"misspelt-flag-value", []string{"run", "quorum-kill", "--provdier=docker"}, exitUsage},
		{"one-dash", []string{"run", "quorum-kill", "-provider=docker"}, exitUsage},
		{"unknown-command", []string{"frobnicate"}, exitUsage},
		{"misspelt-command", []string{"rum", "quorum-kill"}, exitUsage},
		{"help-unknown", []string{"help", "frobnicate"}, exitUsage},
		{"help-misspelt", []string{"help", "valdiate"}, exitUsage},
		{"help-below", []string{"help", "run", "quorum-kill"}, exitUsage},
		{"audit-nothing", []string{"audit", "testdata"}, exitUsage},
		{"export-nothing", []string{"export", "--format", "jepsen", "testdata"}, exitUsage},
		{"export-no-format", []string{"export", "testdata"}, exitUsage},
		{"export-bad-format", []string{"export", "--format", "csv", "testdata"}, exitUsage},
		{"export-misspelt-format", []string{"export", "--format", "jespen", "testdata"}, exitUsage},
		{"export-read-nothing", []string{"export", "--format", "jepsen", "testdata", "--read"}, exitUsage},
		{"export-nowhere", []string{"export", "--format", "jepsen"}, exitUsage},
		{"history-moved", []string{"history", "results/mine", "--read"}, exitUsage},
		{"history-directory", []string{"history", "results/mine"}, exitUsage},
		{"history-misspelt", []string{"history", "lits"}, exitUsage},
		{"help-history", []string{"history", "--help"}, exitPass},
		{"help-serve", []string{"serve", "--help"}, exitPass},
		{"serve-no-store", []string{"serve"}, exitUsage},
		{"serve-nowhere", []string{"serve", "--store", "no/such"}, exitUsage},
		{"serve-bad-address", []string{"serve", "--store", "no/such", "--listen", "8081"}, exitUsage},
		{"help-nightly", []string{"nightly", "--help"}, exitPass},
		{"nightly-no-store", []string{"nightly", "quorum-kill"}, exitUsage},
		{"help-history-list", []string{"history", "list", "--help"}, exitPass},
		{"help-history-prune", []string{"history", "prune", "--help"}, exitPass},
		{"history-no-store", []string{"history", "list"}, exitUsage},
		{"history-bad-since", []string{"history", "list", "--store", "no/such", "--since", "lastweek"}, exitUsage},
		{"history-bad-verdict", []string{"history", "list", "--store", "no/such", "--verdict", "fial"}, exitUsage},
		{"history-bad-format", []string{"history", "show", "x", "--store", "no/such", "--format", "csv"}, exitUsage},
		{"history-no-why", []string{"history", "accept", "x", "--store", "no/such"}, exitUsage},
		{"history-no-rule", []string{"history", "prune", "--store", "no/such"}, exitUsage},
		{"history-add-nothing", []string{"history", "add", "testdata", "--store", "no/such"}, exitUsage},
		{"report-nowhere", []string{"report"}, exitUsage},
		{"report-no-directory", []string{"report", "no/such"}, exitUsage},
		{"show-misspelt", []string{"show", "quorum-kil"}, exitUsage},
		{"show-unknown", []string{"show", "frobnicate"}, exitUsage},
		{"show-nothing", []string{"show"}, exitUsage},
		{"run-no-name", []string{"run", "frobnicate"}, exitUsage},
		{"run-empty-input", []string{"run", "-"}, exitUsage},
		{"report-nothing", []string{"report", "testdata"}, exitUsage},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), tc.args, strings.NewReader(""), &stdout, &stderr)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if (stderr.Len() > 0) != (code != exitPass) {
				t.Errorf("exit code %d with this on standard error: %q", code, stderr.String())
			}
			golden(t, tc.name, stdout.String()+stderr.String())
		})
	}
}

// TestVersion: the flag prints what the command prints.
func TestVersion(t *testing.T) {
	printed := func(arg string) string {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), []string{arg}, nil, &stdout, &stderr); code != exitPass || stderr.Len() > 0 {
			t.Errorf("%s: exit code %d: %s", arg, code, &stderr)
		}
		return stdout.String()
	}
	if flag, command := printed("--version"), printed("version"); flag != command || !strings.HasPrefix(flag, "pgchaos ") {
		t.Errorf("--version prints %q, version prints %q", flag, command)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	old := []byte(`{"schema": "pgchaos.result/1"}`)
	if err := os.WriteFile(filepath.Join(dir, "result.json"), old, 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"run", "quorum-kill", "--out", dir}, nil, &stdout, &stderr)
	if code != exitUsage || !strings.Contains(stderr.String(), "holds a result already") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if now, err := os.ReadFile(filepath.Join(dir, "result.json")); err != nil || !bytes.Equal(now, old) {
		t.Errorf("the old result is now %q (%v)", now, err)
	}
}

func TestMissingServerProgramsAreExplained(t *testing.T) {
	t.Setenv("PGCHAOS_DIR", filepath.Join(t.TempDir(), "runs"))
	out := filepath.Join(t.TempDir(), "out")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"run", "quorum-kill", "--pg-bin", t.TempDir(), "--out", out}, nil, &stdout, &stderr)
	if code != exitUsage || !strings.Contains(stderr.String(), "postgres") {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("an empty result directory stays: %v", err)
	}
}

// TestVariablesOfLibpqCanBeAskedFor: they are taken out of the environment, and an
// experiment may still name one.
func TestVariablesOfLibpqCanBeAskedFor(t *testing.T) {
	t.Setenv("PGPASSWORD", "secret")
	file := filepath.Join(t.TempDir(), "x.yaml")
	text := "name: x\ndescription: by ${PGPASSWORD}\ncluster: {nodes: [a]}\nload: {w: {kind: insert}}\nduration: 1s\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), environmentKey{}, forgetLibpq())
	if value, ok := os.LookupEnv("PGPASSWORD"); ok {
		t.Errorf("PGPASSWORD is still %q for the programs that are started", value)
	}
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"plan", file}, nil, &stdout, &stderr); code != exitPass {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}

func TestTheHostsNameComesFromTheEnvironment(t *testing.T) {
	t.Setenv("PGCHAOS_HOST", "nightly-runner")
	if got := hostName(); got != "nightly-runner" {
		t.Errorf("results call this machine %q", got)
	}
}
