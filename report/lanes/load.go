package lanes

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/report"
)

// mostSteps bounds the steps of a lane before it is thinned: those of an hour, with some to spare. The steps of a longer
// run are longer by themselves.
const mostSteps = 50_000

// grid is a time axis of equal steps from 0 on.
type grid struct {
	step time.Duration
	n    int
}

// newGrid has steps of at least so much, up to the end and to the last beginning of a step that has something.
func newGrid(step, end, last time.Duration) grid {
	step = min(step, longestRun)
	until := max(end, min(last+1, longestRun))
	for (until+step-1)/step > mostSteps {
		step *= 2
	}
	return grid{step, int((until + step - 1) / step)}
}

// at is the number of the step that a moment is in; ok is false for one outside.
func (g grid) at(t time.Duration) (i int, ok bool) {
	if t < 0 || t/g.step >= time.Duration(g.n) {
		return 0, false
	}
	return int(t / g.step), true
}

// times are the beginnings of all steps.
func (g grid) times() []float64 {
	times := make([]float64, g.n)
	for i := range times {
		times[i] = (time.Duration(i) * g.step).Seconds()
	}
	return times
}

// active is for how long a workload ran in each step.
func (g grid) active(w *report.Workload, end time.Duration) []time.Duration {
	ran := make([]time.Duration, g.n)
	intervals := w.Active
	if len(intervals) == 0 { // it is not recorded: it ran all the time
		intervals = []report.Interval{{To: end}}
	}
	for _, a := range intervals {
		from, to := max(a.From, 0), min(a.To, time.Duration(g.n)*g.step)
		for i := int(from / g.step); i < g.n && time.Duration(i)*g.step < to; i++ {
			begin := time.Duration(i) * g.step
			ran[i] = min(g.step, ran[i]+min(to, begin+g.step)-max(from, begin))
		}
	}
	return ran
}

// seriesGrid is the time axis of the points of all workloads.
func seriesGrid(r *report.Result, end time.Duration) grid {
	step, last := report.SeriesStep, time.Duration(-1)
	for i := range r.Workloads {
		w := &r.Workloads[i]
		if own, _ := w.Steps(); own > step {
			step = own
		}
		for _, p := range w.Series {
			last = max(last, p.At)
		}
	}
	return newGrid(step, end, last)
}

// rates are amounts of a workload's points, a second. In a step in which the workload ran and that has no point, it is 0.
func (g grid) rates(w *report.Workload, end time.Duration, of func(report.SeriesPoint) int64) (values []*float64, sum int64) {
	counts := make([]int64, g.n)
	for _, p := range w.Series {
		if i, ok := g.at(p.At); ok {
			counts[i] += of(p)
			sum += of(p)
		}
	}
	values = make([]*float64, g.n)
	for i, ran := range g.active(w, end) {
		switch {
		case ran >= g.step, ran == 0 && counts[i] > 0: // what came after the end counts as in a whole step
			values[i] = known(float64(counts[i]) / g.step.Seconds())
		case ran > 0: // a step in which it began or ended
			values[i] = known(float64(counts[i]) / max(ran, g.step/2).Seconds())
		}
	}
	return values, sum
}

// byWorkload is a lane with the lines of each workload that has ever run.
func byWorkload(r *report.Result, end time.Duration, l Lane, lines func(g grid, w *report.Workload) []Series) Lane {
	g := seriesGrid(r, end)
	l.Times = g.times()
	for i := range r.Workloads {
		if w := &r.Workloads[i]; len(w.Series) > 0 || len(w.Active) > 0 {
			l.Series = append(l.Series, lines(g, w)...)
		}
	}
	return l
}

// throughput is the acknowledged operations of each workload.
func throughput(r *report.Result, end time.Duration) Lane {
	l := Lane{ID: "throughput", Title: "Throughput: acknowledged operations", Unit: "/s"}
	return byWorkload(r, end, l, func(g grid, w *report.Workload) []Series {
		values, _ := g.rates(w, end, func(p report.SeriesPoint) int64 { return p.OK })
		return []Series{{Name: w.Name, Group: w.Name, Values: values}}
	})
}

// slowest is the greatest response time of each workload, by the steps in which operations are counted: those of the response lane
// are too long to look at a fault closely.
func slowest(r *report.Result, end time.Duration) Lane {
	l := Lane{ID: "slowest", Title: "Greatest response time", Unit: "s", Log: true, CloseUp: true}
	return byWorkload(r, end, l, func(g grid, w *report.Workload) []Series {
		s := Series{Name: w.Name + " max", Group: w.Name, Values: make([]*float64, g.n)}
		for _, p := range w.Series {
			if i, ok := g.at(p.At); ok && p.Max > 0 {
				raise(&s.Values[i], threeDigits(p.Max))
			}
		}
		return []Series{s}
	})
}

// threeDigits rounds to three significant digits, as percentiles are: there are many such values, and the page must stay small.
func threeDigits(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

// failures are the operations that failed or got no reply, by their kind, and those that were never sent.
func failures(r *report.Result, end time.Duration) Lane {
	l := Lane{ID: "errors", Title: "Errors and dropped operations", Unit: "/s"}
	return byWorkload(r, end, l, func(g grid, w *report.Workload) []Series { return g.failures(w, end) })
}

// mostKinds is how many kinds of errors of a workload have a line of their own.
const mostKinds = 6

// failures are the lines of one workload. Errors whose kind is not known, as in older results, have a line together. So has a
// workload without any.
func (g grid) failures(w *report.Workload, end time.Duration) (lines []Series) {
	add := func(what string, always bool, of func(report.SeriesPoint) int64) {
		if values, sum := g.rates(w, end, of); sum > 0 || always {
			lines = append(lines, Series{Name: w.Name + " " + what, Group: w.Name, Values: values})
		}
	}
	kinds := frequentKinds(w)
	for _, kind := range kinds {
		add(kind, false, func(p report.SeriesPoint) int64 { return p.Kinds[kind] })
	}
	add(record.OtherKinds, false, func(p report.SeriesPoint) (n int64) {
		for kind, of := range p.Kinds {
			if !slices.Contains(kinds, kind) {
				n += of
			}
		}
		return n
	})
	add("errors", len(kinds) == 0, func(p report.SeriesPoint) int64 {
		n := p.Errors
		for _, of := range p.Kinds {
			n -= of
		}
		return n
	})
	add("dropped", false, func(p report.SeriesPoint) int64 { return p.Dropped })
	return lines
}

// frequentKinds are the most frequent kinds of a workload's errors, the most frequent first.
func frequentKinds(w *report.Workload) []string {
	counts := map[string]int64{}
	for _, p := range w.Series {
		for kind, n := range p.Kinds {
			if kind != record.OtherKinds {
				counts[kind] += n
			}
		}
	}
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	return kinds[:min(len(kinds), mostKinds)]
}

// percentiles are those of the response times that are shown, beside the maximum.
var percentiles = []struct {
	name string
	of   float64
}{{"p50", 50}, {"p90", 90}, {"p99", 99}}

// response are the response times of each second. A second in which nothing ended has none.
func response(r *report.Result, end time.Duration) (Lane, error) {
	l := Lane{ID: "response", Title: "Response time", Unit: "s", Log: true}
	step, last := report.SecondStep, time.Duration(-1)
	for i := range r.Workloads {
		w := &r.Workloads[i]
		if _, own := w.Steps(); own > step {
			step = own
		}
		for _, s := range w.Seconds {
			last = max(last, s.At)
		}
	}
	if last < 0 {
		return l, nil
	}
	g := newGrid(step, end, last)
	l.Times = g.times()
	var errs []error
	for i := range r.Workloads {
		if len(r.Workloads[i].Seconds) == 0 {
			continue
		}
		lines, err := responseOf(&r.Workloads[i], g)
		errs = append(errs, err)
		l.Series = append(l.Series, lines...)
	}
	return l, errors.Join(errs...)
}

// responseOf are the lines of one workload. Where a step has several seconds, each value is the greatest of them.
func responseOf(w *report.Workload, g grid) ([]Series, error) {
	var first error
	lines := make([]Series, 0, len(percentiles)+1)
	for _, p := range percentiles {
		lines = append(lines, Series{Name: w.Name + " " + p.name, Group: w.Name, Values: make([]*float64, g.n)})
	}
	lines = append(lines, Series{Name: w.Name + " max", Group: w.Name, Values: make([]*float64, g.n)})
	for _, s := range w.Seconds {
		i, ok := g.at(s.At)
		if !ok || s.Response.Count <= 0 {
			continue
		}
		raise(&lines[len(percentiles)].Values[i], s.Response.Max)
		h, err := s.Response.Decode()
		if err != nil {
			if first == nil {
				first = fmt.Errorf("response times of %s at %s: %w", w.Name, s.At, err)
			}
			continue
		}
		for k, p := range percentiles {
			raise(&lines[k].Values[i], min(time.Duration(h.ValueAtPercentile(p.of))*time.Microsecond, s.Response.Max))
		}
	}
	return slices.DeleteFunc(lines, func(s Series) bool {
		return !slices.ContainsFunc(s.Values, func(v *float64) bool { return v != nil })
	}), first
}

// raise sets a value that was not known, or was less.
func raise(v **float64, to time.Duration) {
	if s := to.Seconds(); *v == nil || **v < s {
		*v = known(s)
	}
}
