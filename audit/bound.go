package audit

import (
	"cmp"
	"fmt"
	"time"

	"pgchaos/record"
)

// A write's LSN is taken before its commit record is written: the commit record comes
// after it, at an unknown distance. It ends at or before every LSN that the server reported
// to any client after it had acknowledged the write. A loss asks only whether the commit
// may end past one position of that server's WAL, the fork or the end of what a crash
// left; and it cannot, if an LSN up to that position was certainly taken after the
// acknowledgement. So the newest such LSN is all that has to be known of a position: a
// moment each, however long the run was, and nothing is rounded.

// limit is a position of a server's WAL from which on something was lost, and what shows
// how long the server had not come that far.
type limit struct {
	at      record.LSN
	write   bound // the write sent last whose LSN lies no further
	reading bound // the reading begun last that found the WAL written no further
}

// bound is an LSN, and the moment after which it was taken: what had been acknowledged
// before that moment was committed before the LSN. The zero value bounds nothing.
type bound struct {
	after   time.Duration
	lsn     record.LSN
	reading bool
}

// limitAt notes that a server's WAL from some position on may be lost.
func (s *serverEvidence) limitAt(at record.LSN) {
	l := limit{at: at}
	var before time.Duration
	for _, r := range s.states {
		// Where it is not recorded when a reading began, the one before had ended then.
		if r.AcceptsWrites() && r.Timeline == s.server.Timeline && r.LSN > 0 && r.LSN <= at {
			l.reading = bound{cmp.Or(r.Asked, before), r.LSN, true}
		}
		before = r.At
	}
	s.limits = append(s.limits, l)
}

// wrote lets a write's LSN show how far the server was.
func (s *serverEvidence) wrote(sent time.Duration, lsn record.LSN) {
	for i := range s.limits {
		if l := &s.limits[i]; lsn <= l.at && sent > l.write.after {
			l.write = bound{after: sent, lsn: lsn}
		}
	}
}

// committedBefore is what shows that a loss was committed before a position, and whether
// anything does. One moment is not after itself: the ledger tells microseconds.
func (w *evidenceReader) committedBefore(l *loss, at record.LSN) (b bound, ok bool) {
	if l.entry.LSN >= at || l.entry.Done == 0 {
		return bound{}, false
	}
	w.measure()
	for _, known := range l.evidence.limits {
		switch {
		case known.at != at:
		case known.write.after > l.entry.Done:
			return known.write, true
		// A reading tells how far the WAL was written. With synchronous_commit off an
		// acknowledged commit need not be.
		case known.reading.after > l.entry.Done && l.waits.regimes != nil && !wasOff(l.waits.regimes, &l.entry):
			return known.reading, true
		}
	}
	return bound{}, false
}

// measure reads the whole ledger, all writers and tables, for the newest LSN before
// each limit. It does so once, when the first loss asks: most runs lose nothing, or
// nothing that is in doubt.
func (w *evidenceReader) measure() {
	if w.measured {
		return
	}
	w.measured = true
	for _, account := range w.e.Book.Writers() {
		var last *serverEvidence
		for e, err := range w.e.Book.Entries(account.ID, 1, account.Issued) {
			if err != nil {
				w.err = fmt.Errorf("look for the LSNs of writer %d: %w", account.ID, err)
				return
			}
			if e.LSN == 0 {
				continue
			}
			if !w.tells(last, &e) {
				last = w.of(&e)
			}
			last.wrote(e.Sent, e.LSN)
		}
	}
}

// words say what bounds a commit, as the end of a sentence that begins with the loss.
func (b bound) words(node string) string {
	if b.reading {
		return fmt.Sprintf("the WAL of %s was read to be at %s after %.3f s, when it had been acknowledged", node, b.lsn, b.after.Seconds())
	}
	return fmt.Sprintf("a write that was sent to %s at %.3f s, when it had been acknowledged, got %s", node, b.after.Seconds(), b.lsn)
}
