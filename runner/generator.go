package runner

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"time"

	"pgchaos/record"
	"pgchaos/report"
)

// lateSend is the 99 percentile of the lateness of what is sent while a client is free
// from which on the load generator did not keep up.
const lateSend = 10 * time.Millisecond

// generator measures what pgchaos itself takes while the load runs, and notices when it
// does not run.
type generator struct {
	stop    chan struct{}
	done    sync.WaitGroup
	clock   record.Clock
	use     report.Generator
	seconds []cpuSecond
}

// cpuSecond is a stretch of about a second, and the CPU time that pgchaos took in it.
type cpuSecond struct{ from, to, cpu time.Duration }

// startGenerator measures until end is called. View is Options.ViewCPU. It calls still whenever pgchaos had
// stood still.
func startGenerator(clock record.Clock, view func() time.Duration, still func(report.Standstill)) *generator {
	g := &generator{
		stop: make(chan struct{}), clock: clock,
		use: report.Generator{Cores: runtime.NumCPU(), Allowed: allowedCores()},
	}
	if view == nil {
		view = func() time.Duration { return 0 }
	}
	begun, first, viewed := clock.Now(), cpuTime(), view()
	g.done.Go(func() {
		var pulse heartbeat
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		at, cpu := begun, first
		pulse.beat(begun, slept())
		for over := false; !over; {
			select {
			case <-g.stop:
				over = true
			case <-ticker.C:
			}
			now := clock.Now()
			if s := pulse.beat(now, slept()); s != nil {
				still(*s)
			}
			if span := now - at; span >= time.Second || over && span >= time.Second/2 { // a shorter one means nothing
				used := cpuTime()
				g.seconds = append(g.seconds, cpuSecond{at, now, used - cpu})
				g.use.Busiest = max(g.use.Busiest, (used-cpu).Seconds()/span.Seconds())
				at, cpu = now, used
			}
		}
		g.use.Span, g.use.CPU, g.use.Memory = clock.Now()-begun, cpuTime()-first, mostResident()
		g.use.LiveView = view() - viewed
		g.use.StoodStill = pulse.stops
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

// until is the CPU that was taken on average before a moment, in cores; 0 where too
// little of it was measured.
func (g *generator) until(at time.Duration) float64 {
	var span, cpu time.Duration
	for _, s := range g.seconds {
		if s.to <= at {
			span, cpu = span+s.to-s.from, cpu+s.cpu
		}
	}
	if span == 0 {
		return 0
	}
	return cpu.Seconds() / span.Seconds()
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
	for _, s := range g.StoodStill {
		warnings = append(warnings, s.String()+": what was measured meanwhile says nothing about the server")
	}
	if g.Saturated() {
		warnings = append(warnings, g.Bottleneck()+": the figures may be its own rather than the server's; run it on a machine of its own, or ask for less")
	} else if g.Allowed > 0 && g.Busiest >= report.BusyShare*g.Allowed {
		warnings = append(warnings, fmt.Sprintf("pgchaos took %.2f of the %.2f cores that it may use in its busiest second", g.Busiest, g.Allowed))
	}
	for i := range workloads {
		if l := workloads[i].Lateness; l != nil && l.Count > 0 && l.P99 > lateSend {
			warnings = append(warnings, fmt.Sprintf("%s: 1%% of the operations were sent more than %s late, although a client was free: "+
				"the load generator did not keep up with the schedule", workloads[i].Name, l.P99.Round(time.Millisecond)))
		}
	}
	return warnings
}
