package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pgchaos/history"
)

// Second is what ended in one second of the run's clock, the warm-up included.
type Second struct {
	At       time.Duration // its beginning
	Outcomes [history.Outcomes]int64
	Response Packed
	Service  Packed
}

// Packed is a distribution as it is kept for long: the histogram as Dist.Encode
// gives it.
type Packed struct {
	Count, OutOfRange int64
	Max               time.Duration // exact
	Histogram         string
}

// seconds keeps a Second for every second in which something ended. Few are open at
// any time: the present one, the one before, of which some clients have not told all
// yet, and perhaps one long ago, when a client comes to tell what had to be dropped then.
type seconds struct {
	open [3]openSecond
	past []Second // by number; without a count where nothing ended
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
	o.timing.record(op)
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
		s.put(earliest.pack())
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

func (s *seconds) put(p Second) {
	number := int(p.At / time.Second)
	for len(s.past) <= number {
		s.past = append(s.past, Second{})
	}
	s.past[number] = p
}

// record copies what is known by now, in the order of time.
func (s *seconds) all() (all []Second) {
	for i := range s.open {
		if s.open[i].used {
			s.put(s.open[i].pack())
		}
	}
	for _, p := range s.past {
		if p.Response.Count > 0 {
			all = append(all, p)
		}
	}
	return all
}

func (o *openSecond) begin(number int) {
	o.used, o.number = true, number
	o.outcomes = [history.Outcomes]int64{}
	o.timing.clear()
}

func (o *openSecond) pack() Second {
	p := Second{At: time.Duration(o.number) * time.Second, Outcomes: o.outcomes, Response: o.response.pack()}
	if p.Service = p.Response; o.apart {
		p.Service = o.service.pack()
	}
	return p
}

// unpack takes back what was packed. Of what is not in a Packed nothing is lost: the
// sums are not needed any more.
func (o *openSecond) unpack(p *Second) {
	if p.Response.Count == 0 {
		return
	}
	o.outcomes = p.Outcomes
	o.response.unpack(p.Response)
	if p.Service != p.Response {
		o.apart = true
		o.service.unpack(p.Service)
	}
}

func (l *latencies) pack() Packed {
	d := l.dist()
	text, _ := d.Encode() // it is written to memory: it cannot fail
	return Packed{Count: d.Count, OutOfRange: d.OutOfRange, Max: d.Max, Histogram: text}
}

func (l *latencies) unpack(p Packed) {
	if p.Count == 0 {
		return
	}
	h, err := hdrhistogram.Decode([]byte(p.Histogram))
	if err != nil {
		return // not of what pack has written
	}
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			i := bucketOf(bar.From)
			if l.n == 0 {
				l.begin(i, p.Max)
			}
			l.counts[i] = bar.Count
			l.low, l.high = min(l.low, i), max(l.high, i)
			l.n += bar.Count
		}
	}
	l.outOfRange = p.OutOfRange
}
