package text

import (
	"fmt"
	"strconv"

	"pgchaos/internal/units"
	"pgchaos/report"
)

// kilobyte is JMeter's, in its KB/sec.
const kilobyte = 1024

// writeTraffic is the rest of JMeter's columns, and what JMeter cannot say: what was
// asked for and achieved, and the service times beside the response times.
func writeTraffic(doc *document, r *report.Result) {
	t := table{columns: []column{
		left("Label"), right("Asked"), right("Achieved"), right("Service Median"), right("90% Line"), right("99% Line"), right("Max"),
		right("Std. Dev."), right("Received KB/sec"), right("Sent KB/sec"), right("Avg. Bytes"), right("Retries"),
	}}
	for i := range r.Workloads {
		w := &r.Workloads[i]
		if w.Model == nil || w.Total.Samples == 0 { // a file of before these were recorded
			continue
		}
		asked, achieved := "", ""
		if w.Open() && w.Asked > 0 {
			if s := w.Total.Span.Seconds(); s > 0 {
				asked = fmt.Sprintf("%.1f/s", float64(w.Asked)/s)
			}
			achieved = units.Percent(float64(w.Total.Samples) / float64(w.Asked))
		}
		s, d := w.Total, w.Total.Service
		cells := []string{w.Name, asked, achieved, "", "", "", "", units.Millis(s.Response.StdDev)}
		if w.Open() { // in a closed loop they are the response times
			copy(cells[3:], []string{units.Millis(d.P50), units.Millis(d.P90), units.Millis(d.P99), units.Millis(d.Max)})
		}
		received, sent := "-", "-"
		if in, ok := s.PerSecond(s.In); ok {
			received = fmt.Sprintf("%.2f", in/kilobyte)
		}
		if out, ok := s.PerSecond(s.Out); ok {
			sent = fmt.Sprintf("%.2f", out/kilobyte)
		}
		t.add(plain, append(cells, received, sent, strconv.FormatFloat(float64(s.In)/float64(s.Samples), 'f', 1, 64), some(s.Retries))...)
	}
	if len(t.rows) > 0 {
		doc.gap()
		doc.table(&t)
	}
}

// writeGenerator is what pgchaos itself took.
func writeGenerator(doc *document, r *report.Result) {
	g := r.Generator
	if g == nil || g.Span <= 0 {
		return
	}
	doc.heading("generator", "Load generator", "pgchaos itself, while the load ran")
	cores := units.Count(int64(g.Cores), "core", "cores")
	if g.Allowed > 0 && g.Allowed < float64(g.Cores) {
		cores += fmt.Sprintf(", of which it may use %.2f", g.Allowed)
	}
	doc.para(plain, 2, "%s of one core on average, %s in its busiest second, of %s; %s of memory at most",
		units.Percent(g.CPU.Seconds()/g.Span.Seconds()), units.Percent(g.Busiest), cores, units.Bytes(g.Memory))
	if g.LiveView > 0 {
		doc.para(plain, 2, "the live view took %s of that processor time, %s of one core", units.Span(g.LiveView), units.Percent(g.LiveView.Seconds()/g.Span.Seconds()))
	}
	for i := range r.Workloads {
		if l := r.Workloads[i].Lateness; l != nil && l.Count > 0 {
			doc.para(plain, 2, "%s: delay of sending while a client was free: median %s ms, 99%% Line %s ms, max %s ms",
				r.Workloads[i].Name, units.Millis(l.P50), units.Millis(l.P99), units.Millis(l.Max))
		}
	}
	for _, w := range g.Warnings {
		doc.para(yellow, 2, "warning: %s", w)
	}
}
