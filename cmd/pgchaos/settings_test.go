package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/chaos/fault"
	"pgchaos/cluster/local"
	"pgchaos/internal/skip"
	"pgchaos/spec"
)

// TestSettingsAreTriedTogetherAndThenOneByOne: where nothing is refused, few readings
// do; a name that has two values is tried with each.
func TestSettingsAreTriedTogetherAndThenOneByOne(t *testing.T) {
	e := &spec.Experiment{
		Cluster: spec.Cluster{
			Settings: map[string]string{"work_mem": "4MB", "fsync": "on", "port_": ""},
			Nodes:    spec.Nodes{{Name: "a", Settings: map[string]string{"Work_Mem": "5MB"}}, {Name: "b", Settings: map[string]string{"work_mem": "4MB"}}},
		},
		Timeline: []spec.Step{{}, spec.NewStep("configure", &fault.Configure{Settings: map[string]string{"fsnc": "off"}})},
	}
	var tried [][]string
	check := settingsCheck{
		try: func(_ context.Context, confs []string) ([]string, error) {
			tried = append(tried, confs)
			said := make([]string, len(confs))
			for i, conf := range confs {
				if strings.Contains(conf, "fsnc") {
					said[i] = "no such parameter"
				}
			}
			return said, nil
		},
		names: func(context.Context) ([]string, error) { return []string{"work_mem", "fsync"}, nil },
	}
	found, err := check.find(t.Context(), e)
	if err != nil || len(found) != 1 || found[0].Path != "timeline[1].configure.settings.fsnc" || found[0].Right != `did you mean "fsync"?` {
		t.Errorf("%+v, %v", found, err)
	}
	if len(tried) != 2 || len(tried[0]) != 2 || len(tried[1]) != 4 {
		t.Errorf("tried %q", tried)
	}
	e.Timeline = nil
	tried = nil
	if found, err := check.find(t.Context(), e); err != nil || found != nil || len(tried) != 1 {
		t.Errorf("%+v, %v, tried %q", found, err, tried)
	}
}

// TestWrongSettingsAreMistakesOfTheFile: of every part of a file, by PostgreSQL's own
// program, before anything is made.
func TestWrongSettingsAreMistakesOfTheFile(t *testing.T) {
	if _, err := local.FindInstallation(t.Context(), "", 0); err != nil {
		skip.Test(t, "%v", err)
	}
	dir := t.TempDir()
	t.Setenv("PGCHAOS_DIR", filepath.Join(dir, "runs"))
	file := filepath.Join(dir, "x.yaml")
	text := `name: x
cluster:
  nodes:
    a: {settings: {wrk_mem: 4MB}}
    b:
  settings:
    shared_bufers: 12MB
    work_mem: 12XB
    max_connections: 100
    my_extension.thing: "on"
    log_min_duration_statement: ""
load: {w: {kind: insert}}
timeline:
  - {at: 1s, configure: {node: b, settings: {work_mem: 5MB}}}
  - {configure: {node: b, settings: {fsync: maybe}}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"validate", file}, {"run", file, "--out", filepath.Join(dir, "out")}} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, nil, &stdout, &stderr)
		said := stderr.String()
		for _, want := range []string{`x.yaml:4:20: `, `did you mean "work_mem"?`, `x.yaml:7:5: `, `did you mean "shared_buffers"?`, `x.yaml:8:5: `, `"12XB"`, `x.yaml:15:38: `, "fsync"} {
			if !strings.Contains(said, want) {
				t.Errorf("%s does not say %q: %s", args[0], want, said)
			}
		}
		if code != exitUsage || strings.Count(said, "PostgreSQL refuses") != 4 {
			t.Errorf("%s: exit code %d: %s", args[0], code, said)
		}
	}
	for _, name := range []string{"out", "runs"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !os.IsNotExist(err) {
			t.Errorf("%s was made: %v", name, err)
		}
	}
}

// TestProgramsThatAreNotThere: a version or a directory without the server's programs is
// a mistake, of validate and of run.
func TestProgramsThatAreNotThere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PGCHAOS_DIR", filepath.Join(dir, "runs"))
	for name, args := range map[string][]string{
		"postgres: 99": {"--set", "cluster.postgres=99"}, "postgres: 12": {"--set", "cluster.postgres=12"}, "--pg-bin": {"--pg-bin", filepath.Join(dir, "none")},
	} {
		for _, command := range []string{"validate", "run"} {
			var stdout, stderr bytes.Buffer
			full := append([]string{command, "quorum-kill"}, args...)
			if command == "run" {
				full = append(full, "--out", filepath.Join(dir, "out"))
			}
			if code := run(t.Context(), full, nil, &stdout, &stderr); code != exitUsage || stderr.Len() == 0 {
				t.Errorf("%s %s: exit code %d: %s", command, name, code, &stderr)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "out")); !os.IsNotExist(err) {
		t.Errorf("a result directory was made: %v", err)
	}
}
