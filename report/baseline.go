package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/outage"
	"pgchaos/record"
)

// BusyShare is the share of the CPU that pgchaos may use from which on it was itself the
// bottleneck.
const BusyShare = 0.95

// Standstill is a time in which pgchaos itself did not run.
type Standstill struct {
	From time.Duration `json:"from_ns"`
	To   time.Duration `json:"to_ns"`
	// Slept is how long the machine was suspended; the run's clock stood still meanwhile.
	Slept time.Duration `json:"slept_ns,omitempty"`
}

func (s Standstill) String() string {
	if s.Slept > 0 {
		return fmt.Sprintf("the machine of pgchaos was suspended for %s at %s", units.Span(s.Slept), units.Seconds(s.From))
	}
	return "pgchaos itself stood still from " + units.Seconds(s.From) + " to " + units.Seconds(s.To)
}

// Saturated tells whether pgchaos itself was the bottleneck before the first fault.
func (g *Generator) Saturated() bool { return g.Allowed > 0 && g.Before >= BusyShare*g.Allowed }

// Bottleneck says so.
func (g *Generator) Bottleneck() string {
	return fmt.Sprintf("pgchaos itself was the bottleneck: it took %.2f of the %.2f cores that it may use", g.Before, g.Allowed)
}

// BaselineBounds are what the load must have achieved before the first fault.
type BaselineBounds struct {
	AchievedRate float64       `json:"achieved_rate"` // at least, of 1
	ErrorRate    float64       `json:"error_rate"`    // at most, of 1
	Median       time.Duration `json:"median_ns"`     // at most, of the response times
	P95          time.Duration `json:"p95_ns"`
}

// Baseline is what a workload did before the first fault that met it.
type Baseline struct {
	From time.Duration `json:"from_ns"`
	To   time.Duration `json:"to_ns"` // when the fault was issued
	// Due is how many arrivals the schedule had; 0 in a closed loop.
	Due    int64 `json:"due,omitempty"`
	OK     int64 `json:"ok"` // acknowledged, weakly ones included
	Errors int64 `json:"errors,omitempty"`
	// Median and P95 are of the response times; 0: not known.
	Median time.Duration `json:"median_ns,omitempty"`
	P95    time.Duration `json:"p95_ns,omitempty"`
}

// poor says what of a workload's baseline was not within the bounds; none: it was.
func (w *Workload) poor(bounds *BaselineBounds) (why []string) {
	b := w.Baseline
	if bounds == nil || b == nil { // a file of before it was measured, or no fault met it
		return nil
	}
	ended := b.OK + b.Errors
	if b.OK == 0 {
		return []string{fmt.Sprintf("no operation succeeded in %s", units.Span(b.To-b.From))}
	}
	// As many as there are clients can be under way when the fault comes.
	if missing := b.Due - ended; missing > int64(w.Clients) && float64(ended) < bounds.AchievedRate*float64(b.Due) {
		why = append(why, beside(expect.MetricShare, float64(ended)/float64(b.Due), bounds.AchievedRate, "%s of the arrivals were served, less than the %s required"))
	}
	if share := float64(b.Errors) / float64(ended); share > bounds.ErrorRate {
		why = append(why, beside(expect.MetricShare, share, bounds.ErrorRate, "error_rate %s, more than the %s allowed"))
	}
	if b.Median > bounds.Median {
		why = append(why, beside(expect.MetricDuration, b.Median.Seconds(), bounds.Median.Seconds(), "median %s, more than the %s allowed"))
	}
	if b.P95 > bounds.P95 {
		why = append(why, beside(expect.MetricDuration, b.P95.Seconds(), bounds.P95.Seconds(), "p95 %s, more than the %s allowed"))
	}
	return why
}

// beside says how a figure lies to its bound, so that the reader sees the difference.
func beside(kind expect.MetricKind, n, bound float64, text string) string {
	return fmt.Sprintf(text, kind.FormatBeside(n, bound), kind.Format(bound))
}

// unsound says why an expectation about what clients met cannot be judged; "": it can.
// Where the load was not sustained before anything was broken, where pgchaos itself did
// not run, or where the timeline broke off, the figures say nothing about the server.
func (r *Result) unsound(e expect.Expectation) string {
	ofFaults := expect.Metric{Name: e.Metric}.OfFaults() && !strings.HasPrefix(e.Metric, "rpo_")
	if !ofFaults && e.Metric != "downtime" && (e.Workload == "" || ofReads(e)) {
		return ""
	}
	over, ok := r.measuredOver(e, ofFaults)
	if !ok {
		return "" // which the metric itself says
	}
	if g := r.Generator; g != nil {
		for _, s := range g.StoodStill {
			if s.From < over.To && s.To > over.From || s.Slept > 0 && s.From <= over.To && s.To >= over.From {
				return s.String()
			}
		}
		if g.Saturated() {
			return g.Bottleneck()
		}
	}
	for _, m := range r.Timeline {
		if m.Status == record.EventFailed && over.To > m.Issued {
			return m.Name + " failed at " + units.Seconds(m.Issued) + ", so what followed proves nothing"
		}
	}
	return r.notSustained(e, over.To)
}

// measuredOver is the time that an expectation is about; ok is false where there is no
// such time.
func (r *Result) measuredOver(e expect.Expectation, ofFaults bool) (over Interval, ok bool) {
	over = Interval{To: max(r.Duration, 1)}
	if !ofFaults {
		i := slices.IndexFunc(r.Phases, func(p record.Phase) bool { return p.Name == e.Phase })
		if i >= 0 {
			over = Interval{From: r.Phases[i].Start, To: r.Phases[i].End}
		}
		return over, e.Phase == "" || i >= 0
	}
	faults := r.faults()
	i := 0
	if e.Phase != "" {
		i = slices.IndexFunc(faults, func(m record.Event) bool { return m.Name == e.Phase })
	}
	if i < 0 || len(faults) == 0 {
		return over, false
	}
	if e.Metric != "throughput_rto" { // which holds it against the throughput before
		over.From = faults[i].Issued
	}
	if e.Phase != "" && i+1 < len(faults) {
		over.To = faults[i+1].Issued
	}
	return over, true
}

// faults are the events that took something from clients, by when they were issued.
func (r *Result) faults() (all []record.Event) {
	for _, m := range r.Timeline {
		if m.Fault && m.Status != record.EventSkipped {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b record.Event) int { return int(a.Issued - b.Issued) })
	return all
}

// FirstFault is when the first fault was issued after a moment; ok is false where there
// was none.
func (r *Result) FirstFault(after time.Duration) (at time.Duration, ok bool) {
	for _, m := range r.faults() {
		if m.Issued >= after {
			return m.Issued, true
		}
	}
	return 0, false
}

// notSustained says which workloads that an expectation is about were not sustained
// before the first fault; "": they were, or it is about a time before that.
func (r *Result) notSustained(e expect.Expectation, until time.Duration) string {
	if first, ok := r.FirstFault(0); !ok || until <= first {
		return ""
	}
	var all []string
	for i := range r.Workloads {
		w := &r.Workloads[i]
		switch {
		case e.Workload != "" && w.Name != e.Workload:
		case (e.Metric == "write_rto" || e.Metric == "read_rto") && !r.asked(w.Name, e.Metric == "write_rto"):
		default:
			if why := w.poor(r.BaselineBounds); len(why) > 0 {
				all = append(all, w.Name+": "+strings.Join(why, ", "))
			}
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "the load was not sustained before the first fault: " + strings.Join(all, "; ")
}

// asked tells whether a workload's outages count for the RTO of writes, or of reads.
func (r *Result) asked(workload string, writes bool) bool {
	return slices.ContainsFunc(r.Outages, func(o outage.Outage) bool { return o.Workload == workload && o.Writes == writes })
}

// Doubts are what makes the figures of the load doubtful, whether or not an expectation
// is about them.
func (r *Result) Doubts() (all []string) {
	if g := r.Generator; g != nil {
		for _, s := range g.StoodStill {
			all = append(all, s.String())
		}
		if g.Saturated() {
			all = append(all, g.Bottleneck())
		}
	}
	if poor := r.notSustained(expect.Expectation{}, r.Duration); poor != "" {
		all = append(all, poor)
	}
	return all
}
