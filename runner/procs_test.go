package runner

import (
	"runtime"
	"testing"
)

// TestProcsOfSeveralRuns: what one run adds is gone when it ends, also where another one began meanwhile and goes on, and no
// run counts what another one has added.
func TestProcsOfSeveralRuns(t *testing.T) {
	own := ownProcs()
	lowerFirst := raiseProcs(2)
	lowerSecond := raiseProcs(3)
	if got := ownProcs(); got != own || runtime.GOMAXPROCS(0) < own+5 {
		t.Errorf("%d of its own, not %d; %d in all", got, own, runtime.GOMAXPROCS(0))
	}
	before := runtime.GOMAXPROCS(0)
	lowerFirst()
	lowerFirst()
	if got := runtime.GOMAXPROCS(0); got != before-2 {
		t.Errorf("%d after the first has ended, not %d", got, before-2)
	}
	lowerSecond()
	if got := runtime.GOMAXPROCS(0); got != before-5 {
		t.Errorf("%d after both have ended, not %d", got, before-5)
	}
}
