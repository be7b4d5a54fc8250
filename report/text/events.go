package text

import (
	"strings"

	"pgchaos/internal/units"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
)

// writeTimeline is what was done to the cluster, and what happened to it.
func writeTimeline(doc *document, r *report.Result) {
	if len(r.Timeline) == 0 {
		return
	}
	doc.heading("timeline", "Timeline", "seconds since the load began")
	t := table{columns: []column{right("Planned"), right("Issued"), right("Effective"), left("Step"), left("Nodes"), left("Status"), left("Detail")}}
	for _, m := range r.Timeline {
		planned, issued, effective := "", units.Seconds(m.Issued), "-"
		if m.Planned != nil {
			planned = units.Seconds(*m.Planned)
		}
		if m.Effective > 0 {
			effective = units.Seconds(m.Effective)
		}
		if m.Status == record.EventSkipped {
			issued = "-"
		}
		status, i := eventWords(r, m)
		t.add(i, planned, issued, effective, stepWords(m), strings.Join(m.Nodes, ", "), status, detail(m))
	}
	doc.table(&t)
}

// eventWords is how a step ended.
func eventWords(r *report.Result, m record.Event) (status string, i ink) {
	switch {
	case r.Unclear(m):
		return "UNCLEAR", yellow
	case (m.Promotion != nil || m.Weakening != nil) && r.CauseOf(m) != nil:
		return "expected", plain
	}
	switch m.Status {
	case record.EventSeen:
		return "UNEXPECTED", red
	case record.EventFailed:
		return "FAILED", red
	case "":
		return "UNKNOWN", red
	case record.EventSkipped:
		return "skipped", yellow
	}
	return string(m.Status), plain
}

// stepWords is a step's name, and what it does where the name does not tell.
func stepWords(m record.Event) string {
	text := m.Name
	switch {
	case m.Reverses != "":
		text = "undo of " + m.Reverses
	case m.Name == "":
		text = m.Action
	case !strings.HasPrefix(m.Name, m.Action):
		text += " (" + m.Action + ")"
	}
	return text
}

func detail(m record.Event) string {
	switch {
	case m.Error == "":
		return m.Detail
	case m.Detail == "":
		return m.Error
	}
	return m.Detail + ": " + m.Error
}

// writeOutages is how long it was down for clients.
func writeOutages(doc *document, r *report.Result) {
	if len(r.Outages) == 0 {
		return
	}
	doc.heading("outages", "Outages", "from when the fault was issued until operations succeeded for good")
	t := table{columns: []column{left("Event"), left("Workload"), left("Kind"), left("Outage"), right("Errors"), right("First error"), right("Last error"), right("Downtime")}}
	for _, o := range r.Outages {
		kind := "read"
		if o.Writes {
			kind = "write"
		}
		words, _, i := outageWords(&o)
		if !o.Loaded {
			t.add(i, o.Event, o.Workload, kind, words, "", "", "", "")
			continue
		}
		if o.NotServed {
			t.add(i, o.Event, o.Workload, kind, words, "", "", "", units.Span(o.LongestGap))
			continue
		}
		first, last := "", ""
		if o.Errors > 0 {
			first, last = units.Seconds(o.FirstFail), units.Seconds(o.LastFail)
		}
		t.add(i, o.Event, o.Workload, kind, words, units.Grouped(o.Errors), first, last, units.Span(o.LongestGap))
	}
	doc.table(&t)
}

// outageWords is one outage, for the full report, and as a cell of the short one.
func outageWords(o *outage.Outage) (full, short string, i ink) {
	same := func(text string, i ink) (string, string, ink) { return text, text, i }
	switch {
	case o == nil:
		return same("-", plain)
	case !o.Loaded:
		return "not measured: no load", "no load", yellow
	case o.NotServed:
		return "not measured: down before the fault", "down before", yellow
	case !o.Recovered && o.RTO == 0:
		return "never recovered", "not back", red
	case !o.Recovered:
		return "at least " + units.Span(o.RTO) + ", never recovered", "> " + units.Span(o.RTO) + ", not back", red
	case o.Most > o.RTO:
		least, most := wholeSpan(o.RTO), wholeSpan(o.Most)
		return "between " + least + " and " + most, least + " to " + most, plain
	case o.RTO > 0 || o.Errors > 0:
		span := units.Span(o.RTO)
		if o.Since > 0 {
			return span + ", from " + units.Seconds(o.Since), span, plain
		}
		return same(span, plain)
	}
	return same("none", plain)
}
