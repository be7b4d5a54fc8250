package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"pgchaos/expect"
	"pgchaos/record"
)

// nodeMetric is a figure of one node, in a phase or while the load ran.
func (r *Result) nodeMetric(e expect.Expectation) expect.Value {
	within, ok := r.measuredOver(e, false)
	switch {
	case !slices.ContainsFunc(r.Cluster.Nodes, func(n ClusterNode) bool { return n.Name == e.Node }):
		return unknown("the run had no node %s", e.Node)
	case !ok:
		return unknown("the run had no phase %s", e.Phase)
	case e.Metric == "cpu":
		return r.cpu(e, within)
	case e.Metric == "memory":
		return r.memory(e, within)
	}
	i := slices.IndexFunc(r.NodeSeries, func(s record.NodeSeries) bool { return s.Node == e.Node })
	if i < 0 {
		return unknown("the result does not hold a series of %s", e.Node)
	}
	return r.greatestOf(e, r.NodeSeries[i].Samples, within)
}

// greatestOf is the greatest of what the readings of a node say.
func (r *Result) greatestOf(e expect.Expectation, samples []record.NodeSample, within Interval) expect.Value {
	lag := strings.HasPrefix(e.Metric, "replay_lag")
	if e.Metric == "connections" && !r.connectionsKept() {
		return unknown("the result does not hold connections")
	}
	var most float64
	var known, missing int
	var first time.Duration
	for i := range samples {
		s := &samples[i]
		switch {
		case s.At <= within.From || s.At > within.To:
			continue
		case lag && (s.Role == record.RolePrimary || !r.hasPrimaryAt(s.At)):
			continue // there is nothing that it could be behind
		}
		n, ok := sampleFigure(s, e.Metric)
		if !ok {
			if missing++; missing == 1 {
				first = s.At
			}
			continue
		}
		known++
		most = max(most, n)
	}
	why := fmt.Sprintf("%s of %s is not known in %d of %d readings, first at %s", e.Metric, e.Node, missing, known+missing, moment(first))
	switch {
	case known == 0 && missing > 0:
		return unknown("%s", why)
	case known == 0 && lag:
		return unknown("%s was not read as a standby of a primary", e.Node)
	case known == 0:
		return unknown("%s was not read", e.Node)
	}
	v := expect.Value{Known: true, Number: most, Text: e.Kind.Format(most)}
	if missing > 0 {
		v.AtLeast, v.Why = true, why
	}
	return v
}

// sampleFigure is a metric of one reading of a node.
func sampleFigure(s *record.NodeSample, metric string) (n float64, known bool) {
	answered := s.Role != "" // a node that does not run has no sessions for certain
	switch metric {
	case "replay_lag":
		if s.Lag == nil {
			return 0, false
		}
		return s.Lag.Seconds(), true
	case "replay_lag_bytes":
		if s.LagBytes == nil {
			return 0, false
		}
		return float64(*s.LagBytes), true
	case "sync_waiters":
		return float64(s.SyncWaiters), answered
	case "connections":
		return float64(s.Connections), answered
	}
	return 0, false
}

// connectionsKept tells whether the result holds connections: those of older ones are all 0.
func (r *Result) connectionsKept() bool {
	return slices.ContainsFunc(r.NodeSeries, func(n record.NodeSeries) bool {
		return slices.ContainsFunc(n.Samples, func(s record.NodeSample) bool { return s.Connections > 0 })
	})
}

// hasPrimaryAt tells whether some node was read as a primary at a moment. All nodes are read at the same moments, but a longer series
// has longer steps, of each of which the role at its end is kept.
func (r *Result) hasPrimaryAt(at time.Duration) bool {
	return slices.ContainsFunc(r.NodeSeries, func(n record.NodeSeries) bool {
		i, _ := slices.BinarySearchFunc(n.Samples, at, func(s record.NodeSample, at time.Duration) int { return cmp.Compare(s.At, at) })
		return i < len(n.Samples) && n.Samples[i].At-at < max(n.Step, 1) && n.Samples[i].Role == record.RolePrimary
	})
}

// usedCPU is what a node used between two readings.
type usedCPU struct {
	from, to time.Duration
	cores    float64
}

// cpu is the mean of what a node used, or the worst mean of a window.
func (r *Result) cpu(e expect.Expectation, within Interval) expect.Value {
	var used []usedCPU
	last := time.Duration(-1)
	for i := range r.Usage {
		u := &r.Usage[i]
		if u.Node != e.Node {
			continue
		}
		if last >= within.From && u.At <= within.To && u.At > last { // it speaks for the time since the one before
			used = append(used, usedCPU{last, u.At, u.CPUPercent / 100})
		}
		last = u.At
	}
	if len(used) == 0 {
		return unknown("what %s used in that time is not recorded", e.Node)
	}
	if e.Any == 0 {
		mean, _ := meanCPU(used)
		return known(e, mean)
	}
	all := windows{of: e}
	for i := range used {
		for k := i; k < len(used); k++ {
			if mean, span := meanCPU(used[i : k+1]); span >= e.Any {
				all.take(used[i].from, mean, true)
				break
			}
		}
	}
	return all.value(e.Node, within)
}

// meanCPU is the mean of some neighbouring readings, and the time that they are about.
func meanCPU(used []usedCPU) (cores float64, span time.Duration) {
	for _, u := range used {
		cores += u.cores * (u.to - u.from).Seconds()
		span += u.to - u.from
	}
	return math.Round(1e6*cores/span.Seconds()) / 1e6, span // without the errors of the sum
}

// memory is the most that a node used.
func (r *Result) memory(e expect.Expectation, within Interval) expect.Value {
	var most uint64
	read := false
	for i := range r.Usage {
		if u := &r.Usage[i]; u.Node == e.Node && u.At > within.From && u.At <= within.To {
			most, read = max(most, u.MemoryBytes), true
		}
	}
	if !read {
		return unknown("what %s used in that time is not recorded", e.Node)
	}
	return known(e, float64(most))
}
