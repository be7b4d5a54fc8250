package load

import (
	"encoding/binary"
	"slices"
	"time"

	"pgchaos/record"
)

// Second is what ended in one second, or Record.Coarse of them, of the run's clock, the warm-up included.
type Second struct {
	At       time.Duration // its beginning
	Outcomes [record.Outcomes]int64
	Response Encoded
	Service  Encoded
}

// Encoded is a distribution whose histogram is as Dist.Encode gives it.
type Encoded struct {
	Count, OutOfRange int64
	Max               time.Duration // exact
	Histogram         string
}

// seconds counts the operations by the second in which they ended, and keeps a Second
// for each. Few buckets are open at any time: the present second's, that of the one before, of which
// some clients have not reported all yet, both once more where a phase begins, and perhaps
// one long ago, when a client comes to tell what had to be dropped then.
type seconds struct {
	open   [5]bucket
	past   []pastSecond // by number; without what is in the open buckets
	summed figures      // the space that sum uses
}

// bucket is what ended in one second and was due in one phase. Both are sums of buckets, so
// that an operation is counted once, and added to the two with all others when the
// bucket is put away.
type bucket struct {
	number int
	phase  *figures // or the warm-up's; nil: the bucket is not open
	figures
}

// pastSecond is a second that is over, in a few hundred bytes. An HDR histogram would be
// no larger, but to make one takes a third of a millisecond: that is done when the
// load is over.
type pastSecond struct {
	outcomes          [record.Outcomes]int64
	response, service packed  // response: nil where nothing ended; service: where it is the same
	encoded           *Second // of this second and those merged with it
	merged            int     // how many that are
}

// find opens a bucket, for which the earliest of those that are open must give way.
func (s *seconds) find(number int, phase *figures) *bucket {
	earliest := &s.open[0]
	for i := range s.open {
		t := &s.open[i]
		if t.number == number && t.phase == phase {
			return t
		}
		if earliest.phase != nil && (t.phase == nil || t.number < earliest.number) {
			earliest = t
		}
	}
	s.put(earliest)
	earliest.number, earliest.phase = number, phase
	return earliest
}

// put adds a bucket to its phase and to its second, and leaves it empty.
func (s *seconds) put(t *bucket) {
	if t.phase == nil {
		return
	}
	t.phase.add(&t.figures)
	t.join()
	for len(s.past) <= t.number {
		s.past = append(s.past, pastSecond{})
	}
	p := &s.past[t.number]
	t.unpack(p)
	*p = pastSecond{outcomes: t.outcomes, response: t.response.pack()}
	if t.apart {
		p.service = t.service.pack()
	}
	t.phase = nil
	t.clear()
}

// settle puts all buckets away: until then the phases lack what is in them.
func (s *seconds) settle() {
	for i := range s.open {
		s.put(&s.open[i])
	}
}

// sum is what ended in the seconds from one up to before another; it is valid until the next sum.
func (s *seconds) sum(from, to int) *figures {
	s.summed.clear()
	for number := from; number < min(to, len(s.past)); number++ {
		s.summed.unpack(&s.past[number])
	}
	for i := range s.open {
		if t := &s.open[i]; t.phase != nil && t.number >= from && t.number < to {
			s.summed.add(&t.figures)
		}
	}
	s.summed.join()
	return &s.summed
}

// all makes a Second of every so many seconds of what has been put away, in the order of time: their
// distributions are merged.
func (s *seconds) all(every int) (all []Second) {
	for first := 0; first < len(s.past); first += every {
		of := s.past[first:min(first+every, len(s.past))]
		if !slices.ContainsFunc(of, func(p pastSecond) bool { return p.response != nil }) {
			continue
		}
		p := &of[0]
		if p.encoded == nil || p.merged != every {
			p.encoded, p.merged = encode(of, time.Duration(first)*time.Second), every
		}
		all = append(all, *p.encoded)
	}
	return all
}

func encode(of []pastSecond, at time.Duration) *Second {
	var f figures
	for i := range of {
		f.unpack(&of[i])
	}
	s := &Second{At: at, Outcomes: f.outcomes, Response: f.response.encode()}
	if s.Service = s.Response; f.apart {
		s.Service = f.service.encode()
	}
	return s
}

// unpack adds what was packed.
func (f *figures) unpack(p *pastSecond) {
	for outcome, n := range p.outcomes {
		f.outcomes[outcome] += n
	}
	service := p.response
	if p.service != nil {
		service = p.service
		if !f.apart {
			f.part()
		}
	}
	f.response.unpack(p.response)
	if f.apart {
		f.service.unpack(service)
	}
}

func (l *latencies) encode() Encoded {
	d := l.dist()
	text, _ := d.Encode() // it is written to memory: it cannot fail
	return Encoded{Count: d.Count, OutOfRange: d.OutOfRange, Max: d.Max, Histogram: text}
}

// packed is what was counted, without the sums: how many were out of range, the
// largest, and for each bucket that is not empty how far it is from the one before, and
// its count.
type packed []byte

func (l *latencies) pack() packed {
	p := binary.AppendUvarint(make(packed, 0, 64), uint64(l.outOfRange))
	p = binary.AppendUvarint(p, uint64(max(l.max, 0)))
	if l.n == 0 {
		return p
	}
	low, high := l.touched()
	last := 0
	for i := low; i <= high; i++ {
		if n := l.counts[i]; n > 0 {
			p = binary.AppendUvarint(binary.AppendUvarint(p, uint64(i-last)), uint64(n))
			last = i
		}
	}
	return p
}

// unpack counts what was packed. Of the least duration no more is known than its bucket.
func (l *latencies) unpack(p packed) {
	next := func() int64 {
		v, n := binary.Uvarint(p)
		p = p[n:]
		return int64(v)
	}
	if len(p) == 0 {
		return
	}
	l.outOfRange += next()
	most := time.Duration(next())
	for i := 0; len(p) > 0; {
		i += int(next())
		if l.n == 0 {
			l.begin(most)
		}
		n := next()
		l.counts[i] += n
		l.n += n
		l.min = min(l.min, time.Duration(valueOf(i))*time.Microsecond)
		l.max = max(l.max, most)
	}
}
