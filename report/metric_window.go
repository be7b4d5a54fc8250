package report

import (
	"fmt"
	"slices"
	"time"

	"pgchaos/expect"
)

// windows finds the worst of the windows of an expectation. A window whose figure is not known makes the worst one unknown,
// unless another window is known to break the expectation.
type windows struct {
	of      expect.Expectation
	n       int // windows that were looked at
	worst   float64
	at      time.Duration // where the worst begins
	known   int
	missing time.Duration // where the first begins that is not known
}

// take adds a window that begins at a moment; known is false where it has no figure.
func (w *windows) take(at time.Duration, figure float64, known bool) {
	w.n++
	switch {
	case known && (w.known == 0 || w.of.Worse(figure, w.worst)):
		w.worst, w.at = figure, at
		fallthrough
	case known:
		w.known++
	case w.n-w.known == 1:
		w.missing = at
	}
}

// value is the worst window; whose is the workload or the node.
func (w *windows) value(whose string, within Interval) expect.Value {
	e := w.of
	if w.n == 0 {
		return unknown("no window of %s lies between %s and %s, where %s was measured", e.Any, moment(within.From), moment(within.To), whose)
	}
	v := expect.Value{Known: true, Number: w.worst}
	v.Text = fmt.Sprintf("%s in the %s from %s", e.Kind.FormatBeside(w.worst, e.Value), e.Any, moment(w.at))
	broken := w.known > 0 && e.Op != "" && !e.Holds(expect.Value{Known: true, Number: w.worst})
	if w.known < w.n && !broken {
		return unknown("of %s nothing ended in the %s from %s, and so in %d of %d windows: their %s is not known", whose, e.Any, moment(w.missing), w.n-w.known, w.n, e.Metric)
	}
	return v
}

// moment is a time on the run's clock, to a tenth of a second.
func moment(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// windowMetric is the worst figure of a workload in any window of the expectation's length, within its phase or the run. An
// operation belongs to the windows in which it ended. Windows begin at the steps in which the result counts.
func (r *Result) windowMetric(e expect.Expectation, w *Workload) expect.Value {
	within, ok := r.measuredOver(e, false)
	if !ok {
		return unknown("the run had no phase %s", e.Phase)
	}
	series, seconds := w.Steps()
	m, _ := expect.LookupMetric(e.Metric)
	step, kept := series, len(w.Series)
	if m.Step() == time.Second {
		step, kept = seconds, len(w.Seconds)
	}
	switch {
	case kept == 0 && w.Total.Samples+w.Total.Dropped > 0:
		return unknown("the result does not hold %s by time", e.Metric)
	case e.Any%step != 0:
		return unknown("a run as long as this one is kept in steps of %s, of which windows of %s do not consist", step, e.Any)
	}
	all := windows{of: e}
	var ended int64
	for _, span := range w.measured(within) {
		first, last := int((span.From+step-1)/step), int(span.To/step) // the steps that lie within
		if step == series {
			ended += w.countWindows(&all, first, last, int(e.Any/step))
			continue
		}
		n, err := w.timeWindows(&all, first, last, int(e.Any/step))
		if err != nil {
			return unknown("%s of %s: %v", e.Metric, w.Name, err)
		}
		ended += n
	}
	if all.n > 0 && ended == 0 {
		return unknown("no samples of %s", w.Name)
	}
	return all.value(w.Name, within)
}

// measured are the times within some time in which the workload ran, without its warm-up.
func (w *Workload) measured(within Interval) (all []Interval) {
	for i, a := range w.Active {
		if i == 0 && w.Model != nil {
			a.From += w.Model.Warmup
		}
		if a.From, a.To = max(a.From, within.From), min(a.To, within.To); a.From < a.To {
			all = append(all, a)
		}
	}
	return all
}

// countWindows looks at every window of n steps of Series from one step up to before another, and says how many operations
// ended in these steps. Steps without a point are steps in which nothing ended.
func (w *Workload) countWindows(all *windows, first, last, n int) (ended int64) {
	step, _ := w.Steps()
	points := make([]SeriesPoint, max(0, last-first))
	for _, p := range w.Series {
		if i := int(p.At/step) - first; i >= 0 && i < len(points) {
			points[i] = p
			ended += p.OK + p.Errors + p.Dropped
		}
	}
	var sum SeriesPoint
	for i, p := range points {
		sum.OK, sum.Errors, sum.Dropped = sum.OK+p.OK, sum.Errors+p.Errors, sum.Dropped+p.Dropped
		if i >= n {
			gone := points[i-n]
			sum.OK, sum.Errors, sum.Dropped = sum.OK-gone.OK, sum.Errors-gone.Errors, sum.Dropped-gone.Dropped
		}
		if i >= n-1 {
			figure, known := sum.figure(all.of.Metric, time.Duration(n)*step)
			all.take(time.Duration(first+i-n+1)*step, figure, known)
		}
	}
	return ended
}

// figure is a metric of what ended in some time. A share of nothing is not known.
func (p SeriesPoint) figure(metric string, over time.Duration) (n float64, known bool) {
	samples := p.OK + p.Errors
	arrivals := samples + p.Dropped
	switch metric {
	case "samples":
		return float64(samples), true
	case "errors":
		return float64(p.Errors), true
	case "dropped":
		return float64(p.Dropped), true
	case "throughput":
		return float64(samples) / over.Seconds(), true
	case "error_rate":
		return float64(p.Errors+p.Dropped) / float64(max(arrivals, 1)), arrivals > 0
	case "achieved_rate":
		return float64(samples) / float64(max(arrivals, 1)), arrivals > 0
	}
	return 0, false
}

// timeWindows is countWindows for the times of operations. They are of all operations, also of those that failed: by the second
// no others are kept.
func (w *Workload) timeWindows(all *windows, first, last, n int) (ended int64, err error) {
	_, step := w.Steps()
	times := make([]secondTimes, max(0, last-first))
	for i := range w.Seconds {
		s := &w.Seconds[i]
		k := int(s.At/step) - first
		if k < 0 || k >= len(times) {
			continue
		}
		of := s.Response
		if all.of.Service() && s.Service != nil {
			of = *s.Service
		}
		if times[k], err = timesOf(of, all.of.Metric); err != nil {
			return 0, err
		}
		ended += of.Count
	}
	p, ok := all.of.Percentile()
	sliding := newSliding(times)
	for i := range times {
		sliding.add(times[i], 1)
		if i >= n {
			sliding.add(times[i-n], -1)
		}
		if i < n-1 {
			continue
		}
		most := time.Duration(0)
		for _, s := range times[i-n+1 : i+1] {
			most = max(most, s.max)
		}
		figure := most
		if ok {
			figure = sliding.percentile(p, most)
		}
		all.take(time.Duration(first+i-n+1)*step, figure.Seconds(), sliding.count > 0)
	}
	return ended, nil
}

// secondTimes are the times of one second: how many operations took how long. What its histogram could not hold is counted
// in count alone.
type secondTimes struct {
	count int64
	max   time.Duration
	bars  []bar
}

type bar struct {
	at int64 // microseconds
	n  int64
}

// timesOf reads the times of a second; for the greatest time no histogram is needed.
func timesOf(d SecondDist, metric string) (secondTimes, error) {
	t := secondTimes{count: d.Count, max: d.Max}
	if d.Count == 0 || metric == "max" || metric == "service_max" || d.Histogram == "" {
		return t, nil
	}
	h, err := d.Decode()
	if err != nil {
		return t, err
	}
	for _, b := range h.Distribution() {
		if b.Count > 0 {
			t.bars = append(t.bars, bar{b.To, b.Count})
		}
	}
	return t, nil
}

// sliding counts the times of the seconds in a window.
type sliding struct {
	values []int64 // all that there are, ascending
	counts []int64 // of each in the window
	count  int64
}

func newSliding(all []secondTimes) *sliding {
	s := &sliding{}
	for _, t := range all {
		for _, b := range t.bars {
			s.values = append(s.values, b.at)
		}
	}
	slices.Sort(s.values)
	s.values = slices.Compact(s.values)
	s.counts = make([]int64, len(s.values))
	return s
}

// add counts a second once more, or by sign -1 once less.
func (s *sliding) add(t secondTimes, sign int64) {
	s.count += sign * t.count
	for _, b := range t.bars {
		i, _ := slices.BinarySearch(s.values, b.at)
		s.counts[i] += sign * b.n
	}
}

// percentile is that of the window, whose greatest time is most. Times out of the histograms' range are greater than all
// in it.
func (s *sliding) percentile(p float64, most time.Duration) time.Duration {
	rank := max(1, int64(p/100*float64(s.count)+0.5))
	for i, n := range s.counts {
		if rank -= n; rank <= 0 {
			return min(time.Duration(s.values[i])*time.Microsecond, most)
		}
	}
	return most
}
