package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/internal/units"
	"pgchaos/outage"
)

// Metric is what the result says of an expectation's metric; *Result is a
// expect.Source. What has no evidence is unknown, and says why: nothing is 0
// because it is missing.
func (r *Result) Metric(e expect.Expectation) expect.Value {
	switch {
	case e.Metric == "up_in":
		if r.Cluster.UpIn <= 0 {
			return unknown("the time is not recorded")
		}
		return known(e, r.Cluster.UpIn.Seconds())
	case r.Stage == StagePlanned || r.Stage == "":
		return unknown("%s", r.Unfinished())
	case r.brokenOff() && ofLoad(e):
		return unknown("the run's pgchaos ended before it had recorded its load")
	case r.unsound(e) != "":
		return unknown("%s", r.unsound(e))
	case e.Metric == "write_rto" || e.Metric == "read_rto":
		return r.rto(e)
	case e.Metric == "downtime":
		return r.downtime(e)
	case e.Metric == "redundancy_rto" || e.Metric == "throughput_rto" || strings.HasPrefix(e.Metric, "client_rto_"):
		return r.recoveryMetric(e)
	case ofReads(e):
		return r.readMetric(e)
	case e.Workload != "":
		return r.loadMetric(e)
	}
	return r.ofRun(e)
}

// ofRun is a metric of the run as a whole.
func (r *Result) ofRun(e expect.Expectation) expect.Value {
	switch {
	case e.Metric == "split_brain":
		return r.splitBrain()
	case e.Metric == "rpo_seconds" || e.Metric == "rpo_bytes":
		return r.rpoMetric(e)
	case e.Metric == "weak_writes" && !r.explained():
		return r.weakWrites(e)
	}
	return r.auditMetric(e)
}

// brokenOff tells whether the load was broken off with the run's pgchaos, and only its
// writes were looked up afterwards.
func (r *Result) brokenOff() bool {
	return r.Afterwards != nil && r.Afterwards.Stage != StageRan
}

// ofLoad tells whether a metric is about what load and watchers record, and not about
// what the nodes hold.
func ofLoad(e expect.Expectation) bool {
	return e.Workload != "" || e.Metric == "downtime" || ofReads(e) || e.Metric == "weak_writes" || strings.HasSuffix(e.Metric, "_rto") || strings.HasPrefix(e.Metric, "client_rto_")
}

// ofReads tells whether the expectation is about what readers recorded. Which of the
// rows that they saw are gone, the audit counts.
func ofReads(e expect.Expectation) bool {
	return expect.Metric{Name: e.Metric}.OfReads() && e.Metric != "ghost_reads"
}

func unknown(format string, args ...any) expect.Value {
	return expect.Value{Why: fmt.Sprintf(format, args...)}
}

func known(e expect.Expectation, n float64) expect.Value {
	return expect.Value{Known: true, Number: n, Text: e.Kind.Format(n)}
}

// Unfinished says how far the run came, when it did not come to its end.
func (r *Result) Unfinished() string {
	switch r.Stage {
	case StageChecked:
		return ""
	case StageRan:
		return "the run ended before its audit"
	case StagePlanned:
		return "the run ended before its load did: nothing was measured"
	}
	return "it is not recorded how far the run came"
}

// auditMetric is a sum over all audited tables.
func (r *Result) auditMetric(e expect.Expectation) expect.Value {
	if len(r.Audits) == 0 {
		return unknown("%s", cmp.Or(r.Unfinished(), "no table was audited"))
	}
	if e.Metric == "nodes_equal" {
		return r.nodesEqual()
	}
	var n, acknowledged int64
	exact := e.Metric == "acknowledged_writes" // the ledger alone tells
	var why []string
	for i := range r.Audits {
		count, ok := auditCount(&r.Audits[i], e.Metric)
		switch {
		case !ok && e.Metric == "ghost_reads" && r.explained():
			return unknown("what was read is not recorded")
		case !ok:
			return unknown("the result does not hold %s", e.Metric)
		}
		n += count
		acknowledged += r.Audits[i].Acknowledged
		if !r.Audits[i].Complete && !exact {
			why = append(why, Incomplete(&r.Audits[i]))
		}
		if e.Metric == "missing_rows" {
			why = append(why, behind(&r.Audits[i])...)
		}
	}
	if e.Metric == "ghost_reads" && !r.read() {
		return unknown("nothing was read")
	}
	if acknowledged == 0 && slices.Contains([]string{"lost_writes", "weak_writes", "weak_lost", "weak_lost_writes", "unexplained_losses"}, e.Metric) {
		return unknown("no write was acknowledged, so none could be lost")
	}
	v := known(e, float64(n))
	v.AtLeast, v.Why = len(why) > 0, strings.Join(why, "; ")
	return v
}

// read tells whether any read was sent.
func (r *Result) read() bool {
	return slices.ContainsFunc(r.Workloads, func(w Workload) bool { return w.Kind == "read" && w.Total.Samples > 0 })
}

// Incomplete says in short why an audit is not complete; its causes, which can be
// long, stand once at the top of a report.
func Incomplete(a *audit.Audit) string {
	var unread []string
	for _, n := range a.Nodes {
		if !n.Read {
			unread = append(unread, n.Node)
		}
	}
	switch len(unread) {
	case 0:
		_, why, bounded := strings.Cut(a.Why, "; ")
		if !bounded || !strings.Contains(a.Why[:len(a.Why)-len(why)], " >= ") {
			why = a.Why
		}
		return cmp.Or(why, "the audit is not complete")
	case 1:
		return unread[0] + " was not read"
	}
	return strings.Join(unread, ", ") + " were not read"
}

// behind says which standbys lack rows that may still come.
func behind(a *audit.Audit) (why []string) {
	for _, n := range a.Nodes {
		if n.LagsBehind() {
			why = append(why, fmt.Sprintf("%s had not replayed all that %s wrote: %s", n.Node, a.Authority, units.Count(n.Missing, "row is missing", "rows are missing")))
		}
	}
	return why
}

// auditCount is one count of an audit, by the metric's name.
func auditCount(a *audit.Audit, metric string) (n int64, ok bool) {
	switch metric {
	case "lost_writes":
		return a.Lost.N, true
	case "weak_lost", "weak_lost_writes":
		return a.WeakLost.N, true
	case "weak_writes":
		if a.Weak == nil {
			return 0, false
		}
		return a.Weak.Sum(), true
	case "unexplained_losses":
		return a.Unexplained, a.Weak != nil
	case "ghost_reads":
		if a.Ghosts == nil {
			return 0, false
		}
		return *a.Ghosts, true
	case "survived_writes":
		return a.Survived.N, true
	case "vanished_writes":
		return a.Vanished.N, true
	case "resurrected_writes":
		return a.Resurrected.N, true
	case "acknowledged_writes":
		return a.Acknowledged, true
	case "duplicated_rows":
		return a.Duplicated.N, true
	case "foreign_rows":
		return a.Foreign.N, true
	case "corrupted_rows":
		return a.Corrupted.N, true
	case "missing_rows":
		for _, node := range a.Nodes {
			if !node.LagsBehind() {
				n += node.Missing
			}
		}
		return n, true
	case "extra_rows":
		for _, node := range a.Nodes {
			n += node.Extra
		}
		return n, true
	}
	return 0, false
}

// nodesEqual is false as soon as one difference was found, and true only when
// every node was read to the end. A standby that is behind is not different.
func (r *Result) nodesEqual() expect.Value {
	var why []string
	for _, a := range r.Audits {
		for _, n := range a.Nodes {
			if n.Differs() {
				return expect.Value{Known: true, Text: "false: " + n.Node + " differs from " + a.Authority}
			}
		}
		if !a.Complete {
			why = append(why, Incomplete(&a))
		}
		why = append(why, behind(&a)...)
	}
	if len(why) > 0 {
		return expect.Value{Known: true, Bool: true, AtLeast: true, Why: strings.Join(why, "; ")}
	}
	return expect.Value{Known: true, Bool: true, Text: "true"}
}

// momentUnknown says why a time is known as one from and to.
const momentUnknown = "no step was the fault: it is only known when all was last well and when it was noticed"

// rto is the worst outage of the events and workloads that are asked about.
func (r *Result) rto(e expect.Expectation) expect.Value {
	v := expect.Value{Known: true}
	sick, measured := "", false
	loaded := map[string]bool{} // by event
	var worst outage.Outage
	for _, o := range r.outagesFor(e) {
		loaded[o.Event] = loaded[o.Event] || o.Loaded
		switch {
		case !o.Loaded:
			continue
		case o.NotServed:
			sick = notServed(o.Workload, o.Event)
			continue
		case !o.Recovered:
			v.AtLeast = true
			v.Why = fmt.Sprintf("%s had not recovered from %s when the load ended", o.Workload, o.Event)
		}
		measured = true
		worst.Errors += o.Errors
		worst.RTO, worst.Most = max(worst.RTO, o.RTO), max(worst.Most, o.RTO, o.Most)
	}
	switch {
	case len(loaded) == 0:
		return unknown("no fault that took effect met such a workload")
	case sick != "" && !measured:
		return unknown("%s", sick)
	case !measured:
		return unknown("there was no load at the fault")
	case sick != "":
		v.AtLeast, v.Why = true, sick
	}
	for _, event := range slices.Sorted(maps.Keys(loaded)) {
		if !loaded[event] {
			v.AtLeast = true
			v.Why = fmt.Sprintf("there was no load at %s (say `during` which faults are meant)", event)
		}
	}
	v.Number, v.Text = worst.RTO.Seconds(), e.Kind.Format(worst.RTO.Seconds())
	switch {
	case v.AtLeast:
	case worst.Most > worst.RTO:
		v.AtLeast, v.Most, v.Why = true, worst.Most.Seconds(), momentUnknown
	case worst.RTO == 0 && worst.Errors == 0:
		v.Text = "no outage seen"
	}
	return v
}

// outagesFor are the outages that an expectation asks about.
func (r *Result) outagesFor(e expect.Expectation) (all []outage.Outage) {
	for _, o := range r.Outages {
		if o.Writes == (e.Metric == "write_rto") && (e.Workload == "" || o.Workload == e.Workload) && (e.Phase == "" || o.Event == e.Phase) {
			all = append(all, o)
		}
	}
	return all
}

// notServed says why nothing is known of what a fault did to a workload.
func notServed(workload, event string) string {
	return fmt.Sprintf("%s was not served when %s began, so what that did to it is not known", workload, event)
}

// downtime is the longest one of the workloads that are asked about.
func (r *Result) downtime(e expect.Expectation) expect.Value {
	v, loaded := expect.Value{Known: true}, false
	for _, d := range r.Downtimes {
		if d.During != e.Phase || e.Workload != "" && d.Workload != e.Workload || !d.Loaded {
			continue
		}
		loaded = true
		v.Number = max(v.Number, d.Length().Seconds())
		if d.Open {
			v.AtLeast = true
			v.Why = fmt.Sprintf("%s had no acknowledgement any more when the load ended", d.Workload)
		}
	}
	during := ""
	if e.Phase != "" {
		during = " during " + e.Phase
	}
	switch {
	case len(r.Downtimes) == 0:
		return unknown("the result does not hold downtimes")
	case e.Phase != "" && !r.hasPhase(e.Phase):
		return unknown("the run had no phase %s", e.Phase)
	case !loaded:
		return unknown("there was no load%s", during)
	}
	v.Text = e.Kind.Format(v.Number)
	return v
}

// weakWrites counts the weak acknowledgements of all writers.
func (r *Result) weakWrites(e expect.Expectation) expect.Value {
	var n, samples int64
	for _, w := range r.Workloads {
		if w.writes() {
			n += w.Total.Weak
			samples += w.Total.Samples
		}
	}
	if samples == 0 {
		return unknown("nothing was written")
	}
	return known(e, float64(n))
}

// writes tells whether the workload's acknowledgements are in the ledger.
func (w *Workload) writes() bool { return w.Kind == "insert" || w.Writes }

// loadMetric is a figure of one workload, in one phase or over all.
func (r *Result) loadMetric(e expect.Expectation) expect.Value {
	i := slices.IndexFunc(r.Workloads, func(w Workload) bool { return w.Name == e.Workload })
	if i < 0 {
		return unknown("the run had no workload %s", e.Workload)
	}
	w, s := r.Workloads[i], r.Workloads[i].Total
	where := e.Workload
	if e.Phase != "" {
		where += " during " + e.Phase
		p := slices.IndexFunc(w.Phases, func(p PhaseStats) bool { return p.Phase == e.Phase })
		switch {
		case p >= 0:
			s = w.Phases[p].Stats
		case r.hasPhase(e.Phase):
			s = Stats{}
		default:
			return unknown("the run had no phase %s", e.Phase)
		}
	}
	if e.Metric == "achieved_rate" && !w.Open() {
		return unknown("%s has no rate that could be achieved: it is a closed loop", e.Workload)
	}
	n, evidence := s.count(e.Metric)
	switch {
	case evidence == 0:
		return unknown("no samples of %s", where)
	case evidence > 0:
		return known(e, n)
	}
	return s.latency(e, where)
}

func (r *Result) hasPhase(name string) bool {
	for _, p := range r.Phases {
		if p.Name == name {
			return true
		}
	}
	return false
}

// count is a figure that is no latency, and on how many operations it rests. An
// evidence of 0 means that nothing can be said; a negative one, that the metric
// is none of these. That nothing was sent is itself evidence for samples and ok.
func (s Stats) count(metric string) (n float64, evidence int64) {
	switch metric {
	case "samples":
		return float64(s.Samples), 1
	case "ok":
		return float64(s.OK), 1
	case "weak":
		return float64(s.Weak), s.Samples
	case "failed":
		return float64(s.Failed), s.Samples
	case "unknown":
		return float64(s.Unknown), s.Samples
	case "dropped":
		return float64(s.Dropped), s.Samples + s.Dropped
	case "errors":
		return float64(s.Errors()), s.Samples
	case "error_rate":
		n, _ = s.ErrorRate()
		return n, s.Samples + s.Dropped
	case "retries":
		return float64(s.Retries), s.Samples
	case "achieved_rate":
		arrivals := s.Samples + s.Dropped // each ends as one or the other
		return float64(s.Samples) / float64(max(arrivals, 1)), arrivals
	case "throughput":
		n, ok := s.Throughput()
		if !ok {
			return 0, 0
		}
		return n, s.Samples
	}
	return 0, -1
}

// latency is a figure of the response or the service times of what succeeded: an
// operation that fails at once must not make a server look fast.
func (s Stats) latency(e expect.Expectation, where string) expect.Value {
	d := s.Response
	if e.Service() {
		d = s.Service
	}
	switch {
	case d.Count == 0:
		return unknown("no samples of %s", where)
	case s.Acknowledged() == 0:
		return unknown("none of the %s of %s succeeded", units.Count(s.Samples, "operation", "operations"), where)
	case s.Succeeded != nil && e.Service():
		d = s.Succeeded.Service
	case s.Succeeded != nil:
		d = s.Succeeded.Response
	}
	switch strings.TrimPrefix(e.Metric, "service_") {
	case "average":
		return known(e, d.Mean.Seconds())
	case "min":
		return known(e, d.Min.Seconds())
	case "max":
		return known(e, d.Max.Seconds())
	}
	p, ok := e.Percentile()
	if !ok {
		return unknown("the result does not hold %s", e.Metric)
	}
	latency, err := d.Percentile(p)
	if err != nil {
		return unknown("%s of %s: %v", e.Metric, where, err)
	}
	return known(e, latency.Seconds())
}
