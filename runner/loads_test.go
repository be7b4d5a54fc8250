package runner

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/spec"
)

// slowSession answers after a second.
type slowSession struct{}

func (slowSession) Do(_ context.Context, op *record.Op) time.Duration {
	time.Sleep(time.Second)
	op.Outcome = record.OK
	return 0
}
func (slowSession) Settle(*record.Op, bool) {}
func (slowSession) Close()                  {}

// TestStartedAgain: what has ended by itself begins anew; what still runs is not said to
// have been started; and word of an end that comes late ends nothing that was begun since.
func TestStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := &loadSet{panics: newPanics()}
		r := &running{spec: spec.Workload{Name: "w", Iterations: 3}}
		r.loop = load.New(load.Config{
			Clients: 1, Iterations: 3, Clock: record.StartClock(), Ended: func() { set.ended(r) },
			Open: func(int) load.Session { return slowSession{} },
		})
		defer r.loop.Close()
		set.list = []*running{r}
		start := func() error { return set.startLoad(t.Context(), "w") }
		if err := start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := start(); err == nil || !strings.Contains(err.Error(), "still runs") {
			t.Errorf("started while it ran: %v", err)
		}
		set.awaitEnds(t.Context())
		if err := start(); err != nil {
			t.Fatal(err)
		}
		set.ended(r)
		if err := start(); err == nil {
			t.Error("a late word of the end before has ended it")
		}
		set.awaitEnds(t.Context())
		if n := r.loop.Record().Total.Samples(); n != 6 {
			t.Errorf("%d operations, want 3 twice", n)
		}
	})
}
