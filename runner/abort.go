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

// guardHope is a context for load and timeline, which ends when a condition of abort_on holds or an expectation with abort is
// broken; the result then says so. The returned function ends the watch and waits for it. It does not end the context: what is
// in flight then may still end.
func (r *run) guardHope(ctx context.Context) (guarded context.Context, end func()) {
	if len(r.plan.Aborts) == 0 {
		return ctx, func() {}
	}
	guarded, stop := context.WithCancel(ctx)
	watching, endWatch := context.WithCancel(guarded)
	var wg sync.WaitGroup
	wg.Go(func() {
		r.panics.guard(func() {
			if a, reason := awaitAbort(watching, r.clock, r.plan.Aborts, r.loads.recent); reason != "" {
				r.stop(reason, func() { r.result.AbortedBy = a.Text; stop() })
			}
		})
	})
	return guarded, func() { endWatch(); wg.Wait() }
}

// recent is what a workload has done from one moment up to before another.
func (s *loadSet) recent(workload string, from, to time.Duration) (load.Recent, bool) {
	w, err := s.find(workload)
	if err != nil {
		return load.Recent{}, false
	}
	return w.loop.Recent(from, to)
}

// recentFunc is loadSet.recent, or what stands for it in a test.
type recentFunc func(workload string, from, to time.Duration) (load.Recent, bool)

// abortLate is how long after its end a step is looked at: the operations that ended in it have been counted then.
const abortLate = tickEvery / 2

// awaitAbort waits for the first condition that holds, and says why the run ends; "": ctx has ended. It looks at every step, at once
// at those that were missed on a busy machine: of the windows that the result is judged by, none is passed over.
func awaitAbort(ctx context.Context, clock record.Clock, aborts []expect.Abort, recent recentFunc) (expect.Abort, string) {
	for end := clock.Now().Truncate(load.SeriesStep) + load.SeriesStep; ; end += load.SeriesStep {
		if wait.For(ctx, end+abortLate-clock.Now()) != nil {
			return expect.Abort{}, ""
		}
		if a, reason := abortReason(aborts, end, recent); reason != "" {
			return a, reason
		}
	}
}

// abortReason is the condition that holds at the end of a step, and so ends the run, and says so; "": none.
func abortReason(aborts []expect.Abort, end time.Duration, recent recentFunc) (expect.Abort, string) {
	for _, a := range aborts {
		if end%a.Step() != 0 {
			continue
		}
		of, ok := recent(a.Workload, end-a.Over, end)
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
				units.Seconds(of.To), a.Metric, a.Workload, a.Kind.FormatBeside(v.Number, a.Value), overText(a.Over), list, a.Text)
		}
	}
	return expect.Abort{}, ""
}

// overText is the length of a window.
func overText(d time.Duration) string {
	if d%time.Second == 0 {
		return units.Count(int64(d/time.Second), "second", "seconds")
	}
	return d.String()
}

// recentValue is a figure of some time. Of times in which nothing ended only the throughput is known.
func recentValue(e expect.Expectation, of load.Recent) expect.Value {
	samples := of.OK + of.Errors
	arrivals := samples + of.Dropped
	share := func(n int64) expect.Value {
		if arrivals == 0 {
			return expect.Value{}
		}
		return expect.Value{Known: true, Number: float64(n) / float64(arrivals)}
	}
	count := func(n int64) expect.Value { return expect.Value{Known: arrivals > 0, Number: float64(n)} }
	switch e.Metric {
	case "samples":
		return count(samples)
	case "errors":
		return count(of.Errors)
	case "dropped":
		return count(of.Dropped)
	case "throughput":
		return expect.Value{Known: true, Number: float64(samples) / (of.To - of.From).Seconds()}
	case "error_rate":
		return share(of.Errors + of.Dropped)
	case "achieved_rate":
		return share(samples)
	case "max":
		return expect.Value{Known: of.Response.Count > 0, Number: of.Response.Max.Seconds()}
	}
	p, ok := e.Percentile()
	return expect.Value{Known: ok && of.Response.Count > 0, Number: of.Response.Percentile(p).Seconds()}
}
