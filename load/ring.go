package load

import (
	"math/bits"
	"sync/atomic"
	"time"

	"pgchaos/record"
)

// sample is what a client leaves of one operation.
type sample struct {
	op     record.Op
	client int // its number; -1: none has taken it
	// late is how much later than due the operation was sent although its client had been
	// waiting for it: the load generator's own doing. Below 0: it had not been.
	late time.Duration
}

// ring passes samples from one client, or from those of one event loop, to the holder of
// Workload.mu, without a lock and without an allocation. The one side alone moves written,
// the other alone read. Clients of a loop share one, since what each of many has for itself is
// in no cache when it is needed.
type ring struct {
	samples []sample // a power of two of them
	seen    int64    // the writing side's last look at read
	_       [64]byte
	written atomic.Int64
	_       [64]byte
	read    atomic.Int64
	_       [64]byte
}

// ringSize shares 64 Ki samples among so many rings, within bounds: at 120 bytes each,
// 64 clients have 8 MB in all, and 2,000 clients as much.
func ringSize(rings int) int {
	n := min(max(65_536/rings, 32), 1024)
	return 1 << (bits.Len(uint(n)) - 1)
}

// next is the place of the next sample; nil where the ring is full. Nobody else sees
// it before publish.
func (r *ring) next() *sample {
	written := r.written.Load()
	if written-r.seen >= int64(len(r.samples)) {
		if r.seen = r.read.Load(); written-r.seen >= int64(len(r.samples)) {
			return nil
		}
	}
	return &r.samples[written&int64(len(r.samples)-1)]
}

// publish hands the next sample over, and tells whether it is time to collect: when the
// ring is half full.
func (r *ring) publish() (half bool) {
	written := r.written.Load() + 1
	r.written.Store(written)
	if written-r.seen < int64(len(r.samples)/2) {
		return false
	}
	r.seen = r.read.Load()
	return written-r.seen >= int64(len(r.samples)/2)
}
