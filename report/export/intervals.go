package export

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pgchaos/report"
)

// HLog writes the response times of each second as an interval log of HdrHistogram,
// which its own tools read: a line for each second and workload, with the workload as
// its tag. Values are microseconds, and Interval_Max is in milliseconds.
func HLog(path string, r *report.Result) error {
	return create(path, "the interval log", func(w io.Writer) error { return hlog(w, r) })
}

// second is one second of one workload.
type second struct {
	workload string
	length   time.Duration
	report.Second
}

// secondsOf are the seconds of all workloads, by time.
func secondsOf(r *report.Result) (all []second) {
	for i := range r.Workloads {
		_, length := r.Workloads[i].Steps()
		for _, s := range r.Workloads[i].Seconds {
			all = append(all, second{r.Workloads[i].Name, length, s})
		}
	}
	slices.SortStableFunc(all, func(a, b second) int { return cmp.Compare(a.At, b.At) })
	return all
}

func hlog(out io.Writer, r *report.Result) error {
	w := hdrhistogram.NewHistogramLogWriter(out)
	start := r.Started.UnixMilli()
	for _, step := range []func() error{
		func() error {
			return w.OutputComment("[pgchaos " + r.Tool + ", run " + r.Run + "; values in microseconds]")
		},
		w.OutputLogFormatVersion,
		func() error { return w.OutputStartTime(start) },
		func() error { return w.OutputBaseTime(start) },
		w.OutputLegend,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	fraction := time.Duration(start%1000) * time.Millisecond // BaseTime has whole seconds
	// The writer scales maxima from nanoseconds to milliseconds and has no option that
	// could be set from outside, so that each line is put together here.
	for _, s := range secondsOf(r) {
		if s.Response.Count == 0 {
			continue
		}
		if _, err := fmt.Fprintf(out, "Tag=%s,%.3f,%.3f,%.3f,%s\n",
			s.workload, (s.At + fraction).Seconds(), s.length.Seconds(), s.Response.Max.Seconds()*1000, s.Response.Histogram); err != nil {
			return err
		}
	}
	return nil
}

// Series writes the time series as CSV: a row for each 100 ms and workload, in which
// the figures of its whole second stand as well, for those are kept by the second. Of a run of more than an
// hour the steps are longer: see report.Workload.Steps.
func Series(path string, r *report.Result) error {
	return create(path, "the time series", func(w io.Writer) error { return series(w, r) })
}

// seriesHeader are the columns of Series.
func seriesHeader() []string {
	return []string{
		"time", "offset_s", "workload", "phase", "ok", "errors", "dropped", "per_second",
		"second_p50_ms", "second_p90_ms", "second_p99_ms", "second_max_ms", "errors_by_kind",
	}
}

func series(out io.Writer, r *report.Result) error {
	w := csv.NewWriter(out)
	if err := w.Write(seriesHeader()); err != nil {
		return err
	}
	for i := range r.Workloads {
		if err := workloadSeries(w, r, &r.Workloads[i]); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

func workloadSeries(w *csv.Writer, r *report.Result, of *report.Workload) error {
	bySecond := map[time.Duration][]string{}
	for _, s := range of.Seconds {
		cells, err := percentiles(s.Response)
		if err != nil {
			return fmt.Errorf("%s at %s: %w", of.Name, s.At, err)
		}
		bySecond[s.At] = cells
	}
	none := []string{"", "", "", ""} // without a sample there is no percentile
	step, secondStep := of.Steps()
	for _, p := range of.Series {
		cells := bySecond[p.At.Truncate(secondStep)]
		if cells == nil {
			cells = none
		}
		row := []string{
			r.Started.Add(p.At).UTC().Format("2006-01-02T15:04:05.000Z"), strconv.FormatFloat(p.At.Seconds(), 'f', 1, 64),
			of.Name, phaseAt(r, p.At), strconv.FormatInt(p.OK, 10), strconv.FormatInt(p.Errors, 10), strconv.FormatInt(p.Dropped, 10),
			strconv.FormatInt(int64(math.Round(float64(p.OK+p.Errors)/step.Seconds())), 10),
		}
		if err := w.Write(append(append(row, cells...), kindsText(p.Kinds))); err != nil {
			return err
		}
	}
	return nil
}

// kindsText are errors by their kind, the most frequent first: "57P01=12;connection refused=3".
func kindsText(kinds map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int { return cmp.Or(cmp.Compare(kinds[b], kinds[a]), cmp.Compare(a, b)) })
	for i, kind := range names {
		names[i] = fmt.Sprintf("%s=%d", kind, kinds[kind])
	}
	return strings.Join(names, ";")
}

// percentiles of one second, in milliseconds.
func percentiles(d report.SecondDist) ([]string, error) {
	if d.Count == 0 {
		return nil, nil
	}
	h, err := d.Decode()
	if err != nil {
		return nil, err
	}
	ms := func(v time.Duration) string { return strconv.FormatFloat(v.Seconds()*1000, 'f', 3, 64) }
	at := func(p float64) string { return ms(min(time.Duration(h.ValueAtPercentile(p))*time.Microsecond, d.Max)) }
	return []string{at(50), at(90), at(99), ms(d.Max)}, nil
}

// phaseAt is the phase of a moment.
func phaseAt(r *report.Result, at time.Duration) (name string) {
	for _, p := range r.Phases {
		if p.Start <= at {
			name = p.Name
		}
	}
	return name
}
