package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"pgchaos/report"
	"pgchaos/runner"
	"pgchaos/series"
	"pgchaos/spec"
)

// capacityDir is the directory of the run that measures a capacity, below that of the series.
const capacityDir = "capacity"

// capacitySpan and capacityWarmup are how long a capacity is measured, and how long the load goes before that.
const (
	capacitySpan   = 10 * time.Second
	capacityWarmup = 2 * time.Second
)

// capacity measures what those workloads can do whose rate is a share of it: in a closed loop, with the clients that they
// have in the baseline, without the timeline. It is nil where no rate is a share.
func (s *seriesRuns) capacity(ctx context.Context, dir string, plan *series.Plan) (map[string]float64, error) {
	var found map[string]float64
	for _, share := range plan.Shares() {
		rate, err := s.capacityOf(ctx, filepath.Join(dir, capacityDir, share.Workload), plan, share, found)
		if err != nil {
			return nil, err
		}
		if found == nil {
			found = map[string]float64{}
		}
		found[share.Workload] = rate
		s.show.above(fmt.Sprintf("-- %s can do %.0f/s", share.Workload, rate))
	}
	return found, nil
}

// capacityOf measures one workload in a run of its own. Known are the capacities that have been measured before.
func (s *seriesRuns) capacityOf(ctx context.Context, dir string, plan *series.Plan, share spec.RateShare, known map[string]float64) (float64, error) {
	closed, err := s.capacityPlan(ctx, plan, share, known)
	if err != nil {
		return 0, fmt.Errorf("measure what %s can do: %w", share.Workload, err)
	}
	s.show.above(fmt.Sprintf("-- measuring what %s can do in a closed loop, for rates that are a share of it", share.Workload))
	result, err := s.one(ctx, closed, runner.Options{Out: dir, Tool: version()})
	switch {
	case errors.Is(err, runner.ErrLeftBehind):
		return 0, &exitError{exitLeftBehind, fmt.Errorf("pgchaos: %w\nRun 'pgchaos clean' to remove it; then begin a new series", err)}
	case result == nil: // it was not begun, and has left nothing
		return 0, notBegun(ctx, err)
	case ctx.Err() != nil:
		return 0, &exitError{exitInterrupted, errors.Join(fmt.Errorf("pgchaos: interrupted before the first run of the series: begin a new one; 'pgchaos report %s' shows what was measured", dir), err)}
	}
	rate, none := throughputOf(result, share.Workload)
	if err = errors.Join(err, none); err != nil {
		return 0, fmt.Errorf("measure what %s can do: %w; 'pgchaos report %s' shows the run", share.Workload, err, dir)
	}
	if g := result.Generator; g != nil && g.Saturated() {
		s.show.above(fmt.Sprintf("-- warning: %s, so that %s may be able to do more", g.Bottleneck(), share.Workload))
	}
	return rate, nil
}

// capacityPlan is the run that measures a workload. It is without all that belongs to the timeline.
func (s *seriesRuns) capacityPlan(ctx context.Context, plan *series.Plan, share spec.RateShare, known map[string]float64) (*runner.Plan, error) {
	v := plan.BaselineOf(share)
	r := s.flags.reading(ctx)
	r.capacity = known
	r.overlay = fmt.Sprintf("{%s, expect: null, abort_on: null, duration: %s, load: {%s: {rate: null, arrivals: null, overflow: null, catch_up: null, iterations: null, duration: null, warmup: %s}%s}}",
		withoutTimeline, capacitySpan+capacityWarmup, share.Workload, capacityWarmup, withoutOthers(v, share.Workload, known))
	of := *s.flags
	of.variants = nil
	if v.String() != "" {
		of.variants = []string{v.String()}
	}
	closed, err := of.plan(ctx, s.name, r)
	if err != nil {
		return nil, err
	}
	one := *closed.Plans[0]
	one.Seed = plan.Seed
	return &one, nil
}

// withoutTimeline leaves the timeline out of an overlay, and what repeats it.
const withoutTimeline = "timeline: null, kills: null"

// withoutOthers leaves out the workloads that wait for a step, which would run from the beginning without the timeline, and
// those whose rate is a share of what is not known yet.
func withoutOthers(v *spec.Variant, measured string, known map[string]float64) (overlay string) {
	running := v.InitiallyRunning()
	for _, w := range v.Load {
		_, isKnown := known[w.Name]
		isShare := slices.ContainsFunc(v.Shares, func(s spec.RateShare) bool { return s.Workload == w.Name })
		if w.Name != measured && (!slices.Contains(running, w.Name) || isShare && !isKnown) {
			overlay += ", " + w.Name + ": null"
		}
	}
	return overlay
}

func throughputOf(r *report.Result, workload string) (float64, error) {
	if w := r.Workload(workload); w != nil {
		if n, ok := w.Total.Throughput(); ok && n > 0 {
			return n, nil
		}
	}
	return 0, errors.New("nothing was measured")
}
