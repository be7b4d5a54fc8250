package load

import (
	"sync"
	"sync/atomic"
	"testing"

	"pgchaos/internal/race"
)

// spentNow tells whether the last is known to have been taken.
func (s *shares) spentNow() bool {
	select {
	case <-s.spent:
		return true
	default:
		return false
	}
}

// TestSharesOfTheIdleAreTaken: one client alone does all that there is, for what another does not
// take is not kept for it; and that it was the last is known as soon as it is taken.
func TestSharesOfTheIdleAreTaken(t *testing.T) {
	for _, c := range []struct {
		limit           int64
		clients, client int
	}{{10, 3, 1}, {2, 3, 2}, {1, 1, 0}, {1000, 7, 6}, {3, 2000, 1999}} {
		s := newShares(c.limit, c.clients, make(chan struct{}))
		for i := range c.limit {
			if s.spentNow() || !s.take(c.client) {
				t.Fatalf("%+v: no more than %d were there", c, i)
			}
		}
		if !s.spentNow() || s.take(c.client) || s.take(0) {
			t.Errorf("%+v: there is one more", c)
		}
	}
}

// TestSharesAreExact has two clients try for the last at the same moment, again and again.
func TestSharesAreExact(t *testing.T) {
	for round := range race.Rounds(20_000, 4) {
		const clients = 2
		limit := int64(round%3 + 1)
		s := newShares(limit, clients, make(chan struct{}))
		var ready, taken atomic.Int64
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() {
				ready.Add(1)
				for n := 0; ready.Load() < clients && n < 10_000; n++ { // on one processor the other cannot come
				}
				for s.take(client) {
					taken.Add(1)
				}
			})
		}
		all.Wait()
		if taken.Load() != limit || !s.spentNow() {
			t.Fatalf("round %d: %d taken of %d, all of them: %v", round, taken.Load(), limit, s.spentNow())
		}
	}
}
