package load

import (
	"testing"
	"time"
)

func TestDueAt(t *testing.T) {
	for _, c := range []struct {
		why  string
		i    int64
		rate float64
		want time.Duration
	}{
		{"the first arrival is due at once", 0, 500, 0},
		{"evenly spaced", 1, 500, 2 * time.Millisecond},
		{"a rate below one a second", 3, 0.5, 6 * time.Second},
		{"a period that no float holds does not drift", 3_000_000, 3, 1_000_000 * time.Second},
		{"nor after a day at a high rate", 86_400 * 100_000, 100_000, 24 * time.Hour},
		{"more than one arrival in a nanosecond", 10, 1e10, time.Nanosecond},
	} {
		if got := dueAt(c.i, c.rate); got != c.want {
			t.Errorf("%s: dueAt(%d, %v) = %v, want %v", c.why, c.i, c.rate, got, c.want)
		}
	}
}

func TestArrivalsBy(t *testing.T) {
	for _, c := range []struct {
		why    string
		offset time.Duration
		rate   float64
		want   int64
	}{
		{"none before the start", -1, 500, 0},
		{"the first is due at the start", 0, 500, 1},
		{"just before the second", 2*time.Millisecond - 1, 500, 1},
		{"due exactly then counts", 2 * time.Millisecond, 500, 2},
		{"one second holds both its ends", time.Second, 500, 501},
		{"a rate below one a second", 5 * time.Second, 0.5, 3},
	} {
		if got := arrivalsBy(c.offset, c.rate); got != c.want {
			t.Errorf("%s: arrivalsBy(%v, %v) = %d, want %d", c.why, c.offset, c.rate, got, c.want)
		}
	}
}

// TestArrivalsByInvertsDueAt matters because Stop drops exactly the arrivals that
// arrivalsBy counts and no client took: one off, and an arrival has no record, or two.
func TestArrivalsByInvertsDueAt(t *testing.T) {
	for _, rate := range []float64{0.1, 1, 3, 7, 333.3, 500, 1000, 44_100, 99_991} {
		for _, i := range []int64{0, 1, 2, 3, 10, 999, 12_345, 1_000_003} {
			due := dueAt(i, rate)
			if got := arrivalsBy(due, rate); got != i+1 {
				t.Errorf("rate %v: %d arrivals by the moment %d is due", rate, got, i)
			}
			if got := arrivalsBy(due-1, rate); i > 0 && got != i {
				t.Errorf("rate %v: %d arrivals just before %d is due", rate, got, i)
			}
		}
	}
}
