package ledger

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"pgchaos/record"
)

// Writer is the book of one writer, which sends one write at a time: Next before
// it, Record after it. All methods are safe for concurrent use, because a late
// answer comes from elsewhere.
type Writer struct {
	ledger *Ledger
	id     int

	mu      sync.Mutex
	issued  int64
	page    page
	first   int64  // the number with which the page begins
	at      cursor // at.next <= issued: that number and those after it have no entry yet
	sent    int64  // of the newest number, microseconds
	closed  bool
	scratch [maxEntry]byte
}

// ID is the writer's number in keys and in the file.
func (w *Writer) ID() int { return w.id }

// Issued is the newest sequence number that Next returned; 0: none yet.
func (w *Writer) Issued() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.issued
}

// Next issues the next sequence number, from 1, for a write to be sent at this
// time. The file knows the number before Next returns, and never issues it again.
// A number before it that has no record is given up: unknown, until a late answer.
//
// Next returns 0 when it cannot issue: after an Err, after Close, at the end of
// the numbers. The caller must not send then, since nobody could ever explain the row.
func (w *Writer) Next(at time.Duration) (seq int64) { return w.NextN(at, 1) }

// MostAtOnce bounds how many numbers NextN issues.
const MostAtOnce = maxPerBlock

// NextN issues n sequence numbers at once, 1 to MostAtOnce, for writes that are sent
// and answered together, and returns the first; the others follow it. It is in all else
// as Next. Each is to have its own Record, in their order.
func (w *Writer) NextN(at time.Duration, n int) (first int64) {
	w.mu.Lock()
	defer w.leave(debug.SetPanicOnFault(true))
	if w.closed || w.ledger.err.Load() != nil {
		return 0
	}
	issued := w.issued
	for w.at.next <= issued {
		if !w.giveUp() {
			return 0
		}
	}
	last := issued + int64(n)
	if n < 1 || n > MostAtOnce || last > record.MaxSeq {
		w.ledger.fail(fmt.Errorf("writer %d: no %d sequence numbers after %d: %d at once and %d in all is what there can be",
			w.id, n, issued, MostAtOnce, int64(record.MaxSeq)))
		return 0
	}
	// A block is about so many numbers at most, those without an entry included.
	if (w.page.mem == nil || last > w.first+maxPerBlock) && !w.nextBlock() {
		return 0
	}
	w.sent = max(micros(at), 0)
	w.page.issue(last, w.sent)
	w.issued = last
	return issued + 1
}

// Record notes the outcome of a sequence number: who answered (by AddServer's
// number; 0: nobody), the LSN of the insert (0: unknown), and when it ended (0: it
// never did). The file knows it when Record returns. An answer to a number that was
// given up, because its Record said unknown or a newer one was issued, is late. It
// stands beside what is there; the first that is not unknown counts, and two that
// contradict each other make the number unknown, and a line of Book.Damage.
//
// A number that was never issued, a server that AddServer did not name, or an
// outcome that no write can have is an error of the caller's: it becomes the
// Err of the ledger.
func (w *Writer) Record(seq int64, outcome record.Outcome, server int, lsn record.LSN, done time.Duration) {
	w.mu.Lock()
	defer w.leave(debug.SetPanicOnFault(true))
	if w.closed || w.ledger.err.Load() != nil {
		return
	}
	if seq < 1 || seq > w.issued || outcome >= record.Dropped || server < 0 || int64(server) > w.ledger.known.Load() {
		w.ledger.fail(fmt.Errorf("writer %d: record of number %d as %v by server %d: there is no such", w.id, seq, outcome, server))
		return
	}
	var r encoded // field by field: a literal is built elsewhere, and copied
	r.seq, r.outcome, r.late, r.ended = seq, outcome, seq < w.at.next, done > 0
	r.server, r.lsn, r.sent, r.done = uint32(server), uint64(lsn), w.sent, micros(done)
	w.add(&r)
}

// leave ends a method: unlocks, and makes an error of a store that failed.
func (w *Writer) leave(faults bool) {
	if r := recover(); r != nil {
		w.ledger.fail(fmt.Errorf("writer %d: %w", w.id, faultOf(r)))
	}
	debug.SetPanicOnFault(faults)
	w.mu.Unlock()
}

// giveUp notes the oldest number without an entry as unknown.
func (w *Writer) giveUp() bool {
	return w.add(&encoded{seq: w.at.next, sent: w.sent})
}

// add appends an entry, in a new block where the old one is full. It is false
// when there is an Err.
func (w *Writer) add(r *encoded) bool {
	after := w.at
	entry := after.encode(w.scratch[:0], r)
	if !w.page.fits(len(entry)) && !w.nextBlock() {
		return false
	}
	w.page.add(entry) // valid in the new block too, which begins at the same cursor
	w.at = after
	return true
}

// nextBlock goes on to a new block. The old one is unmapped when the new one knows what
// was issued.
func (w *Writer) nextBlock() bool {
	l := w.ledger
	fresh, err := l.mapBlock(header{kind: kindWrites, writer: uint32(w.id), start: w.at}, l.takeLocked)
	if err == nil {
		old := w.page
		w.page, w.first = fresh, w.at.next
		w.page.issue(w.issued, w.sent)
		err = l.unmap(&old)
	}
	if err != nil {
		l.fail(fmt.Errorf("writer %d: %w", w.id, err))
		return false
	}
	return true
}

func (w *Writer) close() {
	w.mu.Lock()
	defer w.leave(debug.SetPanicOnFault(true))
	for w.ledger.err.Load() == nil && w.at.next <= w.issued && w.giveUp() {
	}
	w.closed = true
	if err := w.ledger.unmap(&w.page); err != nil {
		w.ledger.fail(err)
	}
}
