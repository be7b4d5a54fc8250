package runner_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/cluster"
	"pgchaos/internal/longtest"
	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/verdict"
)

// inSession runs an experiment in a session, and wants its verdict; 0: any.
func inSession(t *testing.T, s *runner.Session, kind cluster.Kind, text string, want verdict.Verdict) *report.Result {
	t.Helper()
	out := filepath.Join(t.TempDir(), "result")
	result, err := s.Run(t.Context(), plan(t, text), kind, nil, runner.Options{Out: out, Tool: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if want != 0 && result.Verdict != want {
		t.Errorf("the verdict is %s, want %s: %+v, %v", result.Verdict, want, result.Expectations, result.Reasons)
	}
	onDisk, err := report.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if onDisk.Run != result.Run || onDisk.Cluster.RunsBefore != result.Cluster.RunsBefore {
		t.Errorf("on disk is the run %s in a cluster of %d runs, want %s and %d", onDisk.Run, onDisk.Cluster.RunsBefore, result.Run, result.Cluster.RunsBefore)
	}
	return result
}

// systemID is the database system that a run's first node was.
func systemID(t *testing.T, r *report.Result) string {
	t.Helper()
	for _, s := range r.States[0].States {
		if s.SystemID != "" {
			return s.SystemID
		}
	}
	t.Fatalf("no state of %s names its database system", r.States[0].Node)
	return ""
}

const (
	warmA = `
name: warm
cluster: {nodes: [a, b], settings: {work_mem: 8MB, max_connections: "150"}}
load:
  setup: create table of_setup (n int); insert into of_setup values (1)
  writes: {kind: insert, clients: 2, rate: 100/s}
  reads: {kind: read, clients: 1, rate: 50/s}
duration: 1s
expect: [lost_writes == 0, nodes_equal, foreign_rows == 0]
`
	warmB = `
name: warm
cluster: {nodes: [a, b], settings: {max_connections: "120", random_page_cost: "1.5"}, synchronous: {commit: remote_apply, standbys: ANY 1 (b)}}
load:
  setup: create table of_setup (n int); insert into of_setup values (1)
  writes: {kind: insert, clients: 2, rate: 100/s}
duration: 1s
expect: [lost_writes == 0, nodes_equal, foreign_rows == 0]
`
)

func TestSessionUsesOneClusterForSeveralRuns(t *testing.T) {
	t.Parallel() // most of it is waiting
	kind, s := localKind(t), runner.NewSession(runner.SessionOptions{})
	defer func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	first := inSession(t, s, kind, warmA, verdict.Pass)
	if first.Cluster.RunsBefore != 0 || first.Cluster.UpIn == 0 || first.Cluster.Run != "" {
		t.Errorf("the first run says %+v, want a new cluster", first.Cluster)
	}
	second := inSession(t, s, kind, warmB, verdict.Pass)
	if second.Cluster.RunsBefore != 1 || second.Cluster.UpIn != 0 || second.Cluster.Run != first.Run || second.Cluster.Rebuilt != "" {
		t.Errorf("the second run says %+v, want the cluster of %s, used by 1 run before", second.Cluster, first.Run)
	}
	if a, b := systemID(t, first), systemID(t, second); a != b {
		t.Errorf("the second run was in the database system %s, want %s, that of the first", b, a)
	}
	set := second.Cluster.Nodes[0].Settings
	for name, want := range map[string]string{"max_connections": "120", "random_page_cost": "1.5", "synchronous_commit": "remote_apply", "work_mem": ""} {
		if set[name] != want {
			t.Errorf("second run: %s is %q, want %q", name, set[name], want)
		}
	}
	third := inSession(t, s, kind, warmA, verdict.Pass)
	if third.Cluster.RunsBefore != 2 || systemID(t, third) != systemID(t, first) {
		t.Errorf("the third run says %+v, want the same cluster", third.Cluster)
	}
	for i, n := range third.Cluster.Nodes {
		if was := first.Cluster.Nodes[i]; len(n.Settings) != len(was.Settings) || n.Settings["synchronous_standby_names"] != "" {
			t.Errorf("third run: node %s has the settings %v, want those of the first run, %v", n.Name, n.Settings, was.Settings)
		}
	}
}

const warmKill = `
name: warm
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 100/s}
timeline:
  - {at: 500ms, kill: primary}
  - {promote: b}
duration: 2s
expect: [write_rto < 30s]
`

func TestSessionBuildsAnotherClusterAfterAFailover(t *testing.T) {
	longtest.Only(t)
	t.Parallel() // most of it is waiting
	kind, s := localKind(t), runner.NewSession(runner.SessionOptions{})
	first := inSession(t, s, kind, warmKill, 0)
	second := inSession(t, s, kind, warmA, verdict.Pass)
	if second.Cluster.RunsBefore != 0 || !strings.Contains(second.Cluster.Rebuilt, "only to be read") || systemID(t, first) == systemID(t, second) {
		t.Errorf("after the primary was killed the second run says %+v, want a new cluster, and why", second.Cluster)
	}
	third := inSession(t, s, kind, strings.Replace(warmA, "nodes: [a, b]", "nodes: [a, c]", 1), verdict.Pass)
	if third.Cluster.RunsBefore != 0 || !strings.Contains(third.Cluster.Rebuilt, "other nodes") {
		t.Errorf("with another node the run says %+v, want a new cluster, and why", third.Cluster)
	}
	role := strings.Replace(warmA, "create table of_setup (n int);", "create table of_setup (n int); alter role pgchaos set work_mem = '1MB';", 1)
	role = strings.Replace(role, "nodes: [a, b]", "nodes: [a, c]", 1)
	fourth := inSession(t, s, kind, role, verdict.Pass)
	fifth := inSession(t, s, kind, role, verdict.Pass)
	if fourth.Cluster.RunsBefore != 1 || !strings.Contains(fifth.Cluster.Rebuilt, "settings of role pgchaos") {
		t.Errorf("after a setup that changes a role the run says %+v, want a new cluster, and why", fifth.Cluster)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Errorf("closed again: %v", err)
	}
}
