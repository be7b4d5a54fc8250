package search

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgchaos/expect"
	"pgchaos/report"
	"pgchaos/verdict"
)

// measured is the result of a step: a second of a rate of 1000/s, of which so many arrivals were served, each in 20 ms.
func measured(served int64) *report.Result {
	response := report.Dist{Count: served, P50: 20 * time.Millisecond, P99: 20 * time.Millisecond, Max: 20 * time.Millisecond}
	return &report.Result{
		Stage: report.StageChecked, Duration: time.Second, Verdict: verdict.Pass,
		Workloads: []report.Workload{{
			Name: "writes", Kind: "insert", Rate: 1000,
			Total: report.Stats{Samples: served, OK: served, Dropped: 1000 - served, Span: time.Second, Response: response, Service: response},
		}},
	}
}

func TestJudge(t *testing.T) {
	busy := &report.Generator{Before: 1.99, Allowed: 2}
	for _, tc := range []struct {
		name    string
		until   string
		result  func() *report.Result
		outcome Outcome
		why     string
	}{
		{"all is well", "p99 of writes < 50ms", func() *report.Result { return measured(1000) }, Held, ""},
		{"without a condition the rate decides", "", func() *report.Result { return measured(960) }, Held, ""},
		{"the condition does not hold", "p99 of writes < 10ms", func() *report.Result { return measured(1000) }, Condition, "p99 of writes was 20 ms"},
		{"the rate was not achieved", "p99 of writes < 50ms", func() *report.Result { return measured(900) }, Rate, "90 % of the arrivals were served, less than 95 %"},
		{"neither: the condition is named", "p99 of writes < 10ms", func() *report.Result { return measured(900) }, Condition, "p99 of writes was 20 ms"},
		{"too few operations for the percentile", "p99.9 of writes < 50ms", func() *report.Result { return measured(1000) }, Unmeasured, "1000 of 3688"},
		{"nothing was served", "p99 of writes < 50ms", func() *report.Result { return measured(0) }, Rate, "0 % of the arrivals"},
		{"pgchaos was the limit", "p99 of writes < 50ms", func() *report.Result {
			r := measured(500)
			r.Generator = busy
			return r
		}, Generator, "pgchaos itself was the bottleneck"},
		{"pgchaos did not keep up", "p99 of writes < 50ms", func() *report.Result {
			r := measured(500)
			r.Generator = &report.Generator{Warnings: []string{"sent late"}}
			return r
		}, Generator, "sent late"},
		{"pgchaos stood still", "p99 of writes < 10ms", func() *report.Result {
			r := measured(1000)
			r.Generator = &report.Generator{StoodStill: []report.Standstill{{From: time.Second, To: 2 * time.Second}}}
			return r
		}, Generator, "stood still"},
		{"writes were lost", "p99 of writes < 50ms", func() *report.Result {
			r := measured(1000)
			r.Verdict, r.Reasons = verdict.Fail, []string{"3 acknowledged writes are lost"}
			return r
		}, Condition, "3 acknowledged writes are lost"},
		{"the audit could not be made", "p99 of writes < 50ms", func() *report.Result {
			r := measured(1000)
			r.Verdict, r.Reasons = verdict.Inconclusive, []string{"node b was not read"}
			return r
		}, Unmeasured, "node b was not read"},
		{"the run was aborted", "p99 of writes < 50ms", func() *report.Result {
			r := measured(1000)
			r.Verdict, r.AbortedBy, r.Stopped = verdict.Inconclusive, "error_rate of writes > 50%", "aborted at 3 s"
			return r
		}, Condition, "aborted at 3 s"},
		{"there is no such workload", "p99 of writes < 50ms", func() *report.Result { return &report.Result{Verdict: verdict.Pass} }, Unmeasured, "no workload writes"},
	} {
		var until []expect.Expectation
		if tc.until != "" {
			e, err := expect.Parse(tc.until)
			if err != nil {
				t.Fatal(err)
			}
			until = append(until, e)
		}
		s := Judge(1000, tc.result(), "writes", until)
		if s.Outcome != tc.outcome || !strings.Contains(s.Why, tc.why) || (s.Why == "") != (tc.why == "") {
			t.Errorf("%s: %s: %q, want %s: %q", tc.name, s.Outcome, s.Why, tc.outcome, tc.why)
		}
	}
	s := Judge(1000, measured(900), "writes", nil)
	if s.AchievedRate == nil || math.Abs(*s.AchievedRate-0.9) > 1e-9 || s.P99 == nil || *s.P99 != 0.02 || s.Throughput == nil || *s.Throughput != 900 {
		t.Errorf("the figures of a step: %+v", s)
	}
}

func TestSpanOfAStep(t *testing.T) {
	p99, err := expect.Parse("p99 of writes < 50ms")
	if err != nil {
		t.Fatal(err)
	}
	other, err := expect.Parse("p99 of reads < 50ms")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		rate  float64
		until []expect.Expectation
		want  time.Duration
	}{
		{"enough come anyway", 1000, []expect.Expectation{p99}, 10 * time.Second},
		{"few come", 10, []expect.Expectation{p99}, 44 * time.Second},
		{"hardly any come", 0.1, []expect.Expectation{p99}, 5 * time.Minute},
		{"no percentile", 10, nil, 10 * time.Second},
		{"of another workload", 10, []expect.Expectation{other}, 10 * time.Second},
		{"no rate", 0, []expect.Expectation{p99}, 10 * time.Second},
	} {
		if got := Span(10*time.Second, tc.rate, "writes", tc.until); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}
