package text

import (
	"fmt"
	"time"

	"pgchaos/internal/units"
	"pgchaos/outage"
	"pgchaos/report"
)

// writeRecoveries is how the cluster came back from each fault, stage by stage: one
// entry for the cluster, and under it one for each workload.
func writeRecoveries(doc *document, r *report.Result) {
	if len(r.Recoveries) == 0 {
		return
	}
	doc.heading("recovery", "Recovery", "times count from when the fault was issued")
	for i := range r.Recoveries {
		rec := &r.Recoveries[i]
		doc.stages(plain, 2, rec.Event+": ", clusterStages(rec))
		for _, caveat := range rec.Caveats {
			doc.item(yellow, 4, "caveat: ", caveat)
		}
		for _, w := range rec.Workloads {
			i := plain
			if !w.Loaded || w.NotServed || w.Clients.NeverBack > 0 {
				i = yellow
			}
			doc.stages(i, 4, w.Workload+": ", workloadStages(rec, w))
		}
	}
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
	for _, stage := range report.ClusterStages(rec) {
		add(stageWords(rec, stage))
	}
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
	for _, stage := range report.WorkloadStages(rec, &w) {
		add(stageWords(rec, stage))
	}
	if w.Clients.Clients > 0 {
		items = append(items, clientWords(w.Clients, rec.NextOf(&w)))
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

// stageWords is one stage; one that was not reached says how long that was watched.
func stageWords(rec *outage.Recovery, s report.RecoveryStage) string {
	switch s.State {
	case outage.StageReached:
		switch {
		case s.From > 0 && s.From <= rec.Issued:
			return s.Name + within(s.At-rec.Issued) + ", or never gone"
		case s.From > 0:
			return s.Name + " between " + wholeSpan(s.From-rec.Issued) + " and " + wholeSpan(s.At-rec.Issued) + " after it"
		}
		return s.Name + " " + offset(s.At-rec.Issued)
	case outage.StageMissed:
		if s.Never {
			return s.Missed
		}
		return s.Missed + within(s.At-rec.Issued) + s.Ended
	case outage.StageNone:
		return s.None
	}
	return s.Name + " not known"
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

// clientWords are for how long clients were out, one by one, up to the next fault.
func clientWords(c outage.ClientOutages, next string) string {
	before := ""
	if c.NotServed > 0 {
		before = fmt.Sprintf(", %s down before the fault", units.Grouped(int64(c.NotServed)))
	}
	if c.Hit == 0 {
		return fmt.Sprintf("none of %s was out%s", units.Count(int64(c.Clients), "client", "clients"), before)
	}
	back := fmt.Sprintf("%d of %d were out, all are back", c.Hit, c.Clients)
	if c.NeverBack > 0 {
		back = fmt.Sprintf("%d of %d were out, %d NEVER BACK", c.Hit, c.Clients, c.NeverBack)
		if next != "" {
			back = fmt.Sprintf("%d of %d were out, %d NOT BACK before %s", c.Hit, c.Clients, c.NeverBack, next)
		}
	}
	return fmt.Sprintf("clients out: median %s, p99 %s, longest %s (%s%s)", leastWords(c.Median), leastWords(c.P99), leastWords(c.Max), back, before)
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
