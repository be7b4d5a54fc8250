package spec

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/chaos/fault"
	"pgchaos/internal/longtest"
)

func mustLoad(t *testing.T, text string, o Options) (*Experiment, string) {
	t.Helper()
	e, resolved, err := Load("test.yaml", []byte(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return e, string(resolved)
}

func TestDefaultsAndShorthands(t *testing.T) {
	e, _ := mustLoad(t, `
name: x
cluster:
  nodes: {a: , b: {settings: {work_mem: 1MB}}, c: {absent: true}}
  settings: {wal_log_hints: on, x.y: true, max_connections: 100, wal_compression: 0777}
  synchronous: {standbys: ANY 1 (a, b)}
load:
  z: {kind: insert, rate: 30/m}
  a: {kind: read}
  m: {kind: sql, sql: select 1, clients: 2}
timeline:
  - {at: 0, stop: b, for: 1m30s}
  - {when: {role: {b: standby}}, stop_load: [a, z]}
  - {start_load: a}
  - {stop: {node: b, mode: immediate}}
  - {clone: c}
  - {verify: {streaming: c, caught_up: [c, replicas]}}
  - {verify: {role: {a: primary}, within: 1s}}
`, Options{})
	at := Duration(0)
	want := &Experiment{
		Name:     "x",
		Baseline: Baseline{AchievedRate: 0.9, ErrorRate: 0.05, Median: Duration(time.Second), P95: Duration(2 * time.Second)},
		Cluster: Cluster{
			Provider:    "local",
			Nodes:       Nodes{{Name: "a"}, {Name: "b", Settings: map[string]string{"work_mem": "1MB"}}, {Name: "c", Absent: true}},
			Settings:    map[string]string{"wal_log_hints": "on", "x.y": "true", "max_connections": "100", "wal_compression": "0777"},
			Synchronous: &Synchronous{Commit: "on", Standbys: "ANY 1 (a, b)"},
		},
		Load: Workloads{
			{Name: "z", Kind: "insert", Target: "primary", Clients: 8, Rate: 0.5, Timeout: defaultTimeout, OnTimeout: "abandon", MaxAbandoned: 32, Table: "test_data", Key: "packed", Payload: 64, Rows: 1, Statements: 1,
				Arrivals: "constant", Overflow: "queue", CatchUp: "burst", Protocol: "extended", Pipeline: 1, Route: "hosts"},
			{Name: "a", Kind: "read", Target: "replicas", Clients: 4, Timeout: defaultTimeout, OnTimeout: "abandon", MaxAbandoned: 16, Table: "test_data", Reads: map[string]int{"latest": 100},
				Protocol: "extended", Pipeline: 1, Route: "hosts"},
			{Name: "m", Kind: "sql", Target: "primary", Clients: 2, Timeout: defaultTimeout, OnTimeout: "abandon", MaxAbandoned: 8, SQL: Statements{"select 1"}, Protocol: "extended", Pipeline: 1, Route: "hosts"},
		},
		Timeline: []Step{
			{At: &at, Name: "stop-b", Unnamed: true, For: Duration(90 * time.Second), actions: does("stop", &fault.Stop{Shutdown: fault.Shutdown{OnNodes: onB, Mode: "fast", Timeout: Duration(time.Minute)}})},
			{When: &Condition{Role: map[string]string{"b": "standby"}}, Within: fault.DefaultWithin, Name: "stop-load-a-z", Unnamed: true, actions: does("stop_load", &fault.StopLoad{OnLoad: fault.OnLoad{Workloads: fault.WorkloadList{"a", "z"}}})},
			{Name: "start-load-a", Unnamed: true, actions: does("start_load", &fault.StartLoad{OnLoad: fault.OnLoad{Workloads: fault.WorkloadList{"a"}}})},
			{Name: "stop-b-2", Unnamed: true, actions: does("stop", &fault.Stop{Shutdown: fault.Shutdown{OnNodes: onB, Mode: "immediate", Timeout: Duration(time.Minute)}})},
			{Name: "clone-c", Unnamed: true, actions: does("clone", &fault.Clone{Node: "c"})},
			{Name: "verify", Unnamed: true, actions: does("verify", &Condition{Streaming: NodeList{"c"}, CaughtUp: NodeList{"c", "replicas"}, Within: fault.DefaultWithin})},
			{Name: "verify-2", Unnamed: true, actions: does("verify", &Condition{Role: map[string]string{"a": "primary"}, Within: Duration(time.Second)})},
		},
	}
	if diff := cmp.Diff(want, e, sameSteps()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"z", "a", "m"}, e.InitiallyRunning()); diff != "" {
		t.Error("a and z are stopped before they are started, so all run at first", diff)
	}
	wantPhases := []string{"baseline", "stop-b", "undo-stop-b", "stop-b-2"}
	if diff := cmp.Diff(wantPhases, e.Phases()); diff != "" {
		t.Error(diff)
	}
	if got := e.Timeline[5].Nodes(); !cmp.Equal(got, []string{"c", "replicas"}) {
		t.Error(got)
	}
	if e.Workload("m").SQL[0] != "select 1" || e.Workload("n") != nil {
		t.Error("Workload finds the wrong one")
	}
}

// The name that a step gets is in the way of no name that another has been given.
func TestGivenNamesComeBeforeMadeOnes(t *testing.T) {
	e, _ := mustLoad(t, "{name: x, cluster: {nodes: [a, b]}, timeline: [{kill: b}, {name: kill-b, start: b}, {kill: b}, {start: b}]}", Options{})
	if got := e.Phases()[1:]; !cmp.Equal(got, []string{"kill-b-2", "kill-b", "kill-b-3", "start-b"}) {
		t.Error(got)
	}
}

func TestWorkloadThatWaitsForItsStart(t *testing.T) {
	e, _ := mustLoad(t, "{name: x, cluster: {nodes: [a]}, load: {a: {kind: insert}, b: {kind: insert}}, timeline: [{start_load: b}, {stop_load: [a, b]}]}", Options{})
	if got := e.InitiallyRunning(); !cmp.Equal(got, []string{"a"}) {
		t.Error(got)
	}
}

func TestSetAndVariables(t *testing.T) {
	const text = `
name: x
description: "$${HOME} ${UNSET:-a: [b}"
cluster: {nodes: [a, b], settings: {work_mem: "${MEM}"}}
load:
  writes: {kind: insert, clients: "${N}", rate: "${NOBODY_SETS_THIS}"}
timeline:
  - {at: 5s, stop: b}
  - {name: back, start: b}
expect: [nodes_equal]
`
	e, resolved := mustLoad(t, text, Options{
		Set: []string{
			"load.writes.rate=100/s", "cluster.synchronous.commit=remote_apply", "timeline.stop-b.at=6s",
			"timeline[1].at=7s", "timeline.0.name=down", "expect[0]=not nodes_equal",
			"cluster.settings.auto_explain.log_min_duration=1s", "cluster.settings[log_line_prefix]='%m = '",
			"load.more={kind: read}", "cluster.synchronous.standbys=",
		},
		Getenv: getenv(map[string]string{"MEM": "${HOME} #1", "N": "3"}),
	})
	checks := map[string]bool{
		"rate":        e.Load[0].Rate == 100,
		"clients":     e.Load[0].Clients == 3,
		"regime":      *e.Cluster.Synchronous == Synchronous{Commit: "remote_apply"},
		"first at":    *e.Timeline[0].At == Duration(6*time.Second),
		"second at":   *e.Timeline[1].At == Duration(7*time.Second),
		"name":        e.Timeline[0].Name == "down",
		"expect":      e.Expect[0].That == "not nodes_equal",
		"dotted key":  e.Cluster.Settings["auto_explain.log_min_duration"] == "1s",
		"equals sign": e.Cluster.Settings["log_line_prefix"] == "%m = ",
		"workload":    e.Load[1].Name == "more",
		"escape":      e.Description == "${HOME} a: [b",
		"once only":   e.Cluster.Settings["work_mem"] == "${HOME} #1",
	}
	for name, ok := range checks {
		if !ok {
			t.Error(name, "is wrong")
		}
	}
	if strings.Contains(resolved, "NOBODY") || !strings.Contains(resolved, "100/s") {
		t.Error(resolved)
	}
}

func TestResolvedTextHasNoSecrets(t *testing.T) {
	_, resolved := mustLoad(t, `
# the password is geheim1
name: x
description: a ${DB_PASSWORD} and a ${API_TOKEN:-geheim2}
cluster:
  nodes: [a, b]
  settings:
    ssl_passphrase_command: echo geheim3
    my.secret: geheim4
    password_encryption: md5
    restore_command: fetch host=a password=geheim5 user='u'
    archive_command: curl https://me:geheim6@there/ && x password='gehe im7' y
load:
  w: {kind: sql, sql: "alter role r password 'gehe''im8'"}
timeline:
  - {configure: {node: b, settings: {restore_command: "fetch host=b password = geheim9"}}}
  - {sql: {node: a, query: "select 'password=geheim10 host=x'"}}
`, Options{
		Set:    []string{"cluster.settings.x.password=geheim11"},
		Getenv: getenv(map[string]string{"DB_PASSWORD": "geheim12"}),
	})
	if strings.Contains(resolved, "gehe") {
		t.Error(resolved)
	}
	for _, kept := range []string{"a *** and a ***", "md5", "host=a password=*** user='u'", "https://me:***@there/", "host=b", "host=x"} {
		if !strings.Contains(resolved, kept) {
			t.Errorf("%q is missing in\n%s", kept, resolved)
		}
	}
}

// TestALongTextIsResolvedAndReadAgain: with the files that an experiment names, it may be
// longer than a file that a user writes.
func TestALongTextIsResolvedAndReadAgain(t *testing.T) {
	long := "select '" + strings.Repeat("x", maxFile) + "';\n"
	for name, text := range map[string]string{
		"a script":          "name: x\ncluster: {nodes: [a]}\nload: {w: {kind: script, script: long.sql}}\nduration: 1s\n",
		"a script in a mix": "name: x\ncluster: {nodes: [a]}\nload: {w: {kind: mix, mix: [{kind: script, script: long.sql}]}}\nduration: 1s\n",
		"setup of the load": "name: x\ncluster: {nodes: [a]}\nload: {setup: long.sql, w: {kind: insert}}\nduration: 1s\n",
	} {
		if name != "a script in a mix" && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			e, resolved, err := Load("x", []byte(text), Options{
				ReadFile: func(string) ([]byte, error) { return []byte(long), nil },
			})
			if err != nil {
				t.Fatalf("%.300s", err)
			}
			again, _, err := Load("result.json", resolved, Options{Resolved: true})
			if err != nil || len(resolved) < maxFile || len(again.Timeline) != len(e.Timeline) || len(again.Load) != len(e.Load) {
				t.Errorf("%d bytes: %.300v", len(resolved), err)
			}
		})
	}
}

func TestTooLongAndTooDeepFiles(t *testing.T) {
	for name, text := range map[string]string{
		"long":       strings.Repeat("#", maxFile+1),
		"deep":       "name: " + strings.Repeat("[", 20_000),
		"deep block": strings.Repeat("- ", 20_000),
		"bomb": "a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n" +
			"c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nname: *c\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Load("x", []byte(text), Options{Providers: someProviders()}); err == nil {
				t.Error("it loads")
			}
		})
	}
}
