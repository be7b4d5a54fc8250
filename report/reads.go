package report

import (
	"slices"
	"strings"
	"time"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/outage"
)

// Reads is what the clients of a read workload saw.
type Reads struct {
	Unchecked string      `json:"unchecked,omitempty"` // why nothing was checked
	Nodes     []NodeReads `json:"nodes,omitempty"`     // those that were read from
	Own       int64       `json:"own_reads"`           // of the writer that the client calls its own
	// NotJudged are stale reads of which too little was kept to say what was promised.
	NotJudged int64                `json:"stale_not_judged,omitempty"`
	Findings  []outage.ReadFinding `json:"findings,omitempty"`
}

// NodeReads is what was read from one node.
type NodeReads struct {
	Node  string `json:"node"`
	Reads int64  `json:"reads"`
	Stale int64  `json:"stale"`
	// Staleness is how long the oldest acknowledged write that a read did not see had
	// been acknowledged when it was sent; 0 for a read that was fresh.
	Staleness Dist `json:"staleness"`
	// AtLeast counts reads whose true staleness was more than the recorded one.
	AtLeast int64 `json:"stale_at_least,omitempty"`
	// Behind is by how many sequence numbers of its writer.
	Behind Behind `json:"behind_writes"`
	// ByTime is how stale the reads were that were sent in each second, in a run of more than an hour in each of several; steps without
	// a read are left out. None in older results.
	ByTime []StaleStep `json:"staleness_by_time,omitempty"`
}

// StaleStep is how stale the reads of one node were that were sent in one step.
type StaleStep struct {
	At    time.Duration `json:"at_ns"` // its beginning
	Reads int64         `json:"reads"`
	Most  time.Duration `json:"staleness_max_ns"`
}

// Behind is a distribution of numbers of writes, over all reads.
type Behind struct {
	P50 int64 `json:"p50"`
	P99 int64 `json:"p99"`
	Max int64 `json:"max"`
}

// readsOf are what all workloads saw that are asked about, of those that were checked.
func (r *Result) readsOf(workload string) (all []*Reads, why string) {
	why = "no workload of kind read"
	for _, w := range r.Workloads {
		switch {
		case w.Reads == nil || workload != "" && w.Name != workload:
		case w.Reads.Unchecked != "":
			why = "the reads of " + w.Name + " were not checked: " + w.Reads.Unchecked
		case w.Reads.Total() == 0:
			why = "no read of " + w.Name + " was answered"
		default:
			all = append(all, w.Reads)
		}
	}
	return all, why
}

// Total is how many reads were answered.
func (s *Reads) Total() (n int64) {
	for _, node := range s.Nodes {
		n += node.Reads
	}
	return n
}

// readFindingMetrics are the metrics that are the number of one or two findings.
var readFindingMetrics = map[string][]outage.ReadWhat{
	"stale_reads":             {outage.ReadStale},
	"promised_stale_reads":    {outage.ReadStaleApplied, outage.ReadStalePrimary},
	"monotonic_violations":    {outage.ReadWentBack},
	"cross_node_regressions":  {outage.ReadBehind},
	"read_your_writes_misses": {outage.ReadMissedOwn},
	"hole_reads":              {outage.ReadHole},
	"never_attempted_reads":   {outage.ReadNever},
}

// readMetric is a metric of what readers saw.
func (r *Result) readMetric(e expect.Expectation) expect.Value {
	if e.Metric == "long_forks" || e.Metric == "standby_forks" {
		return r.forkMetric(e)
	}
	all, why := r.readsOf(e.Workload)
	if len(all) == 0 {
		return unknown("%s", why)
	}
	switch {
	case strings.HasPrefix(e.Metric, "staleness_"):
		return staleness(e, all)
	case e.Node != "":
		return staleOn(e, all)
	}
	var n, reads int64
	v := expect.Value{Known: true}
	atLeast := func(is bool, why string) {
		if is {
			v.AtLeast, v.Why = true, why
		}
	}
	for _, s := range all {
		reads += s.Total()
		switch e.Metric {
		case "stale_read_rate":
			n += s.count(outage.ReadStale).N
		default:
			for _, what := range readFindingMetrics[e.Metric] {
				f := s.count(what)
				n += f.N
				atLeast(f.AtLeast, "not every such read was kept")
			}
			atLeast(e.Metric == "promised_stale_reads" && s.NotJudged > 0, "not every stale read was kept")
		}
	}
	v.Number = float64(n)
	if e.Metric == "stale_read_rate" {
		v.Number /= float64(reads)
	}
	v.Text = e.Kind.Format(v.Number)
	return v
}

// staleOn is how many of the reads that a node answered were stale, or their share.
func staleOn(e expect.Expectation, all []*Reads) expect.Value {
	var stale, reads int64
	for _, s := range all {
		for _, n := range s.Nodes {
			if n.Node == e.Node {
				stale, reads = stale+n.Stale, reads+n.Reads
			}
		}
	}
	switch {
	case reads == 0:
		return unknown("%s answered no read", e.Node)
	case e.Metric == "stale_read_rate":
		return known(e, float64(stale)/float64(reads))
	}
	return known(e, float64(stale))
}

// count is the finding of one kind; without it there were none.
func (s *Reads) count(what outage.ReadWhat) outage.ReadFinding {
	i := slices.IndexFunc(s.Findings, func(f outage.ReadFinding) bool { return f.What == what })
	if i < 0 {
		return outage.ReadFinding{What: what}
	}
	return s.Findings[i]
}

// staleness is over all nodes, or of one.
func staleness(e expect.Expectation, all []*Reads) expect.Value {
	var dists []Dist
	var atLeast, reads int64
	for _, s := range all {
		for _, n := range s.Nodes {
			if e.Node != "" && n.Node != e.Node {
				continue
			}
			dists = append(dists, n.Staleness)
			atLeast += n.AtLeast
			reads += n.Reads
		}
	}
	d, ok := merge(dists)
	switch {
	case reads == 0:
		return unknown("%s answered no read", e.Node)
	case !ok:
		return unknown("a histogram cannot be read")
	}
	var number time.Duration
	short := atLeast > 0
	switch e.Metric {
	case "staleness_p50":
		number, short = d.P50, float64(atLeast) > 0.5*float64(reads)
	case "staleness_p99":
		number, short = d.P99, float64(atLeast) > 0.01*float64(reads)
	default:
		number = d.Max
	}
	v := known(e, number.Seconds())
	if short {
		v.AtLeast, v.Why = true, "for some reads it is not known how stale they were, beyond some thousand writes"
	}
	return v
}

// forkMetric is over all tables.
func (r *Result) forkMetric(e expect.Expectation) expect.Value {
	var n, readings int64
	for _, f := range r.Forks {
		readings += f.Readings
		if e.Metric == "long_forks" {
			n += f.Primary.N
		} else {
			n += f.Standbys.N
		}
	}
	if readings == 0 {
		return unknown("no table was written and read at the same time, so the progress of its writers was not read")
	}
	return known(e, float64(n))
}

// readFindings are what readers saw against what PostgreSQL promises. They fail a run
// whatever is expected of it.
func (r *Result) readFindings() (all []audit.Finding) {
	for _, w := range r.Workloads {
		if w.Reads == nil {
			continue
		}
		for _, f := range w.Reads.Findings {
			if f.Violation && f.N > 0 {
				all = append(all, failed("%s: %s", w.Name, ReadFindingText(f, w.Reads.Total())))
			}
		}
	}
	for _, f := range r.Forks {
		if f.WentBack.N > 0 {
			all = append(all, failed("table %s: %s", f.Table, WentBackText(f)))
		}
		if f.Standbys.N > 0 {
			all = append(all, failed("table %s: %s", f.Table, StandbyForksText(f)))
		}
	}
	return all
}
