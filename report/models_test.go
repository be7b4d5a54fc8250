package report

import (
	"testing"
	"time"
)

// modelled is a run of workloads of every model, in which pgchaos itself was busy.
func modelled(t *testing.T) *Result {
	t.Helper()
	r := quorum(t)
	traffic := func(s Stats) Stats {
		s.Out, s.In, s.Response.StdDev = s.Samples*120, s.Samples*60, 3500*time.Microsecond
		return s
	}
	writes := &r.Workloads[0]
	writes.Model = &Model{Arrivals: "poisson", Overflow: "queue", CatchUp: "spread", Route: "topology", Protocol: "extended", Pipeline: 1}
	writes.Asked = 15_000
	writes.Total = traffic(writes.Total)
	writes.Total.Dropped = 98
	warm := statsOf(t, 500, 0, time.Second, 40*ms)
	writes.Warmup = &warm
	late := distOf(t, 100, 10*time.Microsecond, 12*ms)
	writes.Lateness = &late
	part := func(name string, n int64) PartStats { return PartStats{name, statsOf(t, n, 0, 30*time.Second, 9*ms)} }
	closed := statsOf(t, 6000, 0, 30*time.Second, 9*ms)
	closed.Retries, closed.Retried = 7, 5
	r.Workloads = []Workload{
		*writes,
		{
			Name: "closed", Kind: "mix", Target: "primary", Clients: 20, Total: traffic(closed), Parts: []PartStats{part("insert", 4000), part("read", 2000)},
			Model: &Model{ThinkTime: 20 * ms, Connections: 4, Protocol: "simple", Route: "url"},
		},
		{
			Name: "ramp", Kind: "sql", Target: "a", Clients: 4, Total: traffic(statsOf(t, 900, 0, 30*time.Second, 5*ms)), Asked: 900,
			Model: &Model{Arrivals: "constant", Overflow: "drop", CatchUp: "skip", Ramp: "linear", Pipeline: 20, Stages: []LoadStage{
				{For: 10 * time.Second, Rate: 20}, {For: 10 * time.Second, Rate: 50}, {For: 10 * time.Second, Rate: 20},
			}},
		},
		{
			Name: "steps", Kind: "tpcb", Target: "primary", Clients: 8, Total: traffic(statsOf(t, 800, 0, 30*time.Second, 5*ms)),
			Model: &Model{Stages: []LoadStage{
				{For: time.Second, Clients: 1}, {For: time.Second, Clients: 2}, {For: time.Second, Clients: 3}, {For: time.Second, Clients: 4},
				{For: time.Second, Clients: 5}, {For: time.Second, Clients: 6}, {For: time.Second, Clients: 7}, {For: time.Second, Clients: 8},
			}},
		},
	}
	r.Generator = &Generator{
		CPU: 21 * time.Second, Span: 30 * time.Second, Memory: 48 << 20, Busiest: 1.32, Cores: 2,
		Warnings: []string{"pgchaos took 1.32 of 2 cores in its busiest second: the figures may be its own rather than the server's"},
	}
	return r
}

// TestTheDeviationOfAllTogether holds the sum of two against what it must be.
func TestTheDeviationOfAllTogether(t *testing.T) {
	of := func(n int64, at time.Duration) Dist {
		d := distOf(t, n, at, at)
		d.Mean = at
		return d
	}
	both, ok := merge([]Dist{of(10, 10*ms), of(10, 20*ms), {}})
	if !ok || both.StdDev < 4999*time.Microsecond || both.StdDev > 5001*time.Microsecond {
		t.Errorf("half at 10 ms, half at 20 ms: %v, %v", both.StdDev, ok)
	}
	alone, _ := merge([]Dist{of(10, 10*ms)})
	if alone.StdDev != 0 {
		t.Errorf("all at 10 ms: %v", alone.StdDev)
	}
}

// TestTheSpanOfAllTogether: a warm-up's operations are in no total, so that its time is not
// either; what runs side by side is counted once, and where nothing ran, nothing.
func TestTheSpanOfAllTogether(t *testing.T) {
	const s = time.Second
	warm := Workload{Active: []Interval{{From: 0, To: 10 * s}, {From: 20 * s, To: 25 * s}}, Model: &Model{Warmup: 4 * s}}
	for _, c := range []struct {
		name string
		run  Result
		span time.Duration
	}{
		{"a warm-up, and a pause", Result{Duration: 60 * s, Workloads: []Workload{warm}}, 11 * s},
		{"another beside it", Result{Duration: 60 * s, Workloads: []Workload{warm, {Active: []Interval{{From: 2 * s, To: 22 * s}}}}}, 23 * s},
		{"stopped before it was warm", Result{Duration: 60 * s, Workloads: []Workload{{Active: []Interval{{From: 0, To: 3 * s}}, Model: &Model{Warmup: 4 * s}}}}, 0},
		{"nobody knows", Result{Duration: 60 * s, Workloads: []Workload{{}}}, 60 * s},
	} {
		if got := c.run.Total().Span; got != c.span {
			t.Errorf("%s: %v, want %v", c.name, got, c.span)
		}
	}
}
