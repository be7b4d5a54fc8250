package load

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"pgchaos/internal/race"
)

// TestRingWrapsAround: everything comes out once and in order, even if two goroutines empty it, and the
// collector is woken when there is something to be done.
func TestRingWrapsAround(t *testing.T) {
	for _, c := range []struct{ clients, size int }{{1, 1024}, {64, 1024}, {65, 512}, {2000, 32}, {1_000_000, 32}} {
		if got := ringSize(c.clients); got != c.size {
			t.Errorf("%d rings have %d samples each, want %d", c.clients, got, c.size)
		}
	}
	r := ring{samples: make([]sample, 32)}
	put, got := 0, int64(0)
	for round := range 1000 {
		for range round % 40 {
			s := r.next()
			full := put-int(got) == 32
			if (s == nil) != full {
				t.Fatalf("%d in the ring, and a place for another: %v", put-int(got), s != nil)
			}
			if full {
				break
			}
			s.op.Done = time.Duration(put)
			put++
			if half := r.publish(); half != (put-int(got) >= 16) {
				t.Fatalf("%d in the ring, half full: %v", put-int(got), half)
			}
		}
		for ; got < r.written.Load(); got++ {
			if op := r.samples[got%32].op; op.Done != time.Duration(got) {
				t.Fatalf("sample %d comes as number %d", op.Done, got)
			}
		}
		r.read.Store(got)
	}
}

// TestRingShowsWholeSamples: who sees that a sample has been left sees all of it, on
// another processor too.
func TestRingShowsWholeSamples(t *testing.T) {
	n := time.Duration(race.Rounds(1_000_000, 5))
	r := ring{samples: make([]sample, 32)}
	var client sync.WaitGroup
	client.Go(func() {
		for i := time.Duration(1); i <= n; {
			s := r.next()
			if s == nil {
				runtime.Gosched()
				continue
			}
			s.op.Due, s.op.In, s.late = i, int64(i), i
			r.publish()
			i++
		}
	})
	for read := int64(0); read < int64(n); {
		written := r.written.Load()
		if read == written {
			runtime.Gosched()
		}
		for ; read < written; read++ {
			s, want := r.samples[read%32], time.Duration(read+1)
			if s.op.Due != want || s.op.In != int64(want) || s.late != want {
				t.Fatalf("sample %d comes as %d, %d, %d", want, s.op.Due, s.op.In, s.late)
			}
		}
		r.read.Store(written)
	}
	client.Wait()
}
