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
		v := plan.BaselineOf(share)
		overlay := fmt.Sprintf("{timeline: null, expect: null, duration: %s, load: {%s: {rate: null, arrivals: null, overflow: null, catch_up: null, duration: null, warmup: %s}%s}}",
			capacitySpan+capacityWarmup, share.Workload, capacityWarmup, withoutWaiting(v, share.Workload))
		r := s.flags.reading(ctx)
		r.overlay = overlay
		of := *s.flags
		of.variants = nil
		of.set = append(slices.Clone(of.set), "compare={}") // it can name workloads that are left out
		if v.String() != "" {
			of.variants = []string{v.String()}
		}
		closed, err := of.plan(ctx, s.name, r)
		if err != nil {
			return nil, fmt.Errorf("measure what %s can do: %w", share.Workload, err)
		}
		s.show.above(fmt.Sprintf("-- measuring what %s can do in a closed loop, for rates that are a share of it", share.Workload))
		one := *closed.Plans[0]
		one.Seed = plan.Seed
		result, err := s.one(ctx, &one, runner.Options{Out: filepath.Join(dir, capacityDir, share.Workload), Tool: version()})
		if err != nil {
			return nil, errors.Join(notBegun(ctx, err), fmt.Errorf("measure what %s can do: see %s", share.Workload, filepath.Join(dir, capacityDir)))
		}
		if ctx.Err() != nil {
			return nil, &exitError{exitInterrupted, errors.New("pgchaos: interrupted before the first run of the series")}
		}
		rate, err := throughputOf(result, share.Workload)
		if err != nil {
			return nil, fmt.Errorf("measure what %s can do: %w; see %s", share.Workload, err, filepath.Join(dir, capacityDir))
		}
		if found == nil {
			found = map[string]float64{}
		}
		found[share.Workload] = rate
		s.show.above(fmt.Sprintf("-- %s can do %.0f/s", share.Workload, rate))
	}
	return found, nil
}

// withoutWaiting leaves out the other workloads that wait for a step: without the timeline they would take part in the measurement.
func withoutWaiting(v *spec.Variant, measured string) (overlay string) {
	running := v.InitiallyRunning()
	for _, w := range v.Load {
		if w.Name != measured && !slices.Contains(running, w.Name) {
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
