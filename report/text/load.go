package text

import (
	"fmt"
	"strconv"
	"strings"

	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/report"
)

// writeLoad is how fast it was, in JMeter's words.
func writeLoad(doc *document, r *report.Result) {
	if len(r.Workloads) == 0 {
		return
	}
	doc.heading("load", "Load", "response times in ms, counted from when an operation was due")
	for i := range r.Workloads {
		doc.para(plain, 2, "%s", askedWords(&r.Workloads[i]))
	}
	t := table{columns: append(jmeterColumns(), right("Weak"), right("Unknown"), right("Dropped"))}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		t.addStats(w.Name, w.Total)
		for _, part := range w.Parts {
			t.addStats("  /"+part.Part, part.Stats)
		}
		if w.Warmup != nil {
			t.addStats("  (warm-up, apart)", *w.Warmup)
		}
		for _, phase := range w.Phases {
			t.addStats("  "+phase.Phase, phase.Stats)
		}
	}
	if len(r.Workloads) > 1 {
		t.addStats("TOTAL", r.Total())
	}
	doc.table(&t)
	writeTraffic(doc, r)
	writeLoadNotes(doc, r)
	writeErrorKinds(doc, r)
}

// askedWords are the settings of a workload.
func askedWords(w *report.Workload) string {
	text := fmt.Sprintf("%s: %s on %s, %s", w.Name, w.Kind, w.Target, units.Count(int64(w.Clients), "client", "clients"))
	if w.OnTimeout == "cancel" || w.OnTimeout == "terminate" {
		text += ", " + w.OnTimeout + " after a time-out"
	}
	if w.Model != nil {
		text += modelWords(w.Model)
	}
	switch {
	case w.Rate > 0:
		text += ", " + strconv.FormatFloat(w.Rate, 'f', -1, 64) + "/s"
		if w.Model != nil && w.Model.Arrivals == "poisson" {
			text += " as Poisson arrivals"
		}
	case !w.Open() && (w.Model == nil || w.Model.ThinkTime == 0 && len(w.Model.Stages) == 0):
		text += ", a closed loop"
	}
	return text
}

// words are what is not as it is by default.
func modelWords(m *report.Model) (text string) {
	if m.Connections > 0 {
		text += " on " + units.Count(int64(m.Connections), "connection", "connections")
	}
	if m.Pipeline > 1 {
		text += ", a pipeline of " + strconv.Itoa(m.Pipeline) + " statements"
	}
	if m.Protocol == "simple" {
		text += ", simple protocol"
	}
	if m.Route != "" && m.Route != "hosts" {
		text += ", route " + m.Route
	}
	if m.ThinkTime > 0 {
		text += ", think time " + m.ThinkTime.String()
	}
	if m.Overflow == "drop" {
		text += ", dropping operations without a free client"
	}
	if m.CatchUp != "" && m.CatchUp != "burst" {
		text += ", " + map[string]string{"spread": "catching up at twice the rate", "skip": "skipping operations that a stall made late"}[m.CatchUp]
	}
	return text + stagesWords(m)
}

// stages are the stages in words: ", 100/s for 10s, then ramping to 500/s in 20s".
func stagesWords(m *report.Model) (text string) {
	for i, s := range m.Stages {
		what := strconv.FormatFloat(s.Rate, 'f', -1, 64) + "/s"
		if s.Clients > 0 {
			what = units.Count(int64(s.Clients), "client", "clients")
		}
		switch {
		case i >= shownStages:
			return text + fmt.Sprintf(", and %d more stages", len(m.Stages)-i)
		case m.Ramp == "linear":
			text += ", to " + what + " in " + s.For.String()
		default:
			text += ", " + what + " for " + s.For.String()
		}
	}
	return text
}

// shownStages bounds the stages that are shown; the file has all of them.
const shownStages = 6

// jmeterColumns are those of JMeter's Aggregate Report, in its words.
func jmeterColumns() []column {
	return []column{
		left("Label"), right("# Samples"), right("Average"), right("Median"), right("90% Line"), right("95% Line"),
		right("99% Line"), right("Min"), right("Max"), right("Error %"), right("Throughput"),
	}
}

// addTotals appends one row of JMeter's table. What cannot be said without samples is "-",
// never 0.
func (t *table) addTotals(label string, s report.Stats) {
	cells := []string{label, units.Grouped(s.Samples)}
	if d := s.Response; d.Count > 0 {
		cells = append(cells, units.Millis(d.Mean), units.Millis(d.P50), units.Millis(d.P90), units.Millis(d.P95), units.Millis(d.P99), units.Millis(d.Min), units.Millis(d.Max))
	} else {
		cells = append(cells, "-", "-", "-", "-", "-", "-", "-")
	}
	errorRate, throughput, i := "-", "-", plain
	if share, ok := s.ErrorRate(); ok {
		errorRate = units.Percent(share)
	}
	if perSecond, ok := s.Throughput(); ok {
		throughput = fmt.Sprintf("%.1f/s", perSecond)
	}
	if s.Errors() > 0 {
		i = yellow
	}
	t.add(i, append(cells, errorRate, throughput)...)
}

// addStats appends one row of the full report's table, and what of it succeeded.
func (t *table) addStats(label string, s report.Stats) {
	t.addTotals(label, s)
	last := &t.rows[len(t.rows)-1]
	last.cells = append(last.cells, some(s.Weak), some(s.Unknown), some(s.Dropped))
	if s.Succeeded != nil && s.Acknowledged() > 0 {
		indent := label[:len(label)-len(strings.TrimLeft(label, " "))]
		t.addStats(indent+"  (succeeded)", report.Stats{
			Samples: s.Acknowledged(), OK: s.OK, Weak: s.Weak, Span: s.Span, Response: s.Succeeded.Response,
		})
	}
}

// some is a number that is not worth a column when it is 0 everywhere.
func some(n int64) string {
	if n == 0 {
		return ""
	}
	return units.Grouped(n)
}

// queueing is how many times longer than the service time the response time must
// be before the difference is explained.
const queueing = 2

// writeLoadNotes says what the figures do not.
func writeLoadNotes(doc *document, r *report.Result) {
	var closed []string
	for _, w := range r.Workloads {
		s := w.Total
		if s.Dropped > 0 {
			doc.para(yellow, 2, "%s: %s due and never sent, because all clients were busy", w.Name,
				units.Count(s.Dropped, "operation was", "operations were"))
		}
		if w.Model != nil && !w.Open() && s.Samples > 0 {
			closed = append(closed, w.Name)
		}
		if s.Unknown > 0 {
			doc.para(yellow, 2, "%s: %s with an unknown outcome, when the client gave up or lost its connection%s", w.Name, units.Count(s.Unknown, "operation ended", "operations ended"), abandonedWords(&w))
		}
		if s.Service.Count > 0 && s.Response.P99 > queueing*s.Service.P99 {
			doc.para(plain, 2, "%s: 99%% were answered within %s ms of being sent; the rest of the response time was waiting for a free client",
				w.Name, units.Millis(s.Service.P99))
		}
	}
	if len(closed) > 0 {
		doc.para(faint, 2, "%s: in a closed loop clients send nothing while the server stalls, so that one slow sample stands for all "+
			"that users would have sent. Give the workload a rate to measure the stall", strings.Join(closed, ", "))
	}
}

// abandonedWords says how the operations ended that were given up on.
func abandonedWords(w *report.Workload) (text string) {
	if w.Late > 0 {
		text += fmt.Sprintf("; %s later", units.Count(w.Late, "reply came", "replies came"))
	}
	if w.GaveUp > 0 {
		text += fmt.Sprintf("; clients gave up on %s of them, and at most %s held a connection at the same time",
			units.Grouped(w.GaveUp), units.Grouped(int64(w.MostAbandoned)))
	}
	return text
}

// writeErrorKinds lists what failed, with an example of each kind.
func writeErrorKinds(doc *document, r *report.Result) {
	t := table{columns: []column{left("Workload"), left("Error"), left("Outcome"), right("Count"), left("Example")}}
	for _, w := range r.Workloads {
		for _, e := range w.Errors {
			if e.Outcome != record.Dropped { // counted above, and never sent
				t.add(plain, w.Name, e.Kind, e.Outcome.String(), units.Grouped(e.N), units.OneLine(e.Example))
			}
		}
	}
	if len(t.rows) > 0 {
		doc.heading("errors", "Errors", "")
		doc.table(&t)
	}
}
