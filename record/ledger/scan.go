package ledger

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"pgchaos/record"
)

// scanner is the state of Open.
type scanner struct {
	book     *Book
	accounts map[int]*accountState
	valid    int // blocks with a header
	damaged  int
	lost     []uint32 // blocks of zeros; those at the end are unused space, not damage
	lines    []exception
	used     map[uint32]bool // servers
}

// accountState is an account while it is read.
type accountState struct {
	Account
	next   int64 // the number that the next block should begin with
	rotten bool  // the newest block cannot be read
	named  bool
	guess  int64 // bounds what the newest block may have issued, where it does not say
}

// exception is an entry that is not simply OK.
type exception struct {
	seq     int64
	outcome record.Outcome
	late    bool
}

func (b *Book) scan() error {
	s := &scanner{book: b, accounts: make(map[int]*accountState), used: make(map[uint32]bool)}
	const chunk = segmentBlocks * BlockSize
	buffer := make([]byte, chunk)
	for number := int64(0); ; {
		n, err := b.file.ReadAt(buffer, number*BlockSize)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		whole := buffer[:n]
		if n%BlockSize != 0 { // cut off: its header may still say whose it is
			clear(buffer[n:])
			whole = buffer[:(n/BlockSize+1)*BlockSize]
		}
		for at := 0; at < len(whole); at, number = at+BlockSize, number+1 {
			if number > 1<<32-1 {
				return errors.New("more blocks than a ledger can have")
			}
			if err := s.block(whole[at:at+BlockSize], uint32(number)); err != nil {
				return err
			}
		}
		if n < chunk {
			break
		}
	}
	if s.valid == 0 {
		return ErrNotLedger
	}
	s.finish()
	return nil
}

func (s *scanner) damage(format string, args ...any) {
	s.damaged++
	if s.damaged <= damageMax {
		s.book.Damage = append(s.book.Damage, fmt.Sprintf(format, args...))
	}
}

// block reads one block. Its error is one of the file, not of the block.
func (s *scanner) block(b []byte, number uint32) error {
	if zeros(b) {
		s.lost = append(s.lost, number)
		return nil
	}
	s.reportLost()
	if s.book.Closed {
		s.damage("block %d: stands behind the end of the file", number)
		return nil
	}
	h, unread := parseHeader(b, number)
	if errors.Is(unread, errVersion) {
		return unread
	}
	if unread != nil {
		s.damage("block %d: %v, so that nobody knows whose it was: the newest numbers of a writer, late answers or names may be missing", number, unread)
		return nil
	}
	s.valid++
	payload, err := h.payload(b)
	switch h.kind {
	case kindWrites:
		s.writes(h, b, payload, err)
	case kindNames:
		if err == nil {
			err = s.names(payload)
		}
		if err != nil {
			s.damage("block %d: %v: names of the run, of writers or of servers may be missing", number, err)
		}
	case kindEnd:
		s.book.Closed = err == nil
	default:
		s.damage("block %d: of kind %d, which is not known", number, h.kind)
	}
	return nil
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// reportLost reports the blocks of zeros before a block that has data: blocks are begun in
// order, so those were begun and lost.
func (s *scanner) reportLost() {
	for _, lost := range s.lost {
		s.damage("block %d: it is gone: the newest numbers of a writer, late answers or names may be missing", lost)
	}
	s.lost = s.lost[:0]
}

func (s *scanner) account(id int) *accountState {
	t := s.accounts[id]
	if t == nil {
		t = &accountState{next: 1}
		t.ID = id
		t.Weak, t.Failed, t.Unknown, t.disputed = roaring64.New(), roaring64.New(), roaring64.New(), roaring64.New()
		s.accounts[id] = t
	}
	return t
}

func (s *scanner) names(p []byte) error {
	for f := (fields{b: p}); len(f.b) > 0; {
		letter := f.b[0]
		f.b = f.b[1:]
		body := fields{b: []byte(f.text())}
		switch letter {
		case 'r':
			s.book.Run = string(body.b)
		case 'w':
			id := body.unsigned()
			if id > record.MaxWriter || body.bad {
				return errEntry
			}
			t := s.account(int(id))
			t.Workload, t.named = string(body.b), true
		case 's':
			n := body.unsigned()
			timeline := body.unsigned()
			s.book.servers[uint32(n)] = Server{Timeline: uint32(timeline), Node: body.text(), SystemID: body.text()}
		}
		if f.bad || body.bad {
			return errEntry
		}
	}
	return nil
}

// writes reads a block of entries; bad is why they cannot be read.
func (s *scanner) writes(h header, b, payload []byte, bad error) {
	if h.writer > record.MaxWriter {
		s.damage("block %d: of writer %d, which cannot be", h.number, h.writer)
		return
	}
	t := s.account(int(h.writer))
	if h.start.next < t.next {
		s.damage("block %d: writer %d begins again at %d after %d", h.number, t.ID, h.start.next, t.next-1)
		return
	}
	t.unknown(t.next, h.start.next-1)
	if h.start.next > t.next && !t.rotten { // else it has been said
		s.damage("writer %d: %d to %d are unknown: their block cannot be read", t.ID, t.next, h.start.next-1)
	}
	t.next, t.rotten = h.start.next, false
	t.Issued = max(t.Issued, t.next-1)
	cur, late := h.start, lateBlock{number: h.number}
	s.lines = s.lines[:0]
	if bad == nil {
		bad = s.entries(&cur, &late, payload)
	}
	issued, ok := parseIssued(word(b[offIssued:]), h.crc)
	ok = ok && issued >= h.start.next-1 && issued <= h.start.next+maxPerBlock
	t.guess = 0
	if ok {
		t.Issued = max(t.Issued, issued)
	}
	switch {
	case bad != nil:
		s.damage("block %d: %v: writer %d from %d on is unknown, up to its next block", h.number, bad, t.ID, t.next)
		t.rotten = true
		if !ok {
			t.guess = t.next + maxPerBlock
		}
		return
	case !ok:
		s.damage("block %d: how many numbers writer %d had issued cannot be read: %d may be one too many", h.number, t.ID, cur.next)
		t.guess = cur.next
	}
	t.numbers, t.firsts = append(t.numbers, h.number), append(t.firsts, h.start.next)
	if late.last > 0 {
		t.lates = append(t.lates, late)
	}
	for _, e := range s.lines {
		s.apply(t, e)
	}
	t.next = cur.next
	t.Issued = max(t.Issued, t.next-1)
}

// entries collects what is not simply OK, so that nothing of a block that makes no
// sense is believed.
func (s *scanner) entries(cur *cursor, late *lateBlock, p []byte) error {
	var r encoded
	var err error
	server := cur.server
	for len(p) > 0 {
		if p, err = cur.decode(p, &r); err != nil {
			return err
		}
		if r.server != server {
			server = r.server
			s.used[server] = true
		}
		if r.late {
			if late.last == 0 || r.seq < late.first {
				late.first = r.seq
			}
			late.last = max(late.last, r.seq)
		}
		if r.late || r.outcome != record.OK {
			s.lines = append(s.lines, exception{r.seq, r.outcome, r.late})
		}
	}
	return nil
}

// apply enters one exception. A late answer resolves an unknown number; what is
// settled is not settled twice, unless both say the same.
func (s *scanner) apply(t *accountState, e exception) {
	seq := uint64(e.seq)
	if e.late {
		if e.outcome == record.Unknown || t.disputed.Contains(seq) {
			return
		}
		was := t.known(e.seq)
		switch was {
		case e.outcome:
			return
		case record.Unknown:
			t.Unknown.Remove(seq)
		default:
			s.damage("writer %d: %d was recorded as %v, and then as %v: it counts as unknown", t.ID, e.seq, was, e.outcome)
			t.Weak.Remove(seq)
			t.Failed.Remove(seq)
			t.disputed.Add(seq)
			e.outcome = record.Unknown
		}
	}
	switch e.outcome {
	case record.Unknown:
		t.Unknown.Add(seq)
	case record.Weak:
		t.Weak.Add(seq)
	case record.Failed:
		t.Failed.Add(seq)
	}
}

// unknown enters a range, which may be empty.
func (t *accountState) unknown(first, last int64) {
	if first <= last {
		t.Unknown.AddRange(uint64(first), uint64(last)+1)
	}
}

// finish makes the accounts.
func (s *scanner) finish() {
	for _, id := range slices.Sorted(maps.Keys(s.accounts)) {
		t := s.accounts[id]
		t.Issued = max(t.Issued, t.guess)
		t.unknown(t.next, t.Issued)
		t.close()
		if !t.named {
			s.damage("writer %d: its name is missing", id)
		}
		s.book.accounts = append(s.book.accounts, &t.Account)
	}
	missing := make([]uint32, 0)
	for n := range s.used {
		if _, ok := s.book.servers[n]; n != 0 && !ok {
			missing = append(missing, n)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		s.damage("servers %d: who they were is missing", missing)
	}
	if more := s.damaged - damageMax; more > 0 {
		s.book.Damage = append(s.book.Damage, fmt.Sprintf("and %d more", more))
	}
}

// close brings the account into its final, small form.
func (t *accountState) close() {
	for _, set := range []*roaring64.Bitmap{t.Weak, t.Failed, t.Unknown} {
		set.RunOptimize()
	}
	t.numbers, t.firsts, t.lates = slices.Clip(t.numbers), slices.Clip(t.firsts), slices.Clip(t.lates)
	for i := len(t.lates) - 1; i >= 0; i-- {
		t.lates[i].least = t.lates[i].first
		if i+1 < len(t.lates) {
			t.lates[i].least = min(t.lates[i].first, t.lates[i+1].least)
		}
	}
}
