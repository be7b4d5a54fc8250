package lanes

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"

	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
)

const ms = time.Millisecond

// of makes the lanes of a result, which must be readable.
func of(t *testing.T, r *report.Result) *Run {
	t.Helper()
	run, err := Of(r)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// lane is a lane that must be there.
func lane(t *testing.T, run *Run, id string) Lane {
	t.Helper()
	for _, l := range run.Lanes {
		if l.ID == id {
			return l
		}
	}
	t.Fatalf("there is no lane %s", id)
	return Lane{}
}

// text is a series as text: "-" is not known.
func text(s Series) string {
	var parts []string
	for _, v := range s.Values {
		if v == nil {
			parts = append(parts, "-")
			continue
		}
		parts = append(parts, number(*v))
	}
	return strings.Join(parts, " ")
}

// second is what ended in one second.
func second(t *testing.T, at time.Duration, times ...time.Duration) report.Second {
	t.Helper()
	h := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	d := report.SecondDist{Count: int64(len(times))}
	for _, one := range times {
		if err := h.RecordValue(one.Microseconds()); err != nil {
			t.Fatal(err)
		}
		d.Max = max(d.Max, one)
	}
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		t.Fatal(err)
	}
	d.Histogram = string(encoded)
	return report.Second{At: at, Response: d}
}

func TestThroughputIsZeroWhileTheWorkloadRan(t *testing.T) {
	run := of(t, &report.Result{
		Duration: time.Second,
		Workloads: []report.Workload{{
			Name: "writes", Active: []report.Interval{{From: 200 * ms, To: 700 * ms}},
			Series: []report.SeriesPoint{{At: 200 * ms, OK: 10}, {At: 300 * ms, OK: 20, Errors: 3}, {At: 600 * ms, OK: 5, Dropped: 2}, {At: 800 * ms, OK: 1}},
		}},
	})
	l := lane(t, run, "throughput")
	if got, want := text(l.Series[0]), "- - 100 200 0 0 50 - 10 -"; got != want {
		t.Errorf("throughput %s, want %s", got, want)
	}
	if l.Series[0].Name != "writes" || l.Series[0].Group != "writes" || len(l.Times) != 10 || l.Times[2] != 0.2 {
		t.Errorf("%+v at %v", l.Series[0], l.Times)
	}
	if want := "Throughput: acknowledged operations. writes from 0/s at 0.400 s to 200/s at 0.300 s."; l.About != want {
		t.Errorf("about: %s", l.About)
	}
	l = lane(t, run, "errors")
	if len(l.Series) != 2 || l.Series[1].Name != "writes dropped" || text(l.Series[0]) != "- - 0 30 0 0 0 - - -" || text(l.Series[1]) != "- - 0 0 0 0 20 - - -" {
		t.Errorf("%+v", l.Series)
	}
}

// TestErrorsHaveALineForEachKind, the most frequent first, and one for those that are too many.
func TestErrorsHaveALineForEachKind(t *testing.T) {
	kinds := map[string]int64{record.OtherKinds: 1}
	for i, kind := range []string{"40001", "57P01", "25006", "eof", "reset", "timeout", "08006", "53300"} {
		kinds[kind] = int64(20 - i)
	}
	run := of(t, &report.Result{
		Duration: 300 * ms,
		Workloads: []report.Workload{{
			Name: "writes", Active: []report.Interval{{To: 300 * ms}},
			Series: []report.SeriesPoint{
				{At: 0, Errors: 133, Kinds: kinds}, {At: 100 * ms, OK: 1, Errors: 60, Kinds: map[string]int64{"57P01": 60}}, {At: 200 * ms, Errors: 2},
			},
		}},
	})
	var got []string
	for _, s := range lane(t, run, "errors").Series {
		if s.Group != "writes" {
			t.Errorf("%s is of %s", s.Name, s.Group)
		}
		got = append(got, strings.TrimPrefix(s.Name, "writes ")+": "+text(s))
	}
	want := []string{
		"57P01: 190 600 0", "40001: 200 0 0", "25006: 180 0 0", "eof: 170 0 0", "reset: 160 0 0", "timeout: 150 0 0",
		"other kinds: 280 0 0", "errors: 0 0 20",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestStepsThatAreNotWhole: a workload that runs for a part of a step is not slower in it.
func TestStepsThatAreNotWhole(t *testing.T) {
	run := of(t, &report.Result{
		Duration: 250 * ms,
		Workloads: []report.Workload{{
			Name: "writes", Active: []report.Interval{{From: 20 * ms, To: 250 * ms}},
			Series: []report.SeriesPoint{{At: 0, OK: 8}, {At: 100 * ms, OK: 10}, {At: 200 * ms, OK: 5}},
		}},
	})
	if got := text(lane(t, run, "throughput").Series[0]); got != "100 100 100" {
		t.Errorf("throughput %s", got)
	}
}

// TestAWorkloadWithLongerSteps: all lanes of a long run have the steps of its workloads.
func TestAWorkloadWithLongerSteps(t *testing.T) {
	run := of(t, &report.Result{
		Duration: 800 * ms,
		Workloads: []report.Workload{
			{Name: "a", Coarse: 4, Series: []report.SeriesPoint{{At: 0, OK: 40}, {At: 400 * ms, OK: 80}}},
			{Name: "b", Series: []report.SeriesPoint{{At: 0, OK: 1}, {At: 100 * ms, OK: 3}}},
		},
	})
	l := lane(t, run, "throughput")
	if text(l.Series[0]) != "100 200" || text(l.Series[1]) != "10 0" {
		t.Errorf("%s; %s", text(l.Series[0]), text(l.Series[1]))
	}
}

func TestResponseTimesAreGapsWithoutSamples(t *testing.T) {
	run := of(t, &report.Result{
		Duration:  4 * time.Second,
		Workloads: []report.Workload{{Name: "writes", Seconds: []report.Second{second(t, 0, 2*ms, 4*ms), second(t, 3*time.Second, 8*ms), {At: time.Second}}}},
	})
	l := lane(t, run, "response")
	var names []string
	for _, s := range l.Series {
		names = append(names, s.Name)
		known := make([]bool, 0, 4)
		for _, v := range s.Values {
			known = append(known, v != nil)
		}
		if !slices.Equal(known, []bool{true, false, false, true}) {
			t.Errorf("%s is known at %v", s.Name, known)
		}
	}
	if !slices.Equal(names, []string{"writes p50", "writes p90", "writes p99", "writes max"}) || !l.Log || l.Unit != "s" {
		t.Errorf("%v", names)
	}
	if p50, most := *l.Series[0].Values[0], *l.Series[3].Values[0]; math.Abs(p50-0.002) > 0.00001 || most != 0.004 {
		t.Errorf("p50 %g, max %g", p50, most)
	}
}

// TestTheGreatestResponseTimes are known by shorter steps than the percentiles, and not at all of older results.
func TestTheGreatestResponseTimes(t *testing.T) {
	r := &report.Result{
		Duration: 400 * ms,
		Workloads: []report.Workload{
			{Name: "writes", Series: []report.SeriesPoint{{At: 0, OK: 1, Max: 2 * time.Second}, {At: 100 * ms, OK: 3, Max: 8123 * ms}, {At: 300 * ms, OK: 1, Max: 200 * ms}}},
			{Name: "reads", Coarse: 2, Series: []report.SeriesPoint{{At: 0, OK: 1, Max: 5 * time.Second}}},
		},
	}
	l := lane(t, of(t, r), "slowest")
	if !l.CloseUp || !l.Log || len(l.Series) != 2 || text(l.Series[0]) != "8.1 0.2" || text(l.Series[1]) != "5 -" {
		t.Errorf("%s; %s; %+v", text(l.Series[0]), text(l.Series[1]), l)
	}
	r.Workloads = r.Workloads[:1]
	if l := lane(t, of(t, r), "slowest"); text(l.Series[0]) != "2 8.1 - 0.2" || *l.Series[0].Values[1] != 8.12 {
		t.Errorf("%s, %g", text(l.Series[0]), *l.Series[0].Values[1])
	}
	r.Workloads[0].Series = []report.SeriesPoint{{At: 0, OK: 1}}
	if run := of(t, r); slices.ContainsFunc(run.Lanes, func(l Lane) bool { return l.CloseUp }) {
		t.Error("an older result has a lane of the greatest response times")
	}
}

// TestAHistogramThatCannotBeRead leaves out its percentiles alone, and says so.
func TestAHistogramThatCannotBeRead(t *testing.T) {
	broken := second(t, time.Second, 9*ms)
	broken.Response.Histogram = "rot"
	run, err := Of(&report.Result{Duration: 2 * time.Second, Workloads: []report.Workload{{Name: "writes", Seconds: []report.Second{second(t, 0, 2*ms), broken}}}})
	if err == nil || !strings.Contains(err.Error(), "writes") {
		t.Errorf("error %v", err)
	}
	l := lane(t, run, "response")
	if l.Series[0].Values[1] != nil || *l.Series[3].Values[1] != 0.009 {
		t.Errorf("%+v", l.Series)
	}
}

func state(at time.Duration, role record.Role, timeline uint32, standbys ...record.StandbyState) record.NodeState {
	return record.NodeState{At: at, Reachable: role == record.RolePrimary || role == record.RoleStandby, Role: role, Timeline: timeline, Standbys: standbys}
}

// failover is a run in which b takes over from a.
func failover() *report.Result {
	sync := record.StandbyState{Name: "b", State: "streaming", SyncState: "sync"}
	async := record.StandbyState{Name: "c", State: "catchup", SyncState: "async"}
	quorum := record.StandbyState{Name: "c", State: "streaming", SyncState: "quorum"}
	return &report.Result{
		Duration: 30 * time.Second,
		Timeline: []record.Event{
			{Name: "crash", Action: "kill", Nodes: []string{"a"}, Issued: 10 * time.Second, Effective: 10100 * ms, Ended: 10100 * ms, Status: record.EventDone, Fault: true},
			{Name: "promote-b", Action: "promote", Nodes: []string{"b"}, Issued: 11 * time.Second, Effective: 12 * time.Second, Status: record.EventDone},
			{Name: "freeze", Action: "pause", Nodes: []string{"c"}, Issued: 15 * time.Second, Effective: 15 * time.Second, Status: record.EventDone, Fault: true},
			{Name: "rejoin-a", Action: "rejoin", Nodes: []string{"a"}, Issued: 16 * time.Second, Effective: 18 * time.Second, Status: record.EventDone},
			{Name: "undo-freeze", Action: "undo", Nodes: []string{"c"}, Issued: 20 * time.Second, Effective: 21 * time.Second, Status: record.EventDone, Reverses: "freeze"},
			{Name: "late", Action: "stop", Nodes: []string{"c"}, Issued: 25 * time.Second, Effective: 26 * time.Second, Status: record.EventDone, Fault: true},
			{Name: "never", Action: "kill", Nodes: []string{"b"}, Issued: 25 * time.Second, Status: record.EventSkipped, Fault: true},
		},
		States: []report.NodeHistory{
			{Node: "a", States: []record.NodeState{
				state(-5*ms, record.RolePrimary, 1, sync, async), state(10*time.Second, record.RoleDown, 0), state(18*time.Second, record.RoleStandby, 2),
			}},
			{Node: "b", States: []record.NodeState{
				state(0, record.RoleStandby, 1), state(12*time.Second, record.RolePrimary, 2, quorum), state(31*time.Second, record.RoleDown, 0),
			}},
			{Node: "c", States: []record.NodeState{state(0, record.RoleStandby, 1), state(15*time.Second, "", 0), state(21*time.Second, record.RoleStandby, 2)}},
		},
		Recoveries: []outage.Recovery{{
			Event: "crash", Issued: 10 * time.Second, Effective: 10100 * ms, Nodes: []string{"a"}, NewPrimary: "b",
			Writable: outage.Stage{State: outage.StageReached, At: 12 * time.Second}, Redundancy: outage.Stage{State: outage.StageMissed, At: 30 * time.Second},
			Workloads: []outage.WorkloadRecovery{{Workload: "writes", Loaded: true, FirstError: outage.Stage{State: outage.StageReached, At: 10050 * ms}}},
		}},
	}
}

// spans is a band as text.
func spans(r Row) string {
	var parts []string
	for _, s := range r.Spans {
		parts = append(parts, number(s.From)+"-"+number(s.To)+" "+s.Label+" ["+s.Class+"]")
	}
	return strings.Join(parts, "; ")
}

func TestRolesAreBands(t *testing.T) {
	run := of(t, failover())
	for i, want := range []string{
		"0-10 primary, timeline 1 [primary]; 10-18 down [down]; 18-30 standby, timeline 2 [standby]",
		"0-12 standby, timeline 1 [standby]; 12-30 primary, timeline 2 [primary]",
		"0-15 standby, timeline 1 [standby]; 15-21 not reachable [unknown]; 21-30 standby, timeline 2 [standby]",
	} {
		if got := spans(lane(t, run, "roles").Rows[i]); got != want {
			t.Errorf("roles of node %d:\n%s, want\n%s", i, got, want)
		}
	}
}

// TestSyncStatesAreThoseOfThePrimary: without a primary that can be read nothing is known.
func TestSyncStatesAreThoseOfThePrimary(t *testing.T) {
	run := of(t, failover())
	for i, want := range []string{
		"0-10 primary [primary]; 12-30 not connected [down]",
		"0-10 sync [sync]; 12-30 primary [primary]",
		"0-10 async, catchup [async]; 12-30 quorum [quorum]",
	} {
		if got := spans(lane(t, run, "sync").Rows[i]); got != want {
			t.Errorf("sync state of node %d:\n%s, want\n%s", i, got, want)
		}
	}
}

func TestFaultsAreSpans(t *testing.T) {
	run := of(t, failover())
	var got []string
	for _, f := range run.Faults {
		got = append(got, f.Step+": "+f.Label+" "+number(f.From)+"-"+number(f.To))
	}
	want := []string{"crash: kill primary (a) 10-18", "freeze: pause standby (c) 15-21", "late: stop standby (c) 25-30"}
	if !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
	var stages []string
	for _, m := range run.Faults[0].Stages {
		stages = append(stages, Moment(m.At)+" "+m.Label)
	}
	if want := []string{"10.050 s writes: first error", "10.100 s in effect", "12.000 s b writable"}; !slices.Equal(stages, want) {
		t.Errorf("stages %q, want %q", stages, want)
	}
}

// TestFaultsThatAreOverByThemselves are no spans to the end of the run, as others are.
func TestFaultsThatAreOverByThemselves(t *testing.T) {
	r := &report.Result{Duration: 30 * time.Second, Timeline: []record.Event{
		{Name: "again", Action: "restart", Nodes: []string{"a"}, Issued: 5 * time.Second, Effective: 6 * time.Second, Ended: 6 * time.Second, Status: record.EventDone, Fault: true},
		{Name: "failed", Action: "kill", Nodes: []string{"a"}, Issued: 7 * time.Second, Ended: 8 * time.Second, Status: record.EventFailed, Fault: true},
		{Name: "exit-a", Action: "exit", Nodes: []string{"a"}, Issued: 9 * time.Second, Effective: 10 * time.Second, Status: record.EventSeen, Fault: true},
		{Name: "reset", Action: "drop_connections", Nodes: []string{"a"}, Facts: &record.Facts{}, Issued: 11 * time.Second, Effective: 12 * time.Second, Ended: 12 * time.Second, Status: record.EventDone, Fault: true},
		{Name: "cut", Action: "partition", Nodes: []string{"a", "b"}, Facts: &record.Facts{Links: true, Lasts: true}, Issued: 13 * time.Second, Effective: 14 * time.Second, Ended: 14 * time.Second, Status: record.EventDone, Fault: true},
	}}
	for i, want := range []Fault{
		{Step: "again", Label: "restart a", From: 5, To: 6}, {Step: "failed", Label: "kill a", From: 7, To: 8}, {Step: "exit-a", Label: "a exited", From: 9, To: 30},
		{Step: "reset", Label: "drop_connections a", From: 11, To: 12}, {Step: "cut", Label: "partition a, b", From: 13, To: 30},
	} {
		if got := of(t, r).Faults[i]; got.Step != want.Step || got.Label != want.Label || got.From != want.From || got.To != want.To {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// TestFaultsThatLast are in force until a step lifts them on their nodes, or the run ends.
func TestFaultsThatLast(t *testing.T) {
	step := func(name, action string, second int, node string, f record.Facts) record.Event {
		at := time.Duration(second) * time.Second
		return record.Event{Name: name, Action: action, Nodes: []string{node}, Issued: at, Effective: at, Ended: at, Status: record.EventDone, Fault: f.Lasts, Facts: &f}
	}
	r := &report.Result{Duration: 30 * time.Second, Timeline: []record.Event{
		step("p", "pause_replay", 5, "b", record.Facts{Lasts: true}),
		step("q", "pause_replay", 6, "c", record.Facts{Lasts: true}),
		step("d", "apply_delay", 7, "b", record.Facts{Lasts: true}),
		step("r", "resume_replay", 9, "b", record.Facts{Lifts: "pause_replay"}),
	}}
	for i, want := range []float64{9, 30, 30} {
		if got := of(t, r).Faults[i]; got.To != want {
			t.Errorf("%s is in force until %v, expected %v", got.Step, got.To, want)
		}
	}
}

// TestLastingChangesAreSpans, though they take nothing away from clients: until they are taken back, until the same is done to their
// nodes in another way, or to the end of the run.
func TestLastingChangesAreSpans(t *testing.T) {
	lasts := &record.Facts{Provokes: true, Lasts: true}
	limit := func(name string, at time.Duration, nodes ...string) record.Event {
		return record.Event{Name: name, Action: "limit", Nodes: nodes, Issued: at, Effective: at + 500*ms, Ended: at + 500*ms, Status: record.EventDone, Facts: lasts}
	}
	back := record.Event{Name: "undo-third", Action: "undo", Reverses: "third", Nodes: []string{"c"}, Issued: 20 * time.Second, Effective: 21 * time.Second, Status: record.EventDone}
	r := &report.Result{Duration: 30 * time.Second, Timeline: []record.Event{
		limit("first", 2*time.Second, "a", "b"), limit("second", 5*time.Second, "a"), limit("third", 10*time.Second, "c"), limit("fourth", 12*time.Second, "b"), back,
		{Name: "check", Action: "verify", Nodes: []string{"a"}, Issued: 25 * time.Second, Effective: 25 * time.Second, Status: record.EventDone, Facts: &record.Facts{}},
	}}
	var got []string
	for _, f := range of(t, r).Faults {
		got = append(got, f.Step+" "+number(f.From)+"-"+number(f.To))
	}
	if want := []string{"first 2-12.5", "second 5-30", "third 10-21", "fourth 12-30"}; !slices.Equal(got, want) {
		t.Errorf("faults %q, want %q", got, want)
	}
}

func TestLagIsUnknownWhereItWasNotMeasured(t *testing.T) {
	bytes, lag := int64(4096), 250*ms
	zero := int64(0)
	run := of(t, &report.Result{Duration: 4 * time.Second, NodeSeries: []record.NodeSeries{
		{Node: "a", Step: time.Second, Samples: []record.NodeSample{{At: time.Second, Role: record.RolePrimary, SyncWaiters: 3}, {At: 2 * time.Second}, {At: 3 * time.Second, Role: record.RolePrimary}}},
		{Node: "b", Step: time.Second, Samples: []record.NodeSample{{At: time.Second, Role: record.RoleStandby, LagBytes: &bytes, Lag: &lag}, {At: 2 * time.Second}, {At: 3 * time.Second, LagBytes: &zero}}},
	}})
	l := lane(t, run, "lag-bytes")
	if len(l.Series) != 1 || l.Series[0].Name != "b" || text(l.Series[0]) != "4,096 - 0" {
		t.Errorf("%+v", l.Series)
	}
	if got := text(lane(t, run, "lag").Series[0]); got != "0.2 - -" && got != "0.3 - -" {
		t.Errorf("lag %s", got)
	}
	if l := lane(t, run, "sync-waiters"); len(l.Series) != 1 || text(l.Series[0]) != "3 - 0" {
		t.Errorf("%+v", l.Series)
	}
}

// TestNodesThatAreReadAtDifferentMoments have values at all times, but not where a node was not read for long.
func TestNodesThatAreReadAtDifferentMoments(t *testing.T) {
	r := &report.Result{Duration: 20 * time.Second, Cluster: report.Cluster{Nodes: []report.ClusterNode{{Name: "a"}, {Name: "b"}}}}
	for i := range 8 {
		at := time.Duration(i) * time.Second
		r.Usage = append(r.Usage, record.ResourceSample{Node: "b", At: at + 300*ms, CPUPercent: 50})
		if i < 2 || i > 4 {
			r.Usage = append(r.Usage, record.ResourceSample{Node: "a", At: at, CPUPercent: float64(i), MemoryBytes: 1 << 20})
		}
	}
	l := lane(t, of(t, r), "cpu")
	if l.Series[0].Name != "a" || l.Series[1].Name != "b" {
		t.Fatalf("%+v", l.Series)
	}
	if got, want := text(l.Series[0]), "0 0 1 - - - - 5 5 6 6 7 -"; got != want {
		t.Errorf("a: %s, want %s", got, want)
	}
}

// TestOfNothing: a run that was killed has few lanes or none, and every list is there.
func TestOfNothing(t *testing.T) {
	run := of(t, &report.Result{})
	if run.Lanes == nil || run.Faults == nil || run.Phases == nil || len(run.Lanes) != 0 {
		t.Errorf("%+v", run)
	}
	run = of(t, &report.Result{States: []report.NodeHistory{{Node: "a", States: []record.NodeState{state(0, record.RolePrimary, 1), state(5*time.Second, record.RoleDown, 0)}}}})
	if run.Duration != 5 || len(lane(t, run, "roles").Rows) != 1 {
		t.Errorf("%+v", run)
	}
}

// TestTimesThatCannotBe neither end nor fill the memory.
func TestTimesThatCannotBe(t *testing.T) {
	const far = math.MaxInt64
	for _, coarse := range []int{0, 1, -3, math.MaxInt64} {
		run, _ := Of(&report.Result{
			Duration: far, Phases: []record.Phase{{Start: -far, End: far}},
			Timeline: []record.Event{{Name: "x", Action: "kill", Issued: far, Fault: true}, {Name: "y", Action: "kill", Issued: -far, Fault: true}},
			States:   []report.NodeHistory{{Node: "a", States: []record.NodeState{state(-far, record.RolePrimary, 1), state(far, record.RoleDown, 0)}}},
			Workloads: []report.Workload{{
				Name: "w", Coarse: coarse, Active: []report.Interval{{From: -far, To: far}, {From: far, To: -far}},
				Series:  []report.SeriesPoint{{At: far, OK: far}, {At: -far, OK: 1}, {At: 0, OK: 1}},
				Seconds: []report.Second{{At: far, Response: report.SecondDist{Count: 1}}, {At: -far, Response: report.SecondDist{Count: 1}}},
			}},
			NodeSeries: []record.NodeSeries{{Node: "a", Samples: []record.NodeSample{{At: far, Role: record.RolePrimary}, {At: -far, Role: record.RolePrimary}}}},
			Usage:      []record.ResourceSample{{Node: "a", At: far}, {Node: "a", At: -far}},
		})
		for _, l := range run.Lanes {
			if len(l.Times) > mostSteps {
				t.Errorf("coarse %d: lane %s has %d times", coarse, l.ID, len(l.Times))
			}
		}
	}
}
