package markdown

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/report"
)

const (
	// columns is how many characters a sparkline has.
	columns = 60
	// mostLines is of how many workloads there are sparklines, and mostFaults how many faults are named below them.
	mostLines  = 12
	mostFaults = 40
	mostName   = 24
)

// unknownSpark is where nothing is known in a sparkline.
const unknownSpark = '·'

// overTime is the throughput and the 99 percentile of each workload over the time of the run, and the faults.
func overTime(r *report.Result) string {
	if r.Duration <= 0 || len(r.Workloads) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n### Over time\n\nFrom 0 s to %s; %c is not known, and ▲ marks a fault.\n\n`````text\n", moment(r.Duration.Seconds()), unknownSpark)
	width := utf8.RuneCountInString("throughput")
	for i := range r.Workloads {
		width = max(width, utf8.RuneCountInString(literal(r.Workloads[i].Name, mostName)+" throughput"))
	}
	line := func(label, spark, bounds string) {
		pad := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(label)))
		b.WriteString(strings.TrimRight(label+pad+"  "+spark+"  "+bounds, " ") + "\n")
	}
	var total []float64
	for i := range r.Workloads {
		w := &r.Workloads[i]
		perSecond := throughput(r, w)
		total = sum(total, perSecond)
		if i >= mostLines {
			continue
		}
		name := literal(w.Name, mostName)
		line(name+" throughput", spark(perSecond, false), bounds(perSecond, expect.MetricRate))
		times := slowest(r, w)
		line(name+" p99", spark(times, true), bounds(times, expect.MetricDuration))
	}
	if more := len(r.Workloads) - mostLines; more > 0 {
		line(units.Count(int64(more), "more workload", "more workloads"), "", "")
	}
	marks, names := marked(r)
	if len(names) > 0 {
		line("faults", marks, "")
	}
	b.WriteString("`````\n")
	for _, name := range names {
		b.WriteString("\n- " + name)
	}
	if len(names) > 0 {
		b.WriteString("\n")
	}
	return b.String() + chart(r, total)
}

// column is the column of a moment; false where it is not in the run.
func column(r *report.Result, at time.Duration) (int, bool) {
	i := int(float64(columns) * float64(at) / float64(r.Duration))
	return min(i, columns-1), at >= 0 && at <= r.Duration
}

// throughput are the samples a second of a workload, by column; NaN where it did not run.
func throughput(r *report.Result, w *report.Workload) []float64 {
	ran, n := make([]float64, columns), make([]float64, columns)
	width := r.Duration.Seconds() / columns
	for _, a := range w.Active {
		for i := range ran {
			from, to := float64(i)*width, float64(i+1)*width
			ran[i] += max(0, min(to, a.To.Seconds())-max(from, a.From.Seconds()))
		}
	}
	step, _ := w.Steps()
	for _, p := range w.Series { // a step can be longer than a column
		first, in := column(r, p.At)
		if !in {
			continue
		}
		last, _ := column(r, min(p.At+step-1, r.Duration))
		for k := first; k <= last; k++ {
			from, to := max(float64(k)*width, p.At.Seconds()), min(float64(k+1)*width, (p.At+step).Seconds())
			n[k] += float64(p.OK+p.Errors) * max(0, to-from) / step.Seconds()
		}
	}
	for i := range n {
		if n[i] /= ran[i]; ran[i] < width/2 {
			n[i] = math.NaN()
		}
	}
	if len(w.Series) == 0 && w.Total.Samples > 0 { // a file of before there was a series
		return unknownColumns()
	}
	return n
}

func unknownColumns() []float64 { return slices.Repeat([]float64{math.NaN()}, columns) }

// slowest is the greatest 99 percentile of the seconds in each column: a mean would hide a short stall.
func slowest(r *report.Result, w *report.Workload) []float64 {
	all := unknownColumns()
	_, step := w.Steps()
	for i := range w.Seconds {
		s := &w.Seconds[i]
		p99 := s.Response.Max
		if h, err := s.Response.Decode(); err == nil {
			p99 = min(p99, time.Duration(h.ValueAtPercentile(99))*time.Microsecond)
		}
		first, in := column(r, s.At)
		if !in || s.Response.Count == 0 {
			continue
		}
		last, _ := column(r, min(s.At+step-1, r.Duration))
		for k := first; k <= last; k++ {
			if math.IsNaN(all[k]) || p99.Seconds() > all[k] {
				all[k] = p99.Seconds()
			}
		}
	}
	return all
}

// sum adds two rows of columns; what is not known counts as nothing beside something known.
func sum(a, b []float64) []float64 {
	if a == nil {
		return slices.Clone(b)
	}
	for i := range a {
		switch {
		case math.IsNaN(a[i]):
			a[i] = b[i]
		case !math.IsNaN(b[i]):
			a[i] += b[i]
		}
	}
	return a
}

// known are the least and the greatest of the columns that are known.
func known(all []float64) (least, most float64, ok bool) {
	least, most = math.Inf(1), math.Inf(-1)
	for _, n := range all {
		if !math.IsNaN(n) && !math.IsInf(n, 0) {
			least, most, ok = min(least, n), max(most, n), true
		}
	}
	return least, most, ok
}

// spark draws columns from 0 to their greatest; or, by their logarithms, from their least.
func spark(all []float64, logarithms bool) string {
	least, most, ok := known(all)
	line := make([]rune, len(all))
	for i, n := range all {
		line[i] = unknownSpark
		if !ok || math.IsNaN(n) || math.IsInf(n, 0) {
			continue
		}
		share := 0.0
		switch {
		case logarithms && least > 0 && most > least:
			share = math.Log(n/least) / math.Log(most/least)
		case !logarithms && most > 0:
			share = n / most
		}
		line[i] = units.Spark(share)
	}
	return string(line)
}

// bounds are the least and the greatest of the columns in words.
func bounds(all []float64, kind expect.MetricKind) string {
	least, most, ok := known(all)
	switch {
	case !ok:
		return "not known"
	case least == most:
		return kind.Format(most)
	}
	return kind.Format(least) + " to " + kind.Format(most)
}

// marked is the line of the faults, and the faults in words.
func marked(r *report.Result) (line string, names []string) {
	marks := []rune(strings.Repeat(" ", columns))
	for _, f := range r.Faults() {
		i, in := column(r, f.Issued)
		if !in {
			continue
		}
		marks[i] = '▲'
		if len(names) < mostFaults {
			names = append(names, "▲ "+moment(f.Issued.Seconds())+" "+Escape(f.Event))
		}
	}
	return string(marks), names
}

// chart is the throughput of all workloads as a chart of Mermaid's, with the faults as bars behind it. It has no text but its own.
func chart(r *report.Result, total []float64) string {
	_, most, ok := known(total)
	if !ok || most <= 0 {
		return ""
	}
	line, bars := make([]string, len(total)), make([]string, len(total))
	height := math.Ceil(math.Round(most*10) / 10)
	for i, n := range total {
		if math.IsNaN(n) || math.IsInf(n, 0) {
			n = 0
		}
		line[i], bars[i] = strconv.FormatFloat(n, 'f', 1, 64), "0"
	}
	for _, f := range r.Faults() {
		if i, in := column(r, f.Issued); in {
			bars[i] = strconv.FormatFloat(height, 'f', 0, 64)
		}
	}
	return fmt.Sprintf("\n```mermaid\nxychart-beta\n  title \"operations a second, all workloads; bars: faults\"\n  x-axis \"seconds\" 0 --> %s\n  y-axis \"per second\" 0 --> %s\n  bar [%s]\n  line [%s]\n```\n",
		strconv.FormatFloat(r.Duration.Seconds(), 'f', 1, 64), strconv.FormatFloat(height, 'f', 0, 64), strings.Join(bars, ", "), strings.Join(line, ", "))
}
