package store

import (
	"pgchaos/compare"
	"pgchaos/report"
)

// runOf is what is kept of a result.
func runOf(r *report.Result) compare.Run {
	run := compare.Run{ID: r.Run, Experiment: r.Name, Started: r.Started, Verdict: r.Verdict}
	if v := r.Variant; v != nil {
		run.Variant, run.Cell, run.Round = v.Name, v.Cell, v.Round
	}
	for _, w := range r.Workloads {
		throughput, ok := w.Total.Throughput()
		run.Figures = append(run.Figures,
			compare.Figure{Metric: "throughput of " + w.Name, Value: throughput, Known: ok},
			compare.Figure{Metric: "p99 of " + w.Name, Value: w.Total.Response.P99.Seconds(), Known: w.Total.Response.Count > 0})
	}
	run.Fingerprint = []compare.Setting{
		{Name: "PostgreSQL", Value: r.Cluster.Postgres},
		{Name: "provider", Value: r.Cluster.Provider},
		{Name: "pgchaos", Value: r.Tool},
	}
	return run
}
