package monitoring

import (
	"context"
	"syscall"
	"testing"
	"time"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/report/export"
)

// TestResponseTimes: a classic and a native histogram of the same operations. An arrival that was not to wait has no response time.
func TestResponseTimes(t *testing.T) {
	x := New()
	write := x.Of("writes")
	for _, response := range []time.Duration{90 * time.Microsecond, 3 * time.Millisecond, 3 * time.Millisecond, 2 * time.Minute} {
		write(operation(record.OK, response))
	}
	write(operation(record.Dropped, 5*time.Second))
	overflow := operation(record.Dropped, time.Microsecond)
	overflow.Op.Kind = record.KindOverflow
	write(overflow)
	holds(t, scrape(t, x), map[string]float64{
		`pgchaos_operations_total{outcome="ok",workload="writes"}`:                                 4,
		`pgchaos_operations_total{outcome="dropped",workload="writes"}`:                            2,
		`pgchaos_operation_response_seconds_count{outcome="ok",workload="writes"}`:                 4,
		`pgchaos_operation_response_seconds_count{outcome="dropped",workload="writes"}`:            1,
		`pgchaos_operation_response_seconds_bucket{outcome="ok",workload="writes",le="0.0001"}`:    1,
		`pgchaos_operation_response_seconds_bucket{outcome="ok",workload="writes",le="0.005"}`:     3,
		`pgchaos_operation_response_seconds_bucket{outcome="ok",workload="writes",le="60"}`:        3,
		`pgchaos_operation_response_seconds_bucket{outcome="ok",workload="writes",le="+Inf"}`:      4,
		`pgchaos_operation_response_seconds_bucket{outcome="dropped",workload="writes",le="5"}`:    1,
		`pgchaos_operation_response_seconds_bucket{outcome="unknown",workload="writes",le="+Inf"}`: 0,
	})
	families, err := x.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if h := m.GetHistogram(); h != nil && (h.GetSchema() != 3 || h.GetSampleCount() == 4 && len(h.GetPositiveDelta()) != 3) {
				t.Errorf("no native histogram: %v", h)
			}
		}
	}
}

// TestNativeHistogramKeepsEveryCount also where there are more buckets than permitted: they become wider then.
func TestNativeHistogramKeepsEveryCount(t *testing.T) {
	x := New()
	write := x.Of("writes")
	n := 0
	for response := time.Nanosecond; response < 24*time.Hour; response += response/50 + 1 {
		write(operation(record.OK, response))
		n++
	}
	holds(t, scrape(t, x), map[string]float64{
		`pgchaos_operation_response_seconds_count{outcome="ok",workload="writes"}`:            float64(n),
		`pgchaos_operation_response_seconds_bucket{outcome="ok",workload="writes",le="+Inf"}`: float64(n),
	})
}

// TestTakingAnOperationAllocatesOnlyInTheHistogram compares with the histogram alone.
func TestTakingAnOperationAllocatesOnlyInTheHistogram(t *testing.T) {
	x := New()
	write, s := x.Of("writes"), operation(record.OK, 3*time.Millisecond)
	alone := x.response.WithLabelValues("alone", "ok")
	least := testing.AllocsPerRun(1000, func() { alone.Observe(.003) })
	if n := testing.AllocsPerRun(1000, func() { write(s) }); n > least {
		t.Errorf("%v allocations, the histogram alone makes %v", n, least)
	}
}

// instant is a session that does nothing.
type instant struct{}

func (instant) Do(_ context.Context, op *record.Op) time.Duration {
	op.Outcome, op.Node = record.OK, 1
	return 0
}
func (instant) Settle(*record.Op, bool) {}
func (instant) Close()                  {}

// BenchmarkOperation is the whole load engine on a session that does nothing, without and with metrics. It reports the
// processor time of an operation, of all goroutines.
//
//	go test -run '^$' -bench Operation -benchtime 20000000x ./monitoring
func BenchmarkOperation(b *testing.B) {
	for name, with := range map[string]bool{"without": false, "with": true} {
		b.Run(name, func(b *testing.B) {
			ended := make(chan struct{})
			cfg := load.Config{
				Clients: 8, Iterations: b.N, Nodes: 1, Clock: record.StartClock(),
				Open: func(int) load.Session { return instant{} }, Ended: func() { close(ended) },
			}
			if with {
				take, one := New().Of("writes"), &export.Sample{Workload: "writes"}
				cfg.OnSample = func(_ int, op record.Op) {
					one.Op = op
					take(one)
				}
			}
			w := load.New(cfg)
			before := processorTime(b)
			b.ReportAllocs()
			b.ResetTimer()
			w.Start()
			<-ended
			b.StopTimer()
			b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op")
			w.Close()
		})
	}
}

// processorTime is what the process has used so far. On a machine that is busy the clock says little.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
