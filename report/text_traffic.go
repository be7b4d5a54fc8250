package report

import (
	"fmt"
	"strconv"
)

// kilobyte is JMeter's, in its KB/sec.
const kilobyte = 1024

// writeTraffic is the rest of JMeter's columns, and what JMeter cannot say: what was
// asked for and achieved, and the service times beside the response times.
func (r *Result) writeTraffic(p *page) {
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
		if w.open() && w.Asked > 0 {
			if s := w.Total.Span.Seconds(); s > 0 {
				asked = fmt.Sprintf("%.1f/s", float64(w.Asked)/s)
			}
			achieved = percent(float64(w.Total.Samples) / float64(w.Asked))
		}
		s, d := w.Total, w.Total.Service
		cells := []string{w.Name, asked, achieved, "", "", "", "", millis(s.Response.StdDev)}
		if w.open() { // in a closed loop they are the response times
			copy(cells[3:], []string{millis(d.P50), millis(d.P90), millis(d.P99), millis(d.Max)})
		}
		received, sent := "-", "-"
		if in, ok := s.perSecond(s.In); ok {
			received = fmt.Sprintf("%.2f", in/kilobyte)
		}
		if out, ok := s.perSecond(s.Out); ok {
			sent = fmt.Sprintf("%.2f", out/kilobyte)
		}
		t.add(plain, append(cells, received, sent, strconv.FormatFloat(float64(s.In)/float64(s.Samples), 'f', 1, 64), some(s.Retries))...)
	}
	if len(t.rows) > 0 {
		p.line(plain, "")
		t.write(p)
	}
}

// perSecond is an amount a second, where the time was long enough for one.
func (s Stats) perSecond(n int64) (float64, bool) {
	if s.Span < leastSpan {
		return 0, false
	}
	return float64(n) / s.Span.Seconds(), true
}

// writeGenerator is what pgchaos itself took.
func (r *Result) writeGenerator(p *page) {
	g := r.Generator
	if g == nil || g.Span <= 0 {
		return
	}
	p.heading("Load generator", "pgchaos itself, while the load ran")
	cores := count(int64(g.Cores), "core", "cores")
	if g.Allowed > 0 && g.Allowed < float64(g.Cores) {
		cores += fmt.Sprintf(", of which it may use %.2f", g.Allowed)
	}
	p.para(plain, 2, "%s of one core on average, %s in its busiest second, of %s; %s of memory at most",
		percent(g.CPU.Seconds()/g.Span.Seconds()), percent(g.Busiest), cores, binaryBytes(g.Memory))
	for i := range r.Workloads {
		if l := r.Workloads[i].Lateness; l != nil && l.Count > 0 {
			p.para(plain, 2, "%s: sent late, though a client was free: median %s ms, 99%% Line %s ms, max %s ms",
				r.Workloads[i].Name, millis(l.P50), millis(l.P99), millis(l.Max))
		}
	}
	for _, w := range g.Warnings {
		p.para(yellow, 2, "warning: %s", w)
	}
}
