package monitoring

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/report/export"
	"pgchaos/runner"
)

func began() runner.RunBegan {
	return runner.RunBegan{
		Run: "e-1", Experiment: "e", Provider: "local", Tool: "v1", Seed: 18446744073709551615, Workloads: []string{"writes", "reads"},
		Variant: &report.Variant{Series: "s", Name: "quorum", Cell: "clients=8", Round: 2},
	}
}

// status is of a run in which everything has a value.
func status() runner.Status {
	const ms = time.Millisecond
	lagBytes, lag := int64(4096), 250*ms
	return runner.Status{
		Elapsed: 5 * time.Second, End: 20 * time.Second, Phase: "pause-b",
		Workloads: []runner.WorkloadStatus{{Name: "writes", Live: load.Live{Throughput: 100}}},
		Primary:   "a",
		Nodes: []runner.NodeStatus{
			{Name: "a", Up: true, NodeSample: record.NodeSample{Role: record.RolePrimary, Timeline: 2, SyncWaiters: 3, Connections: 8}},
			{Name: "b", Up: true, NodeSample: record.NodeSample{Role: record.RoleStandby, Timeline: 2, SyncState: "quorum", LagBytes: &lagBytes, Lag: &lag}},
			{Name: "c", NodeSample: record.NodeSample{}},
			{Name: "d", NodeSample: record.NodeSample{Role: record.RoleDown}},
			{Name: "e", Absent: true},
		},
		Faults: []runner.FaultStatus{{Step: "pause-b", Action: "pause", Nodes: []string{"b"}, Since: 4 * time.Second}},
	}
}

// take hands events to an Exporter.
func take(x *Exporter, events ...runner.Event) {
	for _, e := range events {
		x.Take(e)
	}
}

// underway is an Exporter of a run in which everything has a value.
func underway() *Exporter {
	x := New()
	x.Of("reads")
	write := x.Of("writes")
	for outcome := range record.Outcomes {
		write(operation(record.Outcome(outcome), 3*time.Millisecond))
	}
	take(x, began(), runner.LoadStarted{At: time.UnixMilli(1_700_000_000_250)}, runner.Ticked{Status: status()})
	return x
}

func operation(outcome record.Outcome, response time.Duration) *export.Sample {
	return &export.Sample{Workload: "writes", Op: record.Op{Due: time.Second, Sent: time.Second, Done: time.Second + response, Outcome: outcome}}
}

// text is what a scrape gets.
func text(t *testing.T, x *Exporter) string {
	t.Helper()
	answer := httptest.NewRecorder()
	x.handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, Path, nil))
	if answer.Code != 200 {
		t.Fatalf("%d: %s", answer.Code, answer.Body)
	}
	return answer.Body.String()
}

// scrape is what a scrape gets, by series.
func scrape(t *testing.T, x *Exporter) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	for line := range strings.Lines(text(t, x)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		space := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(strings.TrimSpace(line[space+1:]), 64)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all[line[:space]] = value
	}
	return all
}

// holds wants a scrape to have some values.
func holds(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if value, there := got[name]; !there || value != want[name] {
			t.Errorf("%s is %v (there: %v), want %v", name, value, there, want[name])
		}
	}
}

func TestMetricsOfARun(t *testing.T) {
	got := scrape(t, underway())
	holds(t, got, map[string]float64{
		`pgchaos_run_info{experiment="e",provider="local",round="2",run="e-1",seed="18446744073709551615",variant="quorum, clients=8",version="v1"}`: 1,
		`pgchaos_run_start_time_seconds`:                                                1_700_000_000.25,
		`pgchaos_run_elapsed_seconds`:                                                   5,
		`pgchaos_run_planned_end_seconds`:                                               20,
		`pgchaos_run_progress_ratio`:                                                    .25,
		`pgchaos_run_phase{phase="pause-b"}`:                                            1,
		`pgchaos_workload_running{workload="writes"}`:                                   1,
		`pgchaos_workload_running{workload="reads"}`:                                    0,
		`pgchaos_node_up{node="a"}`:                                                     1,
		`pgchaos_node_up{node="c"}`:                                                     0,
		`pgchaos_node_role{node="a",role="primary"}`:                                    1,
		`pgchaos_node_role{node="a",role="standby"}`:                                    0,
		`pgchaos_node_role{node="b",role="standby"}`:                                    1,
		`pgchaos_node_role{node="c",role="unknown"}`:                                    1,
		`pgchaos_node_role{node="d",role="down"}`:                                       1,
		`pgchaos_node_role{node="e",role="absent"}`:                                     1,
		`pgchaos_node_timeline{node="a"}`:                                               2,
		`pgchaos_node_replay_lag_bytes{node="b"}`:                                       4096,
		`pgchaos_node_replay_lag_seconds{node="b"}`:                                     .25,
		`pgchaos_node_sync_state{node="b",sync_state="quorum"}`:                         1,
		`pgchaos_node_sync_state{node="b",sync_state="sync"}`:                           0,
		`pgchaos_node_sync_state{node="a",sync_state="quorum"}`:                         0,
		`pgchaos_node_sync_waiters{node="a"}`:                                           3,
		`pgchaos_node_connections{node="a"}`:                                            8,
		`pgchaos_fault_active{fault="pause-b",node="b"}`:                                1,
		`pgchaos_operations_total{outcome="ok",workload="writes"}`:                      1,
		`pgchaos_operations_total{outcome="ok",workload="reads"}`:                       0,
		`pgchaos_operations_total{outcome="weak",workload="reads"}`:                     0,
		`pgchaos_operation_response_seconds_count{outcome="dropped",workload="writes"}`: 1,
	})
	for _, unknown := range []string{
		`pgchaos_node_timeline{node="c"}`, `pgchaos_node_replay_lag_bytes{node="a"}`, `pgchaos_node_replay_lag_seconds{node="c"}`,
		`pgchaos_node_sync_waiters{node="c"}`, `pgchaos_node_sync_waiters{node="d"}`, `pgchaos_node_connections{node="e"}`,
	} {
		if value, there := got[unknown]; there {
			t.Errorf("%s is %v, though it is not known", unknown, value)
		}
	}
}

// TestMetricsBeforeAndAfterTheLoad: nothing is said of a run that has not begun; the last values stay when the load has ended.
func TestMetricsBeforeAndAfterTheLoad(t *testing.T) {
	x := New()
	if got := scrape(t, x); len(got) > 0 {
		t.Errorf("without a run: %v", got)
	}
	take(x, began())
	if got := scrape(t, x); len(got) != 3 { // its info, and two workloads that do not run
		t.Errorf("before the load: %v", got)
	}
	x = underway()
	take(x, runner.LoadEnded{At: 21 * time.Second})
	holds(t, scrape(t, x), map[string]float64{
		`pgchaos_run_elapsed_seconds`:                    21,
		`pgchaos_run_progress_ratio`:                     1,
		`pgchaos_workload_running{workload="writes"}`:    0,
		`pgchaos_node_up{node="a"}`:                      1,
		`pgchaos_node_sync_waiters{node="a"}`:            3,
		`pgchaos_fault_active{fault="pause-b",node="b"}`: 1,
	})
}

// TestHostileNames: whatever the texts of an experiment are, every metric is served, and each series is one line.
func TestHostileNames(t *testing.T) {
	const hostile = "a\"b\\c\nd{e=\"f\"} 1\n# TYPE x counter\r\t\x00\x1b[31m\u2028\xff"
	x := New()
	x.Of(hostile)(operation(record.OK, time.Millisecond))
	s := status()
	s.Phase, s.Nodes[0].Name, s.Nodes[1].SyncState = hostile, hostile, hostile
	s.Faults[0].Step, s.Faults[0].Nodes = hostile, []string{hostile}
	run := began()
	run.Run, run.Experiment, run.Provider, run.Tool, run.Variant.Name, run.Variant.Cell = hostile, hostile, hostile, hostile, hostile, hostile
	run.Workloads = []string{hostile}
	take(x, run, runner.LoadStarted{At: time.UnixMilli(1)}, runner.Ticked{Status: s})
	const label = `"a\"b\\c\nd{e=\"f\"} 1\n# TYPE x counter` + "\r\t\x00\x1b[31m\u2028\ufffd\""
	all := text(t, x)
	for _, want := range []string{
		`pgchaos_operations_total{outcome="ok",workload=` + label + "} 1\n", "pgchaos_node_up{node=" + label + "} 1\n",
		"pgchaos_fault_active{fault=" + label + ",node=" + label + "} 1\n", "pgchaos_run_phase{phase=" + label + "} 1\n",
		"pgchaos_run_info{experiment=" + label + ",provider=" + label + `,round="2",run=` + label,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%q", want, all)
		}
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(all, "\n"), "\n") {
		if !strings.HasPrefix(line, "pgchaos_") && !strings.HasPrefix(line, "# HELP pgchaos_") && !strings.HasPrefix(line, "# TYPE pgchaos_") {
			t.Errorf("a line that is no series: %q", line)
		}
	}
}

// TestAFaultThatIsOver has 0, so that its end can be seen.
func TestAFaultThatIsOver(t *testing.T) {
	x, over := underway(), status()
	over.Faults = []runner.FaultStatus{{Step: "kill-a", Nodes: []string{"a"}}}
	take(x, runner.Ticked{Status: over})
	holds(t, scrape(t, x), map[string]float64{
		`pgchaos_fault_active{fault="pause-b",node="b"}`: 0,
		`pgchaos_fault_active{fault="kill-a",node="a"}`:  1,
	})
}

// TestTheNextRunOfASeries: counters go on, and nothing else is left of the run before.
func TestTheNextRunOfASeries(t *testing.T) {
	x := underway()
	x.Of("writes")(operation(record.OK, time.Millisecond))
	take(x, runner.RunBegan{Run: "e-2", Experiment: "e", Workloads: []string{"writes"}, Variant: &report.Variant{Round: 1, Warmup: true}})
	got := scrape(t, x)
	holds(t, got, map[string]float64{
		`pgchaos_run_info{experiment="e",provider="",round="warmup-1",run="e-2",seed="0",variant="",version=""}`: 1,
		`pgchaos_operations_total{outcome="ok",workload="writes"}`:                                               2,
	})
	for series := range got {
		for _, stale := range []string{"e-1", "pgchaos_node", "pgchaos_fault", "pgchaos_run_elapsed", "pgchaos_run_progress", `pgchaos_workload_running{workload="reads"}`} {
			if strings.Contains(series, stale) {
				t.Errorf("of the run before: %s", series)
			}
		}
	}
}

// TestSeriesAreBounded: a thousand kinds of errors, nodes' roles and sync states that nobody knows make no series.
func TestSeriesAreBounded(t *testing.T) {
	x := underway()
	before := len(scrape(t, x))
	write, odd := x.Of("writes"), status()
	for i := range 1000 {
		s := operation(record.Failed, time.Duration(i)*time.Millisecond)
		s.Op.Kind, s.Op.Err, s.Part, s.Node = fmt.Sprint("kind", i), fmt.Errorf("error %d", i), fmt.Sprint("part", i), fmt.Sprint("node", i)
		write(s)
		odd.Nodes[0].Role, odd.Nodes[1].SyncState = record.Role(fmt.Sprint("role", i)), fmt.Sprint("state", i)
		take(x, runner.Ticked{Status: odd})
	}
	// The counts of node a are not known any more.
	if after := len(scrape(t, x)); after > before {
		t.Errorf("%d series became %d", before, after)
	}
	holds(t, scrape(t, x), map[string]float64{`pgchaos_node_role{node="a",role="unknown"}`: 1, `pgchaos_node_sync_state{node="b",sync_state="quorum"}`: 0})
}
