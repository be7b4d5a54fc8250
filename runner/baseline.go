package runner

import (
	"cmp"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/spec"
)

// baselines fills in what the load, and pgchaos itself, did before the first fault.
func (r *run) baselines() {
	if b := r.plan.Experiment.Baseline; b != (spec.Baseline{}) {
		r.result.BaselineBounds = &report.BaselineBounds{
			AchievedRate: float64(b.AchievedRate), ErrorRate: float64(b.ErrorRate), Median: time.Duration(b.Median), P95: time.Duration(b.P95),
		}
	}
	for i, w := range r.loads.list {
		rec := r.loads.record(w)
		r.result.Workloads[i].Baseline = baselineOf(r.result, &r.result.Workloads[i], &rec, &w.spec, r.plan.Seed)
	}
	if g := r.result.Generator; g != nil {
		first, ok := r.result.FirstFault(0)
		if !ok {
			first = r.result.Duration
		}
		g.Before = r.own.until(first)
	}
}

// baselineOf is what a workload did before the first fault after its start; nil: there
// was no such fault. It counts what had ended by then: what was under way belongs
// to the fault.
func baselineOf(result *report.Result, w *report.Workload, rec *load.Record, s *spec.Workload, seed uint64) *report.Baseline {
	if len(rec.Active) == 0 {
		return nil
	}
	from := rec.Active[0].From + time.Duration(s.Warmup)
	to, ok := result.FirstFault(rec.Active[0].From)
	if !ok || to < from {
		return nil
	}
	b := &report.Baseline{From: from, To: to}
	first, end := int(from/record.SlotLength), int(to/record.SlotLength)
	for i := first; i < min(end, len(rec.Activity)); i++ {
		b.OK += int64(rec.Activity[i].OK)
		b.Errors += int64(rec.Activity[i].Errors)
	}
	if schedule := schedule(s, seed); schedule != nil {
		b.Due = dueBefore(from, to, result, w, func(after, before time.Duration) (due int64) {
			for _, a := range rec.Active {
				due += max(0, schedule.By(min(before, a.To)-a.From-1)-schedule.By(max(after, a.From)-a.From-1))
			}
			return due
		})
	}
	b.Median, b.P95 = timesBetween(from, to, w)
	return b
}

// dueBefore is how many arrivals were due in the phases before a fault. Most faults begin a phase; what was seen to happen begins none, and
// of the arrivals of its phase as large a part was due before it as by the schedule, which knows how many were due between two moments.
func dueBefore(from, fault time.Duration, result *report.Result, w *report.Workload, scheduled func(after, before time.Duration) int64) (due int64) {
	for _, phase := range result.Phases {
		for _, p := range w.Phases {
			if p.Phase != phase.Name || phase.Start >= fault {
				continue
			}
			n, begin := p.Samples+p.Dropped, max(from, phase.Start)
			if all := scheduled(begin, phase.End); phase.End > fault && all > 0 {
				n = int64(math.Round(float64(n) * float64(scheduled(begin, fault)) / float64(all)))
			}
			due += n
		}
	}
	return due
}

// timesBetween are the median and the 95 percentile of the response times of what ended
// in the whole seconds between two moments; 0 where there was none.
func timesBetween(from, to time.Duration, w *report.Workload) (median, p95 time.Duration) {
	step := report.SecondStep * time.Duration(max(1, cmp.Or(w.Coarse, 1)))
	sum := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	for _, s := range w.Seconds {
		if s.At < from.Truncate(step) || s.At+step > to {
			continue
		}
		if h, err := s.Response.Decode(); err == nil {
			sum.Merge(h)
		}
	}
	at := func(p float64) time.Duration {
		if sum.TotalCount() == 0 {
			return 0
		}
		return time.Duration(sum.ValueAtPercentile(p)) * time.Microsecond
	}
	return at(50), at(95)
}
