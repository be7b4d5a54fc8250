package load

import (
	"math"
	"time"
)

// dueAt is when arrival i is due, counted from the start. It comes from the index
// alone: intervals added up would drift by their rounding, and a late arrival
// would delay all that follow.
func dueAt(i int64, rate float64) time.Duration {
	return time.Duration(math.Round(float64(i) / rate * float64(time.Second)))
}

// arrivalsBy is the number of arrivals that are due at or before an offset from
// the start: the exact inverse of dueAt. An offset below 0 has none.
func arrivalsBy(offset time.Duration, rate float64) int64 {
	if offset < 0 {
		return 0
	}
	n := int64(offset.Seconds() * rate)
	for n > 0 && dueAt(n-1, rate) > offset {
		n--
	}
	for dueAt(n, rate) <= offset {
		n++
	}
	return n
}
