package runner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pgchaos/record"
)

// Clients connect, and prepare their statements, before their first operation. They try
// each node once, and what could not connect does so with its first operation.
const (
	// earlyConnecting bounds that for the workloads that run from the beginning.
	earlyConnecting = 30 * time.Second
	// lateConnecting bounds it for those that a start_load step starts: perhaps while
	// servers do not answer, which is what the step is to measure.
	lateConnecting = 2 * time.Second
)

// connectClients connects the clients of all workloads that run from the beginning.
func (r *run) connectClients(ctx context.Context) {
	names := r.plan.Experiment.InitiallyRunning()
	if len(names) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, earlyConnecting)
	defer cancel()
	r.stage("connecting the clients")
	var wg sync.WaitGroup
	for _, name := range names {
		w, err := r.loads.find(name)
		if err != nil {
			continue // startLoad will say so
		}
		wg.Go(func() {
			r.loads.unlessBroken(func() {
				if errs := w.loop.Connect(ctx); len(errs) > 0 {
					r.say(fmt.Sprintf("warning: %d clients of %s could not connect before the load: %v", len(errs), name, errs[0]))
				}
			})
		})
	}
	wg.Wait()
}

// setClock gives all workloads the run's clock, which begins when their clients have
// connected.
func (s *loadSet) setClock(clock record.Clock) {
	for _, r := range s.list {
		r.pg.SetClock(clock)
		r.loop.SetClock(clock)
	}
}
