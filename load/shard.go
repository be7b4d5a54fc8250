package load

import (
	"runtime"
	"time"

	"pgchaos/history"
)

// Bucket is the resolution of Activity.
const Bucket = 10 * time.Millisecond

// shardSpan is the number of activity buckets a shard holds. It is collected every
// second, so that 2.56 s leave room for a collector that comes late; what falls
// outside goes the slow way, and is not lost.
const shardSpan = 256

// shard is what one client recorded since it was last collected, all of it due in
// one phase. It lies in client.home; whoever writes into it, the client or the
// collector, takes it out first, so that neither needs a lock.
type shard struct {
	phase    int
	from, to time.Duration // of the phase: only what is due in [from, to) fits
	base     int           // the number of activity[0]
	outcomes [history.Outcomes]int64
	// response is of every arrival, service of what was sent, and only in the open
	// model, for in a closed loop it is the same.
	response latencies
	service  latencies
	// activity is shardSpan cells for each node, those of node 0, of which nobody knows
	// which one it was, first.
	activity []cell
}

// cell counts what ended in one bucket of time.
type cell struct{ ok, errors, dropped uint32 }

func newShard(paced bool, nodes int) *shard {
	s := &shard{response: newLatencies(), activity: make([]cell, (nodes+1)*shardSpan)}
	if paced {
		s.service = newLatencies()
	}
	return s
}

// count adds one ended operation.
func (c *cell) count(outcome history.Outcome) {
	switch outcome {
	case history.OK, history.Weak:
		c.ok++
	case history.Dropped:
		c.dropped++
	default:
		c.errors++
	}
}

// add records an operation; false means that it does not fit and was not recorded.
func (s *shard) add(op *history.Op) bool {
	i := uint(int(op.Done/Bucket) - s.base)
	if i >= shardSpan || op.Due < s.from || op.Due >= s.to {
		return false
	}
	s.activity[uint(op.Node)*shardSpan+i].count(op.Outcome)
	s.outcomes[op.Outcome]++
	s.response.record(op.Response())
	if s.service.counts != nil && op.Outcome != history.Dropped {
		s.service.record(op.Service())
	}
	return true
}

func (s *shard) clear() {
	s.outcomes = [history.Outcomes]int64{}
	s.response.clear()
	s.service.clear()
	clear(s.activity)
}

// record books an operation of a client: into its shard, without lock or
// allocation, unless the operation is an error or belongs to another phase.
func (w *Workload) record(c *client, op *history.Op) {
	if int(op.Outcome) >= history.Outcomes {
		op.Outcome = history.Unknown
	}
	if uint(op.Node) > uint(w.cfg.Nodes) {
		op.Node = 0
	}
	s := c.home.Swap(nil)
	if s == nil {
		s = c.take()
	}
	fits := s.add(op)
	if op.Outcome == history.OK && !c.trail.open && op.Done-op.Sent < Stuck {
		c.trail.lastOK, c.trail.node = op.Done, op.Node // as note does: a call would cost a nanosecond
	} else {
		c.trail.note(op)
	}
	c.home.Store(s) // before any lock: the collector holds it while it waits for the shard
	if !fits {
		w.mu.Lock()
		w.totals.book(op)
		w.mu.Unlock()
	}
	if op.Outcome != history.OK {
		w.countError(op)
	}
}

// collect moves what the clients have recorded into the totals, and hands them
// shards for the present phase. w.mu is held.
func (w *Workload) collect(now time.Duration) {
	phase, from, to := w.totals.present(now)
	for _, c := range w.clients {
		fresh := w.spare
		fresh.phase, fresh.from, fresh.to, fresh.base = phase, from, to, int(now/Bucket)
		s := c.exchange(fresh)
		w.totals.take(s)
		s.clear()
		w.spare = s
	}
}

// take takes the client's shard out, and with it the right to touch its trail; it
// must be put back soon, and no lock be waited for before. Only who copies the trail
// for a Record can be in the way.
func (c *client) take() *shard {
	for {
		if s := c.home.Swap(nil); s != nil {
			return s
		}
		runtime.Gosched()
	}
}

// exchange takes the client's shard and leaves a fresh one. It waits for a client
// that is just writing, which takes it some 50 ns.
func (c *client) exchange(fresh *shard) *shard {
	for {
		if s := c.home.Load(); s != nil && c.home.CompareAndSwap(s, fresh) {
			return s
		}
		runtime.Gosched()
	}
}

// collectEverySecond runs until no client is left.
func (w *Workload) collectEverySecond(r *run) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-r.over:
			return
		case <-ticker.C:
		}
		w.mu.Lock()
		now := w.cfg.Clock.Now()
		w.collect(now)
		w.totals.endSecond(now)
		w.mu.Unlock()
	}
}
