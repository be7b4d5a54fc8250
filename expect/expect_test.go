package expect

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/verdict"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]Expectation{
		"lost_writes == 0":                         {Metric: "lost_writes", Kind: MetricCount, Op: "=="},
		"lost_writes!=12":                          {Metric: "lost_writes", Kind: MetricCount, Op: "!=", Value: 12},
		"nodes_equal":                              {Metric: "nodes_equal", Kind: MetricTruth, Op: "==", Bool: true},
		"not nodes_equal":                          {Metric: "nodes_equal", Kind: MetricTruth, Op: "=="},
		"nodes_equal == false":                     {Metric: "nodes_equal", Kind: MetricTruth, Op: "=="},
		"nodes_equal != true":                      {Metric: "nodes_equal", Kind: MetricTruth, Op: "=="},
		"not nodes_equal == false":                 {Metric: "nodes_equal", Kind: MetricTruth, Op: "==", Bool: true},
		"error_rate of w < 1%":                     {Metric: "error_rate", Kind: MetricShare, Workload: "w", Op: "<", Value: 0.01, Unit: "%"},
		"error_rate of w during p <= 0.5 %":        {Metric: "error_rate", Kind: MetricShare, Workload: "w", Phase: "p", Op: "<=", Value: 0.005, Unit: "%"},
		"error_rate of w <= 100%":                  {Metric: "error_rate", Kind: MetricShare, Workload: "w", Op: "<=", Value: 1, Unit: "%"},
		"p99 during p of w < 250ms":                {Metric: "p99", Kind: MetricDuration, Workload: "w", Phase: "p", Op: "<", Value: 0.25, Unit: "ms"},
		"  service_p99.9 of w > 1m30s ":            {Metric: "service_p99.9", Kind: MetricDuration, Workload: "w", Op: ">", Value: 90, Unit: "m30s"},
		"throughput of w >= 30/m":                  {Metric: "throughput", Kind: MetricRate, Workload: "w", Op: ">=", Value: 0.5, Unit: "/m"},
		"write_rto < 10s":                          {Metric: "write_rto", Kind: MetricDuration, Op: "<", Value: 10, Unit: "s"},
		"read_rto of reads during kill-a < 1500us": {Metric: "read_rto", Kind: MetricDuration, Workload: "reads", Phase: "kill-a", Op: "<", Value: 0.0015, Unit: "us"},
	} {
		want.Text = strings.TrimSpace(text)
		got, err := Parse(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// TestParseRefuses: each wrong text, and what the error suggests instead.
func TestParseRefuses(t *testing.T) {
	for text, right := range map[string]string{
		"":                                    "write METRIC",
		"== 0":                                "write METRIC",
		"not":                                 "write METRIC",
		"lost_write == 0":                     "did you mean lost_writes?",
		"quux > 3":                            "write one such as lost_writes",
		"lost_writes":                         "write lost_writes == 0",
		"lost_writes ==":                      "write lost_writes == 0",
		"lost_writes == 0.5":                  "a whole number",
		"lost_writes == 3 writes":             "a whole number",
		"lost_writes == -1":                   "a whole number",
		"lost_writes of w == 0":               "write lost_writes == 0",
		"nodes_equal during p":                "write nodes_equal",
		"nodes_equal < true":                  "write nodes_equal, not",
		"nodes_equal maybe":                   "write nodes_equal",
		"nodes_equal == maybe":                "write nodes_equal, not",
		"nodes_equal ==":                      "write nodes_equal, not",
		"lost_writes == 3/s":                  "a whole number",
		"lost_writes == 9007199254740992":     "a whole number",
		"error_rate of w < 5/s":               "0% to 100%",
		"error_rate of w < %":                 "0% to 100%",
		"error_rate of w < 50":                "0% to 100%",
		"error_rate of w < 1":                 "write 100%",
		"throughput of w > 5%":                "500/s",
		"throughput of w > -5":                "a number with its unit",
		"throughput of w > 1000000000000":     "a number with its unit",
		"50 of w < 1s":                        "did you mean p50?",
		"p > 3":                               "write one such as lost_writes",
		"pqqqqqqqqq > 3":                      "write one such as lost_writes",
		"p1e1 of w < 1s":                      "write one such as lost_writes",
		"p99.99999999 of w < 1s":              "write a percentile",
		"x99 of w < 1s":                       "did you mean p99?",
		"service_ > 3":                        "did you mean service_",
		"mn of w < 1s":                        "did you mean min?",
		"mix of w < 1s":                       "did you mean min?",
		"not lost_writes == 0":                "the opposite comparison",
		"p99 of w < 100":                      "write 100s or 100ms",
		"p99 of w < 0":                        "write 0s or 0ms",
		"p99 of w < -1s":                      "250ms",
		"p99 of w < 1 fortnight":              "250ms",
		"p99 < 100ms":                         "p99 of WORKLOAD",
		"p99 of w of v < 1s":                  "write p99 of WORKLOAD",
		"p99 of w during < 1s":                "write p99 of WORKLOAD",
		"p99 of w in p < 1s":                  "during p for a phase",
		"p100 of w < 1s":                      "the greatest is max",
		"p0 of w < 1s":                        "write a percentile",
		"p505 of w < 1s":                      "write a percentile",
		"error_rate of w < 0.25":              "write 25%",
		"error_rate of w < 101%":              "0% to 100%",
		"throughput of w > 500":               "write 500/s",
		"throughput of w > 500/fort":          "500/s",
		"p99 of w => 1s":                      "write one of ==",
		"p99 of w = 1s":                       "write ==",
		"p99 of w < NaNs":                     "250ms",
		"lost_writes == 99999999999999999999": "a whole number",
	} {
		_, err := Parse(text)
		var bad *Error
		if !errors.As(err, &bad) || bad.What == "" || !strings.Contains(bad.Right, right) {
			t.Errorf("%q: %v; want %q", text, err, right)
		}
	}
}

// TestRefusalsSayWhat was wrong, beside what would be right.
func TestRefusalsSayWhat(t *testing.T) {
	for text, want := range map[string]string{
		"lost_writes":            "lost_writes is compared with nothing",
		"lost_writes ==":         "nothing follows ==",
		"not lost_writes == 0":   "not stands before lost_writes, which is a count",
		"not error_rate of w":    "which is a share",
		"not p99 of w":           "which is a duration",
		"not throughput of w":    "which is a rate",
		"lost_writes == x":       `lost_writes is a count, and "x" is none`,
		"nodes_equal < true":     `nodes_equal is true or false and cannot be compared by "<"`,
		"nodes_equal == perhaps": `nodes_equal is true or false, not "perhaps"`,
	} {
		_, err := Parse(text)
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(bad.What, want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	_, err := Parse("quux > 3")
	if err == nil || strings.Contains(err.Error(), "service_p99,") {
		t.Errorf("service times are listed one by one: %v", err)
	}
}

func TestWhatAMetricIs(t *testing.T) {
	for name, want := range map[string]string{
		"average":        "the average time of an operation that succeeded, from when it was due",
		"median":         "the median time of an operation that succeeded, from when it was due",
		"service_min":    "the least time of an operation that succeeded, from when it was sent",
		"max":            "the greatest time of an operation that succeeded, from when it was due",
		"p95":            "the 95 percentile of the time of an operation that succeeded, from when it was due",
		"p97":            "the 97 percentile of the time of an operation that succeeded, from when it was due",
		"service_p97":    "the 97 percentile of the time of an operation that succeeded, from when it was sent",
		"p99.9999999":    "the 99.9999999 percentile of the time of an operation that succeeded, from when it was due",
		"p99.99999999":   "",
		"p999":           "the 99.9 percentile of the time of an operation that succeeded, from when it was due",
		"service_p9999":  "the 99.99 percentile of the time of an operation that succeeded, from when it was sent",
		"service_median": "the median time of an operation that succeeded, from when it was sent",
	} {
		m, ok := LookupMetric(name)
		if m.About != want || ok != (want != "") {
			t.Errorf("%s: %q, want %q", name, m.About, want)
		}
	}
	for name, want := range map[string]string{
		"write_rto": "write_rto [of WORKLOAD] [during PHASE] < 10s", "p99": "p99 of WORKLOAD [during PHASE] [in any 5s] < 100ms", "replay_lag": "replay_lag on NODE [during PHASE] < 1s", "nodes_equal": "nodes_equal", "lost_writes": "lost_writes == 0",
	} {
		if m, _ := LookupMetric(name); m.Form() != want {
			t.Errorf("%q, want %q", m.Form(), want)
		}
	}
	for name, want := range map[string]bool{
		"write_rto": true, "client_rto_max": true, "rpo_bytes": true, "rpo_seconds": true, "lost_writes": false, "p99": false,
	} {
		if m, _ := LookupMetric(name); m.OfFaults() != want {
			t.Errorf("%s is of faults: %t", name, !want)
		}
	}
	for kind, want := range map[MetricKind]string{0: "of no kind", MetricTruth: "true or false"} {
		if got := kind.noun(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestEveryMetricIsWrittenAsItsFormSays(t *testing.T) {
	for _, m := range Metrics() {
		text := strings.NewReplacer("[", "", "]", "").Replace(m.Form())
		e, err := Parse(text)
		if err != nil || e.Metric != m.Name || e.Kind != m.Kind {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
}

func TestPercentile(t *testing.T) {
	for name, want := range map[string]float64{
		"p50": 50, "p9": 9, "p99": 99, "p999": 99.9, "p9999": 99.99, "p99.95": 99.95, "median": 50, "service_p95": 95, "service_median": 50,
	} {
		e, err := Parse(name + " of w < 1s")
		got, ok := e.Percentile()
		if err != nil || !ok || math.Abs(got-want) > 1e-9 || e.Service() != strings.HasPrefix(name, "service_") {
			t.Errorf("%s: %v %v %v", name, got, ok, err)
		}
	}
	if _, ok := (Expectation{Metric: "max"}).Percentile(); ok {
		t.Error("max is a percentile")
	}
}

type constant Value

func (c constant) Metric(Expectation) Value { return Value(c) }

// For every operator: a number below, at and above the bound; known exactly, and
// known as a lower bound only.
func TestJudge(t *testing.T) {
	const p, f, i = verdict.Pass, verdict.Fail, verdict.Inconclusive
	for op, want := range map[string]struct{ exact, atLeast [3]verdict.Verdict }{
		"==": {[3]verdict.Verdict{f, p, f}, [3]verdict.Verdict{i, i, f}},
		"!=": {[3]verdict.Verdict{p, f, p}, [3]verdict.Verdict{i, i, p}},
		"<":  {[3]verdict.Verdict{p, f, f}, [3]verdict.Verdict{i, f, f}},
		"<=": {[3]verdict.Verdict{p, p, f}, [3]verdict.Verdict{i, i, f}},
		">":  {[3]verdict.Verdict{f, f, p}, [3]verdict.Verdict{i, i, p}},
		">=": {[3]verdict.Verdict{f, p, p}, [3]verdict.Verdict{i, p, p}},
	} {
		e := Expectation{Metric: "m", Kind: MetricCount, Op: op, Value: 10}
		for n, number := range []float64{9, 10, 11} {
			exact := Judge(e, constant{Known: true, Number: number, Text: "n"})
			if exact.Verdict != want.exact[n] || exact.Observed != "n" || exact.Why != "" {
				t.Errorf("%v %s 10: %+v", number, op, exact)
			}
			bound := Judge(e, constant{Known: true, Number: number, Text: "n", AtLeast: true, Why: "a node"})
			if bound.Verdict != want.atLeast[n] || bound.Observed != "at least n" || (bound.Why == "a node") != (bound.Verdict == i) {
				t.Errorf("at least %v %s 10: %+v", number, op, bound)
			}
		}
	}
}

// Of a number that lies between 9 and 11, each operator says what all of these have in common.
func TestJudgeBetween(t *testing.T) {
	const p, f, i = verdict.Pass, verdict.Fail, verdict.Inconclusive
	for op, want := range map[string][4]verdict.Verdict{ // against 8, 9, 11 and 12
		"==": {f, i, i, f},
		"!=": {p, i, i, p},
		"<":  {f, f, i, p},
		"<=": {f, i, p, p},
		">":  {p, i, f, f},
		">=": {p, p, i, f},
	} {
		for n, value := range []float64{8, 9, 11, 12} {
			e := Expectation{Metric: "m", Kind: MetricCount, Op: op, Value: value}
			got := Judge(e, constant{Known: true, Number: 9, Text: "9", AtLeast: true, Most: 11, Why: "who knows"})
			if got.Verdict != want[n] || got.Observed != "between 9 and 11" || (got.Why == "who knows") != (got.Verdict == i) {
				t.Errorf("%s %v: %+v", op, value, got)
			}
		}
	}
}

// That something was at least 0 tells nobody anything.
func TestAtLeastNothingIsNotSaid(t *testing.T) {
	e := Expectation{Metric: "lost_writes", Kind: MetricCount, Op: "=="}
	got := Judge(e, constant{Known: true, Text: "0", AtLeast: true, Why: "b was not read"})
	if got.Observed != "0 as far as was measured" || got.Verdict != verdict.Inconclusive || got.Why != "b was not read" {
		t.Errorf("%+v", got)
	}
}

func TestJudgeTruths(t *testing.T) {
	for _, row := range []struct {
		why               string
		demanded          bool
		observed, bounded bool
		want              verdict.Verdict
	}{
		{"as demanded", true, true, false, verdict.Pass},
		{"not as demanded", true, false, false, verdict.Fail},
		{"the opposite demanded, and seen", false, false, false, verdict.Pass},
		{"the opposite demanded, and not seen", false, true, false, verdict.Fail},
		{"equal as far as was read", true, true, true, verdict.Inconclusive},
		{"equal as far as was read, unequal demanded", false, true, true, verdict.Inconclusive},
		{"one difference proves it", true, false, true, verdict.Fail},
		{"one difference proves what was demanded", false, false, true, verdict.Pass},
	} {
		e := Expectation{Metric: "nodes_equal", Kind: MetricTruth, Op: "==", Bool: row.demanded}
		if got := Judge(e, constant{Known: true, Bool: row.observed, AtLeast: row.bounded}).Verdict; got != row.want {
			t.Errorf("%s: %v", row.why, got)
		}
	}
}

func TestJudgeWithoutEvidence(t *testing.T) {
	e := Expectation{Text: "m == 0", Metric: "m", Kind: MetricCount, Op: "=="}
	for name, row := range map[string]struct {
		e     Expectation
		value Value
		why   string
	}{
		"unknown, with a reason": {e, Value{Why: "no samples"}, "no samples"},
		"unknown, without one":   {e, Value{}, "there is no value for m"},
		"an unknown zero truth":  {Expectation{Metric: "t", Kind: MetricTruth}, Value{}, "there is no value for t"},
		"not a number":           {e, Value{Known: true, Number: math.NaN()}, "there is no value for m"},
		"no comparison":          {Expectation{Metric: "m", Kind: MetricCount}, Value{Known: true}, "only a lower bound is known"},
	} {
		if got := Judge(row.e, constant(row.value)); got.Verdict != verdict.Inconclusive || got.Why != row.why {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestFormat(t *testing.T) {
	for want, got := range map[string]string{
		"42 ms":  MetricDuration.Format(0.042),
		"1.5 µs": MetricDuration.Format(1.5e-6),
		"0 s":    MetricDuration.Format(0),
		"1 s":    MetricDuration.Format(0.9999),
		"12.3 s": MetricDuration.Format(12.345),
		"1m30s":  MetricDuration.Format(90),
		"1m0s":   MetricDuration.Format(60),
		"59.9 s": MetricDuration.Format(59.9),
		// Longer than a time.Duration can be.
		"1000000000000 s": MetricDuration.Format(1e12),
		"9223372037 s":    MetricDuration.Format(math.MaxInt64 / 1e9),
		"1234 /s":         MetricRate.Format(1234),
		"0.123 %":         MetricShare.Format(0.001234),
		"100 %":           MetricShare.Format(1),
		"499 /s":          MetricRate.Format(499.2),
		"114 /s":          MetricRate.Format(114.2319186),
		"1234567":         MetricCount.Format(1234567),
		"true":            MetricTruth.Format(1),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestADifferenceIsShown: a number that does not meet its bound must not look as if it did.
func TestADifferenceIsShown(t *testing.T) {
	for _, tt := range []struct {
		kind    MetricKind
		n, with float64
		want    string
	}{
		{MetricDuration, 1.004, 1, "1.004 s"},
		{MetricDuration, 1, 1, "1 s"},
		{MetricDuration, 0.9996, 1, "0.9996 s"},
		{MetricDuration, 2.5, 1, "2.5 s"},
		{MetricDuration, 120.004, 120, "2m0.004s"},
		{MetricDuration, 0.2500001, 0.25, "250.0001 ms"},
		{MetricShare, 0.0100004, 0.01, "1.00004 %"},
		{MetricRate, 499.6, 500, "499.6 /s"},
		{MetricRate, 12345.4, 12345, "12345.4 /s"},
		{MetricCount, 17, 18, "17"},
	} {
		if got := tt.kind.FormatBeside(tt.n, tt.with); got != tt.want {
			t.Errorf("%v beside %v: %q, want %q", tt.n, tt.with, got, tt.want)
		}
	}
	e, err := Parse("throughput of w >= 500/s")
	if err != nil {
		t.Fatal(err)
	}
	if j := Judge(e, constant{Known: true, Number: 499.6, Text: MetricRate.Format(499.6)}); j.Observed != "499.6 /s" {
		t.Errorf("judged: %+v", j)
	}
}
