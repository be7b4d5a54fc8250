package report

import (
	"cmp"
	"slices"
	"time"
)

// Total is all workloads together, over the time in which any of them was measured.
func (r *Result) Total() Stats {
	s := Stats{Span: r.measured()}
	response := make([]Dist, 0, len(r.Workloads))
	for _, w := range r.Workloads {
		s.Samples += w.Total.Samples
		s.OK += w.Total.OK
		s.Weak += w.Total.Weak
		s.Failed += w.Total.Failed
		s.Unknown += w.Total.Unknown
		s.Dropped += w.Total.Dropped
		s.Retries += w.Total.Retries
		s.Retried += w.Total.Retried
		s.Out += w.Total.Out
		s.In += w.Total.In
		response = append(response, w.Total.Response)
	}
	s.Response, _ = merge(response) // without it the latencies are shown as not known
	return s
}

// measured is how long operations came that are in the figures: a warm-up is not, nor the
// time before the first, between two and behind the last of them. It is the whole run
// where it is not known when workloads ran.
func (r *Result) measured() (sum time.Duration) {
	var all []Interval
	for _, w := range r.Workloads {
		if len(w.Active) == 0 {
			continue
		}
		warm := w.Active[0].From
		if w.Model != nil {
			warm += w.Model.Warmup
		}
		for _, a := range w.Active {
			all = append(all, Interval{From: max(a.From, warm), To: a.To})
		}
	}
	if len(all) == 0 {
		return r.Duration
	}
	slices.SortFunc(all, func(a, b Interval) int { return cmp.Compare(a.From, b.From) })
	var until time.Duration
	for _, a := range all {
		sum += max(0, a.To-max(a.From, until))
		until = max(until, a.To)
	}
	return sum
}

// Workload is the workload of a name; nil: the run had none.
func (r *Result) Workload(name string) *Workload {
	i := slices.IndexFunc(r.Workloads, func(w Workload) bool { return w.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Workloads[i]
}

// Open tells whether operations arrive whatever the server does.
func (w *Workload) Open() bool { return w.Rate > 0 || w.Model != nil && w.Model.Arrivals != "" }

// PerSecond is an amount a second, where the time was long enough for one.
func (s Stats) PerSecond(n int64) (float64, bool) {
	if s.Span < leastSpan {
		return 0, false
	}
	return float64(n) / s.Span.Seconds(), true
}
