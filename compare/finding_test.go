package compare

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgchaos/expect"
)

// TestDecide is the rule: an interval wholly beyond the tolerance, wholly within it, or neither.
func TestDecide(t *testing.T) {
	for _, c := range []struct {
		name                 string
		low, high, tolerance float64
		lower, higher        Change // where lower values are better, and where higher ones are
	}{
		{"beyond", 0.06, 0.2, 0.05, Worse, Better},
		{"beyond, below", -0.2, -0.06, 0.05, Better, Worse},
		{"within", -0.04, 0.03, 0.05, Same, Same},
		{"within, and not 0", 0.01, 0.04, 0.05, Same, Same},
		{"at both ends of the tolerance", -0.05, 0.05, 0.05, Same, Same},
		{"touches the tolerance from beyond", 0.05, 0.2, 0.05, NotKnown, NotKnown},
		{"no tolerance, no change", 0, 0, 0, Same, Same},
		{"more than 0, and partly within", 0.01, 0.2, 0.05, NotKnown, NotKnown},
		{"less than 0, and partly within", -0.2, -0.01, 0.05, NotKnown, NotKnown},
		{"wide", -1, 1, 0.05, NotKnown, NotKnown},
		{"one end without a bound", 0.1, math.Inf(1), 0.05, Worse, Better},
		{"no bound at all", math.Inf(-1), math.Inf(1), 0.05, NotKnown, NotKnown},
		{"no number", math.NaN(), math.NaN(), 0.05, NotKnown, NotKnown},
	} {
		if got := decide(c.low, c.high, c.tolerance, Lower); got != c.lower {
			t.Errorf("%s, lower is better: %s, want %s", c.name, got, c.lower)
		}
		if got := decide(c.low, c.high, c.tolerance, Higher); got != c.higher {
			t.Errorf("%s, higher is better: %s, want %s", c.name, got, c.higher)
		}
		if got := decide(c.low, c.high, c.tolerance, 0); got != NotKnown {
			t.Errorf("%s, no direction: %s", c.name, got)
		}
	}
}

func metric(t *testing.T, name string) Metric {
	t.Helper()
	m, known := MetricOf(name)
	if !known {
		t.Fatalf("%s is no metric", name)
	}
	return m
}

// most makes figures that are only known to lie below a bound.
func most(f []Figure, bound float64) []Figure {
	for i := range f {
		f[i].Most = bound
	}
	return f
}

func TestFindings(t *testing.T) {
	six := figures(10, 11, 9, 10, 10.5, 9.5)
	times := func(f []Figure, by ...float64) (to []Figure) {
		for i, x := range f {
			to = append(to, Figure{Value: x.Value * by[i%len(by)], Known: true})
		}
		return to
	}
	zeros := figures(0, 0, 0, 0, 0, 0)
	for _, c := range []struct {
		name, metric    string
		baseline, other []Figure
		want            Change
		more            bool   // further rounds are proposed
		why             string // part of why there is no estimate
	}{
		{"a latency that rises by a fifth", "p99 of writes", six, times(six, 1.2, 1.21, 1.19), Worse, false, ""},
		{"a latency that falls by a fifth", "p99 of writes", six, times(six, 0.8, 0.81, 0.79), Better, false, ""},
		{"a throughput that rises", "throughput of writes", six, times(six, 1.2, 1.21, 1.19), Better, false, ""},
		{"a throughput that falls", "throughput of writes", six, times(six, 0.8, 0.81, 0.79), Worse, false, ""},
		{"2 % more", "p99 of writes", six, times(six, 1.02, 1.03, 1.01), Same, false, ""},
		{"no difference found, and much noise", "p99 of writes", six, times(six, 1.3, 0.77, 1), NotKnown, true, ""},
		{"a rise at the tolerance", "p99 of writes", six, times(six, 1.02, 1.12), NotKnown, true, ""},
		{"a metric without a direction", "loudness of writes", six, times(six, 2), NotKnown, false, ""},
		{"two rounds", "p99 of writes", six[:2], times(six[:2], 2, 2.1), NotKnown, false, "2 rounds; at least 3 are needed"},
		{"the same change in too few rounds", "p99 of writes", figures(1, 1, 1), figures(2, 2, 2), NotKnown, false, "at least 6"},
		{"the same change in 6 rounds", "p99 of writes", figures(1, 1, 1, 1, 1, 1), figures(2, 2, 2, 2, 2, 2), Worse, false, ""},
		{"a throughput of 0", "throughput of writes", six, times(six, 0), NotKnown, false, "values above 0"},
		{"5 % more in every round, at a tolerance of 5 %", "p99 of writes", six, times(six, 1.05), Same, false, ""},
		{"5 % less in every round, at a tolerance of 5 %", "throughput of writes", six, times(six, 1/1.05), Same, false, ""},
		{"5.05 % more in every round", "p99 of writes", six, times(six, 1.0505), Worse, false, ""},
		{"no value", "p99 of writes", six, []Figure{{Why: "too few (200 of 368)"}}, NotKnown, false, "too few (200 of 368)"},
		{"no errors on either side", "error_rate of writes", zeros, zeros, Same, false, ""},
		{"a tenth of 0.1 percentage points", "error_rate of writes", zeros, figures(1e-4, 1e-4, 2e-4, 1e-4, 1e-4, 0), Same, false, ""},
		{"2 % errors where there were none", "error_rate of writes", zeros, figures(.02, .021, .019, .02, .018, .022), Worse, false, ""},
		{"errors that rise by a twentieth of themselves", "error_rate of writes", figures(.2, .21, .19, .2, .2, .2), figures(.205, .215, .195, .206, .205, .204), Same, false, ""},
		{"an outage twice as long", "write_rto", figures(5, 6, 5.5, 6.5, 5, 6), figures(11, 12, 10, 13, 12, 11), Worse, false, ""},
		{"an outage longer by less than is seen", "write_rto", figures(.5, .51, .5, .52, .5, .5), figures(.55, .56, .54, .57, .55, .55), Same, false, ""},
		{"an outage in 5 rounds", "write_rto", figures(5, 6, 5.5, 6.5, 5), figures(11, 12, 10, 13, 12), NotKnown, false, "at least 6"},
		{"outages that never end", "write_rto", figures(2, 2.2, 2.1, 2, 2.3, 2.2), atLeast(figures(7.9, 7.8, 7.9, 7.9, 7.7, 7.9), 0, 1, 2, 3, 4, 5), Worse, false, ""},
		{"outages that end now", "write_rto", atLeast(figures(7.9, 7.8, 7.9, 7.9, 7.7, 7.9), 0, 1, 2, 3, 4, 5), figures(2, 2.2, 2.1, 2, 2.3, 2.2), Better, false, ""},
		{"neither ends", "write_rto", atLeast(figures(7, 7, 7, 7, 7, 7), 0, 1, 2, 3, 4, 5), atLeast(figures(9, 9, 9, 9, 9, 9), 0, 1, 2, 3, 4, 5), NotKnown, false, "had not ended"},
		{"an outage that may have been shorter", "write_rto", atLeast(figures(2, 2, 2, 2, 2, 2), 0), figures(9, 9, 9, 9, 9, 9), NotKnown, false, ""},
		{"outages that are not known exactly, and longer anyway", "write_rto", figures(5, 6, 5.5, 6.5, 5, 6), most(figures(11, 12, 10, 13, 12, 11), 14), Worse, false, ""},
		{"outages that may be longer", "write_rto", figures(5, 6, 5.5, 6.5, 5, 6), most(figures(5, 6, 5.5, 6.5, 5, 6), 14), NotKnown, false, ""},
		{"a latency that is not known exactly", "p99 of writes", six, most(times(six, 2), 40), NotKnown, false, "not known exactly"},
		{"nothing lost on either side", "lost_writes", zeros, zeros, NotKnown, false, ""},
		{"writes lost in every round", "lost_writes", zeros, figures(3, 700, 20, 100, 40, 9), Worse, false, ""},
		{"writes lost in 5 of 6 rounds", "lost_writes", zeros, figures(3, 700, 20, 100, 40, 0), Worse, false, ""},
		{"writes lost in 2 of 6 rounds", "lost_writes", zeros, figures(3, 700, 0, 0, 0, 0), NotKnown, false, ""},
		{"more lost in every round", "lost_writes", figures(30, 10, 20, 25, 30, 20), figures(300, 700, 200, 100, 400, 90), Worse, false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, _ := MetricOf(c.metric)
			f := m.Paired(c.baseline, c.other, DefaultTolerance)
			if f.Change != c.want {
				t.Errorf("%s, want %s: %+v", f.Change, c.want, f)
			}
			if (f.More > 0) != c.more {
				t.Errorf("more rounds: %d", f.More)
			}
			if f.Estimate.Known != (c.why == "") || !strings.Contains(f.Estimate.Why, c.why) {
				t.Errorf("known %t, %q, want %q", f.Estimate.Known, f.Estimate.Why, c.why)
			}
			data, err := json.Marshal(f)
			if err != nil {
				t.Fatal(err)
			}
			var back Finding
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			again, err := json.Marshal(back)
			if err != nil || string(again) != string(data) {
				t.Errorf("%v\n%s\n%s", err, data, again)
			}
		})
	}
}

// TestRoundsWithGaps: a round counts only where both have a value, and it keeps its partner.
func TestRoundsWithGaps(t *testing.T) {
	runs := func(variant string, values map[int]float64) (runs []Run) {
		for _, round := range []int{4, 2, 1, 3, 5} { // not in order
			if v, has := values[round]; has {
				runs = append(runs, Run{Variant: variant, Round: round, Figures: []Figure{{Metric: "p99 of writes", Value: v, Known: v > 0}, {Metric: "p50 of writes", Value: v / 2, Known: v > 0}}})
			}
		}
		return runs
	}
	baseline := runs("a", map[int]float64{1: 1, 2: 2, 3: 4, 4: 8, 5: 16})
	other := runs("b", map[int]float64{1: 1.5, 2: 3, 3: 0, 4: 12.1})
	family := Family{{Metric: "p99 of writes"}}
	findings := family.Paired(baseline, other)
	p99 := findings[0]
	if p99.Metric != "p99 of writes" || p99.Exploratory || p99.Estimate.Baseline != 3 || p99.Change != Worse || p99.Baseline.Runs != 5 || p99.Other.Runs != 3 || p99.Other.Unknown != 2 {
		t.Errorf("%+v", p99)
	}
	near(t, "ratio", p99.Estimate.Value, 1.504, 0.001)
	p50 := findings[len(findings)-1]
	if p50.Metric != "p50 of writes" || !p50.Exploratory || p50.Change != NotKnown || p50.More != 0 || !p50.Estimate.Known {
		t.Errorf("exploratory: %+v", p50)
	}
	other = append(other, Run{Warmup: true, Round: 3, Figures: []Figure{{Metric: "p99 of writes", Value: 9, Known: true}}})
	if got := family.Paired(baseline, other)[0]; got.Estimate.Baseline != 3 || got.Other.Runs != 3 {
		t.Errorf("with a run of a warm-up round: %+v", got)
	}
	other[0].NotComparable = []string{"the generator was the bottleneck"}
	if got := family.Paired(baseline, other)[0].Estimate.Baseline; got != 2 {
		t.Errorf("%d rounds with a run that is not comparable, want 2", got)
	}
	if got := family.Unpaired(baseline, other)[0]; got.Estimate.Known || got.Other.Runs != 2 {
		t.Errorf("unpaired: %+v", got)
	}
}

func TestUnpairedNeedsFourASide(t *testing.T) {
	m := metric(t, "p99 of writes")
	f := m.Unpaired(figures(1, 1.01, 1.02), figures(2, 2.01, 2.02, 2.03), DefaultTolerance)
	if f.Change != NotKnown || !strings.Contains(f.Estimate.Why, "3 and 4 runs have a value: at least 4 a side are needed") {
		t.Errorf("%+v", f)
	}
	f = m.Unpaired(figures(1, 1.01, 1.02, 1.03), figures(2, 2.01, 2.02, 2.03), DefaultTolerance)
	if f.Change != Worse || P(f.P) != "0.029" {
		t.Errorf("%+v", f)
	}
	for _, exact := range []bool{false, true} {
		baseline := figures(1, 1, 1, 1)
		if baseline[3].Most = 3; !exact {
			atLeast(baseline, 0, 1, 2, 3)
		}
		e := UnpairedRatio(baseline, figures(2, 2, 2, 2))
		if low := e.Interval.Low; exact && !like(low, 2.0/3) || !exact && !math.IsInf(low, -1) {
			t.Errorf("a ratio to values that may be larger: %+v", e)
		}
	}
	f = metric(t, "write_rto").Unpaired(atLeast(figures(2, 2, 2, 9), 3), atLeast(figures(8, 8, 8, 8), 0, 1, 2, 3), DefaultTolerance)
	if f.Change != NotKnown { // the fourth of the baseline may have been the longest of all
		t.Errorf("%+v", f)
	}
}

// TestLossesByKill: the kills of the runs decide, and not the number of runs that lost something.
func TestLossesByKill(t *testing.T) {
	run := func(round int, lost ...int64) Run {
		r := Run{Round: round, Figures: []Figure{{Metric: "lost_writes", Known: true}}}
		for _, n := range lost {
			r.Figures[0].Value += float64(n)
			r.Kills = append(r.Kills, Kill{Known: n >= 0, Lost: n, Span: time.Duration(n) * time.Millisecond})
		}
		return r
	}
	finding := func(baseline, other []Run) Finding {
		return Family{{Metric: "lost_writes"}}.Paired(baseline, other)[0]
	}
	none := []Run{run(1, 0, 0, 0, 0, 0), run(2, 0, 0, 0, 0, 0)}
	some := []Run{run(1, 9, 0, 20, 4, 5), run(2, 1, 0, 0, 0, 100)}
	f := finding(none, some)
	if f.Change != Worse || f.Events.Of != "kill" || f.Events.Other.Lost != 6 || P(f.Events.P) != "0.011" {
		t.Errorf("%+v %+v", f, f.Events)
	}
	if f = finding(some, none); f.Change != Better {
		t.Errorf("%+v", f)
	}
	if f = finding(none, none); f.Change != NotKnown {
		t.Errorf("0 of 10 and 0 of 10: %s", f.Change)
	}
	some[0].NotComparable = []string{"the baseline was not sustained"}
	if f = finding(none, some); f.Change != NotKnown || f.Events.Other.Kills != 5 {
		t.Errorf("%+v %+v", f, f.Events)
	}
}

func TestLossesInWords(t *testing.T) {
	kills := func(n int, lost ...int64) (kills []Kill) {
		for i := range n {
			k := Kill{Known: true}
			if i < len(lost) {
				k.Lost, k.Span = lost[i], time.Duration(lost[i])*time.Millisecond
			}
			kills = append(kills, k)
		}
		return kills
	}
	for _, c := range []struct {
		kills []Kill
		want  string
	}{
		{nil, "no kill whose losses are known"},
		{[]Kill{{}}, "no kill whose losses are known; of 1 more it is not known"},
		{kills(10), "0 of 10 kills lost anything (at most 26 % do, 95 %)"},
		{kills(1), "0 of 1 kill lost anything (at most 95 % do, 95 %)"},
		{kills(10, 5, 100, 20), "3 of 10 kills lost writes (7 % to 65 % do, 95 %)"},
		{kills(3, 5, 100, 20), "3 of 3 kills lost writes (at least 37 % do, 95 %)"},
		{kills(6, 5, 5, 5, 5, 5), "5 of 6 kills lost writes (36 % to 99.6 % do, 95 %)"},
		{kills(1000), "0 of 1000 kills lost anything (at most 0.3 % do, 95 %)"},
		{append(kills(10), Kill{}, Kill{}), "0 of 10 kills lost anything (at most 26 % do, 95 %); of 2 more it is not known"},
	} {
		if got := LossesOf(c.kills).String(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	l := LossesOf(kills(10, 5, 100, 20))
	if l.MedianWrites != 20 || l.MostWrites != 100 || l.MedianSpan != 20*time.Millisecond || l.LongestSpan != 100*time.Millisecond {
		t.Errorf("%+v", l)
	}
	if c := LossChangeOf(LossesOf(kills(10)), Losses{}); c.Change != NotKnown || c.P != 1 {
		t.Errorf("%+v", c)
	}
	if c := LossChangeOf(LossesOf(kills(90)), LossesOf(kills(90))); c.Change != Same {
		t.Errorf("0 of 90 and 0 of 90: %+v", c)
	}
	if c := LossChangeOf(LossesOf(kills(60)), LossesOf(kills(60))); c.Change != NotKnown {
		t.Errorf("0 of 60 and 0 of 60: %+v", c)
	}
}

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		name      string
		figures   []Figure
		median    float64
		atLeast   bool
		low, high float64
		why       string
	}{
		{"none", nil, 0, false, 0, 0, "no run has a value"},
		{"not known", []Figure{{Why: "no samples"}}, 0, false, 0, 0, "no run has a value: no samples"},
		{"five", figures(5, 4, 3, 2, 1), 3, false, 0, 0, "a 95 % interval of the median needs 6 runs, and there are 5"},
		{"six", figures(6, 5, 4, 3, 2, 1), 3.5, false, 1, 6, ""},
		{"nine", figures(9, 8, 7, 6, 5, 4, 3, 2, 1), 5, false, 2, 8, ""},
		{"the longest had not ended", atLeast(figures(1, 2, 3, 4, 5, 9), 5), 3.5, false, 1, math.Inf(1), ""},
		{"a short one had not ended", atLeast(figures(1, 2, 3, 4, 5, 6), 0), 3.5, true, 1, math.Inf(1), ""},
		{"not known exactly", most(figures(1, 2, 3, 4, 5, 6), 5.5), 3.5, true, 1, 6, ""},
		{"most had not ended", atLeast(figures(1, 2, 7, 8, 8, 8), 2, 3, 4, 5), 7.5, true, 1, math.Inf(1), ""},
	} {
		s := Summarize(c.figures)
		if s.Median != c.median || s.AtLeast != c.atLeast || s.Interval.Low != c.low || s.Interval.High != c.high || s.Why != c.why {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	if got := Summarize(atLeast(figures(1, 2, 7, 8, 8, 8), 2)).Recovered(); got != "5 of 6 recovered" {
		t.Error(got)
	}
}

func TestPIsNeverZero(t *testing.T) {
	for p, want := range map[float64]string{0: "<0.001", 1e-300: "<0.001", 0.00099: "<0.001", 0.001: "0.001", 0.0124: "0.012", 1: "1.000", -1: "not known", 2: "not known"} {
		if got := P(p); got != want {
			t.Errorf("%g: %q, want %q", p, got, want)
		}
	}
}

// TestEveryMetric: every metric that an experiment can ask for can be compared.
func TestEveryMetric(t *testing.T) {
	for _, m := range expect.Metrics() {
		c, known := MetricOf(m.Name + " of writes")
		if !known || c.Good == 0 || c.Scale == 0 {
			t.Errorf("%s: known %t, %+v", m.Name, known, c)
		}
		if m.Kind == expect.MetricDuration && c.Scale == AsDifference && !c.Event && !c.Ranks {
			t.Errorf("%s: a time that can be 0 is compared by ranks", m.Name)
		}
	}
	for _, name := range []string{"p99.95 of writes", "service_p99 of writes during baseline", "p75"} {
		if m, known := MetricOf(name); !known || m.Scale != AsRatio || m.Good != Lower {
			t.Errorf("%s: %+v", name, m)
		}
	}
	for _, name := range []string{"", "p", "pNaN", "p-1", "p1e3", "loudness", "latency of writes"} {
		if _, known := MetricOf(name); known {
			t.Errorf("%q is no metric", name)
		}
	}
}

func TestZeroValues(t *testing.T) {
	var f Finding
	if f.Change.String() != "not known" || f.Estimate.Known || f.Estimate.Interval.Known() {
		t.Errorf("%+v", f)
	}
	for _, c := range []Change{NotKnown, Better, Worse, Same} {
		text, err := c.MarshalText()
		var back Change
		if err != nil || back.UnmarshalText(text) != nil || back != c {
			t.Errorf("%s: %v, %s", c, err, back)
		}
	}
	var c Change
	if c.UnmarshalText([]byte("equal")) == nil {
		t.Error("equal is no change")
	}
	if _, err := Change(9).MarshalText(); err == nil {
		t.Error("change 9 was written")
	}
	open := interval(math.Inf(-1), math.Inf(1))
	data, err := json.Marshal(open)
	var back Interval
	if err != nil || json.Unmarshal(data, &back) != nil || !reflect.DeepEqual(back, open) {
		t.Errorf("%s: %+v, %v", data, back, err)
	}
}

func TestFamily(t *testing.T) {
	family := Family{{Metric: "p99 of writes", Tolerance: 0.1}, {Metric: "write_rto"}}
	for metric, want := range map[string]float64{"p99 of writes": 0.1, "write_rto": 0.05, "p50 of writes": 0.05} {
		if got, declared := family.Of(metric); got != want || declared != (metric != "p50 of writes") {
			t.Errorf("%s: %g, %t", metric, got, declared)
		}
	}
	// 12 % more is worse at a tolerance of 5 %, and not known at 10 %.
	b, o := figures(1, 1, 1, 1, 1, 1), figures(1.1, 1.12, 1.14, 1.12, 1.13, 1.11)
	m := metric(t, "p99 of writes")
	if got := m.Paired(b, o, 0.05).Change; got != Worse {
		t.Error(got)
	}
	if got := m.Paired(b, o, 0.12).Change; got != NotKnown {
		t.Error(got)
	}
	if got := m.Paired(b, o, 0.2).Change; got != Same {
		t.Error(got)
	}
}
