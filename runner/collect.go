package runner

import (
	"fmt"
	"time"

	"pgchaos/load"
	"pgchaos/load/pgload"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/spec"
)

// describeWorkload turns what a workload recorded into its part of the result.
func describeWorkload(w *spec.Workload, groups int, rec *load.Record) (report.Workload, error) {
	out := report.Workload{
		Name: w.Name, Kind: w.Kind, Target: w.Target, Clients: groups * w.Clients, Rate: float64(groups) * float64(w.Rate), Table: w.Table,
		OnTimeout: w.OnTimeout, GaveUp: rec.GaveUp, Late: rec.Late, MostAbandoned: rec.MostAbandoned,
		Model: describeModel(w, groups), Asked: rec.Asked, Writes: w.Kind != pgload.Insert && w.Inserts(""),
	}
	if rec.Coarse > 1 {
		out.Coarse = rec.Coarse
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
	for _, s := range rec.Seconds {
		out.Seconds = append(out.Seconds, describeSecond(s, w.Open()))
	}
	if err := describeFigures(w, rec, &out); err != nil {
		return out, fmt.Errorf("workload %s: %w", w.Name, err)
	}
	return out, nil
}

// describeFigures fills in the Stats: of all, of phases, of parts and of the warm-up.
func describeFigures(w *spec.Workload, rec *load.Record, out *report.Workload) (err error) {
	if out.Total, err = describeStats(rec.Total); err != nil {
		return err
	}
	for _, p := range rec.Phases {
		stats, err := describeStats(p.Stats)
		if err != nil {
			return fmt.Errorf("phase %s: %w", p.Name, err)
		}
		out.Phases = append(out.Phases, report.PhaseStats{Phase: p.Name, Stats: stats})
	}
	for _, p := range rec.Parts {
		stats, err := describeStats(p.Stats)
		if err != nil {
			return fmt.Errorf("part %s: %w", p.Name, err)
		}
		out.Parts = append(out.Parts, report.PartStats{Part: p.Name, Stats: stats})
	}
	if w.Warmup > 0 {
		stats, err := describeStats(rec.Warmup)
		if err != nil {
			return fmt.Errorf("warm-up: %w", err)
		}
		out.Warmup = &stats
	}
	if w.Open() {
		late, err := describeDist(rec.Lateness)
		if err != nil {
			return fmt.Errorf("lateness: %w", err)
		}
		late.Histogram = "" // its percentiles tell enough
		out.Lateness = &late
	}
	return nil
}

// describeSecond keeps the service times only where they are not the response times.
func describeSecond(s load.Second, open bool) report.Second {
	packed := func(p load.Encoded) report.SecondDist {
		return report.SecondDist{Count: p.Count, Max: p.Max, Histogram: p.Histogram}
	}
	out := report.Second{At: s.At, Response: packed(s.Response)}
	if open {
		service := packed(s.Service)
		out.Service = &service
	}
	return out
}

// describeModel is how a workload's operations come and go.
func describeModel(w *spec.Workload, groups int) *report.Model {
	m := &report.Model{
		Arrivals: w.Arrivals, Overflow: w.Overflow, CatchUp: w.CatchUp, ThinkTime: time.Duration(w.ThinkTime),
		Iterations: int64(w.Iterations), Duration: time.Duration(w.Duration), Warmup: time.Duration(w.Warmup), Ramp: w.Ramp,
		Connections: groups * w.Connections, Route: w.Route, Protocol: w.Protocol, Pipeline: w.Pipeline,
	}
	for _, s := range w.Stages {
		m.Stages = append(m.Stages, report.LoadStage{For: time.Duration(s.For), Rate: float64(groups) * float64(s.Rate), Clients: groups * s.Clients})
	}
	return m
}

func describeStats(s load.Stats) (out report.Stats, err error) {
	out = report.Stats{
		Samples: s.Samples(),
		OK:      s.Outcomes[record.OK], Weak: s.Outcomes[record.Weak], Failed: s.Outcomes[record.Failed],
		Unknown: s.Outcomes[record.Unknown], Dropped: s.Outcomes[record.Dropped],
		Span: s.Span, Retries: s.Retries, Retried: s.Retried, Out: s.Out, In: s.In,
	}
	out.Response, out.Service, err = describeTimes(s.Response, s.Service)
	if err == nil && s.Succeeded != nil {
		out.Succeeded = &report.Times{}
		out.Succeeded.Response, out.Succeeded.Service, err = describeTimes(s.Succeeded.Response, s.Succeeded.Service)
	}
	return out, err
}

func describeTimes(of, served load.Dist) (response, service report.Dist, err error) {
	if response, err = describeDist(of); err == nil {
		service, err = describeDist(served)
	}
	return response, service, err
}

func describeDist(d load.Dist) (report.Dist, error) {
	text, err := d.Encode()
	if err != nil {
		return report.Dist{}, fmt.Errorf("encode a histogram: %w", err)
	}
	return report.Dist{
		Count: d.Count, OutOfRange: d.OutOfRange, Min: d.Min, Max: d.Max, Mean: d.Mean(),
		P50: d.Percentile(50), P90: d.Percentile(90), P95: d.Percentile(95), P99: d.Percentile(99), P999: d.Percentile(99.9),
		StdDev: d.StdDev(), Histogram: text,
	}, nil
}

// describeActivity is what outages and recoveries are computed from; nodes are the
// names of those that the record has by their numbers.
func describeActivity(w spec.Workload, writes bool, nodes []string, rec load.Record) outage.Activity {
	a := outage.Activity{
		Workload: w.Name, Writes: writes, Slots: rec.Activity,
		Spread: w.Target == pgload.Replicas || w.Target == pgload.Each, BrokenOff: rec.BrokenOff > 0,
	}
	for i, n := range rec.Nodes {
		a.Nodes = append(a.Nodes, outage.NodeActivity{Node: nodes[i], Slots: n, Late: rec.LateAcks[i]})
	}
	for _, c := range rec.Clients {
		a.Clients = append(a.Clients, outage.ClientActivity(c))
	}
	for _, i := range rec.Active {
		a.Active = append(a.Active, struct{ From, To time.Duration }(i))
	}
	return a
}
