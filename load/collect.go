package load

import (
	"time"

	"pgchaos/record"
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
		w.locked(func() {
			now := w.cfg.Clock.Now()
			w.collect()
			w.totals.tellLive(r.start, now)
		})
	}
}

// collect counts what the clients have recorded. w.mu is held.
func (w *Workload) collect() {
	for _, r := range w.rings {
		w.drain(r)
	}
}

// drain counts what is in a ring. w.mu is held.
func (w *Workload) drain(r *ring) {
	written := r.written.Load()
	for read := r.read.Load(); read != written; read++ {
		s := &r.samples[read&int64(len(r.samples)-1)]
		w.count(&w.clients[s.client].outages, s)
		s.op.Err = nil // it may hold much
	}
	r.read.Store(written)
}

// drainFull empties a ring that is full, under the lock, and returns its next sample.
func (w *Workload) drainFull(r *ring) *sample {
	w.locked(func() { w.drain(r) })
	return r.next()
}

// count books one operation of a client everywhere; the tracker is nil for an arrival that
// no client has taken. w.mu is held.
func (w *Workload) count(t *outageTracker, s *sample) {
	op := &s.op
	if int(op.Outcome) >= record.Outcomes {
		op.Outcome = record.Unknown
	}
	if uint(op.Node) > uint(w.cfg.Nodes) {
		op.Node = 0
	}
	// What Close has broken off says nothing of the server.
	brokenOff := op.Done >= w.brokenOff && (op.Outcome == record.Failed || op.Outcome == record.Unknown)
	switch {
	case t == nil:
	case brokenOff:
		t.brokenOff(op)
	default:
		t.note(op)
	}
	w.totals.record(s, brokenOff)
	if w.cfg.OnSample != nil {
		w.cfg.OnSample(s.client, *op)
	}
}
