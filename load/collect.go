package load

import (
	"time"

	"pgchaos/history"
)

// collectEvery is how often what the clients have recorded is counted, at the latest.
const collectEvery = 100 * time.Millisecond

// collectRegularly runs until no client is left.
func (w *Workload) collectRegularly(r *run) {
	ticker := time.NewTicker(collectEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.over:
			return
		case <-w.wake: // by a client whose ring is filling
		case <-ticker.C:
		}
		w.mu.Lock()
		now := w.cfg.Clock.Now()
		w.collect()
		w.totals.tellLive(r.start, now)
		w.mu.Unlock()
	}
}

// collect counts what the clients have recorded. w.mu is held.
func (w *Workload) collect() {
	for _, c := range w.clients {
		w.drain(c)
	}
}

// drain counts what a client has recorded. w.mu is held.
func (w *Workload) drain(c *client) {
	written := c.ring.written.Load()
	for read := c.ring.read.Load(); read != written; read++ {
		s := &c.ring.samples[read&int64(len(c.ring.samples)-1)]
		w.count(c.number, &c.trail, s)
		s.op.Err = nil // it may hold much
	}
	c.ring.read.Store(written)
}

// makeRoom waits for a ring that is full, and empties it.
func (w *Workload) makeRoom(c *client) *sample {
	w.mu.Lock()
	w.drain(c)
	w.mu.Unlock()
	return c.ring.next()
}

// count books one operation of a client everywhere; number is -1 and t nil for an arrival
// that no client has taken. w.mu is held.
func (w *Workload) count(number int, t *trail, s *sample) {
	op := &s.op
	if int(op.Outcome) >= history.Outcomes {
		op.Outcome = history.Unknown
	}
	if uint(op.Node) > uint(w.cfg.Nodes) {
		op.Node = 0
	}
	if t != nil {
		t.note(op)
	}
	w.totals.record(s)
	if w.cfg.OnSample != nil {
		w.cfg.OnSample(number, *op)
	}
}
