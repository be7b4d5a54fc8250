package pgload

import (
	"sync"
	"sync/atomic"
	"time"
)

// ProgressSource tells how far writers have come, for reads to be held against. Its methods
// are safe for concurrent use, and Issued and Acked take no lock.
type ProgressSource interface {
	// Writers are the numbers of the writers of a table. They must be complete before
	// the first read of it.
	Writers(table string) []int
	// Issued is the newest sequence number that may have been sent; 0: none.
	Issued(writer int) int64
	// Acked is the newest sequence number acknowledged, and when; 0 and 0: none.
	Acked(writer int) (seq int64, at time.Duration)
}

// WriterProgress is where inserts publish how far they have come. It implements ProgressSource, and
// beyond that remembers when the newest writes were acknowledged.
type WriterProgress struct {
	mu        sync.Mutex
	tables    map[string][]int
	positions atomic.Pointer[[]*writerPosition] // by writer; nil for those that were not added
}

// NewWriterProgress returns progress without writers.
func NewWriterProgress() *WriterProgress {
	b := &WriterProgress{tables: map[string][]int{}}
	b.positions.Store(&[]*writerPosition{})
	return b
}

// writerPosition is one writer's. Only its client stores into it, of whose goroutines one that was
// given up on may just be issuing another number.
type writerPosition struct {
	issued atomic.Int64
	acked  atomic.Int64
	_      [48]byte // readers of one writer do not slow another one down
	recent [recentAcks]atomic.Uint64
}

const (
	// recentAcks is for how many sequence numbers back it is known when they were
	// acknowledged: 32 KiB a writer.
	recentAcks = 4096
	// A slot holds the time in microseconds above, and the low bits of the sequence
	// number, which tell whose time it is: another number with the same bits would have
	// to be 16 million back, and none since acknowledged in its slot.
	slotBits = 24
	slotMask = 1<<slotBits - 1
)

// add adds a writer of a table. It must not be called once there are reads.
func (b *WriterProgress) add(table string, writer int) *writerPosition {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := *b.positions.Load()
	positions := make([]*writerPosition, max(len(old), writer+1))
	copy(positions, old)
	positions[writer] = &writerPosition{}
	b.positions.Store(&positions)
	b.tables[table] = append(b.tables[table], writer)
	return positions[writer]
}

// Writers is as ProgressSource wants it.
func (b *WriterProgress) Writers(table string) []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tables[table]
}

// Issued is as ProgressSource wants it.
func (b *WriterProgress) Issued(writer int) int64 { return (*b.positions.Load())[writer].issued.Load() }

// Acked is as ProgressSource wants it.
func (b *WriterProgress) Acked(writer int) (seq int64, at time.Duration) {
	h := (*b.positions.Load())[writer]
	for {
		if seq = h.acked.Load(); seq == 0 {
			return 0, 0
		}
		if at, known := h.when(seq); known {
			return seq, at
		} // else it was overwritten, by one of which acked tells soon
	}
}

// oldestUnseen is when the oldest acknowledged write after the one seen was
// acknowledged. The newest acknowledged one is newer than that. Where the time is no
// longer kept, atLeast is set, and at is of a later one.
func (b *WriterProgress) oldestUnseen(writer int, seen, newest int64, newestAt time.Duration) (at time.Duration, atLeast bool) {
	h := (*b.positions.Load())[writer]
	first := seen + 1
	if oldest := newest - recentAcks + 1; first < oldest {
		first, atLeast = oldest, true
	}
	for seq := first; seq < newest; seq++ { // one step, unless writes failed
		if at, known := h.when(seq); known {
			return at, atLeast
		}
	}
	return newestAt, atLeast
}

// issue publishes a number that is about to be sent.
func (h *writerPosition) issue(seq int64) {
	if h == nil {
		return
	}
	for newest := h.issued.Load(); seq > newest && !h.issued.CompareAndSwap(newest, seq); newest = h.issued.Load() {
	}
}

// ack publishes an acknowledgement. The numbers of one writer are acknowledged in
// their order; an answer to one that was given up on must not come here.
func (h *writerPosition) ack(seq int64, at time.Duration) {
	if h == nil {
		return
	}
	us := uint64(max(at, 0) / time.Microsecond)
	h.recent[seq%recentAcks].Store(us<<slotBits | uint64(seq)&slotMask)
	h.acked.Store(seq)
}

// when is the time of an acknowledgement, to the microsecond.
func (h *writerPosition) when(seq int64) (at time.Duration, known bool) {
	slot := h.recent[seq%recentAcks].Load()
	if slot&slotMask != uint64(seq)&slotMask {
		return 0, false
	}
	return time.Duration(slot>>slotBits) * time.Microsecond, true
}
