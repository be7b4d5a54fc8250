package runner

import (
	"context"
	"sync"
	"time"

	"pgchaos/check"
	"pgchaos/cluster"
	"pgchaos/history"
)

// forkLog keeps what former primaries held, read before a rejoin took from them what
// they had alone.
type forkLog struct {
	mu   sync.Mutex
	held map[string][]check.ForkHolding // by table
}

func (f *forkLog) of(table string) []check.ForkHolding {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[table]
}

func (f *forkLog) add(table string, h check.ForkHolding) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = map[string][]check.ForkHolding{}
	}
	f.held[table] = append(f.held[table], h)
}

// examineTimeout bounds the reading of one table of a fork.
const examineTimeout = 10 * time.Minute

// examine is a cluster.Examine: it reads every table that is to be audited.
func (r *run) examine(ctx context.Context, n *cluster.Node, state history.NodeState, failed error) {
	var own history.Lineage // unknown where it cannot be read
	if failed == nil {
		own, _ = lineageOf(ctx, n)
	}
	for _, table := range r.plan.tables() {
		h := check.ForkHolding{Node: n.Name(), Step: r.phases.current(), Timeline: state.Timeline, Read: r.clock.Now(), Lineage: own}
		if failed != nil {
			h.Why = failed.Error()
		} else {
			ctx, cancel := context.WithTimeout(ctx, examineTimeout)
			h.Holding, h.Why = read(ctx, n, table)
			cancel()
		}
		r.forks.add(table.Name, h)
	}
}
