package ledger

import (
	"sync"
	"testing"
	"time"
)

// TestLockExcludes counts with an ordinary variable, which loses counts where two are
// inside, or where one does not see what the one before has done. Now and then the
// holder stays inside for so long that those who wait go to sleep.
func TestLockExcludes(t *testing.T) {
	const workers, rounds = 4, 200_000
	var l lock
	var n int
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range rounds {
				l.Lock()
				was := n
				if i%(rounds/4) == 0 {
					time.Sleep(5 * time.Millisecond)
				}
				n = was + 1
				l.Unlock()
			}
		})
	}
	all.Wait()
	if n != workers*rounds {
		t.Errorf("%d of %d were counted", n, workers*rounds)
	}
}
