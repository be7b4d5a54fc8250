package runner

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"

	"pgchaos/report"
)

// What makes the load generator a suspect.
const (
	// busyCore is the share of one core that pgchaos may take in any second.
	busyCore = 0.95
	// lateSend is the 99 percentile of the lateness of what is sent while a client is free.
	lateSend = 10 * time.Millisecond
)

// generator measures what pgchaos itself takes while the load runs.
type generator struct {
	stop chan struct{}
	done sync.WaitGroup
	use  report.Generator
}

func startGenerator() *generator {
	g := &generator{stop: make(chan struct{}), use: report.Generator{Cores: runtime.NumCPU()}}
	begun, first := time.Now(), cpuTime()
	g.done.Go(func() {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		at, cpu := begun, first
		for over := false; !over; {
			select {
			case <-g.stop:
				over = true
			case <-ticker.C:
			}
			now, used := time.Now(), cpuTime()
			if span := now.Sub(at); span >= time.Second/2 { // the last stretch may be too short to mean anything
				g.use.Busiest = max(g.use.Busiest, (used-cpu).Seconds()/span.Seconds())
				at, cpu = now, used
			}
		}
		g.use.Span, g.use.CPU, g.use.Memory = time.Since(begun), cpuTime()-first, mostResident()
	})
	return g
}

// end stops measuring, and says what there was. It may be called again.
func (g *generator) end() report.Generator {
	select {
	case <-g.stop:
	default:
		close(g.stop)
	}
	g.done.Wait()
	return g.use
}

// usage is what the kernel has counted for this process, without its children.
func usage() (u syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return u
}

// cpuTime is the CPU time, user and system, that this process has taken.
func cpuTime() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// mostResident is the most memory that this process ever had, in bytes.
func mostResident() uint64 { return uint64(usage().Maxrss) * 1024 }

// suspects says where the load generator, and not the server, may have been the
// bottleneck.
func suspects(g *report.Generator, workloads []report.Workload) (warnings []string) {
	if g.Busiest >= busyCore {
		warnings = append(warnings, fmt.Sprintf("pgchaos took %.2f of %d cores in its busiest second: the figures may be its own rather than the server's; "+
			"run it on a machine of its own, or ask for less", g.Busiest, g.Cores))
	}
	for i := range workloads {
		if l := workloads[i].Lateness; l != nil && l.Count > 0 && l.P99 > lateSend {
			warnings = append(warnings, fmt.Sprintf("%s: of what was sent while a client was free, 1%% was more than %s late: "+
				"the load generator did not keep up with the schedule", workloads[i].Name, l.P99.Round(time.Millisecond)))
		}
	}
	return warnings
}
