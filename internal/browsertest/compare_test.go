package browsertest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pgchaos/compare"
	comparehtml "pgchaos/compare/html"
	"pgchaos/compare/trend"
	"pgchaos/internal/longtest"
	"pgchaos/verdict"
)

// variant are the runs of a variant of a series: its response times are longer by a factor, and kills lose writes.
func variant(name string, factor float64, lost int64) compare.Column {
	c := compare.Column{Name: name}
	for round := 1; round <= 6; round++ {
		noise := 1 + 0.004*float64((round*7+len(name))%5)
		c.Runs = append(c.Runs, compare.Run{
			ID: fmt.Sprintf("run-%s-%d", name, round), Series: "series-1", Variant: name, Round: round, Verdict: verdict.Pass,
			Started: time.Date(2026, 3, 1, 12, round, 0, 0, time.UTC), Workloads: []string{"writes"}, Writers: []string{"writes"},
			Figures: []compare.Figure{
				{Metric: "p99 of writes", Value: 0.004 * factor * noise, Known: true},
				{Metric: "throughput of writes", Value: 500 / noise, Known: true},
				{Metric: "achieved_rate of writes", Value: noise, Known: true},
				{Metric: "write_rto", Value: 0.4 * factor * noise, Known: true},
				{Metric: "lost_writes", Value: float64(lost * int64(round%2)), Known: true},
				{Metric: "p50 of writes", Value: 0.001 * noise, Known: true},
			},
			Kills:       []compare.Kill{{Step: "kill-a", Known: true, Lost: lost * int64(round%2)}},
			Fingerprint: compare.Fingerprint{{Name: "host", Value: "vm"}},
		})
	}
	return c
}

// comparison is the page of a series.
func comparison(t *testing.T, title string, columns ...compare.Column) string {
	t.Helper()
	c, err := compare.Compare(columns, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := comparehtml.Comparison(&b, c, columns, comparehtml.ComparisonOptions{
		Title: title, Version: "test", Link: func(r compare.Run) string { return fmt.Sprintf("%d/report.html", r.Round) },
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// trends is the page of a history of 70 nights, which became slower in the 31st.
func trends(t *testing.T, name string) string {
	t.Helper()
	var runs []trend.Run
	for i := range 70 {
		r := trend.Run{Run: compare.Run{
			ID: fmt.Sprintf("run-%d", i+1), Started: time.Date(2026, 9, 1+i, 3, 0, 0, 0, time.UTC), Verdict: verdict.Pass,
			Figures: []compare.Figure{{Metric: "p99 of writes", Value: 0.004 * (1 + 0.001*float64(i*7%23)), Known: true}},
		}, Accepted: i == 40}
		if i >= 30 {
			r.Figures[0].Value *= 1.5
		}
		if i == 12 {
			r.NotComparable = []string{name}
		}
		runs = append(runs, r)
	}
	points := trend.History("p99 of writes", runs)
	h := comparehtml.History{
		Name: name, Metrics: []comparehtml.Metric{{Name: "p99 of writes", Points: points, Text: "p99 of writes: " + points[69].Finding.State.String()}},
		Accepted: []comparehtml.Accepted{{At: runs[40].Started, Run: runs[40].ID, By: "ann", Why: name, AcceptAt: runs[40].Started}},
	}
	var b bytes.Buffer
	if err := comparehtml.Trends(&b, []comparehtml.History{h, h}, comparehtml.TrendsOptions{Title: name, Version: "test"}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// comparing are the pages about several runs.
func comparing(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"comparison": comparison(t, "sync-modes", variant("local", 1, 4), variant("off", 0.5, 40), variant("quorum-1", 1.5, 0), variant("all", 3, 0)),
		"trends":     trends(t, "quorum-kill"),
	}
}

// TestComparingLooks: no part of a page about several runs is wider than the window, in dark and light, and axe-core finds nothing.
func TestComparingLooks(t *testing.T) {
	script := axe(t)
	p := newTab(t)
	for name, text := range comparing(t) {
		for _, scheme := range []string{"light", "dark"} {
			p.media("", map[string]string{"prefers-color-scheme": scheme})
			for _, width := range []int64{390, 1280} {
				if (scheme == "light") != (width == 390) && !longtest.Enabled {
					continue // light on a phone, dark on a screen
				}
				p.size(width, 844)
				p.load(text)
				evaluate[bool](p, `document.querySelectorAll("details").forEach((d) => (d.open = true)), true`)
				p.settle()
				when := fmt.Sprintf("%s, %s at %d", name, scheme, width)
				p.within(when, width)
				for _, drawn := range evaluate[[]float64](p, `[...document.querySelectorAll(".picture > svg")].map((s) => s.getBoundingClientRect().width)`) {
					if drawn < 500 {
						t.Errorf("%s: a picture is %g pixels wide", when, drawn)
					}
				}
				switch {
				case width == 390 && scheme == "light", longtest.Enabled:
					p.accessible(when, script)
				case width == 1280 && scheme == "dark":
					p.contrasts(when, script)
				}
			}
			// The lines take the colours of the page.
			if got, want := evaluate[string](p, `getComputedStyle(document.querySelector(".picture > svg text")).fill`), evaluate[string](p, `getComputedStyle(document.body).color`); got != want {
				t.Errorf("%s, %s: a text in a picture is %s, the text beside it %s", name, scheme, got, want)
			}
		}
	}
}

// TestComparingOnPaper: what scrolls in a window is whole on paper, and no picture is wider than the paper.
func TestComparingOnPaper(t *testing.T) {
	p := newTab(t)
	for name, text := range comparing(t) {
		p.media("", nil)
		p.size(794, 1123) // A4 at 96 dots an inch
		p.load(text)
		p.media("print", nil)
		p.settle()
		for _, wide := range evaluate[[]string](p, `[...document.querySelectorAll(".picture > svg")].filter((s) => s.getBoundingClientRect().right > innerWidth + 1).map((s) => s.querySelector("title").textContent)`) {
			t.Errorf("%s: the picture %q is wider than the paper", name, wide)
		}
		if got := evaluate[string](p, `getComputedStyle(document.querySelector(".picture")).overflowX`); got != "visible" {
			t.Errorf("%s: on paper a picture scrolls: %s", name, got)
		}
		p.media("", nil)
		pdf, err := chromedp.Run(p.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
		if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
			t.Errorf("%s: %v, a PDF of %d bytes", name, err, len(pdf))
		}
	}
}

// TestComparingByKeyboard: what scrolls by itself can be reached and scrolled with the keyboard.
func TestComparingByKeyboard(t *testing.T) {
	p := newTab(t)
	p.size(390, 844)
	for name, text := range comparing(t) {
		p.load(text)
		left := evaluate[[]string](p, `[...document.querySelectorAll("*")].filter((e) => e.scrollWidth > e.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(e).overflowX) && e.tabIndex < 0).map((e) => e.outerHTML.slice(0, 80))`)
		for _, e := range left {
			t.Errorf("%s: the keyboard cannot scroll %s", name, e)
		}
		p.do(chromedp.Focus(chromedp.CSS(".picture")))
		p.press(kb.ArrowRight)
		p.wait(`document.querySelector(".picture").scrollLeft > 0`)
	}
}

// TestComparingHostileNames stay text.
func TestComparingHostileNames(t *testing.T) {
	p := newTab(t)
	p.size(390, 844)
	var columns []compare.Column
	for i, name := range hostile {
		columns = append(columns, variant(name, 1+float64(i)/10, int64(i%3)))
	}
	columns[1].Runs[0].NotComparable = []string{strings.Join(hostile, " ")}
	for page, text := range map[string]string{"comparison": comparison(t, strings.Join(hostile, " "), columns...), "trends": trends(t, strings.Join(hostile, " "))} {
		p.load(text)
		evaluate[bool](p, `document.querySelectorAll("details").forEach((d) => (d.open = true)), true`)
		p.settle()
		if evaluate[bool](p, `"harmed" in window`) {
			t.Errorf("%s: a name was run as a script", page)
		}
		if n := evaluate[int](p, `document.querySelectorAll("img, iframe, object, embed, script, [onerror], [onload]").length`); n != 0 {
			t.Errorf("%s: %d elements came out of names", page, n)
		}
		if !evaluate[bool](p, fmt.Sprintf(`document.body.textContent.includes(%q)`, hostile[0])) {
			t.Errorf("%s: a name is not shown as it is", page)
		}
		p.within(page+" with long names", 390)
	}
}
