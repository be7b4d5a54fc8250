package runner

import (
	"context"
	"fmt"
	"sync"

	"pgchaos/internal/units"
	"pgchaos/internal/wait"
	"pgchaos/record"
	"pgchaos/spec"
)

// guardBounds is a context for load and timeline, which ends when a run on a cluster that was there before passes max_wal or
// max_lag; the result then says so. The returned function ends the watch and waits for it.
func (r *run) guardBounds(ctx context.Context) (guarded context.Context, end func()) {
	x := r.plan.Experiment.Cluster.Existing
	if x == nil {
		return ctx, func() {}
	}
	guarded, stop := context.WithCancel(ctx)
	b := bounds{of: x}
	var wg sync.WaitGroup
	wg.Go(func() {
		wait.Every(guarded, spaceEvery, func() {
			states := r.watch.Latest()
			if reason := b.passed(record.Primary(states), len(r.undo.Standing()) == 0); reason != "" && guarded.Err() == nil {
				r.stop(reason, stop)
			}
		})
	})
	return guarded, func() { stop(); wg.Wait() }
}

// bounds are what a run on a cluster that was there before may do to it.
type bounds struct {
	of    *spec.Existing
	first record.LSN // where the WAL was when the primary was first seen; 0: it was not
}

// passed says which bound is passed; "": none. Calm: no fault of the run is in force, which is what max_lag is for.
func (b *bounds) passed(primary record.NodeState, calm bool) string {
	if !primary.Reachable || primary.LSN == 0 {
		return ""
	}
	if b.first == 0 {
		b.first = primary.LSN
	}
	if primary.LSN > b.first && uint64(primary.LSN-b.first) > uint64(b.of.MaxWAL) {
		return fmt.Sprintf("the run was stopped: %s has written %s of WAL since its beginning, and max_wal is %s",
			primary.Node, units.Bytes(uint64(primary.LSN-b.first)), b.of.MaxWAL)
	}
	for _, s := range primary.Standbys {
		if calm && s.State == "streaming" && s.Replay > 0 && primary.LSN > s.Replay && uint64(primary.LSN-s.Replay) > uint64(b.of.MaxLag) {
			return fmt.Sprintf("the run was stopped: %s is %s behind %s while no fault is in force, and max_lag is %s",
				s.Name, units.Bytes(uint64(primary.LSN-s.Replay)), primary.Node, b.of.MaxLag)
		}
	}
	return ""
}
