package runner

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/record"
)

// usageAsTaken is how long a run may be of which every sample of resource use is kept.
const usageAsTaken = time.Hour

// thinUsage merges neighbouring samples of a node in a run of more than an hour, so that its result has no
// more of them than that of an hour has. Merged are only samples of one phase: CPU is the mean, memory and
// processes are the most, and totals the last.
func thinUsage(all []record.ResourceSample, phases []record.Phase, run time.Duration) []record.ResourceSample {
	several := 1 + int(max(0, run-1)/usageAsTaken)
	if several == 1 {
		return all
	}
	phase := func(at time.Duration) int {
		return slices.IndexFunc(phases, func(p record.Phase) bool { return at < p.End })
	}
	type group struct {
		at, n int // in the result, and how many samples it has
		phase int
	}
	open := map[string]*group{}
	var thin []record.ResourceSample
	for _, u := range all {
		g := open[u.Node]
		if g == nil || g.n == several || g.phase != phase(u.At) {
			open[u.Node] = &group{at: len(thin), n: 1, phase: phase(u.At)}
			thin = append(thin, u)
			continue
		}
		before := thin[g.at]
		u.CPUPercent = (before.CPUPercent*float64(g.n) + u.CPUPercent) / float64(g.n+1)
		u.MemoryBytes, u.Processes = max(u.MemoryBytes, before.MemoryBytes), max(u.Processes, before.Processes)
		g.n++
		thin[g.at] = u
	}
	slices.SortStableFunc(thin, func(a, b record.ResourceSample) int { return cmp.Compare(a.At, b.At) })
	return thin
}
