package report

import (
	"slices"
	"strings"

	"pgchaos/expect"
	"pgchaos/internal/units"
)

// WritesRows tells whether the workload's acknowledgements are in the ledger.
func (w *Workload) WritesRows() bool { return w.Kind == "insert" || w.Writes }

// loadMetric is a figure of one workload, in one phase or over all.
func (r *Result) loadMetric(e expect.Expectation) expect.Value {
	w := r.Workload(e.Workload)
	if w == nil {
		return unknown("the run had no workload %s", e.Workload)
	}
	s := w.Total
	where := e.Workload
	if e.Phase != "" {
		where += " during " + e.Phase
		p := slices.IndexFunc(w.Phases, func(p PhaseStats) bool { return p.Phase == e.Phase })
		switch {
		case p >= 0:
			s = w.Phases[p].Stats
		case r.hasPhase(e.Phase):
			s = Stats{}
		default:
			return unknown("the run had no phase %s", e.Phase)
		}
	}
	switch {
	case e.Metric == "achieved_rate" && !w.Open():
		return unknown("%s has no rate that could be achieved: it is a closed loop", e.Workload)
	case e.Any > 0:
		return r.windowMetric(e, w)
	}
	n, evidence := s.count(e.Metric)
	switch {
	case evidence == 0:
		return unknown("no samples of %s", where)
	case evidence > 0:
		return known(e, n)
	}
	return s.latency(e, where)
}

func (r *Result) hasPhase(name string) bool {
	for _, p := range r.Phases {
		if p.Name == name {
			return true
		}
	}
	return false
}

// count is a figure that is no latency, and on how many operations it rests. An
// evidence of 0 means that nothing can be said; a negative one, that the metric
// is none of these. That nothing was sent is itself evidence for samples and ok.
func (s Stats) count(metric string) (n float64, evidence int64) {
	switch metric {
	case "samples":
		return float64(s.Samples), 1
	case "ok":
		return float64(s.OK), 1
	case "weak":
		return float64(s.Weak), s.Samples
	case "failed":
		return float64(s.Failed), s.Samples
	case "unknown":
		return float64(s.Unknown), s.Samples
	case "dropped":
		return float64(s.Dropped), s.Samples + s.Dropped
	case "errors":
		return float64(s.Errors()), s.Samples
	case "error_rate":
		n, _ = s.ErrorRate()
		return n, s.Samples + s.Dropped
	case "retries":
		return float64(s.Retries), s.Samples
	case "achieved_rate":
		arrivals := s.Samples + s.Dropped // each ends as one or the other
		return float64(s.Samples) / float64(max(arrivals, 1)), arrivals
	case "throughput":
		n, ok := s.Throughput()
		if !ok {
			return 0, 0
		}
		return n, s.Samples
	}
	return 0, -1
}

// latency is a figure of the response or the service times of what succeeded: an
// operation that fails at once must not make a server look fast.
func (s Stats) latency(e expect.Expectation, where string) expect.Value {
	d := s.Response
	if e.Service() {
		d = s.Service
	}
	switch {
	case d.Count == 0:
		return unknown("no samples of %s", where)
	case s.Acknowledged() == 0:
		return unknown("none of the %s of %s succeeded", units.Count(s.Samples, "operation", "operations"), where)
	case s.Succeeded != nil && e.Service():
		d = s.Succeeded.Service
	case s.Succeeded != nil:
		d = s.Succeeded.Response
	}
	switch strings.TrimPrefix(e.Metric, "service_") {
	case "average":
		return known(e, d.Mean.Seconds())
	case "min":
		return known(e, d.Min.Seconds())
	case "max":
		return known(e, d.Max.Seconds())
	}
	p, ok := e.Percentile()
	if !ok {
		return unknown("the result does not hold %s", e.Metric)
	}
	latency, err := d.Percentile(p)
	if err != nil {
		return unknown("%s of %s: %v", e.Metric, where, err)
	}
	return known(e, latency.Seconds())
}
