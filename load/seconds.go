package load

import (
	"encoding/binary"
	"time"

	"pgchaos/history"
)

// Second is what ended in one second of the run's clock, the warm-up included.
type Second struct {
	At       time.Duration // its beginning
	Outcomes [history.Outcomes]int64
	Response Encoded
	Service  Encoded
}

// Encoded is a distribution whose histogram is as Dist.Encode gives it.
type Encoded struct {
	Count, OutOfRange int64
	Max               time.Duration // exact
	Histogram         string
}

// seconds keeps a Second for every second in which something ended. Few are open at
// any time: the present one, the one before, of which some clients have not told all
// yet, and perhaps one long ago, when a client comes to tell what had to be dropped then.
type seconds struct {
	open [3]openSecond
	past []pastSecond // by number; nil where nothing ended
}

// pastSecond is a second that is over, in a few hundred bytes. An HDR histogram would be
// no larger, but to make one takes a third of a millisecond: that is done when the
// load is over.
type pastSecond struct {
	outcomes          [history.Outcomes]int64
	response, service packed // service: nil where it is the same
	encoded           *Second
}

// openSecond is a second to which operations are still added.
type openSecond struct {
	used     bool
	number   int
	outcomes [history.Outcomes]int64
	timing
}

func (s *seconds) record(op *history.Op) {
	o := s.find(max(0, int(op.Done/time.Second)))
	o.outcomes[op.Outcome]++
	o.record(op)
}

// find opens a second, for which the earliest of those that are open must give way.
func (s *seconds) find(number int) *openSecond {
	earliest := &s.open[0]
	for i := range s.open {
		o := &s.open[i]
		if o.used && o.number == number {
			return o
		}
		if earliest.used && (!o.used || o.number < earliest.number) {
			earliest = o
		}
	}
	if earliest.used {
		s.put(earliest)
	}
	earliest.begin(number)
	if number < len(s.past) {
		earliest.unpack(&s.past[number])
	}
	return earliest
}

// peek is an open second; nil where nothing has ended in it, or it is packed.
func (s *seconds) peek(number int) *openSecond {
	for i := range s.open {
		if o := &s.open[i]; o.used && o.number == number {
			return o
		}
	}
	return nil
}

func (s *seconds) put(o *openSecond) {
	for len(s.past) <= o.number {
		s.past = append(s.past, pastSecond{})
	}
	p := pastSecond{outcomes: o.outcomes, response: o.response.pack()}
	if o.apart {
		p.service = o.service.pack()
	}
	s.past[o.number] = p
}

// all copies what is known by now, in the order of time.
func (s *seconds) all() (all []Second) {
	for i := range s.open {
		if s.open[i].used {
			s.put(&s.open[i])
		}
	}
	for number := range s.past {
		p := &s.past[number]
		if p.response == nil {
			continue
		}
		if p.encoded == nil {
			p.encoded = p.encode(time.Duration(number) * time.Second)
		}
		all = append(all, *p.encoded)
	}
	return all
}

func (p *pastSecond) encode(at time.Duration) *Second {
	var o openSecond
	o.unpack(p)
	s := &Second{At: at, Outcomes: p.outcomes, Response: o.response.encode()}
	if s.Service = s.Response; o.apart {
		s.Service = o.service.encode()
	}
	return s
}

func (o *openSecond) begin(number int) {
	o.used, o.number = true, number
	o.outcomes = [history.Outcomes]int64{}
	o.clear()
}

// unpack takes back what was packed.
func (o *openSecond) unpack(p *pastSecond) {
	o.outcomes = p.outcomes
	o.response.unpack(p.response)
	if p.service != nil {
		o.apart = true
		o.service.unpack(p.service)
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
	last := 0
	for i := l.low; i <= l.high; i++ {
		if n := l.counts[i]; n > 0 {
			p = binary.AppendUvarint(binary.AppendUvarint(p, uint64(i-last)), uint64(n))
			last = i
		}
	}
	return p
}

// unpack counts what was packed; l is empty.
func (l *latencies) unpack(p packed) {
	next := func() int64 {
		v, n := binary.Uvarint(p)
		p = p[n:]
		return int64(v)
	}
	if len(p) == 0 {
		return
	}
	outOfRange, most := next(), time.Duration(next())
	for i := 0; len(p) > 0; {
		i += int(next())
		if l.n == 0 {
			l.begin(i, most)
		}
		n := next()
		l.counts[i] = n
		l.low, l.high = min(l.low, i), max(l.high, i)
		l.n += n
	}
	l.outOfRange = outOfRange
}
