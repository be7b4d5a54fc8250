package runner

import (
	"testing"
	"time"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/spec"
)

// TestWhatWasDueBeforeAFaultThatBeginsNoPhase: what was seen to happen cuts the phase that it is in, and only arrivals before it were to be served
// before it.
func TestWhatWasDueBeforeAFaultThatBeginsNoPhase(t *testing.T) {
	const second = time.Second
	phases := []record.Phase{{Name: record.Baseline, End: 4 * second}, {Name: "wait", Start: 4 * second, End: 11 * second}}
	w := spec.Workload{Name: "writes", Rate: 100, Clients: 2}
	ramp := w
	ramp.Stages, ramp.Ramp = []spec.Stage{{For: spec.Duration(10 * second), Rate: 100}}, "linear"
	warm := w
	warm.Warmup = spec.Duration(second)
	for _, tt := range []struct {
		name   string
		w      spec.Workload
		active []load.Interval
		counts [2]int64 // in the two phases
		fault  time.Duration
		want   int64
	}{
		{"a step, which begins the second phase", w, []load.Interval{{To: 11 * second}}, [2]int64{400, 675}, 4 * second, 400},
		{"in the first phase", w, []load.Interval{{To: 11 * second}}, [2]int64{400, 675}, 3 * second, 300},
		{"in the second phase", w, []load.Interval{{To: 11 * second}}, [2]int64{400, 700}, 6 * second, 600},
		{"as many were dropped as were sent", w, []load.Interval{{To: 11 * second}}, [2]int64{400, 1400}, 6 * second, 800},
		{"the rate rises, and so less than half was due in half of the time", ramp, []load.Interval{{To: 10 * second}}, [2]int64{80, 420}, 2 * second, 20},
		{"the load had begun in the phase", w, []load.Interval{{From: 2 * second, To: 11 * second}}, [2]int64{200, 700}, 3 * second, 100},
		{"the load had stopped in the phase", w, []load.Interval{{To: 6 * second}}, [2]int64{400, 200}, 8 * second, 600},
		{"the beginning is no part of any phase", warm, []load.Interval{{To: 11 * second}}, [2]int64{300, 700}, 2 * second, 100},
	} {
		r := &report.Result{Phases: phases, Timeline: []record.Event{{Name: "restarted-a", Action: "restarted", Status: record.EventSeen, Fault: true, Issued: tt.fault}}}
		of := report.Workload{Phases: []report.PhaseStats{
			{Phase: record.Baseline, Stats: report.Stats{Samples: tt.counts[0]}}, {Phase: "wait", Stats: report.Stats{Samples: tt.counts[1] / 2, Dropped: tt.counts[1] - tt.counts[1]/2}},
		}}
		if b := baselineOf(r, &of, &load.Record{Active: tt.active}, &tt.w, 1); b == nil || b.Due < tt.want-1 || b.Due > tt.want+1 {
			t.Errorf("%s: %+v, want %d", tt.name, b, tt.want)
		}
	}
}
