package trend

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgchaos/compare"
	"pgchaos/verdict"
)

const p99 = "p99 of writes"

// history is one run a night, with one metric.
func history(metric string, values ...float64) (runs []Run) {
	for i, v := range values {
		runs = append(runs, Run{Run: compare.Run{
			ID: fmt.Sprintf("run-%d", i+1), Started: nightAt(i), Verdict: verdict.Pass,
			Figures: []compare.Figure{{Metric: metric, Value: v, Known: true}},
		}})
	}
	return runs
}

// around are n values near v that are all different, so that ranks have no ties.
func around(v float64, n int) (values []float64) {
	for i := range n {
		values = append(values, v*(1+0.001*float64((i*7)%n)))
	}
	return values
}

func join(parts ...[]float64) []float64 { return slices.Concat(parts...) }

func last(runs []Run) string { return NightOf(runs[len(runs)-1].Run) }

func TestJudge(t *testing.T) {
	for _, row := range []struct {
		why    string
		metric string
		values []float64
		want   State
	}{
		{"the first night", p99, around(1, 1), NotYet},
		{"one too few", p99, around(1, 22), NotYet},
		{"enough", p99, around(1, 23), Steady},
		{"slower for three nights", p99, join(around(1, 20), around(1.2, 3)), Suspect},
		{"slower for three nights by less than 10 %", p99, join(around(1, 20), around(1.05, 3)), Steady},
		{"slower for two nights", p99, join(around(1, 20), around(0.99, 1), around(1.2, 2)), Steady},
		{"slower for five nights", p99, join(around(1, 20), around(1.2, 5)), Regression},
		{"slower for five nights by less than 10 %", p99, join(around(1, 20), around(1.05, 5)), Steady},
		{"slower for four of five nights", p99, join(around(1, 20), around(1.2, 2), around(1, 1), around(1.2, 2)), Steady},
		{"faster for five nights", p99, join(around(1, 20), around(0.8, 5)), Better},
		{"faster for three nights", p99, join(around(1, 20), around(0.8, 3)), Steady},
		{"less throughput", "throughput of writes", join(around(1000, 20), around(800, 5)), Regression},
		{"more throughput", "throughput of writes", join(around(1000, 20), around(1200, 5)), Better},
		{"less throughput for three nights", "throughput of writes", join(around(1000, 20), around(800, 3)), Suspect},
		{"losses where there were none", "lost_writes", join(make([]float64, 20), []float64{3, 5, 2, 8, 1}), Regression},
		{"losses in two of five nights", "lost_writes", join(make([]float64, 20), []float64{0, 5, 0, 8, 0}), Steady},
		{"an error rate that does not matter", "error_rate of writes", join(make([]float64, 20), around(0.0001, 5)), Steady},
		{"an error rate that does", "error_rate of writes", join(make([]float64, 20), around(0.01, 5)), Regression},
		{"an outage that is longer by less than pgchaos sees", "write_rto", join(around(0.2, 20), around(0.25, 5)), Steady},
		{"an outage that is longer", "write_rto", join(around(2, 20), around(2.5, 5)), Regression},
		{"no such metric", "p99x of writes", around(1, 30), Missing},
		{"gone again", p99, join(around(1, 20), around(1.2, 5), around(1, 5)), Steady},
		{"worse again after it was better", p99, join(around(1, 20), around(0.8, 30), around(1, 5)), Regression},
		{"worse for as long as the reference is", p99, join(around(1, 20), around(1.2, 60)), Regression},
		{"worse by twice for as long as the reference is", p99, join(around(1, 20), around(1.2, 30), around(1.4, 30)), Regression},
	} {
		t.Run(row.why, func(t *testing.T) {
			runs := history(row.metric, row.values...)
			f := Judge(row.metric, runs, last(runs))
			if f.State != row.want {
				t.Errorf("%s, not %s: %+v", f.State, row.want, f)
			}
			if f.Nights != len(runs) && row.want != Missing || f.Needed != 23 {
				t.Errorf("%d of %d nights", f.Nights, f.Needed)
			}
		})
	}
}

// TestFigures: what was compared is in the finding.
func TestFigures(t *testing.T) {
	runs := history(p99, join(around(1, 30), around(1.25, 8))...)
	f := Judge(p99, runs, last(runs))
	if f.State != Regression || f.First != "run-31" || !f.Since.Equal(nightAt(33)) {
		t.Errorf("%s since %s, first %s", f.State, f.Since, f.First)
	}
	if f.Before.Nights != 20 || f.Recent.Nights != 5 || !f.Before.From.Equal(nightAt(9)) || !f.Before.To.Equal(nightAt(28)) || !f.Recent.To.Equal(nightAt(37)) {
		t.Errorf("compared %+v with %+v", f.Recent, f.Before)
	}
	if math.Abs(f.Change-0.25) > 0.03 || f.P <= 0 || f.P > 0.0001 {
		t.Errorf("change %v, p %v", f.Change, f.P)
	}
	if f.Tonight.Value != runs[37].Figures[0].Value {
		t.Errorf("tonight %+v", f.Tonight)
	}
	if f := Judge(p99, runs, "run-30"); f.State != Steady || f.Nights != 30 {
		t.Errorf("what came after the night counts: %+v", f)
	}
	if f := Judge(p99, runs, "run-99"); f.State != Missing {
		t.Errorf("a night that is not there: %+v", f)
	}
}

// TestAcceptedStep: the reference begins anew with the accepted run.
func TestAcceptedStep(t *testing.T) {
	runs := history(p99, join(around(1, 20), around(1.2, 30))...)
	runs[20].Accepted = true
	for nights, want := range map[int]State{5: NotYet, 22: NotYet, 23: Steady, 30: Steady} {
		until := runs[:20+nights]
		if f := Judge(p99, until, last(until)); f.State != want || f.Nights != nights {
			t.Errorf("%d nights after it: %s with %d nights", nights, f.State, f.Nights)
		}
	}
	runs = append(runs, history(p99, join(around(1, 50), around(1.5, 5))...)[50:]...)
	if f := Judge(p99, runs, last(runs)); f.State != Regression || f.First != "run-51" {
		t.Errorf("a second step: %+v", f)
	}
}

// TestNightsWithoutFigure: runs that show nothing are in no figure, and are named.
func TestNightsWithoutFigure(t *testing.T) {
	runs := history(p99, around(1, 26)...)
	runs[3].Verdict = verdict.Inconclusive
	runs[4].NotComparable = []string{"the baseline was not sustained"}
	runs[5].Verdict = verdict.Fail // that is measured as well
	if f := Judge(p99, runs, last(runs)); f.State != Steady || f.Nights != 24 {
		t.Errorf("%+v", f)
	}
	nights := Nights(runs)
	for i, why := range map[int]string{3: "its verdict is inconclusive", 4: "the baseline was not sustained"} {
		if n := nights[i]; len(n.Runs) > 0 || len(n.Left) != 1 || !slices.Equal(n.Left[0].Why, []string{why}) || n.Left[0].Run != runs[i].ID {
			t.Errorf("night %d: %+v", i, n)
		}
	}
	runs[25].NotComparable = []string{"the generator was the bottleneck"}
	if f := Judge(p99, runs, last(runs)); f.State != Missing || !strings.Contains(f.Why, "the generator was the bottleneck") {
		t.Errorf("tonight is in no figure: %+v", f)
	}
	runs[25].NotComparable = nil
	runs[25].Figures = []compare.Figure{{Metric: p99, Why: "too few (10 of 368)"}}
	if f := Judge(p99, runs, last(runs)); f.State != Missing || f.Why != "too few (10 of 368)" {
		t.Errorf("tonight has too few: %+v", f)
	}
	if f := Judge("write_rto", runs, last(runs)); f.State != NoFigure {
		t.Errorf("it was never there: %+v", f)
	}
	first := runs[25:]
	if f := Judge(p99, first, last(first)); f.State != NoFigure || f.Nights != 0 {
		t.Errorf("the first night has none: %+v", f)
	}
}

// TestRoundsOfANight: rounds and a repetition are one night, with the median of their figures.
func TestRoundsOfANight(t *testing.T) {
	var runs []Run
	for _, r := range history(p99, around(1, 23)...) {
		for round, factor := range []float64{1, 3, 1} {
			again := r
			again.ID = fmt.Sprintf("%s-%d", r.ID, round+1)
			again.Series, again.Round = "series-"+r.ID, round+1
			again.Figures = []compare.Figure{{Metric: p99, Value: factor * r.Figures[0].Value, Known: true}}
			runs = append(runs, again)
		}
		warm := r
		warm.ID, warm.Series, warm.Warmup = r.ID+"-warm", "series-"+r.ID, true
		warm.Figures = []compare.Figure{{Metric: p99, Value: 99, Known: true}}
		runs = append(runs, warm)
	}
	f := Judge(p99, runs, last(runs))
	if f.Nights != 23 || f.State != Steady || f.Tonight.Value > 1.1 {
		t.Errorf("%+v", f)
	}
	runs[0].NotComparable = []string{"x"}
	if n := Nights(runs)[0]; len(n.Runs) != 2 || len(n.Left) != 1 {
		t.Errorf("%+v", n)
	}
}

// TestOutagesThatDidNotEnd sort after all others, and have no size.
func TestOutagesThatDidNotEnd(t *testing.T) {
	runs := history("write_rto", join(around(2, 20), around(8, 5))...)
	for i := 20; i < 25; i++ {
		runs[i].Figures[0].AtLeast = true
	}
	f := Judge("write_rto", runs, last(runs))
	if f.State != Regression || !math.IsInf(f.Change, 1) || !f.Recent.AtLeast || f.Recent.Value < 8 || !f.Tonight.AtLeast {
		t.Errorf("%+v", f)
	}
	for i := range runs {
		runs[i].Figures[0].AtLeast = true
	}
	if f := Judge("write_rto", runs, last(runs)); f.State != Steady || f.Change != 0 {
		t.Errorf("none ever ended: %+v", f)
	}
}

func TestStateWords(t *testing.T) {
	if Regression.String() != "regression" || State(99).String() != "state(99)" {
		t.Error(Regression, State(99))
	}
}
