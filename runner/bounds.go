package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/units"
	"pgchaos/internal/wait"
	"pgchaos/record"
	"pgchaos/spec"
)

// errStopped ends a run that was stopped before its load began; the result says why.
var errStopped = errors.New("the run was stopped")

// guardPreparation is a context for what makes the load's tables, which ends when that passes max_wal or min_free; the result then says so.
// The returned function ends the watch and waits for it.
func (r *run) guardPreparation(ctx context.Context, primary *cluster.Node) (guarded context.Context, end func()) {
	x := r.plan.Experiment.Cluster.Existing
	if x == nil {
		return ctx, func() {}
	}
	r.bounds = &bounds{of: x}
	r.bounds.passed([]record.NodeState{primary.State(ctx)}, true) // from here on it counts
	return r.guardServers(ctx, func(ctx context.Context) string {
		return r.bounds.passed([]record.NodeState{primary.State(ctx)}, false)
	})
}

// guardBounds is a context for load and timeline, which ends when a run on a cluster that was there before passes max_wal, max_lag or
// min_free; the result then says so. The returned function ends the watch and waits for it.
func (r *run) guardBounds(ctx context.Context) (guarded context.Context, end func()) {
	if r.bounds == nil {
		return ctx, func() {}
	}
	return r.guardServers(ctx, func(context.Context) string {
		return r.bounds.passed(r.watch.Latest(), len(r.undo.Standing()) == 0)
	})
}

// guardServers is a context that ends when passed says which bound is passed, or too little is free on a server's disk.
func (r *run) guardServers(ctx context.Context, passed func(context.Context) string) (guarded context.Context, end func()) {
	guarded, endWAL := r.guard(ctx, spaceEvery, passed)
	guarded, endDisks := r.guard(guarded, disksEvery, r.serverDisks(ctx).low)
	return guarded, func() { endDisks(); endWAL() }
}

// serverDisks are those of the nodes whose machines can be asked.
func (r *run) serverDisks(ctx context.Context) serverDisks {
	disks := serverDisks{least: uint64(r.bounds.of.MinFree)}
	for _, n := range r.present() {
		if r.bounds.of.Exec == "" {
			break // nothing can tell
		}
		if dir, err := n.DataDirectory(ctx); err == nil { // else doctor has said that it is not known
			disks.nodes, disks.dirs = append(disks.nodes, n), append(disks.dirs, dir)
		}
	}
	return disks
}

// disksEvery is how often the servers' machines are asked for their free space.
const disksEvery = 5 * time.Second

// serverDisks are the disks of the servers of a cluster that was there before.
type serverDisks struct {
	nodes []*cluster.Node
	dirs  []string // their data directories
	least uint64
}

// low says on which too little is free; "": none, as far as is known. A machine that does not answer can be the work of a fault.
func (d serverDisks) low(ctx context.Context) string {
	reasons := make([]string, len(d.nodes))
	var wg sync.WaitGroup
	for i, n := range d.nodes {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, disksEvery)
			defer cancel()
			if free, err := n.Free(ctx, d.dirs[i]); err == nil && free < d.least {
				reasons[i] = fmt.Sprintf("the run was stopped: %s is free on the disk of %s of %s, and min_free is %s", units.Bytes(free), d.dirs[i], n.Name(), units.Bytes(d.least))
			}
		})
	}
	wg.Wait()
	return cmp.Or(reasons...)
}

// guard is a context that ends when passed says which bound is passed; the result then says so.
func (r *run) guard(ctx context.Context, every time.Duration, passed func(context.Context) string) (guarded context.Context, end func()) {
	guarded, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		wait.Every(guarded, every, func() {
			if reason := passed(guarded); reason != "" && guarded.Err() == nil {
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
	// late are the standbys that a fault has left further behind than they may be, and how far in bytes at most while it was in force: they have to
	// catch up first.
	late map[string]uint64
}

// passed says which bound is passed; "": none. Calm: no fault of the run is in force, which is what max_lag is for. A standby's lag is that behind
// the primary, whichever node it streams from.
func (b *bounds) passed(states []record.NodeState, calm bool) string {
	primary := record.Primary(states)
	if b.first == 0 {
		b.first = primary.LSN
	}
	if primary.LSN > b.first && uint64(primary.LSN-b.first) > uint64(b.of.MaxWAL) {
		return fmt.Sprintf("the run was stopped: %s has written %s of WAL since its beginning, and max_wal is %s",
			primary.Node, units.Bytes(uint64(primary.LSN-b.first)), b.of.MaxWAL)
	}
	for _, upstream := range states {
		for _, s := range upstream.Standbys {
			if s.State != "streaming" || s.Replay == 0 || primary.LSN == 0 {
				continue
			}
			lag := uint64(max(primary.LSN, s.Replay) - s.Replay)
			switch {
			case lag <= uint64(b.of.MaxLag):
				delete(b.late, s.Name)
			case !calm && b.late == nil:
				b.late = map[string]uint64{s.Name: lag}
			case !calm:
				b.late[s.Name] = max(b.late[s.Name], lag)
			case lag > b.late[s.Name]:
				return fmt.Sprintf("the run was stopped: %s is %s behind %s while no fault is in force, and max_lag is %s",
					s.Name, units.Bytes(lag), primary.Node, b.of.MaxLag)
			}
		}
	}
	return ""
}
