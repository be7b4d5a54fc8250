package check

import (
	"testing"
	"time"
)

// TestSilenceOfTheNextFaultIsItsOwn: the longest silence that begins before the next
// fault, and is that one's, does not say when this one began to be felt.
func TestSilenceOfTheNextFaultIsItsOwn(t *testing.T) {
	f := felt{end: 3 * time.Second}
	f.OK = make([]uint32, bucket(3*time.Second))
	served := func(from, to time.Duration) {
		for i := bucket(from); i < bucket(to); i++ {
			f.OK[i] = 1
		}
	}
	// Silent for 200 ms after the fault at 1 s, and for 600 ms after the next one at 2 s.
	served(0, 1000*msec)
	served(1200*msec, 2000*msec)
	served(2600*msec, 3000*msec)
	f.Active = []struct{ From, To time.Duration }{{0, 3 * time.Second}}
	if got, want := f.beforeSilence(time.Second, 2*time.Second), bucket(990*msec); got != want {
		t.Errorf("the silence began after %s, not after %s", start(got), start(want))
	}
}
