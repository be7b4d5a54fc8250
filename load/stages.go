package load

import (
	"math"
	"time"
)

// Stage is a stretch of a workload in which something changes evenly, from From to To:
// its arrivals a second, or its clients. For 0 is a stage without end, at To; it can
// only be the last.
type Stage struct {
	For      time.Duration
	From, To float64
}

// Steady is a stage without end in which nothing changes.
func Steady(value float64) Stage { return Stage{From: value, To: value} }

// Linear lets each stage begin where the one before has ended, and the first at start,
// whatever their From is.
func Linear(start float64, stages ...Stage) []Stage {
	linear := make([]Stage, len(stages))
	for i, s := range stages {
		linear[i] = Stage{For: s.For, From: start, To: s.To}
		start = s.To
	}
	return linear
}

// stagesEnd is when the last stage ends; `running` where that is never, or where
// there is none.
func stagesEnd(stages []Stage) time.Duration {
	end := time.Duration(0)
	for _, s := range stages {
		if s.For <= 0 {
			return running
		}
		end += s.For
	}
	if end == 0 {
		return running
	}
	return end
}

// value is what a stage has come to, so long after its beginning.
func (s Stage) value(x time.Duration) float64 {
	if s.For <= 0 {
		return s.To
	}
	return s.From + (s.To-s.From)*float64(x)/float64(s.For)
}

// nextActive is the first moment from offset on at which the stages of clients let the
// client in a place (0 is the first) work, which is while there are more clients than its
// place is. ok is false if that never comes again.
func nextActive(stages []Stage, place int, offset time.Duration) (at time.Duration, ok bool) {
	wanted, begin := float64(place), time.Duration(0)
	for _, s := range stages {
		end := running
		if s.For > 0 {
			end = begin + s.For
		}
		from := max(offset, begin)
		switch {
		case from >= end:
		case s.value(from-begin) > wanted:
			return from, true
		case s.For > 0 && s.To > s.From && s.To > wanted:
			share := (wanted - s.From) / (s.To - s.From) // of the stage: then there are as many as its place, and at once more
			return max(from, begin+time.Duration(math.Floor(share*float64(s.For)))+1), true
		}
		begin = end
	}
	return 0, false
}
