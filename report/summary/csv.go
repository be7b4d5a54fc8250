package summary

import (
	"encoding/csv"
	"io"
	"strconv"

	"pgchaos/report"
)

// WriteCSV writes the aggregate table by workload and phase. A cell is empty where the figure is not known.
func WriteCSV(w io.Writer, r *report.Result) error {
	out := csv.NewWriter(w)
	if err := out.Write([]string{
		"workload", "part", "phase", "samples", "ok", "weak", "failed", "unknown", "dropped", "error_rate", "throughput_per_s",
		"average_ms", "median_ms", "p90_ms", "p95_ms", "p99_ms", "p999_ms", "min_ms", "max_ms",
	}); err != nil {
		return err
	}
	for _, row := range Load(r) {
		cells := []string{row.Workload, row.Part, row.Phase}
		for _, n := range []int64{row.Samples, row.OK, row.Weak, row.Failed, row.Unknown, row.Dropped} {
			cells = append(cells, strconv.FormatInt(n, 10))
		}
		cells = append(cells, number(row.ErrorRate), number(row.Throughput))
		if t := row.Times; t != nil {
			for _, n := range []float64{t.Average, t.Median, t.P90, t.P95, t.P99, t.P999, t.Min, t.Max} {
				cells = append(cells, number(&n))
			}
		} else {
			cells = append(cells, make([]string, 8)...)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func number(n *float64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatFloat(*n, 'f', -1, 64)
}
