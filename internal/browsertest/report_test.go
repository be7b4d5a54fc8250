package browsertest

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgchaos/internal/longtest"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/report/html"
	"pgchaos/report/lanes"
)

// written is the page of a result, as a run writes it.
func written(t *testing.T, r *report.Result) string {
	t.Helper()
	var b bytes.Buffer
	if err := html.Write(&b, r, html.Options{Version: "test"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// result is a run of half a minute, with a figure of its own in every step.
func result() *report.Result {
	r := &report.Result{
		Name: "<b>a run</b>", Experiment: "name: <b>a run</b>\n# " + strings.Repeat("a long line ", 40) + "\n", Duration: 30 * time.Second,
		Workloads: []report.Workload{{Name: "writes", Kind: "insert", Active: []report.Interval{{To: 30 * time.Second}}}},
		Phases:    []record.Phase{{Name: "before", End: 10 * time.Second}, {Name: "pause-b", Start: 10 * time.Second, End: 30 * time.Second}},
		Timeline: []record.Event{{
			Name: "pause-b", Action: "pause", Nodes: []string{"b"}, Status: record.EventDone, Fault: true,
			Issued: 10 * time.Second, Effective: 10*time.Second + 5*time.Millisecond, Ended: 10*time.Second + 5*time.Millisecond,
		}},
	}
	w := &r.Workloads[0]
	for i := range 300 {
		if i >= 100 && i < 150 {
			continue // no operation ended
		}
		w.Series = append(w.Series, report.SeriesPoint{At: time.Duration(i) * report.SeriesStep, OK: int64(100 + i)})
	}
	b := record.NodeSeries{Node: "b", Step: time.Second}
	for i := range 30 {
		lag := int64(1000 * i * i)
		b.Samples = append(b.Samples, record.NodeSample{At: time.Duration(i)*time.Second + 3*time.Millisecond, Role: record.RoleStandby, Timeline: 1, LagBytes: &lag})
	}
	r.NodeSeries = []record.NodeSeries{b}
	return r
}

// TestFiguresAreThoseOfTheResult compares what the page shows at the cursor with the result itself.
func TestFiguresAreThoseOfTheResult(t *testing.T) {
	p := newTab(t)
	r := result()
	p.open(written(t, r))
	at := func(seconds float64) map[string]figures {
		evaluate[bool](p, fmt.Sprintf("pgchaos.page.place(%g), true", seconds))
		p.settle()
		return p.figures()
	}
	step := report.SeriesStep.Seconds()
	for i, point := range r.Workloads[0].Series {
		if i%37 != 0 {
			continue
		}
		f := at(point.At.Seconds())["throughput"]
		if want := float64(point.OK) / step; f.Values[0] == nil || !near(*f.Values[0], want, 1e-9) {
			t.Errorf("at %v the page shows %s, want %g/s", point.At, f.Texts[0], want)
		}
		if want := fmt.Sprintf("at %g s", point.At.Seconds()); f.At != want {
			t.Errorf("the page shows the figures %q, want %q", f.At, want)
		}
	}
	if f := at(12)["throughput"]; f.Texts[0] != "0/s" {
		t.Errorf("in the outage the page shows %s", f.Texts[0])
	}
	for _, s := range r.NodeSeries[0].Samples {
		f := at(s.At.Seconds())["lag-bytes"]
		if f.Values[0] == nil || *f.Values[0] != float64(*s.LagBytes) {
			t.Errorf("at %v the page shows a lag of %s, want %d bytes", s.At, f.Texts[0], *s.LagBytes)
		}
	}
	if faults := evaluate[[]float64](p, `pgchaos.timeline({faults: []}).rows.length === 0 ? pgchaos.page.charts()[0].lane.rows[1].spans.map((s) => s.from) : []`); len(faults) != 1 || faults[0] != 10 {
		t.Errorf("the faults begin at %v", faults)
	}
}

// TestPagesOfResults opens the page of each kept result, of older schemas too.
func TestPagesOfResults(t *testing.T) {
	dirs, err := filepath.Glob("../../report/testdata/results/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal(err)
	}
	script := axe(t)
	tabs := map[int64]*tab{390: newTab(t), 1280: newTab(t)} // one for each width
	for _, p := range tabs {
		p.oneKind = true
	}
	for i, dir := range append(dirs, "../../report/testdata/schema-1", "../../report/testdata/schema-2") {
		name := filepath.Base(dir)
		r, err := report.Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		run, err := lanes.Of(r)
		if err != nil {
			t.Fatal(err)
		}
		for k, width := range []int64{390, 1280} {
			if (k != i%2 || i%3 == 2) && !longtest.Enabled {
				continue // two of three pages, each in one of the widths
			}
			p := tabs[width]
			p.size(width, 900)
			p.load(written(t, r))
			if len(run.Lanes) > 0 {
				p.wait(`document.documentElement.dataset.charts === "drawn"`)
			}
			evaluate[bool](p, `document.querySelectorAll("details").forEach((d) => (d.open = true)), true`)
			p.settle()
			if got := evaluate[int64](p, "document.documentElement.scrollWidth"); got > width {
				t.Errorf("%s at %d is %d pixels wide", name, width, got)
			}
			drawn := evaluate[int](p, `document.querySelectorAll("section.lane canvas").length`)
			if drawn != len(run.Lanes) {
				t.Errorf("%s: %d of %d lanes are drawn", name, drawn, len(run.Lanes))
			}
			p.accessible(fmt.Sprintf("%s at %d", name, width), script)
		}
	}
}

// TestHostileResult writes the page of a result whose names mean harm.
func TestHostileResult(t *testing.T) {
	p := newTab(t)
	r := result()
	all := strings.Join(hostile, "\n")
	r.Name, r.Experiment, r.Description = all, all, all
	r.Workloads[0].Name = hostile[0]
	r.Workloads[0].Errors = []report.ErrorCount{{Kind: "XX000", Outcome: record.Failed, N: 3, Example: all}}
	r.NodeSeries[0].Node = hostile[2]
	r.Timeline[0].Name, r.Timeline[0].Nodes = hostile[1], []string{hostile[2]}
	r.Phases[0].Name = hostile[1]
	p.size(390, 844)
	p.open(written(t, r))
	evaluate[bool](p, `document.querySelectorAll("details").forEach((d) => (d.open = true)), true`)
	p.settle()
	if evaluate[bool](p, `"harmed" in window`) {
		t.Error("a text was run as a script")
	}
	if n := evaluate[int](p, `document.querySelectorAll("img, iframe, object, embed, [onerror], [onload]").length`); n != 0 {
		t.Errorf("%d elements came out of texts", n)
	}
	if !strings.Contains(evaluate[string](p, `document.querySelector("h1").textContent`), hostile[0]) {
		t.Error("the name is not shown as it is")
	}
	if got := evaluate[int](p, "document.documentElement.scrollWidth"); got > 390 {
		t.Errorf("a long text makes the page %d pixels wide", got)
	}
}

// TestPolicyHolds wants a script that is not ours refused, so that a hole in the escaping does no harm.
func TestPolicyHolds(t *testing.T) {
	p := newTab(t)
	p.load(strings.Replace(written(t, result()), "<main>", `<main><script>window.harmed=1</script><img src="https://example.org/x.png" onerror="window.harmed=2">`, 1))
	p.wait(`document.documentElement.dataset.charts === "drawn"`)
	p.settle()
	if evaluate[bool](p, `"harmed" in window`) {
		t.Error("a foreign script ran")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.messages) < 2 {
		t.Errorf("the browser refused %d things: %q", len(p.messages), p.messages)
	}
	p.messages, p.requests = nil, nil // it writes down what it refused
}
