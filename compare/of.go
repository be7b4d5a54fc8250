package compare

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/report"
)

// Of is what a comparison knows of a run. Its figures are those that expectations about the run are
// judged by: the usual ones, and those that also names.
func Of(r *report.Result, also ...string) Run {
	run := Run{
		ID: r.Run, Experiment: r.Name, Started: r.Started, Verdict: r.Verdict,
		NotComparable: notComparable(r), Fingerprint: fingerprintOf(r),
	}
	if r.Generator != nil {
		run.Warnings = r.Generator.Warnings
	}
	if v := r.Variant; v != nil {
		run.Series, run.Variant, run.Cell, run.Round, run.Warmup = v.Series, v.Name, v.Cell, v.Round, v.Warmup
	}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		run.Workloads = append(run.Workloads, w.Name)
		if w.WritesRows() {
			run.Writers = append(run.Writers, w.Name)
		}
	}
	run.Kills, run.OtherLosses = killsOf(r)
	for _, name := range append(usualMetrics(r), also...) {
		f := figureOf(r, name)
		if !slices.ContainsFunc(run.Figures, func(old Figure) bool { return old.Metric == f.Metric }) {
			run.Figures = append(run.Figures, f)
		}
	}
	return run
}

// notComparable says why a run must be in no figure. That an expectation did not hold is no such reason.
func notComparable(r *report.Result) (why []string) {
	if r.Stopped != "" {
		why = append(why, r.Stopped)
	}
	if r.Interrupted {
		why = append(why, "the run was interrupted")
	}
	if stopped := r.Unfinished(); stopped != "" {
		return append(why, stopped)
	}
	if r.Afterwards != nil {
		why = append(why, "the run's pgchaos ended before its audit")
	}
	for _, m := range r.Timeline {
		switch {
		case m.Status == record.EventFailed && !m.NotSo:
			why = append(why, "the step "+m.Name+" failed")
		case m.Status == record.EventSkipped:
			why = append(why, "the step "+m.Name+" was skipped")
		}
	}
	why = append(why, r.Doubts()...)
	why = append(why, r.LoadFailures()...)
	for i := range r.Workloads {
		if late := ownLateness(&r.Workloads[i]); late != "" {
			why = append(why, late)
		}
	}
	if len(r.Audits) == 0 && slices.ContainsFunc(r.Workloads, func(w report.Workload) bool { return w.WritesRows() }) {
		why = append(why, "no table was audited")
	}
	return why
}

// leastLateness is from when on operations count as sent late.
const leastLateness = 10 * time.Millisecond

// ownLateness says that the slowest response times of a workload are for the most part the load generator's own: it sent
// late although a client was free. "": they are not.
func ownLateness(w *report.Workload) string {
	l, slow := w.Lateness, w.Total.Response.P99
	if l == nil || l.Count == 0 || l.P99 <= leastLateness || 2*l.P99 < slow {
		return ""
	}
	return fmt.Sprintf("the load generator was the bottleneck: it sent 1 %% of the operations of %s more than %s late, and 1 %% took longer than %s",
		w.Name, units.Span(l.P99), units.Span(slow))
}

// workloadMetrics are the usual metrics of a workload, over the whole run and by phase.
func workloadMetrics() []string {
	return []string{"p50", "p90", "p95", "p99", "p99.9", "throughput", "error_rate", "achieved_rate"}
}

// usualMetrics are those that a run's figures are of: what the run cannot have is left out.
func usualMetrics(r *report.Result) (all []string) {
	writes, reads := false, false
	for i := range r.Workloads {
		w := &r.Workloads[i]
		writes, reads = writes || w.WritesRows(), reads || w.Reads != nil
		for _, name := range workloadMetrics() {
			if name == "achieved_rate" && !w.Open() {
				continue
			}
			all = append(all, name+" of "+w.Name)
			for _, p := range w.Phases {
				all = append(all, name+" of "+w.Name+" during "+p.Phase)
			}
		}
	}
	// Without a fault the longest time without an operation is no downtime, but what chance and the rate make it.
	if faults := r.Faults(); len(faults) > 0 {
		all = append(all, "downtime")
		for _, name := range []string{"write_rto", "read_rto", "redundancy_rto", "throughput_rto", "client_rto_median", "client_rto_p99", "client_rto_max"} {
			if name == "write_rto" && !writes || name == "read_rto" && !reads {
				continue
			}
			all = append(all, name)
			for _, f := range faults {
				all = append(all, name+" during "+f.Event)
			}
		}
	}
	if writes {
		all = append(all, "lost_writes", "weak_writes", "weak_lost", "rpo_seconds", "rpo_bytes")
	}
	if reads {
		all = append(all, "stale_read_rate", "staleness_p99")
	}
	return all
}

// Canonical is the one name of a metric that expectations may name in several ways, such as
// "p50 of writes" of "median of writes". Its error says what would be right.
func Canonical(metric string) (string, error) {
	e, err := expect.ParseMetric(metric)
	if err != nil {
		return "", err
	}
	return canonical(e), nil
}

func canonical(e expect.Expectation) string {
	name := e.Metric
	if p, ok := e.Percentile(); ok {
		name = "p" + strconv.FormatFloat(p, 'f', -1, 64)
		if e.Service() {
			name = "service_" + name
		}
	}
	if e.Workload != "" {
		name += " of " + e.Workload
	}
	if e.Node != "" {
		name += " on " + e.Node
	}
	if e.Phase != "" {
		name += " during " + e.Phase
	}
	if e.Any != 0 {
		name += " in any " + e.Any.String()
	}
	return name
}

// figureOf is one metric of a run.
func figureOf(r *report.Result, metric string) Figure {
	e, err := expect.ParseMetric(metric)
	if err != nil {
		return Figure{Metric: metric, Why: err.Error()}
	}
	f := Figure{Metric: canonical(e)}
	if few := tooFew(r, e); few != "" {
		f.Why = few
		return f
	}
	v := r.Metric(e)
	if !v.Known || math.IsNaN(v.Number) {
		f.Why = v.Why
		return f
	}
	f.Known, f.Value, f.Why = true, v.Number, v.Why
	if e.Kind == expect.MetricTruth {
		f.Value = 0
		if v.Bool {
			f.Value = 1
		}
	}
	if v.AtLeast && v.Most > 0 {
		f.Most = v.Most
	} else {
		f.AtLeast = v.AtLeast
	}
	return f
}

// tooFew says that a percentile rests on too few operations; "": on enough, or it is no percentile.
func tooFew(r *report.Result, e expect.Expectation) string {
	p, ok := e.Percentile()
	if !ok {
		return ""
	}
	i := slices.IndexFunc(r.Workloads, func(w report.Workload) bool { return w.Name == e.Workload })
	if i < 0 {
		return "" // which the metric itself says
	}
	stats := r.Workloads[i].Total
	if e.Phase != "" {
		j := slices.IndexFunc(r.Workloads[i].Phases, func(s report.PhaseStats) bool { return s.Phase == e.Phase })
		if j < 0 {
			return ""
		}
		stats = r.Workloads[i].Phases[j].Stats
	}
	needed := NeededSamples(p)
	if have := stats.Acknowledged(); have > 0 && have < needed {
		return fmt.Sprintf("too few (%s of %s)", units.Grouped(have), units.Grouped(needed))
	}
	return ""
}

// NeededSamples is on how many operations a percentile must rest at least: on so many that 95 %
// bounds of it are among them, and neither is beyond the greatest or the least.
func NeededSamples(percentile float64) int64 {
	share := max(percentile, 100-percentile) / 100
	return int64(math.Ceil(math.Log(0.025) / math.Log(share)))
}
