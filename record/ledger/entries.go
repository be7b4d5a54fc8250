package ledger

import (
	"encoding/binary"
	"fmt"
	"iter"
	"sort"
	"time"

	"pgchaos/record"
)

// Entry is the outcome of one write. Times are offsets on the run's clock, to the
// microsecond.
type Entry struct {
	Seq     int64
	Outcome record.Outcome // never Dropped
	Late    bool           // answered after its client had given up on it
	Server  Server         // zero: nobody answered, or Damage has taken the name
	LSN     record.LSN     // of the insert; 0: unknown
	Sent    time.Duration  // 0: unknown
	Done    time.Duration  // 0: it never ended
}

// Write is an Entry and whose it is.
type Write struct {
	Account *Account
	Entry   Entry
}

func word(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// Entries yields the writes first to last of one writer, in the order of their
// numbers, unknown ones included. It reads those blocks of the file that are about
// them. After an error, which is one of reading the file, there is nothing more.
// Numbers that were never issued are left out.
func (b *Book) Entries(writer int, first, last int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		a := b.account(writer)
		if a == nil {
			return
		}
		walk{book: b, account: a, block: make([]byte, BlockSize)}.run(max(first, 1), min(last, a.Issued), yield)
	}
}

// All yields every write of every writer, one writer after the other.
func (b *Book) All() iter.Seq2[Write, error] {
	return func(yield func(Write, error) bool) {
		for _, a := range b.accounts {
			for e, err := range b.Entries(a.ID, 1, a.Issued) {
				if !yield(Write{a, e}, err) {
					return
				}
			}
		}
	}
}

// walk is one iteration: a block in memory at a time.
type walk struct {
	book    *Book
	account *Account
	block   []byte
}

func (w walk) run(first, last int64, yield func(Entry, error) bool) {
	a := w.account
	// The last block that begins at first or before; several may begin at one number,
	// where all but the last hold nothing but late entries.
	at := sort.Search(len(a.firsts), func(i int) bool { return a.firsts[i] > first }) - 1
	for next := first; next <= last; at++ {
		end := last // of what the block, or the hole before the first one, is about
		if at+1 < len(a.firsts) {
			end = min(last, a.firsts[at+1]-1)
		}
		if end < next {
			continue
		}
		if !w.span(at, next, end, yield) {
			return
		}
		next = end + 1
	}
}

// span yields first to last, which are in the block at this place of the index or,
// where it does not reach, in none.
func (w walk) span(at int, first, last int64, yield func(Entry, error) bool) bool {
	a := w.account
	late, err := w.late(max(at, 0), first, last)
	if err != nil {
		yield(Entry{}, err)
		return false
	}
	next := first
	put := func(e Entry) bool {
		next++
		if l, ok := late[e.Seq]; ok {
			w.merge(&e, l)
		}
		if a.disputed.Contains(uint64(e.Seq)) {
			e.Outcome = record.Unknown
		}
		return yield(e, nil)
	}
	var pending int64 // what the block says of the newest number's sending
	if at >= 0 {
		h, p, err := w.read(a.numbers[at])
		if err != nil {
			yield(Entry{}, err)
			return false
		}
		if sent, ok := parseSent(word(w.block[offSent:]), a.Issued, h.crc); ok {
			pending = sent
		}
		cur := h.start
		for len(p) > 0 && next <= last {
			var r encoded
			if p, err = cur.decode(p, &r); err != nil {
				yield(Entry{}, fmt.Errorf("block %d: %w", h.number, err))
				return false
			}
			if !r.late && r.seq >= first && !put(w.entry(&r)) {
				return false
			}
		}
	}
	for next <= last { // without an entry
		e := Entry{Seq: next}
		if next == a.Issued {
			e.Sent = duration(pending)
		}
		if !put(e) {
			return false
		}
	}
	return true
}

func (w walk) entry(r *encoded) Entry {
	e := Entry{
		Seq: r.seq, Outcome: r.outcome, Late: r.late, Server: w.book.servers[r.server],
		LSN: record.LSN(r.lsn), Sent: duration(r.sent),
	}
	if r.ended {
		e.Done = duration(r.done)
	}
	return e
}

// merge enters late news: the first that is not unknown counts.
func (w walk) merge(e *Entry, l Entry) {
	switch {
	case e.Outcome != record.Unknown:
	case l.Outcome != record.Unknown:
		l.Sent = e.Sent
		*e = l
	case e.Done == 0:
		e.Done = l.Done // it broke off, and nobody answered
	}
}

// late reads the late entries about first to last. They stand in the block of
// their number or behind it, mostly close.
func (w walk) late(at int, first, last int64) (map[int64]Entry, error) {
	a := w.account
	if len(a.lates) == 0 {
		return nil, nil
	}
	found := make(map[int64]Entry)
	from := 0
	if len(a.numbers) > 0 {
		from = sort.Search(len(a.lates), func(i int) bool { return a.lates[i].number >= a.numbers[at] })
	}
	for _, b := range a.lates[from:] {
		if b.least > last {
			break
		}
		if b.first > last || b.last < first {
			continue
		}
		h, p, err := w.read(b.number)
		if err != nil {
			return nil, err
		}
		for cur := h.start; len(p) > 0; {
			var r encoded
			if p, err = cur.decode(p, &r); err != nil {
				return nil, fmt.Errorf("block %d: %w", h.number, err)
			}
			if !r.late || r.seq < first || r.seq > last {
				continue
			}
			l := w.entry(&r)
			if was, ok := found[r.seq]; ok {
				w.merge(&was, l)
				l = was
			}
			found[r.seq] = l
		}
	}
	return found, nil
}

// read reads a block of the index again, and checks it again: the file may have
// changed since Open.
func (w walk) read(number uint32) (h header, payload []byte, err error) {
	if _, err = w.book.file.ReadAt(w.block, int64(number)*BlockSize); err != nil {
		return h, nil, fmt.Errorf("read block %d: %w", number, err)
	}
	if h, err = parseHeader(w.block, number); err == nil {
		payload, err = h.payload(w.block)
	}
	if err != nil {
		return h, nil, fmt.Errorf("read block %d, which was whole when the ledger was opened: %w", number, err)
	}
	return h, payload, nil
}
