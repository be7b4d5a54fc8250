package load

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/internal/skip"
	"pgchaos/record"
)

// resident is the memory of this process in MiB, as the system has it.
func resident(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		skip.Test(b, "no /proc to read the memory from: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); fields[0] == "VmRSS:" {
			kib, err := strconv.Atoi(fields[1])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	b.Fatal("no VmRSS in /proc/self/status")
	return 0
}

// cpu is what this process has taken of all cores.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processor measures a benchmark's processor time from now on; the function that it returns
// reports it, by operation. On a machine that others are busy on the clock tells little.
func processor(b *testing.B) (report func()) {
	b.Helper()
	before := cpu(b)
	b.ReportAllocs()
	b.ResetTimer()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
	}
}

// BenchmarkEngine is the whole loop on a session that does nothing: clients, rings,
// collector, watchdog. It reports the processor time of an operation, of all goroutines,
// and the memory at the end.
//
//	go test -run '^$' -bench Engine -benchtime 100000000x ./load
func BenchmarkEngine(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%d clients", clients), func(b *testing.B) {
			ended := make(chan struct{})
			w := New(Config{
				Clients: clients, Iterations: b.N, Nodes: 3, Clock: record.StartClock(),
				Open: func(int) Session { return instant{} }, Ended: func() { close(ended) },
			})
			report := processor(b)
			w.Start()
			<-ended
			report()
			b.ReportMetric(resident(b), "MiB-resident")
			if rec := w.Record(); rec.Total.Samples() != int64(b.N) {
				b.Errorf("%d operations recorded of %d", rec.Total.Samples(), b.N)
			}
			w.Close()
		})
	}
}

// naps is a session whose server takes a while.
type naps struct {
	instant
	d time.Duration
}

func (n naps) Do(_ context.Context, op *record.Op) time.Duration {
	time.Sleep(n.d)
	op.Outcome = record.OK
	return 0
}

// BenchmarkLateness is 5,000 arrivals a second for 64 clients: how much later than due
// they are sent when a client waits for them, and what that costs.
//
//	go test -run '^$' -bench Lateness -benchtime 1x ./load
func BenchmarkLateness(b *testing.B) {
	for name, punctual := range map[string]bool{"punctual": true, "by Go's timers": false} {
		b.Run(name, func(b *testing.B) {
			const length = 5 * time.Second
			for range b.N {
				w := New(Config{
					Clients: 64, Schedule: Constant(Steady(5000)), Punctual: punctual, Clock: record.StartClock(),
					Open: func(int) Session { return naps{d: 500 * time.Microsecond} },
				})
				before := cpu(b)
				w.Start()
				time.Sleep(length)
				w.Stop()
				used := cpu(b) - before
				rec := w.Record()
				b.ReportMetric(float64(rec.Lateness.Percentile(50).Microseconds()), "us-late-p50")
				b.ReportMetric(float64(rec.Lateness.Percentile(99).Microseconds()), "us-late-p99")
				b.ReportMetric(float64(rec.Lateness.Max.Microseconds()), "us-late-max")
				b.ReportMetric(float64(rec.Total.Samples())/float64(rec.Asked), "achieved")
				b.ReportMetric(100*used.Seconds()/length.Seconds(), "%-of-a-core")
				w.Close()
			}
		})
	}
}

// TestPunctual runs in real time, and demands none: that it sends, and ends.
func TestPunctual(t *testing.T) {
	w := New(Config{
		Clients: 4, Groups: 2, Schedule: Poisson(1, Steady(10_000)), Iterations: 100, Punctual: true, Clock: record.StartClock(),
		Open: func(int) Session { return instant{} }, Timeout: time.Hour,
	})
	w.Start()
	for w.Record().Total.Samples() < 100 {
		time.Sleep(time.Millisecond)
	}
	w.Close()
}

// BenchmarkManyClients is the memory that 2,000 clients take, beside what their
// sessions do.
//
//	go test -run '^$' -bench ManyClients -benchtime 1x ./load
func BenchmarkManyClients(b *testing.B) {
	for range b.N {
		runtime.GC()
		before := resident(b)
		w := New(Config{
			Clients: 2000, Schedule: Constant(Steady(5000)), Punctual: true, Clock: record.StartClock(),
			Open: func(int) Session { return naps{d: 10 * time.Millisecond} },
		})
		w.Start()
		time.Sleep(3 * time.Second)
		b.ReportMetric(resident(b)-before, "MiB-more")
		w.Stop()
		rec := w.Record()
		b.ReportMetric(float64(rec.Lateness.Percentile(99).Microseconds()), "us-late-p99")
		w.Close()
	}
}
