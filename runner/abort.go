package runner

import (
	"context"
	"fmt"
	"sync"
	"time"

	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/internal/wait"
	"pgchaos/load"
	"pgchaos/record"
)

// stop ends load and timeline early; the first reason is kept.
func (r *run) stop(reason string, end func()) {
	r.stopping.Do(func() {
		r.result.Stopped = reason
		r.say(reason)
		end()
	})
}

// guardHope is a context for load and timeline, which ends when a condition of abort_on holds; the result then says
// so. The returned function ends the watch and waits for it. It does not end the context: what is in flight then may
// still end.
func (r *run) guardHope(ctx context.Context) (guarded context.Context, end func()) {
	if len(r.plan.Aborts) == 0 {
		return ctx, func() {}
	}
	guarded, stop := context.WithCancel(ctx)
	watching, endWatch := context.WithCancel(guarded)
	var wg sync.WaitGroup
	wg.Go(func() {
		// A little late, so that the operations of the second that is over have been counted.
		if wait.For(watching, time.Until(r.clock.Zero().Add(r.clock.Now().Truncate(time.Second)+time.Second+tickEvery/2))) != nil {
			return
		}
		wait.Every(watching, time.Second, func() {
			r.panics.guard(func() {
				if a, reason := abortReason(r.plan.Aborts, r.loads.recent); reason != "" {
					r.stop(reason, func() { r.result.AbortedBy = a.Text; stop() })
				}
			})
		})
	})
	return guarded, func() { endWatch(); wg.Wait() }
}

// recent is what a workload has done in the last seconds.
func (s *loadSet) recent(workload string, seconds int) (load.Recent, bool) {
	w, err := s.find(workload)
	if err != nil {
		return load.Recent{}, false
	}
	return w.loop.Recent(seconds)
}

// abortReason is the condition that holds now, and so ends the run, and says so; "": none.
func abortReason(aborts []expect.Abort, recent func(workload string, seconds int) (load.Recent, bool)) (expect.Abort, string) {
	for _, a := range aborts {
		seconds := int(a.Over / time.Second)
		of, ok := recent(a.Workload, seconds)
		if !ok {
			continue
		}
		v := recentValue(a.Expectation, of)
		if a.Holds(v) {
			list := "abort_on"
			if a.Broken {
				list = "expect"
			}
			return a, fmt.Sprintf("aborted at %s: %s of %s was %s in the last %s, and %s has: %s",
				units.Seconds(of.To), a.Metric, a.Workload, a.Kind.FormatBeside(v.Number, a.Value), units.Count(int64(seconds), "second", "seconds"), list, a.Text)
		}
	}
	return expect.Abort{}, ""
}

// recentValue is a figure of some seconds. Of times in which nothing ended only the throughput is known.
func recentValue(e expect.Expectation, of load.Recent) expect.Value {
	dropped := of.Outcomes[record.Dropped]
	var samples int64
	for _, n := range of.Outcomes {
		samples += n
	}
	samples -= dropped
	share := func(n int64) expect.Value {
		if samples+dropped == 0 {
			return expect.Value{}
		}
		return expect.Value{Known: true, Number: float64(n) / float64(samples+dropped)}
	}
	count := func(n int64) expect.Value { return expect.Value{Known: samples+dropped > 0, Number: float64(n)} }
	switch e.Metric {
	case "samples":
		return count(samples)
	case "errors":
		return count(of.Outcomes[record.Failed] + of.Outcomes[record.Unknown])
	case "dropped":
		return count(dropped)
	case "throughput":
		return expect.Value{Known: true, Number: float64(samples) / (of.To - of.From).Seconds()}
	case "error_rate":
		return share(of.Outcomes[record.Failed] + of.Outcomes[record.Unknown] + dropped)
	case "achieved_rate":
		return share(samples)
	case "max":
		return expect.Value{Known: of.Response.Count > 0, Number: of.Response.Max.Seconds()}
	}
	p, ok := e.Percentile()
	return expect.Value{Known: ok && of.Response.Count > 0, Number: of.Response.Percentile(p).Seconds()}
}
