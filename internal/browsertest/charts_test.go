package browsertest

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pgchaos/report/lanes"
)

func over(id string) string { return "#lane-" + id + " .u-over" }

// inked counts the pixels of a chart's curves or bands that have one of its colours.
const inked = `((c) => {
	const probe = document.createElement("canvas").getContext("2d");
	const colours = (c.lane.rows ? ["band-good", "band-fair", "band-bad"].map((n) => pgchaos.theme[n]) : c.lane.colours.map((i) => pgchaos.theme.series[i])).map((name) => {
		probe.fillStyle = name;
		probe.fillRect(0, 0, 1, 1);
		return probe.getImageData(0, 0, 1, 1).data;
	});
	const b = c.u.bbox;
	const d = c.u.ctx.getImageData(b.left, b.top, b.width, b.height).data;
	let count = 0;
	for (let i = 0; i < d.length; i += 4) {
		if (d[i + 3] > 128 && colours.some((k) => Math.abs(k[0] - d[i]) + Math.abs(k[1] - d[i + 1]) + Math.abs(k[2] - d[i + 2]) < 30)) count++;
	}
	return count;
})`

func TestEveryLaneIsDrawn(t *testing.T) {
	p := newTab(t)
	r := run()
	p.open(page(t, r, ""))
	for _, l := range r.Lanes {
		if n := evaluate[int](p, inked+"("+chart(l.ID)+")"); n < 100 {
			t.Errorf("%s: %d pixels are drawn", l.ID, n)
		}
		shown := evaluate[string](p, fmt.Sprintf(`getComputedStyle(document.querySelector("#lane-%s .chart > svg")).display`, l.ID))
		if shown != "none" {
			t.Errorf("%s: the static picture is still there beside the chart", l.ID)
		}
	}
	if n := evaluate[int](p, `document.querySelectorAll(".charts-note").length`); n != 0 {
		t.Errorf("%d notes say that charts are missing", n)
	}
}

func TestOneWindowForAllCharts(t *testing.T) {
	p := newTab(t)
	p.open(page(t, run(), ""))
	wants := func(when string, from, to, by float64) {
		t.Helper()
		all := p.windows()
		if len(all) != 6 { // five lanes, and the phases and faults above them
			t.Fatalf("%d charts", len(all))
		}
		for id, w := range all {
			if !near(w.From, from, by) || !near(w.To, to, by) {
				t.Errorf("%s: %s shows %g to %g s, want %g to %g", when, id, w.From, w.To, from, to)
			}
		}
	}
	wants("at first", 0, 60, 0.001)
	p.drag(over("response"), 0.25, 0.5)
	wants("after dragging", 15, 30, 0.3)
	if text := evaluate[string](p, `new Promise((done) => setTimeout(() => done(document.querySelector(".status").textContent), 400))`); !strings.HasPrefix(text, "Shown: 1") {
		t.Errorf("the page says %q", text)
	}
	b := p.at(over("lag-bytes"))
	p.do(chromedp.MouseClickXY(b.Left+b.Width/2, b.Top+b.Height/2, chromedp.ClickCount(1)), chromedp.MouseClickXY(b.Left+b.Width/2, b.Top+b.Height/2, chromedp.ClickCount(2)))
	p.settle()
	wants("after a double click", 0, 60, 0.001)

	p.do(chromedp.SetValue(chromedp.CSS("#charts-goto"), "3")) // three phases, then the faults
	evaluate[bool](p, `document.querySelector("#charts-goto").dispatchEvent(new Event("change"))`)
	p.settle()
	wants("at the first fault", 18, 27, 0.001)
	text := evaluate[string](p, `document.querySelector("#charts-goto").selectedOptions[0].textContent`)
	if !strings.Contains(text, "kill primary (pgmaster)") {
		t.Errorf("the choice of the first fault is %q", text)
	}
}

func TestOneCursorForAllCharts(t *testing.T) {
	p := newTab(t)
	p.open(page(t, run(), ""))
	p.hover(over("throughput"), 0.5)
	for id, w := range p.windows() {
		if !near(w.Cursor, 30, 0.2) {
			t.Errorf("the cursor of %s is at %g s", id, w.Cursor)
		}
	}
	for id, at := range evaluate[map[string]string](p, `Object.fromEntries([...document.querySelectorAll("section.lane")].map((s) => [s.dataset.lane, s.querySelector(".at").textContent]))`) {
		if !strings.HasPrefix(at, "at 30") && !strings.HasPrefix(at, "at 29.") {
			t.Errorf("%s shows the figures %q", id, at)
		}
	}
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, 5, 5))
	p.settle()
	for id, w := range p.windows() {
		if w.Cursor != -1 {
			t.Errorf("the cursor of %s stays at %g s without a mouse", id, w.Cursor)
		}
	}
}

// figures are what the lines below the charts show: by lane, the time and the figures as numbers and as texts.
type figures struct {
	At     string
	Values []*float64
	Texts  []string
}

func (p *tab) figures() map[string]figures {
	p.t.Helper()
	return evaluate[map[string]figures](p, `Object.fromEntries([...document.querySelectorAll("section.lane")].map((s) => [s.dataset.lane, {
		At: s.querySelector(".at").textContent,
		Values: [...s.querySelectorAll(".legend .value")].map((v) => v.dataset.value === undefined ? null : Number(v.dataset.value)),
		Texts: [...s.querySelectorAll(".legend .value")].map((v) => v.textContent),
	}]))`)
}

func TestFiguresAtTheCursor(t *testing.T) {
	p := newTab(t)
	r := run()
	p.open(page(t, r, ""))
	for _, i := range []int{0, 7, 123, 199, 200, 225, 250, 305, 599} {
		evaluate[bool](p, fmt.Sprintf("pgchaos.page.place(%g), true", r.Lanes[0].Times[i]))
		p.settle()
		shown := p.figures()
		for _, l := range r.Lanes {
			f := shown[l.ID]
			if l.Rows != nil {
				continue
			}
			if want := fmt.Sprintf("at %g s", l.Times[i]); f.At != want {
				t.Errorf("%s: %q, want %q", l.ID, f.At, want)
			}
			for k, s := range l.Series {
				if !same(f.Values[k], s.Values[i]) {
					t.Errorf("%s at sample %d: %s shows %s", l.ID, i, s.Name, f.Texts[k])
				}
				if s.Values[i] == nil && f.Texts[k] != "not known" {
					t.Errorf("%s at sample %d: what was not measured is %q", l.ID, i, f.Texts[k])
				}
			}
		}
	}
	evaluate[bool](p, "pgchaos.page.place(22), true")
	p.settle()
	shown := p.figures()
	if got := shown["roles"].Texts; got[0] != "down" || got[1] != "standby, timeline 1" {
		t.Errorf("roles at 22 s: %q", got)
	}
	for text, want := range map[string]string{
		`pgchaos.value(0.001234, "s")`:                    "1.234 ms",
		`pgchaos.figure(0.0553561, "s")`:                  "55.4 ms",
		`pgchaos.figure(0.3741, "s")`:                     "374 ms",
		`pgchaos.figure(12345678, "B")`:                   "11.8 MB",
		`pgchaos.figure(1048.4, "/s")`:                    "1,048/s",
		`pgchaos.figure(0, "s")`:                          "0 s",
		`pgchaos.figure(null, "s")`:                       "not known",
		`pgchaos.value(0, "s")`:                           "0 s",
		`pgchaos.value(12345678, "B")`:                    "11.7738 MB",
		`pgchaos.value(1049, "/s")`:                       "1,049/s",
		`pgchaos.value(12.5, "%")`:                        "12.5 %",
		`pgchaos.value(null, "s")`:                        "not known",
		`pgchaos.value(0.0000042, "s")`:                   "4.2 µs",
		`pgchaos.time(3600.1)`:                            "3,600.1 s",
		`pgchaos.nearest([0, 1, 2], 1.4)`:                 "1",
		`pgchaos.nearest([0, 1, 2], 1.6)`:                 "2",
		`pgchaos.nearest([0, 1, 2], 99)`:                  "2",
		`pgchaos.nearest([], 99)`:                         "-1",
		`pgchaos.timeline(` + twoAtOnce + `).rows.length`: "2",
	} {
		if got := evaluate[string](p, "String("+text+")"); got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

const twoAtOnce = `{faults: [{from: 1, to: 9, label: "a"}, {from: 2, to: 3, label: "b"}, {from: 9, to: 9, label: "c"}]}`

func same(a, b *float64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// TestFaultsAreBands looks at the pixels of a lane: coloured over the whole height while a fault lasts, and not beside it.
func TestFaultsAreBands(t *testing.T) {
	p := newTab(t)
	p.open(page(t, run(), ""))
	for _, id := range []string{"throughput", "response", "errors", "lag-bytes"} {
		for seconds, want := range map[float64]bool{19: false, 20.5: true, 22: true, 24.5: true, 26: false, 44: false, 45: true, 46: false} {
			share := evaluate[float64](p, fmt.Sprintf(`((c) => {
				const b = c.u.bbox;
				let best = 0;
				for (const dx of [-1, 0, 1]) {
					const d = c.u.ctx.getImageData(Math.round(c.u.valToPos(%g, "x", true)) + dx, b.top, 1, b.height).data;
					let filled = 0;
					for (let i = 3; i < d.length; i += 4) if (d[i] > 0) filled++;
					best = Math.max(best, filled / b.height);
				}
				return best;
			})(%s)`, seconds, chart(id)))
			// The moment of a fault is a broken line.
			if got := share > 0.5; got != want {
				t.Errorf("%s at %g s: %.0f %% of the height are coloured", id, seconds, 100*share)
			}
		}
	}
}

func TestKeyboard(t *testing.T) {
	p := newTab(t)
	r := run()
	p.open(page(t, r, ""))
	p.do(chromedp.Focus(chromedp.CSS("#lane-throughput .chart")))
	value := func() float64 {
		return evaluate[float64](p, `Number(document.querySelector("#lane-throughput .chart").getAttribute("aria-valuenow"))`)
	}
	step := func(keys string, want float64, options ...chromedp.KeyOption) {
		t.Helper()
		p.press(keys, options...)
		if got := value(); !near(got, want, 1e-9) {
			t.Errorf("after %q the cursor is at %g s, want %g", keys, got, want)
		}
		for id, w := range p.windows() {
			if !near(w.Cursor, want, 1e-6) {
				t.Errorf("after %q the cursor of %s is at %g s, want %g", keys, id, w.Cursor, want)
			}
		}
	}
	step(kb.ArrowRight, 0)
	step(kb.ArrowRight, 0.1)
	step(kb.ArrowRight, 1.1, chromedp.KeyModifiers(chromedp.ModifierShift))
	step(kb.ArrowLeft, 1)
	step(kb.PageUp, 7)
	step(kb.Home, 0)
	step(kb.End, 60)
	step(kb.ArrowLeft, 59.8) // the last sample is at 59.9 s
	text := evaluate[string](p, `document.querySelector("#lane-throughput .chart").getAttribute("aria-valuetext")`)
	if want := fmt.Sprintf("59.8 s: writes %s, reads", "1,048/s"); !strings.HasPrefix(text, want) {
		t.Errorf("a screen reader hears %q, want %q", text, want)
	}
	p.press("+")
	for id, w := range p.windows() {
		if !near(w.To-w.From, 30, 0.001) || w.From > 59.8 || w.To < 59.8 {
			t.Errorf("after + %s shows %g to %g s", id, w.From, w.To)
		}
	}
	p.press("-")
	p.press("+")
	p.press("+")
	step(kb.Home, p.windows()["throughput"].From)
	before := p.windows()["throughput"].From
	p.press(kb.ArrowLeft)
	p.press(kb.ArrowLeft)
	if after := p.windows()["throughput"].From; after >= before {
		t.Errorf("the window stays at %g s when the cursor leaves it", after)
	}
	p.press(kb.Escape)
	for id, w := range p.windows() {
		if w.From != 0 || w.To != 60 || w.Cursor != -1 {
			t.Errorf("after Escape %s shows %g to %g s, the cursor at %g", id, w.From, w.To, w.Cursor)
		}
	}
}

func TestSeriesOnAndOff(t *testing.T) {
	p := newTab(t)
	p.open(page(t, run(), ""))
	button := "#lane-throughput .legend li:nth-child(2) button"
	shown := func() string {
		return evaluate[string](p, `document.querySelector("`+button+`").getAttribute("aria-pressed") + " " + `+chart("throughput")+`.u.series[2].show`)
	}
	if got := shown(); got != "true true" {
		t.Fatalf("at first: %s", got)
	}
	p.do(chromedp.Click(chromedp.CSS(button)))
	p.settle()
	if got := shown(); got != "false false" {
		t.Errorf("after a click: %s", got)
	}
	if top := evaluate[float64](p, chart("throughput")+".u.scales.y.max"); top > 1500 {
		t.Errorf("the axis still goes to %g for a series that is off", top)
	}
	p.do(chromedp.Focus(chromedp.CSS(button)))
	p.press(" ")
	if got := shown(); got != "true true" {
		t.Errorf("after the space key: %s", got)
	}
}

func TestTablesBehindTheLanes(t *testing.T) {
	p := newTab(t)
	r := run()
	p.open(page(t, r, ""))
	rows := func(id string) [][]string {
		return evaluate[[][]string](p, `[...document.querySelectorAll("#lane-`+id+` tbody tr")].map((r) => [...r.children].map((c) => c.textContent))`)
	}
	if got := rows("throughput"); len(got) != 0 {
		t.Errorf("%d rows before the table is opened", len(got))
	}
	for _, id := range []string{"throughput", "response", "roles"} {
		p.do(chromedp.Click(chromedp.CSS("#lane-" + id + " summary")))
		p.settle()
	}
	first := rows("throughput")
	if len(first) != 200 || first[0][0] != "0 s" || first[199][0] != "19.9 s" || first[7][1] != "1,007/s" {
		t.Fatalf("%d rows: %q", len(first), first[:min(3, len(first))])
	}
	p.do(chromedp.Click(chromedp.CSS("#lane-throughput .pages button:nth-child(2)")))
	p.settle()
	if second := rows("throughput"); len(second) != 200 || second[0][0] != "20 s" || second[0][1] != "0/s" {
		t.Errorf("the next rows: %d", len(second))
	}
	p.do(chromedp.Click(chromedp.CSS("#lane-response .pages button:nth-child(2)")))
	p.settle()
	if second := rows("response"); len(second) != 200 || second[0][1] != "not known" {
		t.Errorf("the next response times: %d", len(second))
	}
	if roles := rows("roles"); len(roles) != 7 || strings.Join(roles[0], "|") != "pgmaster|0 s|20 s|primary, timeline 1" {
		t.Errorf("roles: %q", roles)
	}
	evaluate[bool](p, "pgchaos.page.zoom(10, 11), true")
	p.settle()
	if now := rows("throughput"); len(now) != 11 || now[0][0] != "10 s" {
		t.Errorf("%d rows in a window of a second", len(now))
	}
}

func TestCloseUps(t *testing.T) {
	p := newTab(t)
	r := run()
	p.open(page(t, r, ""))
	p.at("section.closeup")
	p.wait(`document.querySelectorAll("section.closeup[data-fault='0'] canvas").length === 3`)
	p.settle()
	for _, w := range evaluate[[]window](p, `pgchaos.page.closeups().filter((c) => c.host.closest("section").dataset.fault === "0").map((c) => ({From: c.u.scales.x.min, To: c.u.scales.x.max, Cursor: -1}))`) {
		if w.From > 18 || w.From < 10 || w.To < 27 || w.To > 40 {
			t.Errorf("the close-up shows %g to %g s of a fault from 20 to 25", w.From, w.To)
		}
	}
	text := evaluate[string](p, `document.querySelector("section.closeup[data-fault='0'] .stages").textContent`)
	for _, stage := range r.Faults[0].Stages {
		if !strings.Contains(text, stage.Label) || !strings.Contains(text, fmt.Sprintf("(%g s after the fault)", math.Round(1000*(stage.At-20))/1000)) {
			t.Errorf("the stage %q is not in %q", stage.Label, text)
		}
	}
	p.hover("section.closeup[data-fault='0'] .u-over", 0.5)
	if at := evaluate[string](p, `document.querySelector("section.closeup[data-fault='0'] .at").textContent`); !strings.HasPrefix(at, "at 2") {
		t.Errorf("the figures of the close-up: %q", at)
	}
}

// TestCloseUpsByKeyboardAndMouse: each close-up has a window of its own, which the mouse and the keys zoom and the lanes above do not follow.
func TestCloseUpsByKeyboardAndMouse(t *testing.T) {
	p := newTab(t)
	p.open(page(t, run(), ""))
	const section = "section.closeup[data-fault='0']"
	p.at(section)
	p.wait(`document.querySelectorAll("` + section + ` canvas").length === 3`)
	p.settle()
	shown := func() []window {
		return evaluate[[]window](p, `pgchaos.page.closeups().filter((c) => c.host.closest("section").dataset.fault === "0").map((c) => ({
			From: c.u.scales.x.min, To: c.u.scales.x.max, Cursor: c.u.cursor.left >= 0 ? c.u.posToVal(c.u.cursor.left, "x") : -1}))`)
	}
	wants := func(when string, from, to, cursor, by float64) {
		t.Helper()
		all := shown()
		if len(all) != 3 {
			t.Fatalf("%d charts", len(all))
		}
		for _, w := range all {
			if !near(w.From, from, by) || !near(w.To, to, by) || !near(w.Cursor, cursor, by) {
				t.Errorf("%s: %+v, want %g to %g, the cursor at %g", when, w, from, to, cursor)
			}
		}
	}
	wants("at first", 18, 27, -1, 0.001)
	p.do(chromedp.Focus(chromedp.CSS(section + " .chart[role=slider]")))
	p.press(kb.ArrowRight)
	p.press(kb.ArrowRight)
	wants("after two arrow keys", 18, 27, 18.1, 0.001)
	text := evaluate[string](p, `document.activeElement.getAttribute("aria-label") + "|" + document.activeElement.getAttribute("aria-valuetext")`)
	if !strings.HasPrefix(text, "Throughput (/s), around kill primary (pgmaster)|18.1 s: writes 1,031/s") {
		t.Errorf("a screen reader hears %q", text)
	}
	p.press(kb.End)
	wants("after End", 18, 27, 27, 0.001)
	p.press("+")
	wants("after +", 22.5, 27, 27, 0.001)
	p.press("-")
	p.press("-")
	wants("after - twice", 18, 27, 27, 0.001)
	p.press(kb.Escape)
	wants("after Escape", 18, 27, -1, 0.001)
	p.drag(section+" .u-over", 0.25, 0.75)
	if w := shown()[0]; !near(w.From, 20.25, 0.1) || !near(w.To, 24.75, 0.1) {
		t.Errorf("after dragging the close-up shows %g to %g s", w.From, w.To)
	}
	if w := p.windows()["throughput"]; w.From != 0 || w.To != 60 {
		t.Errorf("the lanes above follow a close-up: %+v", w)
	}
}

// TestGapsAreNoLines wants nothing drawn where nothing is known, and a dot for a sample without neighbours.
func TestGapsAreNoLines(t *testing.T) {
	p := newTab(t)
	r := run()
	alone := lanes.Lane{ID: "lag", Title: "Lag", Unit: "s", Times: r.Lanes[0].Times, About: "one sample", Series: []lanes.Series{{Name: "pgslave", Group: "pgslave", Values: make([]*float64, samples)}}}
	alone.Series[0].Values[300] = ptr(1)
	empty := lanes.Lane{ID: "cpu", Title: "CPU", Unit: "%", About: "nothing was measured"}
	r.Lanes = append(r.Lanes, alone, empty)
	r.Faults = nil
	p.open(page(t, r, ""))
	count := evaluate[int](p, inked+"("+chart("lag")+")")
	if count == 0 || count > 60 {
		t.Errorf("%d pixels for one sample", count)
	}
	evaluate[bool](p, "pgchaos.page.place(35), true")
	p.settle()
	if f := p.figures()["lag"]; f.Texts[0] != "not known" {
		t.Errorf("5 s after the only sample: %q", f.Texts)
	}
}

// TestNamesOfFaultsCrossNoEdge: the name of a fault, or else its number, stands where no edge of a band crosses it, also where faults
// overlap or follow each other closely.
func TestNamesOfFaultsCrossNoEdge(t *testing.T) {
	p := newTab(t)
	r := run()
	r.Faults = nil
	for _, f := range [][2]float64{{5, 30}, {8, 20}, {12, 16}, {18, 18}, {22, 24}, {36, 45}, {41, 41.2}, {41.4, 41.5}, {48, 60}} {
		r.Faults = append(r.Faults, lanes.Fault{Step: "pause", Label: "pause standby (pgslavenew)", From: f[0], To: f[1]})
	}
	for _, width := range []int64{390, 1280} {
		p.size(width, 844)
		p.open(page(t, r, ""))
		type name struct {
			Text        string
			Left, Right float64
			Crossed     int
		}
		names := evaluate[[]name](p, `((c) => {
			const edges = c.lane.id && JSON.parse(`+"`"+encodeFaults(r)+"`"+`).flat().map((s) => c.u.valToPos(s, "x", true));
			const found = [], own = CanvasRenderingContext2D.prototype.fillText;
			CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
				const right = x + this.measureText(text).width;
				if (/^[0-9]( |$)/.test(text) && y < c.u.bbox.top + 10 * c.u.ctx.canvas.width / c.u.width) found.push({Text: text, Left: x, Right: right, Crossed: edges.filter((e) => e > x && e < right).length});
				return own.apply(this, arguments);
			};
			pgchaos.drawFaults(c.u, pgchaos.page.faults(), ["names"]);
			CanvasRenderingContext2D.prototype.fillText = own;
			return found;
		})(`+chart("throughput")+`)`)
		if len(names) < 5 {
			t.Errorf("at %d there are only these names: %+v", width, names)
		}
		whole := 0
		for _, n := range names {
			if n.Crossed > 0 {
				t.Errorf("at %d an edge crosses %+v", width, n)
			}
			if strings.Contains(n.Text, "pgslavenew") {
				whole++
			}
		}
		if width == 1280 && whole < 1 {
			t.Errorf("no name is whole: %+v", names)
		}
	}
}

// encodeFaults are when the faults begin and end, as JSON.
func encodeFaults(r *lanes.Run) string {
	var times [][2]float64
	for _, f := range r.Faults {
		times = append(times, [2]float64{f.From, max(f.From, f.To)})
	}
	text, _ := json.Marshal(times) // numbers only
	return string(text)
}
