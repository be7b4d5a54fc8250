package lanes

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/report"
)

// sample is a figure of one node at one moment; nil is not known.
type sample struct {
	at    time.Duration
	value *float64
}

// line is the figures of one node, by time.
type line struct {
	node    string
	samples []sample
}

// slack is how much longer than usual the time between two samples of a node may be before the time between them is a gap.
const slack = 2.5

// pace is the usual time between two samples.
func (l *line) pace() time.Duration {
	between := make([]time.Duration, 0, len(l.samples))
	for i := 1; i < len(l.samples); i++ {
		between = append(between, l.samples[i].at-l.samples[i-1].at)
	}
	if len(between) == 0 {
		return 0
	}
	slices.Sort(between)
	return between[len(between)/2]
}

// onTimes are the figures at the times of all nodes. Nodes are not read at the same moment: between two samples of a node that
// follow each other, it is as the first of them says.
func (l *line) onTimes(times []time.Duration) []*float64 {
	values := make([]*float64, len(times))
	longest := time.Duration(slack * float64(l.pace()))
	next := 0
	for i, at := range times {
		for next < len(l.samples) && l.samples[next].at <= at {
			next++
		}
		if next == 0 {
			continue
		}
		before := l.samples[next-1]
		if before.at == at || next < len(l.samples) && l.samples[next].at-before.at <= longest {
			values[i] = before.value
		}
	}
	return values
}

// ofNodes makes a lane of lines.
func ofNodes(l Lane, lines []line) Lane {
	var times []time.Duration
	for _, one := range lines {
		for _, s := range one.samples {
			times = append(times, s.at)
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	for _, at := range times {
		l.Times = append(l.Times, at.Seconds())
	}
	for i := range lines {
		l.Series = append(l.Series, Series{Name: lines[i].node, Group: lines[i].node, Values: lines[i].onTimes(times)})
	}
	return l
}

// seriesOf are figures of the nodes' series. Lines of which nothing is known are left out.
func seriesOf(r *report.Result, end time.Duration, of func(record.NodeSample) *float64) (lines []line) {
	for _, n := range r.NodeSeries {
		one, some := line{node: n.Node}, false
		for _, s := range n.Samples {
			if s.At >= 0 && s.At <= end {
				value := of(s)
				some = some || value != nil
				one.samples = append(one.samples, sample{s.At, value})
			}
		}
		if some {
			lines = append(lines, one.sorted())
		}
	}
	return lines
}

// sorted are the figures by time, one for each millisecond: of several, the last.
func (l line) sorted() line {
	for i := range l.samples {
		l.samples[i].at = l.samples[i].at.Round(time.Millisecond)
	}
	slices.SortStableFunc(l.samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	var unique []sample
	for _, s := range l.samples {
		if n := len(unique); n > 0 && unique[n-1].at == s.at {
			unique[n-1] = s
			continue
		}
		unique = append(unique, s)
	}
	l.samples = unique
	return l
}

func lagBytes(r *report.Result, end time.Duration) Lane {
	return ofNodes(Lane{ID: "lag-bytes", Title: "Replay lag in bytes", Unit: "B"}, seriesOf(r, end, func(s record.NodeSample) *float64 {
		if s.LagBytes == nil {
			return nil
		}
		return known(float64(*s.LagBytes))
	}))
}

func lag(r *report.Result, end time.Duration) Lane {
	return ofNodes(Lane{ID: "lag", Title: "Replay lag in time", Unit: "s"}, seriesOf(r, end, func(s record.NodeSample) *float64 {
		if s.Lag == nil {
			return nil
		}
		return known(s.Lag.Seconds())
	}))
}

// staleness is how old the oldest acknowledged write was that a read of a node did not see, the greatest of each step.
func staleness(r *report.Result, end time.Duration) Lane {
	l := Lane{ID: "staleness", Title: "Staleness that readers saw, the greatest of each second", Unit: "s"}
	readers := 0
	for i := range r.Workloads {
		if r.Workloads[i].Reads != nil {
			readers++
		}
	}
	var lines []line
	var groups []string
	for i := range r.Workloads {
		w := &r.Workloads[i]
		if w.Reads == nil {
			continue
		}
		for _, n := range w.Reads.Nodes {
			one := line{node: n.Node}
			if readers > 1 {
				one.node = w.Name + " on " + n.Node
			}
			for _, s := range n.ByTime {
				if s.At >= 0 && s.At <= end && s.Reads > 0 {
					one.samples = append(one.samples, sample{s.At, known(s.Most.Seconds())})
				}
			}
			if len(one.samples) > 0 {
				lines, groups = append(lines, one.sorted()), append(groups, n.Node)
			}
		}
	}
	l = ofNodes(l, lines)
	for i := range l.Series {
		l.Series[i].Group = groups[i]
	}
	return l
}

// syncWaiters are the backends of each primary that wait for a standby. Backends of a standby never do.
func syncWaiters(r *report.Result, end time.Duration) Lane {
	return ofNodes(Lane{ID: "sync-waiters", Title: "Backends that wait for a synchronous standby"}, seriesOf(r, end, func(s record.NodeSample) *float64 {
		if s.Role != record.RolePrimary {
			return nil
		}
		return known(float64(s.SyncWaiters))
	}))
}

// usageOf are figures of the nodes' use of their machine, in the order of the cluster.
func usageOf(r *report.Result, end time.Duration, of func(record.ResourceSample) float64) (lines []line) {
	for _, u := range r.Usage {
		if u.At < 0 || u.At > end {
			continue
		}
		i := slices.IndexFunc(lines, func(l line) bool { return l.node == u.Node })
		if i < 0 {
			i = len(lines)
			lines = append(lines, line{node: u.Node})
		}
		lines[i].samples = append(lines[i].samples, sample{u.At, known(of(u))})
	}
	place := func(l line) int {
		return slices.IndexFunc(r.Cluster.Nodes, func(n report.ClusterNode) bool { return n.Name == l.node })
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(place(a), place(b)) })
	for i := range lines {
		lines[i] = lines[i].sorted()
	}
	return lines
}

func cpu(r *report.Result, end time.Duration) Lane {
	l := Lane{ID: "cpu", Title: "CPU of each node, of one core", Unit: "%"}
	return ofNodes(l, usageOf(r, end, func(u record.ResourceSample) float64 { return u.CPUPercent }))
}

func memory(r *report.Result, end time.Duration) Lane {
	l := Lane{ID: "memory", Title: "Memory of each node", Unit: "B"}
	return ofNodes(l, usageOf(r, end, func(u record.ResourceSample) float64 { return float64(u.MemoryBytes) }))
}
