package live

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/runner"
)

// begun is when the runs of these tests have offset 0.
var begun = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func after(d time.Duration) time.Time { return begun.Add(d) }

// ticks takes the statuses that a run of one workload sends from a second on, four in each: its newest complete second has
// the figures that of says.
func ticks(m *Model, from, to int, of func(second int) load.Live) {
	for second := from; second < to; second++ {
		for quarter := range 4 {
			at := time.Duration(second)*time.Second + time.Duration(quarter)*250*time.Millisecond
			now := load.Live{}
			if second > 0 {
				now = of(second - 1)
				now.At = time.Duration(second) * time.Second
			}
			m.Take(runner.Ticked{Status: runner.Status{Elapsed: at, Workloads: []runner.WorkloadStatus{{Name: "writes", Live: now}}}}, after(at))
		}
	}
}

// TestHistory: each second is kept once, however many statuses describe it, and one that no status described is a gap.
func TestHistory(t *testing.T) {
	var m Model
	ticks(&m, 0, 11, func(second int) load.Live { return load.Live{Throughput: float64(100 + second), P99: time.Millisecond} })
	ticks(&m, 13, 16, func(second int) load.Live { return load.Live{Throughput: float64(100 + second), P99: time.Millisecond} })
	w := m.Workloads[0]
	points := w.Points(HalfMinute, 15*time.Second)
	if len(points) != 13 || points[0].To != time.Second || points[9].Throughput != 109 || points[10].To != 13*time.Second {
		t.Fatalf("%+v", points)
	}
	columns := w.Columns(HalfMinute, 15*time.Second, 30)
	var known []string
	for i, p := range columns {
		if p != nil {
			known = append(known, fmt.Sprintf("%d:%.0f", i, p.Throughput))
		}
	}
	if got, want := strings.Join(known, " "), "15:100 16:101 17:102 18:103 19:104 20:105 21:106 22:107 23:108 24:109 27:112 28:113 29:114"; got != want {
		t.Errorf("columns %s\nwant    %s", got, want)
	}
}

// TestColumns: a column of several seconds has the mean throughput and the worst response times; one of less than a second has its second's.
func TestColumns(t *testing.T) {
	var m Model
	ticks(&m, 0, 121, func(second int) load.Live {
		l := load.Live{Throughput: float64(second % 2 * 100), P99: time.Millisecond}
		if second == 60 {
			l.P99, l.Errors = time.Second, 3
		}
		return l
	})
	w := m.Workloads[0]
	for _, c := range []struct {
		scale   Scale
		columns int
		rate    float64
	}{{TwoMinutes, 60, 50}, {TwoMinutes, 30, 50}, {WholeRun, 10, 50}, {TwoMinutes, 120, -1}, {TwoMinutes, 240, -1}} {
		var worst, wrong int
		for i, p := range w.Columns(c.scale, 2*time.Minute, c.columns) {
			switch {
			case p == nil:
				t.Fatalf("%s in %d: nothing in column %d", c.scale, c.columns, i)
			case c.rate >= 0 && math.Abs(p.Throughput-c.rate) > 0.01:
				t.Errorf("%s in %d: %.1f/s in column %d", c.scale, c.columns, p.Throughput, i)
			case p.P99 == time.Second:
				worst++
			}
			if p.Errors > 0 {
				wrong++
			}
		}
		if want := max(1, c.columns/120); worst != want || wrong != want {
			t.Errorf("%s in %d: the stall is in %d columns, its errors in %d, want %d", c.scale, c.columns, worst, wrong, want)
		}
	}
	if all := w.Columns(HalfMinute, 10*time.Minute, 30); strings.Count(fmt.Sprint(all), "<nil>") != 30 {
		t.Errorf("what is long ago is in the picture: %v", all)
	}
}

// TestHistoryIsBounded: a day takes no more than some minutes, and hides no short stall.
func TestHistoryIsBounded(t *testing.T) {
	var w Workload
	for second := 1; second <= 24*3600; second++ {
		l := load.Live{At: time.Duration(second) * time.Second, Throughput: 100, P99: time.Millisecond}
		if second == 12345 {
			l.P99, l.Dropped = time.Minute, 7
		}
		if second%100 < 2 { // of neighbours, too
			l.Errors, l.Kinds = 5, map[string]int64{"25006": 3, []string{"57P01", "08006"}[second%2]: 2}
		}
		w.add(l)
	}
	h := &w.history
	var worst time.Duration
	var dropped int64
	kinds := map[string]int64{}
	for _, p := range h.whole {
		for kind, n := range p.Kinds {
			kinds[kind] += n
		}
		worst, dropped = max(worst, p.P99), dropped+p.Dropped
		if p.Throughput < 99.99 || p.Throughput > 100.01 {
			t.Fatalf("%+v", p)
		}
	}
	if len(h.whole) > mostPoints || len(h.recent) > mostRecent || worst != time.Minute || dropped != 7 {
		t.Errorf("%d and %d points, the worst response time %s, %d dropped", len(h.whole), len(h.recent), worst, dropped)
	}
	if kinds["25006"] != 3*(864+864) || kinds["57P01"] != 2*864 || kinds["08006"] != 2*864 || len(kinds) != 3 {
		t.Errorf("the errors by kind are %v", kinds)
	}
	if last := h.recent[len(h.recent)-1]; last.To-last.From != time.Second || last.To != 24*time.Hour {
		t.Errorf("the newest second is %+v", last)
	}
}

// TestErrorsStayVisible, also when none comes any more.
func TestErrorsStayVisible(t *testing.T) {
	var m Model
	check := func(at time.Duration, now bool, want string) {
		t.Helper()
		if got := m.ErrorsText(after(at)); got != want || m.ErrorsNow(after(at)) != now {
			t.Errorf("at %s: %t, %q, want %q", at, m.ErrorsNow(after(at)), got, want)
		}
	}
	check(0, false, "no errors")
	of := func(second int) load.Live {
		l := load.Live{Throughput: 100, AllErrors: 12, AllDropped: 1234}
		if second == 3 {
			l.Errors, l.Kinds = 12, map[string]int64{"57P01": 3, "25006": 3, "connection refused": 6}
		}
		if second < 3 {
			l.AllErrors, l.AllDropped = 0, 0
		}
		return l
	}
	ticks(&m, 0, 4, of)
	check(3750*time.Millisecond, false, "no errors")
	ticks(&m, 4, 5, of)
	check(4750*time.Millisecond, true, "12 errors/s: 6 connection refused, 3 25006, 3 57P01; 12 in all; 1,234 operations not sent")
	ticks(&m, 5, 6, of)
	check(5750*time.Millisecond, false, "12 errors; the last at 0:04.0: 6 connection refused, 3 25006, 3 57P01; 1,234 operations not sent")
	check(time.Minute, false, "12 errors; the last at 0:04.0: 6 connection refused, 3 25006, 3 57P01; 1,234 operations not sent")
	m.Take(runner.LoadStarted{At: begun}, after(time.Hour)) // of another run
	check(time.Hour, false, "no errors")
}

// TestNodes: each state of a node has its word, and what is not known is empty.
func TestNodes(t *testing.T) {
	bytes, none, lag := int64(12_300_000), int64(0), 1500*time.Millisecond
	var m Model
	m.Take(runner.Ticked{Status: runner.Status{Nodes: []runner.NodeStatus{
		{Name: "a", Up: true, NodeSample: record.NodeSample{Role: record.RolePrimary, Timeline: 2, SyncWaiters: 3}, Usage: &record.ResourceSample{CPUPercent: 12.4, MemoryBytes: 64e6}},
		{Name: "b", Up: true, NodeSample: record.NodeSample{Role: record.RoleStandby, Timeline: 1, SyncState: "quorum", LagBytes: &bytes, Lag: &lag}},
		{Name: "c", Up: true, NodeSample: record.NodeSample{Role: record.RoleStandby, LagBytes: &none}},
		{Name: "d", NodeSample: record.NodeSample{Role: record.RoleDown}},
		{Name: "e", NodeSample: record.NodeSample{SyncState: "quorum"}},
		{Name: "f", Absent: true},
	}}}, begun)
	want := []Node{
		{Name: "a", State: Primary, Timeline: "2", CPU: "12%", Memory: "64 MB", Waiters: 3},
		{Name: "b", State: Standby, Timeline: "1", Sync: "quorum", Lag: "12.3 MB 1.5s"},
		{Name: "c", State: Standby, Lag: "0"},
		{Name: "d", State: Down},
		{Name: "e", State: Silent, Sync: "quorum"},
		{Name: "f", State: NotBuilt},
	}
	if got := fmt.Sprint(m.Nodes()); got != fmt.Sprint(want) {
		t.Errorf("%s\nwant %v", got, want)
	}
}

// TestProgress: the end and the next step are said as far as they are known.
func TestProgress(t *testing.T) {
	for _, c := range []struct {
		status  runner.Status
		elapsed time.Duration
		next    string
		end     string
	}{
		{runner.Status{}, 0, "no step is left", "the end is not known"},
		{runner.Status{End: 30 * time.Second, Next: &runner.NextStep{Name: "kill-a", At: 16 * time.Second}}, 12*time.Second + 1, "next kill-a in 4 s", "at least 18 s left"},
		{runner.Status{End: 300 * time.Second, Next: &runner.NextStep{Name: "kill-a", At: 16 * time.Second}}, 16 * time.Second, "next kill-a, due now", "at least 4 min 44 s left"},
		{runner.Status{Next: &runner.NextStep{Name: "promote-b"}}, time.Second, "next promote-b, after the step before it", "the end is not known"},
		{runner.Status{Next: &runner.NextStep{Name: "ready", Waits: true}}, time.Second, "next ready, when its condition holds", "the end is not known"},
	} {
		if next, end := NextText(c.status, c.elapsed), EndText(c.status, c.elapsed); next != c.next || end != c.end {
			t.Errorf("%+v: %q, %q", c.status, next, end)
		}
	}
	var m Model
	m.Take(runner.Ticked{Status: runner.Status{Elapsed: 10 * time.Second, End: 20 * time.Second}}, begun)
	if share, known := m.Done(after(500 * time.Millisecond)); !known || share != 0.525 {
		t.Errorf("%f, %t", share, known)
	}
	if share, _ := m.Done(after(time.Hour)); share != 0.5 {
		t.Errorf("without a newer status the clock goes on: %f", share)
	}
}

// TestLog has what happened, in the words of the plain lines, and what ends with the view is marked.
func TestLog(t *testing.T) {
	m := Model{Several: true}
	m.Begin(Round{Name: "round 1", Total: 3})
	m.Take(runner.StageBegan{Text: "building the cluster"}, begun)
	m.Take(runner.Logged{Text: "not shown"}, begun)
	m.Take(runner.StepBegan{Step: record.Event{Name: "kill-a", Issued: 8 * time.Second}}, begun)
	m.Take(runner.StepEnded{Step: record.Event{Name: "kill-a", Issued: 8 * time.Second, Ended: 8040 * time.Millisecond, Status: record.EventDone, Detail: "SIGKILL"}}, begun)
	m.Print("1/3  round 1: pass in 12.3 s")
	lines, next := m.Lines(0)
	want := []Line{{"-- building the cluster", true}, {" 0:08.0  > kill-a", true}, {" 0:08.0  kill-a done in 40ms: SIGKILL", true}, {"1/3  round 1: pass in 12.3 s", false}}
	if fmt.Sprint(lines) != fmt.Sprint(want) || next != 4 {
		t.Errorf("%v, %d", lines, next)
	}
	for range 2 * mostLines {
		m.Print("x")
	}
	if lines, next := m.Lines(3); len(lines) != mostLines || next != 4+2*mostLines {
		t.Errorf("%d lines, the next is %d", len(lines), next)
	}
	if lines, _ := m.Lines(next + 2*mostLines); len(lines) != 0 {
		t.Errorf("%d lines after the last", len(lines))
	}
}

// TestScales go round.
func TestScales(t *testing.T) {
	var all []string
	for s, n := HalfMinute, 0; n < 4; s, n = s.Next(), n+1 {
		all = append(all, s.String())
	}
	if got := strings.Join(all, ", "); got != "30 s, 2 min, whole run, 30 s" {
		t.Error(got)
	}
}

// TestBands are from when a fault is issued until it is in force no longer.
func TestBands(t *testing.T) {
	var m Model
	stop := runner.FaultStatus{Step: "stop-b", Action: "stop", Nodes: []string{"b"}, Since: 8 * time.Second}
	kill := runner.FaultStatus{Step: "kill-a", Action: "kill", Nodes: []string{"a"}, Since: 16 * time.Second}
	for _, one := range []struct {
		at     time.Duration
		faults []runner.FaultStatus
	}{{7 * time.Second, nil}, {9 * time.Second, []runner.FaultStatus{stop}}, {17 * time.Second, []runner.FaultStatus{stop, kill}}, {20 * time.Second, []runner.FaultStatus{kill}}} {
		m.Take(runner.Ticked{Status: runner.Status{Elapsed: one.at, Faults: one.faults}}, after(one.at))
	}
	if got, want := fmt.Sprint(m.Bands), "[{stop-b stop [b] 8s 20s} {kill-a kill [a] 16s 0s}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestSince has each second once, and says where some are gone.
func TestSince(t *testing.T) {
	var m Model
	ticks(&m, 0, 201, func(int) load.Live { return load.Live{Throughput: 1} })
	w := m.Workloads[0]
	if points, complete := w.Since(198 * time.Second); len(points) != 2 || !complete || points[0].To != 199*time.Second {
		t.Errorf("%v, %t", points, complete)
	}
	if points, complete := w.Since(200 * time.Second); len(points) != 0 || !complete {
		t.Errorf("%v, %t", points, complete)
	}
	if points, complete := w.Since(10 * time.Second); complete {
		t.Errorf("%v, %t", points, complete)
	}
}
