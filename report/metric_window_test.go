package report

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pgchaos/expect"
	"pgchaos/record"
	"pgchaos/verdict"
)

// secondOf is the second in which some operations ended that took so long.
func secondOf(t *testing.T, at time.Duration, took ...time.Duration) Second {
	t.Helper()
	h := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	s := Second{At: at}
	for _, d := range took {
		if err := h.RecordValue(d.Microseconds()); err != nil {
			t.Fatal(err)
		}
		s.Response.Max = max(s.Response.Max, d)
	}
	d, err := NewDist(h, Exact{Max: s.Response.Max})
	if err != nil {
		t.Fatal(err)
	}
	s.Response.Count, s.Response.Histogram = d.Count, d.Histogram
	return s
}

// steady is a run of 10 s: 10 operations each 100 ms, those between 4.0 s and 4.3 s lost, and 2 that fail at 6.5 s. Each takes
// 5 ms, but one that ends at 7 s takes 300 ms.
func steady(t *testing.T) *Result {
	t.Helper()
	w := Workload{
		Name: "writes", Kind: "insert", Rate: 100, Clients: 4, Active: []Interval{{0, 10 * time.Second}},
		Total: Stats{Samples: 972, OK: 970, Failed: 2, Span: 10 * time.Second},
	}
	for at := time.Duration(0); at < 10*time.Second; at += SeriesStep {
		p := SeriesPoint{At: at, OK: 10}
		switch {
		case at >= 4*time.Second && at < 4300*time.Millisecond:
			continue
		case at == 6500*time.Millisecond:
			p.OK, p.Errors, p.Dropped = 8, 2, 1
		}
		w.Series = append(w.Series, p)
	}
	for at := time.Duration(0); at < 10*time.Second; at += time.Second {
		took := []time.Duration{5 * ms, 5 * ms, 5 * ms, 5 * ms}
		if at == 7*time.Second {
			took[3] = 300 * ms
		}
		w.Seconds = append(w.Seconds, secondOf(t, at, took...))
	}
	return &Result{
		Schema: Schema, Stage: StageChecked, Duration: 10 * time.Second, Workloads: []Workload{w},
		Phases: []record.Phase{{Name: "baseline", End: 5 * time.Second}, {Name: "kill-a", Start: 5 * time.Second, End: 10 * time.Second}},
	}
}

func TestWindows(t *testing.T) {
	for _, tt := range []struct {
		name, expect string
		change       func(*Workload)
		want         verdict.Verdict
		observed     string // or why it is not known
	}{
		{"the worst second of a throughput", "throughput of writes in any 1s > 75/s", nil, verdict.Fail, "70 /s in the 1s from 3.3 s"},
		{"it is known to a tenth of a second", "throughput of writes in any 300ms > 1/s", nil, verdict.Fail, "0 /s in the 300ms from 4.0 s"},
		{"a longer window", "throughput of writes in any 10s > 90/s", nil, verdict.Pass, "97 /s in the 10s from 0.0 s"},
		{"only within the phase", "throughput of writes during kill-a in any 1s > 99/s", nil, verdict.Pass, "100 /s in the 1s from 5.0 s"},
		{"longer than the phase", "throughput of writes during kill-a in any 6s > 1/s", nil, verdict.Inconclusive, "no window of 6s lies between 5.0 s and 10.0 s, where writes was measured"},
		{"errors", "errors of writes in any 1s <= 1", nil, verdict.Fail, "2 in the 1s from 5.6 s"},
		{"as many errors as are allowed", "errors of writes in any 1s <= 2", nil, verdict.Pass, "2 in the 1s from 5.6 s"},
		{"errors of a phase without", "errors of writes during baseline in any 1s == 0", nil, verdict.Pass, "0 in the 1s from 0.0 s"},
		{"each second has as many samples", "samples of writes during kill-a in any 1s == 100", nil, verdict.Pass, "100 in the 1s from 5.0 s"},
		{"dropped", "dropped of writes in any 100ms == 0", nil, verdict.Fail, "1 in the 100ms from 6.5 s"},
		{"error rate", "error_rate of writes during kill-a in any 100ms < 25%", nil, verdict.Fail, "27.3 % in the 100ms from 6.5 s"},
		{"a share of nothing is not known", "error_rate of writes in any 200ms < 50%", nil, verdict.Inconclusive, "of writes nothing ended in the 200ms from 4.0 s, and so in 2 of 99 windows: their error_rate is not known"},
		{"but that does not hide a failure", "error_rate of writes in any 200ms < 10%", nil, verdict.Fail, "14.3 % in the 200ms from 6.4 s"},
		{"achieved rate", "achieved_rate of writes during kill-a in any 1s >= 99%", nil, verdict.Pass, "99.01 % in the 1s from 5.6 s"},
		{"the greatest time", "max of writes in any 1s < 200ms", nil, verdict.Fail, "300 ms in the 1s from 7.0 s"},
		{"percentile of one second", "p99 of writes in any 1s < 200ms", nil, verdict.Fail, "300 ms in the 1s from 7.0 s"},
		{"percentile of a longer window", "p90 of writes in any 5s < 200ms", nil, verdict.Pass, "5 ms in the 5s from 3.0 s"},
		{"percentile of another phase", "p99 of writes during baseline in any 1s < 200ms", nil, verdict.Pass, "5 ms in the 1s from 0.0 s"},
		{"median", "median of writes in any 2s < 200ms", nil, verdict.Pass, "5 ms in the 2s from 6.0 s"},
		{"service times of a closed loop are its response times", "service_p99 of writes in any 1s < 200ms", nil, verdict.Fail, "300 ms in the 1s from 7.0 s"},
		{"service times", "service_max of writes in any 1s < 200ms", func(w *Workload) {
			for i := range w.Seconds {
				w.Seconds[i].Service = &SecondDist{Count: 4, Max: 4 * ms}
			}
		}, verdict.Pass, "4 ms in the 1s from 0.0 s"},
		{"a second in which nothing ended has no percentile", "p99 of writes in any 1s < 400ms", func(w *Workload) {
			w.Seconds = append(w.Seconds[:2:2], w.Seconds[3:]...)
		}, verdict.Inconclusive, "of writes nothing ended in the 1s from 2.0 s, and so in 1 of 10 windows: their p99 is not known"},
		{"but one of a longer window with others", "p99 of writes in any 2s < 400ms", func(w *Workload) {
			w.Seconds = append(w.Seconds[:2:2], w.Seconds[3:]...)
		}, verdict.Pass, "300 ms in the 2s from 6.0 s"},
		{"the warm-up does not count", "throughput of writes in any 1s > 75/s", func(w *Workload) { w.Model = &Model{Warmup: 4200 * ms} }, verdict.Pass, "90 /s in the 1s from 4.2 s"},
		{"nor is the time between two starts a time without throughput", "throughput of writes in any 1s > 75/s", func(w *Workload) {
			w.Active = []Interval{{0, 4 * time.Second}, {4300 * ms, 10 * time.Second}}
		}, verdict.Pass, "100 /s in the 1s from 0.0 s"},
		{"nor is the part of a step before the start", "throughput of writes during baseline in any 1s > 99/s", func(w *Workload) {
			w.Active[0].From, w.Series[0].OK = 50*ms, 5
			w.Active = append([]Interval{{50 * ms, 3 * time.Second}}, Interval{4300 * ms, 10 * time.Second})
		}, verdict.Pass, "100 /s in the 1s from 0.1 s"},
		{"it did not run", "throughput of writes in any 1s > 75/s", func(w *Workload) { w.Active = nil }, verdict.Inconclusive, "no window of 1s lies between 0.0 s and 10.0 s, where writes was measured"},
		{"nothing was sent", "errors of writes in any 1s == 0", func(w *Workload) { w.Series, w.Total = nil, Stats{} }, verdict.Inconclusive, "no samples of writes"},
		{"an older result has no series", "errors of writes in any 1s == 0", func(w *Workload) { w.Series = nil }, verdict.Inconclusive, "the result does not hold errors by time"},
		{"nor times by the second", "p99 of writes in any 1s < 1s", func(w *Workload) { w.Seconds = nil }, verdict.Inconclusive, "the result does not hold p99 by time"},
		{"a long run is kept in longer steps", "p99 of writes in any 5s < 1s", func(w *Workload) { w.Coarse = 2 }, verdict.Inconclusive, "a run as long as this one is kept in steps of 2s, of which windows of 5s do not consist"},
		{"a histogram that cannot be read", "p99 of writes in any 1s < 1s", func(w *Workload) { w.Seconds[3].Response.Histogram = "x" }, verdict.Inconclusive, "p99 of writes: decode a histogram"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := steady(t)
			if tt.change != nil {
				tt.change(&r.Workloads[0])
			}
			j := expect.Judge(expectations(t, tt.expect)[0], r)
			got := j.Observed + j.Why
			if j.Verdict == verdict.Inconclusive && len(got) > len(tt.observed) {
				got = got[:len(tt.observed)]
			}
			if j.Verdict != tt.want || got != tt.observed {
				t.Errorf("%s: %q, want %s: %q", j.Verdict, j.Observed+j.Why, tt.want, tt.observed)
			}
		})
	}
}

// TestWindowsOfAComparison: where nothing is demanded, one window that is not known makes the worst unknown.
func TestWindowsOfAComparison(t *testing.T) {
	r := steady(t)
	for metric, want := range map[string]string{
		"throughput of writes in any 1s": "70", "errors of writes in any 1s": "2", "p99 of writes in any 1s": "0.3",
		"error_rate of writes in any 200ms": "? nothing ended in the 200ms from 4.0 s",
	} {
		e, err := expect.ParseMetric(metric)
		if err != nil {
			t.Fatal(err)
		}
		if got := valueWords(e, r.Metric(e)); !matches(got, want) {
			t.Errorf("%s: %q, want %q", metric, got, want)
		}
	}
}

// TestWindowPercentiles: the percentile of a window is that of a histogram of all that ended in it.
func TestWindowPercentiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	r := steady(t)
	w := &r.Workloads[0]
	w.Seconds = nil
	var took [10][]time.Duration
	for i := range took {
		for range 1 + random.IntN(200) {
			took[i] = append(took[i], time.Duration(random.ExpFloat64()*float64(20*ms)).Truncate(time.Microsecond)+time.Microsecond)
		}
		w.Seconds = append(w.Seconds, secondOf(t, time.Duration(i)*time.Second, took[i]...))
	}
	for _, metric := range []string{"p50", "p90", "p99", "p99.9", "max"} {
		for _, n := range []int{1, 3, 10} {
			var want time.Duration
			for first := 0; first+n <= len(took); first++ {
				var all []time.Duration
				for _, of := range took[first : first+n] {
					all = append(all, of...)
				}
				s := secondOf(t, 0, all...)
				d := Dist{Count: s.Response.Count, Max: s.Response.Max, Histogram: s.Response.Histogram}
				figure := d.Max
				if p, ok := (expect.Expectation{Metric: metric}).Percentile(); ok {
					h, err := d.Decode()
					if err != nil {
						t.Fatal(err)
					}
					figure = d.at(h, p)
				}
				want = max(want, figure)
			}
			e := expectations(t, metric+" of writes in any "+(time.Duration(n)*time.Second).String()+" < 1h")[0]
			if v := r.Metric(e); !v.Known || v.Number != want.Seconds() {
				t.Errorf("%s in any %d s: %+v, want %s", metric, n, v, want)
			}
		}
	}
}

// watchedNodes adds readings of three nodes, one a second: a is the primary and is gone from 6 s to 8 s, b lags at 3 s and is then
// promoted, c does not answer at 5 s.
func watchedNodes(r *Result) *Result {
	r.Cluster.Nodes = []ClusterNode{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	lag := func(d time.Duration, bytes int64) (s record.NodeSample) {
		s.Role, s.Lag, s.LagBytes, s.Connections = record.RoleStandby, &d, &bytes, 1
		return s
	}
	series := make([]record.NodeSeries, 3)
	for i := 1; i <= 10; i++ {
		at := time.Duration(i)*time.Second + 3*ms
		a := record.NodeSample{Role: record.RolePrimary, Connections: 9, SyncWaiters: i % 4}
		b, c := lag(20*ms, 1000), lag(30*ms, 2000)
		switch {
		case i == 3:
			b = lag(900*ms, 16<<20)
		case i == 5:
			c = record.NodeSample{}
		case i >= 6:
			a = record.NodeSample{Role: record.RoleDown}
			b.Lag, b.LagBytes, c.Lag, c.LagBytes = nil, nil, nil, nil
			if i >= 8 {
				b = record.NodeSample{Role: record.RolePrimary, Connections: 4}
				c = lag(50*ms, 3000)
			}
		}
		for k, s := range []record.NodeSample{a, b, c} {
			s.At = at
			series[k].Node, series[k].Step = []string{"a", "b", "c"}[k], time.Second
			series[k].Samples = append(series[k].Samples, s)
			r.Usage = append(r.Usage, record.ResourceSample{Node: series[k].Node, At: at, CPUPercent: float64(10 * i), MemoryBytes: uint64(i) << 20})
		}
	}
	for i := range series { // the load ended before the last reading
		series[i].Samples = append(series[i].Samples, record.NodeSample{At: 11 * time.Second, Role: record.RoleStandby, Connections: 99})
	}
	r.NodeSeries = series
	return r
}

func TestNodeMetrics(t *testing.T) {
	for _, tt := range []struct {
		name, expect string
		change       func(*Result)
		want         verdict.Verdict
		observed     string
	}{
		{"lag of a standby", "replay_lag on b < 800ms", nil, verdict.Fail, "900 ms"},
		{"of another phase, and while it was a primary there is none", "replay_lag on b during kill-a < 800ms", nil, verdict.Pass, "20 ms"},
		{"while no node is the primary there is none", "replay_lag on c during kill-a < 100ms", nil, verdict.Inconclusive, "at least 50 msreplay_lag of c is not known in 1 of 4 readings, first at 5.0 s"},
		{"bytes", "replay_lag_bytes on b <= 16MB", nil, verdict.Pass, "16 MB"},
		{"too many bytes", "replay_lag_bytes on b < 1MB", nil, verdict.Fail, "16 MB"},
		{"a reading without an answer can hide more", "replay_lag_bytes on c < 1MB", nil, verdict.Inconclusive, "at least 2.93 kBreplay_lag_bytes of c is not known in 1 of 8 readings, first at 5.0 s"},
		{"but not less", "replay_lag_bytes on c < 2kB", nil, verdict.Fail, "at least 2.93 kB"},
		{"a primary has no lag", "replay_lag on a < 1s", nil, verdict.Inconclusive, "replay_lag of a is not known in 3 of 3 readings, first at 8.0 s"},
		{"waiters", "sync_waiters on a <= 3", nil, verdict.Pass, "3"},
		{"connections", "connections on a <= 8", nil, verdict.Fail, "9"},
		{"a node that does not run has none", "connections on a during kill-a <= 8", func(r *Result) { r.Phases[1].Start = 6 * time.Second }, verdict.Pass, "0"},
		{"an older result", "connections on a <= 8", func(r *Result) {
			for i := range r.NodeSeries {
				for k := range r.NodeSeries[i].Samples {
					r.NodeSeries[i].Samples[k].Connections = 0
				}
			}
		}, verdict.Inconclusive, "the result does not hold connections"},
		{"CPU", "cpu on a < 60%", nil, verdict.Fail, "60 %"},
		{"CPU of a phase", "cpu on a during baseline < 31%", nil, verdict.Pass, "30 %"},
		{"CPU in a window", "cpu on a in any 2s < 90%", nil, verdict.Fail, "95 % in the 2s from 8.0 s"},
		{"CPU in a window that is too long", "cpu on a in any 20s < 90%", nil, verdict.Inconclusive, "no window of 20s lies between 0.0 s and 10.1 s, where a was measured"},
		{"memory", "memory on a < 8MB", nil, verdict.Fail, "10 MB"},
		{"memory of a phase", "memory on a during baseline < 8MB", nil, verdict.Pass, "4 MB"},
		{"no usage", "memory on a < 8MB", func(r *Result) { r.Usage = nil }, verdict.Inconclusive, "what a used in that time is not recorded"},
		{"nor CPU", "cpu on a < 8%", func(r *Result) { r.Usage = nil }, verdict.Inconclusive, "what a used in that time is not recorded"},
		{"no series", "replay_lag on b < 1s", func(r *Result) { r.NodeSeries = nil }, verdict.Inconclusive, "the result does not hold a series of b"},
		{"no node", "replay_lag on d < 1s", nil, verdict.Inconclusive, "the run had no node d"},
		{"no phase", "replay_lag on b during stop < 1s", nil, verdict.Inconclusive, "the run had no phase stop"},
		{"a run that was broken off", "replay_lag on b < 1s", afterwards(StagePlanned), verdict.Inconclusive, "the run's pgchaos ended before it had recorded its load"},
		{"a standby that was built late has shorter steps", "replay_lag on b < 800ms", func(r *Result) {
			for i := range r.NodeSeries {
				if n := &r.NodeSeries[i]; n.Node != "b" {
					var fewer []record.NodeSample
					for k := 1; k < len(n.Samples); k += 2 {
						fewer = append(fewer, n.Samples[k])
					}
					n.Step, n.Samples = 2*time.Second, fewer
				}
			}
		}, verdict.Fail, "900 ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := watchedNodes(steady(t))
			r.Duration = 10100 * ms
			r.Phases[1].End = r.Duration
			if tt.change != nil {
				tt.change(r)
			}
			j := expect.Judge(expectations(t, tt.expect)[0], r)
			if got := j.Observed + j.Why; j.Verdict != tt.want || got != tt.observed {
				t.Errorf("%s: %q, want %s: %q", j.Verdict, got, tt.want, tt.observed)
			}
		})
	}
}

func TestStaleReadsOfANode(t *testing.T) {
	for text, want := range map[string]string{
		"stale_reads on pgslave == 0":               "5000",
		"stale_reads of reads on pgslavenew == 0":   "0",
		"stale_read_rate on pgslave < 1%":           "0.25",
		"staleness_max on pgslavenew < 1s":          "0",
		"stale_reads on pgmaster == 0":              "? pgmaster answered no read",
		"staleness_p99 of reads on pgmaster < 1s":   "? pgmaster answered no read",
		"staleness_max of reads on pgslave < 100ms": "0.3",
	} {
		r := watchedBy(t, quorum(t))
		e := expectations(t, text)[0]
		if got := valueWords(e, r.Metric(e)); !matches(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
