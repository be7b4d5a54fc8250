package record

import "time"

// SlotLength is the length of a Slot.
const SlotLength = 10 * time.Millisecond

// SeriesStep is the resolution of the time series of a workload and of its dropped arrivals.
const SeriesStep = 10 * SlotLength

// Slot counts what ended in one SlotLength of the run's clock, and keeps the exact times
// that decide where an outage begins and ends. These are offsets into the slot in
// microseconds, which fit in two bytes: a day has 8.6 million slots of 20 bytes.
type Slot struct {
	OK     uint32 // ok and weak
	Errors uint32 // failed and unknown

	FirstOK, LastOK       uint16 // of no meaning where OK is 0
	FirstError, LastError uint16 // of no meaning where Errors is 0
	// Back is the first success after LastError, if the operations are added in the order
	// of their ends; otherwise it can be a later success of this slot. It has no meaning
	// unless Returns.
	Back uint16
}

// Add counts an operation that ended at a moment of the slot, on the run's clock. What
// was never sent does not count.
func (s *Slot) Add(outcome Outcome, at time.Duration) {
	switch offset := uint16(max(0, at) % SlotLength / time.Microsecond); {
	case outcome.Acknowledged():
		s.FirstOK, s.LastOK = bounds(s.OK, s.FirstOK, s.LastOK, 1, offset, offset)
		s.OK++
		if s.Errors > 0 && offset > s.LastError && (offset < s.Back || s.Back <= s.LastError) {
			s.Back = offset
		}
	case outcome != Dropped:
		s.FirstError, s.LastError = bounds(s.Errors, s.FirstError, s.LastError, 1, offset, offset)
		s.Errors++
		if s.Returns() && s.Back <= s.LastError {
			s.Back = s.LastOK
			if s.FirstOK > s.LastError {
				s.Back = s.FirstOK
			}
		}
	}
}

// Merge adds what was counted elsewhere of the same slot.
func (s *Slot) Merge(o Slot) {
	both := Slot{OK: s.OK + o.OK, Errors: s.Errors + o.Errors}
	both.FirstOK, both.LastOK = bounds(s.OK, s.FirstOK, s.LastOK, o.OK, o.FirstOK, o.LastOK)
	both.FirstError, both.LastError = bounds(s.Errors, s.FirstError, s.LastError, o.Errors, o.FirstError, o.LastError)
	if both.Returns() {
		both.Back = both.LastOK
		for _, at := range [...]uint16{s.FirstOK, s.Back, o.FirstOK, o.Back} {
			if at > both.LastError {
				both.Back = min(both.Back, at)
			}
		}
	}
	*s = both
}

// Returns tells whether a success came after the last failure of the slot.
func (s *Slot) Returns() bool { return s.OK > 0 && s.Errors > 0 && s.LastOK > s.LastError }

// bounds are the first and the last of two sets of moments, given by their number, their
// first and their last.
func bounds(n uint32, first, last uint16, m uint32, otherFirst, otherLast uint16) (uint16, uint16) {
	switch {
	case n == 0:
		return otherFirst, otherLast
	case m == 0:
		return first, last
	}
	return min(first, otherFirst), max(last, otherLast)
}
