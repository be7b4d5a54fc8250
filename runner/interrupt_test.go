package runner

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"weak"
)

// The context of a series lives through all its runs; each run has all its writes in memory.
func TestAnEndedRunIsKeptByNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := &run{}
		kept := weak.Make(r)
		r.announce(ctx)()
		synctest.Wait()
		runtime.GC()
		if kept.Value() == nil {
			t.Error("the run has gone while it is still used: the check below would show nothing")
		}
		runtime.KeepAlive(r)
		runtime.GC()
		if kept.Value() != nil {
			t.Error("after its end the run is still in memory: the user's context keeps it")
		}
	})
}
