package runner

import (
	"fmt"
	"time"

	"pgchaos/check"
	"pgchaos/history"
	"pgchaos/load"
	"pgchaos/load/pgload"
	"pgchaos/report"
	"pgchaos/spec"
)

// describeWorkload turns what a workload recorded into its part of the result.
func describeWorkload(w spec.Workload, groups int, rec load.Record) (report.Workload, error) {
	out := report.Workload{
		Name: w.Name, Kind: w.Kind, Target: w.Target, Clients: groups * w.Clients, Rate: float64(groups) * float64(w.Rate), Table: w.Table,
		OnTimeout: w.OnTimeout, GaveUp: rec.GaveUp, Late: rec.Late, MostAbandoned: rec.MostAbandoned,
	}
	var err error
	if out.Total, err = describeStats(rec.Total); err != nil {
		return out, fmt.Errorf("workload %s: %w", w.Name, err)
	}
	for _, p := range rec.Phases {
		stats, err := describeStats(p.Stats)
		if err != nil {
			return out, fmt.Errorf("workload %s, phase %s: %w", w.Name, p.Name, err)
		}
		out.Phases = append(out.Phases, report.PhaseStats{Phase: p.Name, Stats: stats})
	}
	for _, e := range rec.Errors {
		out.Errors = append(out.Errors, report.ErrorCount(e))
	}
	for _, a := range rec.Active {
		out.Active = append(out.Active, report.Interval(a))
	}
	for _, s := range rec.Series {
		out.Series = append(out.Series, report.SeriesPoint(s))
	}
	return out, nil
}

func describeStats(s load.Stats) (out report.Stats, err error) {
	out = report.Stats{
		Samples: s.Samples(),
		OK:      s.Outcomes[history.OK], Weak: s.Outcomes[history.Weak], Failed: s.Outcomes[history.Failed],
		Unknown: s.Outcomes[history.Unknown], Dropped: s.Outcomes[history.Dropped],
		Span: s.Span,
	}
	if out.Response, err = describeDist(s.Response); err == nil {
		out.Service, err = describeDist(s.Service)
	}
	return out, err
}

func describeDist(d load.Dist) (report.Dist, error) {
	text, err := d.Encode()
	if err != nil {
		return report.Dist{}, fmt.Errorf("encode a histogram: %w", err)
	}
	return report.Dist{
		Count: d.Count, OutOfRange: d.OutOfRange, Min: d.Min, Max: d.Max, Mean: d.Mean(),
		P50: d.Percentile(50), P90: d.Percentile(90), P95: d.Percentile(95), P99: d.Percentile(99), P999: d.Percentile(99.9),
		Histogram: text,
	}, nil
}

// describeActivity is what outages and recoveries are computed from; nodes are the
// names of those that the record has by their numbers.
func describeActivity(w spec.Workload, writes bool, nodes []string, rec load.Record) check.Activity {
	a := check.Activity{
		Workload: w.Name, Writes: writes, OK: rec.Activity.OK, Errors: rec.Activity.Errors,
		Spread: w.Target == pgload.Replicas || w.Target == pgload.Each,
	}
	for i, n := range rec.Nodes {
		a.Nodes = append(a.Nodes, check.NodeActivity{Node: nodes[i], OK: n.OK, Errors: n.Errors, Late: rec.LateAcks[i]})
	}
	for _, c := range rec.Clients {
		a.Clients = append(a.Clients, check.ClientActivity(c))
	}
	for _, i := range rec.Active {
		a.Active = append(a.Active, struct{ From, To time.Duration }(i))
	}
	return a
}
