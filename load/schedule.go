package load

import (
	"math"
	"sort"
	"time"
)

// Schedule is when arrivals are due, whatever the server does: offsets from a
// workload's start, each known by its index alone. Intervals added up would drift by
// their rounding, and a late arrival would delay all that follow. It is made by
// Constant or Poisson, never changes, and serves any number of goroutines.
type Schedule struct {
	legs []leg
	// chance has the arrivals of a Poisson process with one arrival a second; nil:
	// arrival i comes when the rate has added up to i.
	chance *chance
}

// leg is one stage of rates, in seconds.
type leg struct {
	start, length float64 // length: +Inf in a stage without end
	rate, slope   float64 // at the start, and what is added to it in a second
	before        float64 // what the rate has added up to at the start
	total         float64 // what it adds up to in this leg
}

// Constant has evenly spaced arrivals, the first of them at once. Stages of
// arrivals a second follow one another; after the last there are none.
func Constant(stages ...Stage) *Schedule {
	s := &Schedule{legs: make([]leg, 0, len(stages))}
	var start, before float64
	for _, stage := range stages {
		l := leg{start: start, length: math.Inf(1), rate: stage.To, before: before, total: math.Inf(1)}
		if stage.For > 0 {
			l.length, l.rate = stage.For.Seconds(), stage.From
			l.slope = (stage.To - stage.From) / l.length
			l.total = (stage.From + stage.To) / 2 * l.length
		} else if l.rate <= 0 {
			l.total = 0
		}
		s.legs = append(s.legs, l)
		start, before = start+l.length, before+l.total
	}
	return s
}

// Poisson has arrivals that come independently of each other, so many a second on
// average as the stages say; the seed determines them all.
func Poisson(seed uint64, stages ...Stage) *Schedule {
	s := Constant(stages...)
	s.chance = &chance{seed: seed}
	return s
}

// group is the schedule of one group of clients: at the same rates, but chance is
// every group's own.
func (s *Schedule) group(number int) *Schedule {
	if s.chance == nil || number == 0 {
		return s
	}
	return &Schedule{legs: s.legs, chance: &chance{seed: s.chance.seed + uint64(number)<<32}}
}

// At is when arrival i, from 0, is due after the start; ok is false where the stages
// end before.
func (s *Schedule) At(i int64) (due time.Duration, ok bool) {
	sum := float64(i)
	if s.chance != nil {
		sum = s.chance.at(i)
	}
	for j := range s.legs {
		if l := &s.legs[j]; sum < l.before+l.total {
			return time.Duration(math.Round((l.start + l.after(sum-l.before)) * float64(time.Second))), true
		}
	}
	return 0, false
}

// after is how long after its start a leg's rate has added up to n. It is the
// solution of rate*t + slope*t*t/2 = n, in the form that loses nothing where the
// slope is small or 0.
func (l *leg) after(n float64) float64 {
	if n <= 0 {
		return 0
	}
	return 2 * n / (l.rate + math.Sqrt(max(0, l.rate*l.rate+2*l.slope*n)))
}

// By is the number of arrivals that are due at or before an offset from the start: the
// exact inverse of At. An offset below 0 has none.
func (s *Schedule) By(offset time.Duration) int64 {
	if offset < 0 {
		return 0
	}
	bound := int64(s.sum(offset.Seconds())) + 2 // a due time is rounded: one more may lie before it
	if s.chance != nil {
		bound = s.chance.bound(float64(bound))
	}
	return int64(sort.Search(int(bound), func(i int) bool {
		due, ok := s.At(int64(i))
		return !ok || due > offset
	}))
}

// sum is what the rate has added up to after so many seconds.
func (s *Schedule) sum(seconds float64) (sum float64) {
	for _, l := range s.legs {
		if x := min(seconds-l.start, l.length); x > 0 && l.total > 0 {
			sum = l.before + l.rate*x + l.slope*x*x/2
		}
	}
	return sum
}

// rate is the number of arrivals a second at an offset; 0 where the stages have ended.
func (s *Schedule) rate(offset time.Duration) float64 {
	for _, l := range s.legs {
		if x := offset.Seconds() - l.start; x >= 0 && x < l.length {
			return max(0, l.rate+l.slope*x)
		}
	}
	return 0
}

// end is when the last stage is over; `running` where that is never.
func (s *Schedule) end() time.Duration {
	if len(s.legs) == 0 {
		return 0
	}
	last := s.legs[len(s.legs)-1]
	if math.IsInf(last.length, 1) {
		return running
	}
	return time.Duration(math.Round((last.start + last.length) * float64(time.Second)))
}
