package browsertest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	stdhtml "html"
	"math"
	"strings"
	"testing"

	"pgchaos/report/html"
	"pgchaos/report/lanes"
)

// The run of these tests: a minute at 100 ms, with a fault that lasts and one that is a moment.
const (
	duration = 60.0
	samples  = 600
)

func ptr(v float64) *float64 { return &v }

// run makes a run whose figures can be computed here, too.
func run() *lanes.Run {
	times := make([]float64, samples)
	for i := range times {
		times[i] = math.Round(float64(i)*100) / 1000
	}
	line := func(name, group string, value func(i int) *float64) lanes.Series {
		s := lanes.Series{Name: name, Group: group}
		for i := range times {
			s.Values = append(s.Values, value(i))
		}
		return s
	}
	down := func(i int) bool { return i >= 200 && i < 250 }
	throughput := lanes.Lane{ID: "throughput", Title: "Throughput", Unit: "/s", Times: times, About: "From 0/s at 20 s to 1,049/s.", Series: []lanes.Series{
		line("writes", "writes", func(i int) *float64 {
			if down(i) {
				return ptr(0)
			}
			return ptr(float64(1000 + i%50))
		}),
		line("reads", "reads", func(i int) *float64 { return ptr(2000 + 10*math.Round(20*math.Sin(float64(i)/20))) }),
	}}
	response := lanes.Lane{ID: "response", Title: "Response time", Unit: "s", Log: true, Times: times, About: "Up to 5 s at 20 s."}
	for k, name := range []string{"p50", "p90", "p99", "max"} {
		response.Series = append(response.Series, line("writes "+name, "writes", func(i int) *float64 {
			if down(i) {
				return nil // no operation ended: there is no response time
			}
			return ptr(0.001234 * math.Pow(3, float64(k)) * (1 + float64(i%7)/10))
		}))
	}
	errors := lanes.Lane{ID: "errors", Title: "Errors", Unit: "/s", Times: times, About: "50 errors.", Series: []lanes.Series{
		line("connection refused", "errors", func(i int) *float64 {
			if down(i) {
				return ptr(30)
			}
			return ptr(0)
		}),
	}}
	lag := lanes.Lane{ID: "lag-bytes", Title: "Replay lag", Unit: "B", Times: times, About: "Up to 1 MB.", Series: []lanes.Series{
		line("pgslave", "pgslave", func(i int) *float64 { return ptr(float64(i * 1000)) }),
		// A node that was not read for some seconds.
		line("pgslavenew", "pgslavenew", func(i int) *float64 {
			if i >= 300 && i < 310 {
				return nil
			}
			return ptr(float64(600000 - i*1000))
		}),
	}}
	roles := lanes.Lane{ID: "roles", Title: "Roles", About: "pgslave became primary at 24 s.", Rows: []lanes.Row{
		{Name: "pgmaster", Spans: []lanes.Span{{From: 0, To: 20, Label: "primary, timeline 1", Class: "primary"}, {From: 20, To: 60, Label: "down", Class: "down"}}},
		{Name: "pgslave", Spans: []lanes.Span{{From: 0, To: 24, Label: "standby, timeline 1", Class: "standby"}, {From: 24, To: 60, Label: "primary, timeline 2", Class: "primary"}}},
		{Name: "pgslavenew", Spans: []lanes.Span{{From: 0, To: 30, Label: "standby, timeline 1", Class: "standby"}, {From: 30, To: 31, Label: "not read", Class: "unknown"}, {From: 31, To: 60, Label: "standby, timeline 2", Class: "standby"}}},
	}}
	return &lanes.Run{
		Duration: duration,
		Lanes:    []lanes.Lane{throughput, response, errors, roles, lag},
		Faults: []lanes.Fault{
			{Step: "kill", Label: "kill primary (pgmaster)", From: 20, To: 25, Stages: []lanes.Mark{{At: 20.4, Label: "first error"}, {At: 24, Label: "pgslave promoted"}, {At: 25, Label: "first write"}}},
			{Step: "checkpoint", Label: "checkpoint (pgslave)", From: 45, To: 45},
		},
		Phases: []lanes.Span{{From: 0, To: 20, Label: "before"}, {From: 20, To: 25, Label: "outage"}, {From: 25, To: 60, Label: "after"}},
	}
}

// encode is the data of a page, as the scripts read it.
func encode(t *testing.T, data any) string {
	t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// page is a page with what the scripts need of it, and nothing else. before is a script that runs before them.
func page(t *testing.T, r *lanes.Run, before string) string {
	t.Helper()
	return pageOf(r, encode(t, r), before)
}

func pageOf(r *lanes.Run, data, before string) string {
	esc := stdhtml.EscapeString
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>A run</title><style>` +
		html.Style() + "</style></head><body><main><h1>A run</h1>\n<p class=\"verdict fail\">fail: 6 writes were lost</p><div id=\"lanes\">\n")
	picture := `<svg xmlns="http://www.w3.org/2000/svg" class="pgchaos-picture" role="img" width="960" height="150" viewBox="0 0 960 150"><title>picture</title><path d="M0 75H960" stroke="currentColor"/></svg>`
	for _, l := range r.Lanes {
		fmt.Fprintf(&b, `<section class="lane" id="lane-%[1]s" data-lane="%[1]s"><h2>%[2]s</h2><div class="chart" role="img" tabindex="0" aria-label="%[3]s">%[4]s</div><details><summary>Table</summary></details></section>`+"\n",
			esc(l.ID), esc(l.Title), esc(l.About), picture)
	}
	b.WriteString("</div>\n")
	for i, f := range r.Faults {
		fmt.Fprintf(&b, `<section class="closeup" data-fault="%d"><h2>%s</h2><div class="chart" role="img" aria-label="close-up">%s</div></section>`+"\n", i, esc(f.Label), picture)
	}
	b.WriteString(`<details id="closed"><summary>Settings</summary><p>fsync is on</p></details><pre data-copy="the experiment">name: a &lt;b&gt; run` + "\n" + `</pre></main>` +
		`<script type="application/octet-stream;base64" id="pgchaos-data">` + data + "</script>\n")
	if before != "" {
		b.WriteString("<script>" + before + "</script>\n")
	}
	for _, script := range html.Scripts() {
		b.WriteString("<script>" + script + "</script>\n")
	}
	return b.String() + "</body></html>\n"
}

// chart is the expression for the chart of a lane.
func chart(id string) string {
	return fmt.Sprintf(`pgchaos.page.charts().find((c) => c.lane.id === %q)`, id)
}

// window is what a chart shows, and where its cursor is (-1: nowhere).
type window struct{ From, To, Cursor float64 }

// windows are those of all charts with one time axis, by lane.
func (p *tab) windows() map[string]window {
	p.t.Helper()
	return evaluate[map[string]window](p, `Object.fromEntries(pgchaos.page.charts().map((c) => [c.lane.id, {
		From: c.u.scales.x.min, To: c.u.scales.x.max, Cursor: c.u.cursor.left >= 0 ? c.u.posToVal(c.u.cursor.left, "x") : -1,
	}]))`)
}

// near tells whether two times are the same, as far as a mouse can say.
func near(a, b, by float64) bool { return math.Abs(a-b) <= by }
