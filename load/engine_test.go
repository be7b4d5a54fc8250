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

	"pgchaos/history"
)

// resident is the memory of this process in MiB, as the system has it.
func resident(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc to read the memory from: ", err)
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

// BenchmarkEngine is the whole loop on a session that does nothing: clients, rings,
// collector, watchdog. It tells the processor time of an operation, whoever spent it, and
// the memory at the end.
//
//	go test -run '^$' -bench Engine -benchtime 100000000x ./load
func BenchmarkEngine(b *testing.B) {
	for _, clients := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("%d clients", clients), func(b *testing.B) {
			ended := make(chan struct{})
			w := New(Config{
				Clients: clients, Iterations: b.N, Nodes: 3, Clock: history.StartClock(),
				Open: func(int) Session { return instant{} }, Ended: func() { close(ended) },
			})
			before := cpu(b)
			b.ReportAllocs()
			b.ResetTimer()
			w.Start()
			<-ended
			b.StopTimer()
			b.ReportMetric(float64(cpu(b)-before)/float64(b.N), "cpu-ns/op")
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

func (n naps) Do(context.Context) Reply {
	time.Sleep(n.d)
	return Reply{Outcome: history.OK}
}

// BenchmarkLateness is 5,000 arrivals a second for 64 clients: how much later than due
// they are sent when a client waits for them, and what that costs.
//
//	go test -run '^$' -bench Lateness -benchtime 1x ./load
func BenchmarkLateness(b *testing.B) {
	const length = 5 * time.Second
	for range b.N {
		w := New(Config{
			Clients: 64, Schedule: Constant(Steady(5000)), Duration: length, Clock: history.StartClock(),
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
			Clients: 2000, Schedule: Constant(Steady(5000)), Clock: history.StartClock(),
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
