package search

import (
	"fmt"
	"strings"
	"time"

	"pgchaos/compare"
	"pgchaos/expect"
	"pgchaos/report"
	"pgchaos/verdict"
)

// LeastAchieved is the least share of a rate's arrivals that must be served for a step to hold.
const LeastAchieved = 0.95

// Step is one trial and what was measured in it.
type Step struct {
	Trial
	Dir string `json:"dir"` // of its result, in the directory of the search
	// Throughput is how many operations ended a second, AchievedRate the share of the arrivals that were sent, P50 and P99
	// are of the response times in seconds, ErrorRate is of 1. Nil: not known.
	Throughput   *float64 `json:"throughput,omitempty"`
	AchievedRate *float64 `json:"achieved_rate,omitempty"`
	P50          *float64 `json:"p50_seconds,omitempty"`
	P99          *float64 `json:"p99_seconds,omitempty"`
	ErrorRate    *float64 `json:"error_rate,omitempty"`
}

// Expectations are those of a step's experiment: the conditions, and that the rate was achieved.
func Expectations(workload string, open bool, until []expect.Expectation) (all []string) {
	for _, e := range until {
		all = append(all, e.Text)
	}
	if open {
		all = append(all, fmt.Sprintf("achieved_rate of %s >= %g%%", workload, 100*LeastAchieved))
	}
	return all
}

// Judge says whether a run has held: the rate of the workload was achieved, and all conditions hold. They
// must have been measured on enough operations.
func Judge(value float64, r *report.Result, workload string, until []expect.Expectation) Step {
	figure := func(metric string) *float64 {
		m, _ := expect.LookupMetric(metric)
		if v := r.Metric(expect.Expectation{Metric: metric, Kind: m.Kind, Workload: workload}); v.Known {
			return &v.Number
		}
		return nil
	}
	s := Step{
		Throughput: figure("throughput"), AchievedRate: figure("achieved_rate"),
		P50: figure("p50"), P99: figure("p99"), ErrorRate: figure("error_rate"),
	}
	s.Value = value
	s.Outcome, s.Why = judge(r, workload, s.AchievedRate, until)
	return s
}

func judge(r *report.Result, workload string, achieved *float64, until []expect.Expectation) (Outcome, string) {
	outcome, why := held(r, workload, achieved, until)
	g := r.Generator
	switch {
	case outcome == Held && r.Verdict == verdict.Pass:
		return Held, ""
	case g != nil && g.Saturated():
		return Generator, g.Bottleneck()
	case g != nil && len(g.StoodStill) > 0:
		return Generator, g.StoodStill[0].String()
	case g != nil && len(g.Warnings) > 0 && outcome == Rate:
		return Generator, g.Warnings[0]
	case r.AbortedBy != "":
		return Condition, r.Stopped
	case outcome == Held && r.Verdict == verdict.Fail: // the audit has found something
		return Condition, strings.Join(r.Reasons, "; ")
	case outcome == Held:
		return Unmeasured, strings.Join(r.Reasons, "; ")
	}
	return outcome, why
}

// held holds what was measured against what is demanded. A condition that does not hold is named first: it is what
// the user has asked about.
func held(r *report.Result, workload string, achieved *float64, until []expect.Expectation) (Outcome, string) {
	var unknown string
	for _, e := range until {
		j := expect.Judge(e, r)
		why := j.Why
		if why == "" {
			why = tooFew(r, e)
		}
		switch {
		case j.Verdict == verdict.Fail:
			return Condition, fmt.Sprintf("%s was %s", strings.TrimSpace(e.Metric+of(e)), j.Observed)
		case why != "" && unknown == "":
			unknown = e.Text + ": " + why
		}
	}
	w := r.Workload(workload)
	switch {
	case w == nil:
		return Unmeasured, "the run had no workload " + workload
	case w.Open() && achieved == nil:
		return Unmeasured, "it is not known whether the rate was achieved"
	case w.Open() && *achieved < LeastAchieved:
		return Rate, fmt.Sprintf("%s of the arrivals were served, less than %s", expect.MetricShare.FormatBeside(*achieved, LeastAchieved), expect.MetricShare.Format(LeastAchieved))
	case w.Total.Samples == 0:
		return Unmeasured, "no operation of " + workload + " has ended"
	case unknown != "":
		return Unmeasured, unknown
	}
	return Held, ""
}

func of(e expect.Expectation) string {
	if e.Workload == "" {
		return ""
	}
	return " of " + e.Workload
}

// tooFew says that a percentile does not rest on enough operations; "": it does.
func tooFew(r *report.Result, e expect.Expectation) string {
	p, ok := e.Percentile()
	w := r.Workload(e.Workload)
	if !ok || w == nil {
		return ""
	}
	if have, needed := w.Total.Acknowledged(), compare.NeededSamples(p); have < needed {
		return fmt.Sprintf("too few operations for a percentile: %d of %d", have, needed)
	}
	return ""
}

// mostSpan bounds how long a step becomes for its percentiles.
const mostSpan = 5 * time.Minute

// Span is how long a step must measure at least, so that its percentiles rest on enough operations where so many of the
// workload arrive a second; 0: it is not known how many do.
func Span(least time.Duration, rate float64, workload string, until []expect.Expectation) time.Duration {
	span := least
	for _, e := range until {
		if p, ok := e.Percentile(); ok && e.Workload == workload && rate > 0 {
			const reserve = 1.2 // some may fail
			needed := time.Duration(reserve * float64(compare.NeededSamples(p)) / rate * float64(time.Second))
			span = max(span, min(needed.Round(time.Second), mostSpan))
		}
	}
	return span
}
