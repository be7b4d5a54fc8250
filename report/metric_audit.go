package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/internal/units"
)

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
	if e.Metric == "missing_rows" || e.Metric == "extra_rows" {
		alone, unnamed := r.notCompared()
		if alone != "" && n == 0 {
			return unknown("%s", alone)
		}
		why = append(why, unnamed...)
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

// NodesRead says how many nodes of an audit were read: "1 of 2 nodes read"; "": all were.
func NodesRead(a *audit.Audit) string {
	read := 0
	for _, n := range a.Nodes {
		if n.Read {
			read++
		}
	}
	if read == len(a.Nodes) {
		return ""
	}
	return fmt.Sprintf("%d of %s read", read, units.Count(int64(len(a.Nodes)), "node", "nodes"))
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

// notCompared says what of the cluster nothing was compared with. Alone: there was nothing to compare at all, which shows no equality. Unnamed: standbys
// streamed that nobody read.
func (r *Result) notCompared() (alone string, unnamed []string) {
	for i := range r.Audits {
		a := &r.Audits[i]
		read := slices.DeleteFunc(slices.Clone(a.Nodes), func(n audit.NodeAudit) bool { return !n.Read })
		switch {
		case len(read) > 1:
		case !a.Complete:
			alone = Incomplete(a)
		case len(read) == 1:
			alone = "only " + read[0].Node + " was read: there was nothing to compare it with"
		default:
			alone = "no node was read"
		}
	}
	switch n := len(r.Cluster.Unnamed); n {
	case 0:
	case 1:
		unnamed = []string{"1 standby that the file does not name was not read: " + r.Cluster.Unnamed[0]}
	default:
		unnamed = []string{fmt.Sprintf("%d standbys that the file does not name were not read: %s", n, strings.Join(r.Cluster.Unnamed, ", "))}
	}
	return alone, unnamed
}

// nodesEqual is false as soon as one difference was found, and true only when
// every node of the cluster was read to the end, and there are several. A standby that is behind is not different.
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
	alone, unnamed := r.notCompared()
	if alone != "" {
		return unknown("%s", strings.Join(append([]string{alone}, unnamed...), "; "))
	}
	if why = append(why, unnamed...); len(why) > 0 {
		return expect.Value{Known: true, Bool: true, AtLeast: true, Why: strings.Join(why, "; ")}
	}
	return expect.Value{Known: true, Bool: true, Text: "true"}
}

// weakWrites counts the weak acknowledgements of all writers.
func (r *Result) weakWrites(e expect.Expectation) expect.Value {
	var n, samples int64
	for _, w := range r.Workloads {
		if w.WritesRows() {
			n += w.Total.Weak
			samples += w.Total.Samples
		}
	}
	if samples == 0 {
		return unknown("nothing was written")
	}
	return known(e, float64(n))
}
