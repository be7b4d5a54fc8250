package svg

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/report/lanes"
)

var update = flag.Bool("update", false, "write the golden files anew")

func ptr(v float64) *float64 { return &v }

// steps are the times of a minute, in steps of a tenth of a second.
func steps() (times []float64) {
	for i := range 600 {
		times = append(times, float64(i)/10)
	}
	return times
}

// series are values at the times of steps; NaN is not known.
func series(name, group string, f func(t float64) float64) lanes.Series {
	s := lanes.Series{Name: name, Group: group}
	for _, t := range steps() {
		if v := f(t); !math.IsNaN(v) {
			s.Values = append(s.Values, ptr(v))
		} else {
			s.Values = append(s.Values, nil)
		}
	}
	return s
}

// wobble is a noise that is the same everywhere.
func wobble(t float64) float64 { return float64(int(t*1373)%17) / 17 }

// minute is a run with a failover at 20 s.
func minute() *lanes.Run {
	stall := func(t float64) bool { return t >= 20 && t < 24.3 }
	response := func(base float64) func(t float64) float64 {
		return func(t float64) float64 {
			switch {
			case t >= 20.5 && t < 24:
				return math.NaN()
			case stall(t):
				return 1.5 + base
			}
			return base * (1 + wobble(t))
		}
	}
	return &lanes.Run{
		Duration: 60,
		Lanes: []lanes.Lane{
			{ID: "throughput", Title: "Throughput", Unit: "/s", Times: steps(), About: "From 0 to 1,180 operations a second.", Series: []lanes.Series{
				series("writes", "writes", func(t float64) float64 {
					if stall(t) {
						return 0
					}
					return 1000 + 180*wobble(t)
				}),
				series("reads", "reads", func(t float64) float64 { return 600 + 90*wobble(t+3) }),
			}},
			{ID: "response", Title: "Response time", Unit: "s", Log: true, Times: steps(), About: "From 0.4 ms to 1.5 s.", Series: []lanes.Series{
				series("writes p50", "writes", response(0.0012)), series("writes p99", "writes", response(0.009)),
				series("reads p50", "reads", response(0.0004)), series("reads p99", "reads", response(0.002)),
			}},
			{ID: "roles", Title: "Roles", About: "pgslave was promoted at 23.9 s.", Rows: []lanes.Row{
				{Name: "pgmaster", Spans: []lanes.Span{{From: 0, To: 20, Label: "primary, timeline 1", Class: "primary"}, {From: 20, To: 40, Label: "down", Class: "down"}, {From: 40, To: 41, Label: "unknown", Class: "unknown"}, {From: 41, To: 60, Label: "standby", Class: "standby"}}},
				{Name: "pgslave", Spans: []lanes.Span{{From: 0, To: 23.9, Label: "standby", Class: "standby"}, {From: 23.9, To: 60, Label: "primary, timeline 2", Class: "primary"}}},
				{Name: "a-node-with-a-long-name", Spans: []lanes.Span{{From: 0, To: 60, Label: "standby", Class: "standby"}}},
			}},
			{ID: "sync", Title: "Sync state", About: "pgslave is the synchronous standby.", Rows: []lanes.Row{
				{Name: "pgslave", Spans: []lanes.Span{{From: 0, To: 23.9, Label: "sync", Class: "sync"}}},
				{Name: "pgslavenew", Spans: []lanes.Span{{From: 0, To: 23.9, Label: "potential", Class: "potential"}, {From: 24.5, To: 60, Label: "quorum", Class: "quorum"}}},
				{Name: "pgmaster", Spans: []lanes.Span{{From: 41, To: 60, Label: "async", Class: "async"}}},
			}},
			{ID: "lag-bytes", Title: "Replay lag", Unit: "B", Times: steps(), About: "Up to 12 MB.", Series: []lanes.Series{
				series("pgslave", "pgslave", func(t float64) float64 {
					if t >= 23.9 {
						return math.NaN()
					}
					return 1e6 * wobble(t)
				}),
				series("pgslavenew", "pgslavenew", func(t float64) float64 {
					if t == 30 {
						return 12e6
					}
					return 4e5 * wobble(t)
				}),
			}},
		},
		Faults: []lanes.Fault{
			{Step: "kill-pgmaster", Label: "kill primary (pgmaster)", From: 20, To: 40, Stages: []lanes.Mark{{At: 20.1, Label: "noticed"}, {At: 23.9, Label: "promoted"}, {At: 24.3, Label: "first write"}}},
			{Step: "promote", Label: "promote pgslave", From: 23.7, To: 23.7},
			{Step: "net-delay", Label: "delay of 20 ms on pgslavenew", From: 45, To: 55},
		},
		Phases: []lanes.Span{{From: 0, To: 20, Label: "baseline"}, {From: 20, To: 60, Label: "kill-pgmaster"}},
	}
}

func day(n int) time.Time { return time.Date(2026, 9, 1+n, 3, 0, 0, 0, time.UTC) }

// trendNights are 60 nights: a regression from the 31st on, that was accepted at the 45th.
func trendNights() (nights []Night) {
	for i := range 60 {
		n := Night{At: day(i), Known: true, Value: 0.0042 * (1 + 0.1*wobble(float64(i))), Text: fmt.Sprintf("run-%d", i)}
		if i >= 30 {
			n.Value *= 1.5
		}
		switch {
		case i == 12:
			n = Night{At: day(i), Text: "run-12: the run was interrupted"}
		case i == 20:
			n.AtLeast = true
		case i >= 32 && i < 34:
			n.State = "suspect"
		case i >= 34 && i < 45:
			n.State = "regression"
		}
		nights = append(nights, n)
	}
	return nights
}

func known(low, high float64) Interval { return Interval{Low: low, High: high, Known: true} }

const hostile = "</text></svg><script>alert(1)</script> \"'&amp; \x00\x1b[31m \u202egnp.exe עברית 日本語"

// pictures are those that are kept.
func pictures() map[string]string {
	run := minute()
	all := map[string]string{}
	for _, l := range run.Lanes {
		all["lane-"+l.ID] = Lane(l, run, Options{})
	}
	all["close-up-response"] = Lane(run.Lanes[1], run, Options{Width: 640, From: 18, To: 28, Marks: run.Faults[0].Stages})
	all["close-up-roles"] = Lane(run.Lanes[2], run, Options{Width: 640, From: 18, To: 28, Marks: run.Faults[0].Stages})
	all["lane-empty"] = Lane(lanes.Lane{ID: "lag", Title: "Replay lag", Unit: "s", Times: steps(), Series: []lanes.Series{{Name: "pgslave", Values: make([]*float64, 600)}}, About: "Not known."}, run, Options{})
	many := &lanes.Run{Duration: 600}
	for i := range 10 {
		at := float64(40 + 55*i)
		many.Faults = append(many.Faults, lanes.Fault{Label: fmt.Sprintf("kill primary %d (pgmaster)", i+1), From: at, To: at + 20}, lanes.Fault{Label: fmt.Sprintf("rejoin %d", i+1), From: at + 21, To: at + 21})
	}
	all["lane-many-faults"] = Lane(lanes.Lane{ID: "throughput", Title: "Throughput", Unit: "/s", Times: steps(), Series: run.Lanes[0].Series[:1]}, many, Options{})
	all["lane-hostile"] = Lane(lanes.Lane{ID: hostile, Title: hostile, Unit: "<b>", Times: []float64{0, 1, 2}, About: hostile, Series: []lanes.Series{
		{Name: hostile, Group: hostile, Values: []*float64{ptr(1), ptr(2), ptr(3)}}, {Name: strings.Repeat("long ", 2000), Values: []*float64{ptr(3), nil, ptr(1)}},
	}}, &lanes.Run{Duration: 2, Faults: []lanes.Fault{{Label: hostile, From: 0.5, To: 1}, {Label: strings.Repeat("w", 10000), From: 0.6, To: 2}}}, Options{})
	curve := func(name string, factor float64) Curve {
		c := Curve{Name: name}
		for i := range 81 {
			at := float64(i) / 20
			c.Percentiles, c.Seconds = append(c.Percentiles, 100*(1-math.Pow(10, -at))), append(c.Seconds, 0.001*factor*math.Exp(at))
		}
		return c
	}
	all["percentiles"] = Percentiles([]Curve{curve("baseline", 1), curve("kill-pgmaster", 4), curve("net-delay", 30), {Name: "no samples"}}, Options{})
	comparisonPictures(all)
	all["trend"] = Trend("p99 of writes", "s", trendNights(), []Step{{day(45), "accepted: a new disk"}},
		[]Level{{day(10), day(33), 0.0044}, {day(34), day(44), 0.0066}}, Options{})
	return all
}

func comparisonPictures(all map[string]string) {
	all["ratios"] = Ratios("Ratio to local", []Change{
		{Group: "p99 of writes", Name: "off", Text: "x0.61 (0.55 to 0.67)  + better", Known: true, Value: 0.61, Sure: known(0.55, 0.67), Tolerance: 0.05, Verdict: "better"},
		{Group: "p99 of writes", Name: "quorum-1", Text: "x1.53 (1.47 to 1.60)  - worse", Known: true, Value: 1.53, Sure: known(1.47, 1.60), Tolerance: 0.05, Verdict: "worse"},
		{Group: "throughput of writes", Name: "off", Text: "x1.00 (0.99 to 1.01)  = same", Known: true, Value: 1, Sure: known(0.99, 1.01), Tolerance: 0.05, Verdict: "same"},
		{Group: "throughput of writes", Name: "quorum-1", Text: "x0.97 (0.85 to 1.11)  ? not known", Known: true, Value: 0.97, Sure: known(0.85, 1.11), Tolerance: 0.05, Verdict: "not known"},
		{Group: "throughput of writes", Name: "on", Text: "not known"},
	}, Options{})
	all["differences"] = Differences("Difference from local", "s", []Change{
		{Group: "write_rto", Name: "off", Text: "-0.2 s (at most +0.1 s)", Known: true, Value: -0.2, Sure: known(math.Inf(-1), 0.1), Tolerance: 0.1, Verdict: "not known"},
		{Group: "write_rto", Name: "quorum-1", Text: "+3.2 s (2.9 s to 4.0 s)  - worse", Known: true, Value: 3.2, Sure: known(2.9, 4), Tolerance: 0.1, Verdict: "worse"},
	}, Options{})
	runs := func(values ...float64) (all []Run) {
		for i, v := range values {
			all = append(all, Run{Name: fmt.Sprintf("run-%d", i+1), Value: v})
		}
		return all
	}
	censored := append(runs(5.1, 5.3, 5.3, 5.4), Run{Name: "run-5", Value: 7.9, AtLeast: true})
	all["dots"] = Dots("write_rto of each run", "s", []Group{
		{Name: "off", Runs: runs(0.41, 0.43, 0.43, 0.435, 0.44, 0.6), Median: Measure{Value: 0.4325, Known: true, Sure: known(0.41, 0.6)}, Text: "median 433 ms"},
		{Name: "quorum-1", Runs: censored, Median: Measure{Value: 5.3, Known: true}, Text: "median 5.3 s; 4 of 5 recovered"},
		{Name: "on", Text: "not known"},
	}, Options{})
	all["tradeoff"] = Tradeoff(Axes{Title: "Cost against safety", Across: "p99 of writes (lower is better)", AcrossUnit: "s", Up: "lost writes in a run (lower is better)"}, []Point{
		{"off", Measure{Value: 0.0021, Known: true, Sure: known(0.002, 0.0023)}, Measure{Value: 180, Known: true, Sure: known(120, 260), Range: known(90, 400)}},
		{"local", Measure{Value: 0.0042, Known: true, Sure: known(0.0041, 0.0044)}, Measure{Value: 12, Known: true, Range: known(0, 40)}},
		{"quorum-1", Measure{Value: 0.0063, Known: true, Sure: known(0.006, 0.0066)}, Measure{Known: true}},
		{"first-1", Measure{Value: 0.0064, Known: true}, Measure{Known: true}},
		{"on", Measure{Value: 0.0064, Known: true}, Measure{Known: true}},
		{"remote_apply", Measure{Value: 0.009, Known: true}, Measure{Known: true}},
		{"all", Measure{Value: 0.012, Known: true}, Measure{}},
	}, Options{})
	all["hostile"] = Tradeoff(Axes{Title: hostile, Across: hostile, Up: hostile, NoValuesText: hostile}, []Point{
		{hostile, Measure{Value: 1, Known: true}, Measure{Value: 2, Known: true}}, {hostile, Measure{}, Measure{}},
	}, Options{})
}

// TestPictures compares each picture with the one that is kept in testdata. They can be opened in a browser.
func TestPictures(t *testing.T) {
	for name, got := range pictures() {
		t.Run(name, func(t *testing.T) {
			fine(t, got)
			path := filepath.Join("testdata", name+".svg")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; write it with -update", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s:\n%s", path, diff)
			}
		})
	}
}
