package export

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"time"

	"pgchaos/report"
)

// Aggregate writes the table of JMeter's Aggregate Report as JMeter saves it, and
// Summary that of its Summary Report: a row for each workload and each part of a mix.
// Times are response times in milliseconds.
func Aggregate(path string, r *report.Result) error {
	return create(path, "the aggregate report", func(w io.Writer) error { return jmeterTable(w, r, aggregateColumns()) })
}

// Summary is as Aggregate.
func Summary(path string, r *report.Result) error {
	return create(path, "the summary report", func(w io.Writer) error { return jmeterTable(w, r, summaryColumns()) })
}

// The columns of both reports, by JMeter's exact names.
func aggregateColumns() []string {
	return []string{
		"Label", "# Samples", "Average", "Median", "90% Line", "95% Line", "99% Line", "Min", "Max",
		"Error %", "Throughput", "Received KB/sec", "Sent KB/sec",
	}
}

func summaryColumns() []string {
	return []string{
		"Label", "# Samples", "Average", "Min", "Max", "Std. Dev.", "Error %", "Throughput",
		"Received KB/sec", "Sent KB/sec", "Avg. Bytes",
	}
}

func jmeterColumns() map[string]func(string, *report.Stats) string {
	ms := func(of func(d *report.Dist) time.Duration) func(string, *report.Stats) string {
		return func(_ string, s *report.Stats) string {
			return strconv.FormatInt(of(&s.Response).Round(time.Millisecond).Milliseconds(), 10)
		}
	}
	perSecond := func(of func(s *report.Stats) int64) func(string, *report.Stats) string {
		return func(_ string, s *report.Stats) string {
			return strconv.FormatFloat(float64(of(s))/1024/max(s.Span.Seconds(), 1e-9), 'f', 2, 64)
		}
	}
	return map[string]func(string, *report.Stats) string{
		"Label":     func(label string, _ *report.Stats) string { return label },
		"# Samples": func(_ string, s *report.Stats) string { return strconv.FormatInt(s.Samples, 10) },
		"Average":   ms(func(d *report.Dist) time.Duration { return d.Mean }),
		"Median":    ms(func(d *report.Dist) time.Duration { return d.P50 }),
		"90% Line":  ms(func(d *report.Dist) time.Duration { return d.P90 }),
		"95% Line":  ms(func(d *report.Dist) time.Duration { return d.P95 }),
		"99% Line":  ms(func(d *report.Dist) time.Duration { return d.P99 }),
		"Min":       ms(func(d *report.Dist) time.Duration { return d.Min }),
		"Max":       ms(func(d *report.Dist) time.Duration { return d.Max }),
		"Std. Dev.": func(_ string, s *report.Stats) string {
			return strconv.FormatFloat(s.Response.StdDev.Seconds()*1000, 'f', 2, 64)
		},
		"Error %": func(_ string, s *report.Stats) string {
			return fmt.Sprintf("%.3f%%", 100*float64(s.Errors())/float64(max(s.Samples, 1)))
		},
		"Throughput": func(_ string, s *report.Stats) string {
			return strconv.FormatFloat(float64(s.Samples)/max(s.Span.Seconds(), 1e-9), 'f', 5, 64)
		},
		"Received KB/sec": perSecond(func(s *report.Stats) int64 { return s.In }),
		"Sent KB/sec":     perSecond(func(s *report.Stats) int64 { return s.Out }),
		"Avg. Bytes": func(_ string, s *report.Stats) string {
			return strconv.FormatFloat(float64(s.In)/float64(max(s.Samples, 1)), 'f', 1, 64)
		},
	}
}

func jmeterTable(out io.Writer, r *report.Result, columns []string) error {
	w := csv.NewWriter(out)
	if err := w.Write(columns); err != nil {
		return err
	}
	cell := jmeterColumns()
	row := func(label string, s *report.Stats) error {
		var cells []string
		for _, name := range columns {
			cells = append(cells, cell[name](label, s))
		}
		return w.Write(cells)
	}
	for i := range r.Workloads {
		of := &r.Workloads[i]
		if err := row(of.Name, &of.Total); err != nil {
			return err
		}
		for j := range of.Parts {
			if err := row(of.Name+"/"+of.Parts[j].Part, &of.Parts[j].Stats); err != nil {
				return err
			}
		}
	}
	total := r.Total()
	if err := row("TOTAL", &total); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}
