package text

import (
	"fmt"
	"strings"
	"time"

	"pgchaos/internal/units"
	"pgchaos/outage"
	"pgchaos/report"
)

// writeRecoveries is how the cluster came back from each fault, stage by stage: one
// entry for the cluster, and under it one for each workload.
func writeRecoveries(p *page, r *report.Result) {
	if len(r.Recoveries) == 0 {
		return
	}
	p.heading("Recovery", "times count from when the fault was issued")
	for i := range r.Recoveries {
		rec := &r.Recoveries[i]
		p.stages(plain, "  "+rec.Event+": ", 4, clusterStages(rec))
		for _, caveat := range rec.Caveats {
			p.item(yellow, "    caveat: ", caveat)
		}
		for _, w := range rec.Workloads {
			i := plain
			if !w.Loaded || w.NotServed || w.Clients.NeverBack > 0 {
				i = yellow
			}
			p.stages(i, "    "+w.Workload+": ", 6, workloadStages(rec, w))
		}
	}
}

// stages writes items after a label, broken between items alone.
func (p *page) stages(i ink, label string, indent int, items []string) {
	line := label
	for n, item := range items {
		if n+1 < len(items) {
			item += ";"
		}
		if n > 0 && width(line)+1+width(item) > p.width {
			p.line(i, line)
			line = strings.Repeat(" ", indent) + item
			continue
		}
		if n > 0 {
			line += " "
		}
		line += item
	}
	p.line(i, line)
}

// clusterStages are those of the nodes, in the order in which they should come.
func clusterStages(rec *outage.Recovery) []string {
	issued, effective := "issued at ", "in effect "
	if rec.Noticed {
		issued, effective = "last seen well at ", "noticed "
	}
	items := []string{issued + units.Seconds(rec.Issued), effective + offset(rec.Effective-rec.Issued)}
	add := func(text string) {
		if text != "" {
			items = append(items, text)
		}
	}
	add(stageWords(rec, rec.Promotion, "promotion requested", "", "no promotion requested"))
	writable := rec.NewPrimary
	if writable != "" {
		writable += " "
	}
	add(stageWords(rec, rec.Writable, writable+"writable", "", "no writable primary"))
	add(stageWords(rec, rec.Redundancy, "redundancy back", "redundancy kept", "redundancy not back"))
	who := strings.Join(rec.Nodes, ", ")
	add(stageWords(rec, rec.Rejoined, who+" rejoined", "", who+" not rejoined"))
	return items
}

// workloadStages are those of one workload's clients.
func workloadStages(rec *outage.Recovery, w outage.WorkloadRecovery) []string {
	switch {
	case !w.Loaded:
		return []string{"not measured: no load"}
	case w.NotServed:
		return []string{"not measured: it was down before the fault"}
	}
	items := []string{}
	add := func(text string) {
		if text != "" {
			items = append(items, text)
		}
	}
	if w.FirstError.State == outage.StageMissed {
		add("no error")
	} else {
		add(stageWords(rec, w.FirstError, "first error", "", ""))
	}
	add(stageWords(rec, w.LastOldAck, "last reply from "+strings.Join(rec.Nodes, ", "), "", ""))
	add(stageWords(rec, w.FirstNewAck, "first reply from the new primary", "", "no reply from the new primary"))
	throughput := stageWords(rec, w.Throughput, "90 % of the throughput back", "90 % of the throughput kept", "throughput not back at 90 %")
	if w.Throughput.State == outage.StageMissed && rec.Next != "" {
		throughput += ", when " + rec.Next + " began"
	}
	add(throughput)
	if w.Clients.Clients > 0 {
		items = append(items, clientWords(rec, w.Clients)...)
	}
	for _, n := range w.Nodes {
		switch {
		case n.Left:
			add(n.Node + " not used again" + after(n.RTO))
		case !n.Recovered:
			add(n.Node + " served no client again" + within(n.RTO))
		case n.RTO > 0:
			add(n.Node + " out for " + wholeSpan(n.RTO))
		default:
			add(n.Node + " " + units.Count(n.Errors, "error", "errors"))
		}
	}
	return items
}

// stageWords is one stage; none and never are the words for one that does not apply
// and for one that was not reached, after which it says how long that was watched.
func stageWords(rec *outage.Recovery, s outage.Stage, name, none, never string) string {
	switch s.State {
	case outage.StageReached:
		return name + " " + offset(s.At-rec.Issued)
	case outage.StageMissed:
		return never + within(s.At-rec.Issued)
	case outage.StageNone:
		return none
	}
	return name + " not known"
}

// within is how long something was watched for that did not come. That this was for no time
// at all would say nothing.
func within(d time.Duration) string {
	if d <= 0 {
		return " while it was watched"
	}
	return " within " + wholeSpan(d)
}

// after is how long after the fault something was last so.
func after(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " " + offset(d)
}

// clientWords are for how long clients were out, one by one.
func clientWords(rec *outage.Recovery, c outage.ClientOutages) []string {
	before := ""
	if c.NotServed > 0 {
		before = fmt.Sprintf(", %s down before the fault", units.Grouped(int64(c.NotServed)))
	}
	if c.Hit == 0 {
		return []string{fmt.Sprintf("none of %s was out%s", units.Count(int64(c.Clients), "client", "clients"), before)}
	}
	back := fmt.Sprintf("%d of %d were out, all are back", c.Hit, c.Clients)
	if c.NeverBack > 0 {
		back = fmt.Sprintf("%d of %d were out, %d NEVER BACK", c.Hit, c.Clients, c.NeverBack)
		if rec.Next != "" {
			back = fmt.Sprintf("%d of %d were out, %d NOT BACK before %s", c.Hit, c.Clients, c.NeverBack, rec.Next)
		}
	}
	return []string{"clients out: median " + leastWords(c.Median), "p99 " + leastWords(c.P99), fmt.Sprintf("longest %s (%s%s)", leastWords(c.Max), back, before)}
}

func leastWords(l outage.Least) string {
	if l.AtLeast {
		return "at least " + wholeSpan(l.For)
	}
	return wholeSpan(l.For)
}

// wholeSpan is a length of time that is not known to less than a millisecond.
func wholeSpan(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
	}
	return units.Span(d)
}

// offset is a time after a moment, "after 226 ms". Only the last answer of a server that is
// asked seldom can come before the fault: "3 ms before".
func offset(d time.Duration) string {
	if d < 0 {
		return wholeSpan(-d) + " before it"
	}
	return "after " + wholeSpan(d)
}
