package link

import (
	"sync"
	"time"
)

// burst is how much of its rate a bucket that was not used lets pass at once.
const burst = 10 * time.Millisecond

// bucket limits a rate. Instead of tokens it keeps the moment at which all that it has let pass is paid for.
type bucket struct {
	rate float64 // bytes a second

	mu   sync.Mutex
	paid time.Time
}

// take reserves n bytes, and returns when they may pass.
func (b *bucket) take(n int, now time.Time) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if earliest := now.Add(-burst); b.paid.Before(earliest) {
		b.paid = earliest
	}
	b.paid = b.paid.Add(time.Duration(float64(n) / b.rate * float64(time.Second)))
	return b.paid
}

// piece is how many bytes are let pass at once: the more, the less even the rate is.
func (b *bucket) piece() int { return max(512, int(b.rate*burst.Seconds())) }
