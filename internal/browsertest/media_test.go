package browsertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pgchaos/internal/longtest"
	"pgchaos/internal/skip"
	"pgchaos/report/lanes"
)

func TestNoOverflow(t *testing.T) {
	p := newTab(t)
	text := page(t, run(), "")
	wants := func(when string, width int64) {
		t.Helper()
		p.within(when, width)
		for _, id := range []string{"throughput", "roles"} {
			canvas := evaluate[float64](p, fmt.Sprintf(`document.querySelector("#lane-%s canvas").getBoundingClientRect().width`, id))
			if canvas > float64(width) || canvas < 0.7*float64(width) {
				t.Errorf("%s the chart of %s is %g pixels wide", when, id, canvas)
			}
		}
	}
	for _, width := range []int64{320, 390, 1280} {
		p.size(width, 844)
		p.open(text)
		evaluate[bool](p, `document.querySelectorAll("details").forEach((d) => (d.open = true)), true`)
		p.settle()
		wants(fmt.Sprintf("at %d", width), width)
	}
	p.size(390, 844)
	p.settle()
	p.settle()
	wants("after a window of 1280 became one of 390", 390)
}

func TestDarkAndLight(t *testing.T) {
	p := newTab(t)
	brightness := func() float64 {
		return evaluate[float64](p, `getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((a, b) => a + Number(b), 0) / 3`)
	}
	p.media("", map[string]string{"prefers-color-scheme": "light"})
	p.open(page(t, run(), ""))
	if got := brightness(); got < 200 {
		t.Errorf("the brightness of a light page is %g", got)
	}
	light := evaluate[int](p, inked+"("+chart("throughput")+")")
	p.media("", map[string]string{"prefers-color-scheme": "dark"})
	p.settle()
	if got := brightness(); got > 60 {
		t.Errorf("the brightness of a dark page is %g", got)
	}
	colour := evaluate[string](p, "pgchaos.theme.series[0]")
	if dark := evaluate[int](p, inked+"("+chart("throughput")+")"); dark < light/2 || colour != "#6cb8f0" {
		t.Errorf("the chart did not take the dark colours: %s, %d pixels, %d when light", colour, dark, light)
	}
}

// TestColoursHaveContrast holds each colour of a line against the paper, as WCAG counts: 3 to 1 for what is no text.
func TestColoursHaveContrast(t *testing.T) {
	p := newTab(t)
	for _, scheme := range []string{"light", "dark"} {
		p.media("", map[string]string{"prefers-color-scheme": scheme})
		p.open(page(t, run(), ""))
		low := evaluate[[]string](p, `(() => {
			const light = (name) => {
				const c = document.createElement("canvas").getContext("2d");
				c.fillStyle = name;
				c.fillRect(0, 0, 1, 1);
				const [r, g, b] = [...c.getImageData(0, 0, 1, 1).data].slice(0, 3).map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
				return 0.2126 * r + 0.7152 * g + 0.0722 * b;
			};
			const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
			const t = pgchaos.theme;
			const lines = [...t.series, t["fault-edge"], t.stage].map((c) => [c, t.paper, 3]);
			const texts = [t.text, t.quiet].map((c) => [c, t.paper, 4.5]).concat(["band-good", "band-fair", "band-bad", "phase"].map((n) => [t.text, t[n], 4.5]), [[t.paper, t["fault-edge"], 4.5]]);
			return lines.concat(texts).filter(([a, b, least]) => contrast(a, b) < least).map(([a, b]) => a + " on " + b + ": " + contrast(a, b).toFixed(2));
		})()`)
		for _, l := range low {
			t.Errorf("%s: %s", scheme, l)
		}
	}
}

func TestPrint(t *testing.T) {
	p := newTab(t)
	p.open(page(t, run(), ""))
	display := func(selector string) string {
		return evaluate[string](p, fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).display`, selector))
	}
	p.media("print", nil)
	for selector, want := range map[string]string{"#lane-response .chart > svg": "block", "#lane-response .drawing": "none", ".rail": "none", "#lane-response .readout": "none"} {
		if got := display(selector); got != want {
			t.Errorf("on paper the display of %s is %s", selector, got)
		}
	}
	p.media("", nil)
	if got := display("#lane-response .chart > svg"); got != "none" {
		t.Errorf("after printing, the static picture is shown: %s", got)
	}
	pdf, err := chromedp.Run(p.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) || len(pdf) < 10_000 {
		t.Errorf("the PDF has %d bytes", len(pdf))
	}
	opened := evaluate[bool](p, `(() => {
		dispatchEvent(new Event("beforeprint"));
		const open = document.getElementById("closed").open && !document.querySelector(".lane details").open;
		dispatchEvent(new Event("afterprint"));
		return open && !document.getElementById("closed").open;
	})()`)
	if !opened {
		t.Error("what is closed is not opened for the print, or not closed after it")
	}
}

func TestReducedMotion(t *testing.T) {
	p := newTab(t)
	p.media("", map[string]string{"prefers-reduced-motion": "reduce"})
	p.open(page(t, run(), ""))
	if got := evaluate[string](p, "getComputedStyle(document.documentElement).scrollBehavior"); got != "auto" {
		t.Errorf("the page scrolls %s", got)
	}
	p.drag(over("response"), 0.2, 0.4)
	if n := evaluate[int](p, "document.getAnimations().length"); n != 0 {
		t.Errorf("%d animations run", n)
	}
	p.media("", map[string]string{"prefers-reduced-motion": "no-preference"})
	if got := evaluate[string](p, "getComputedStyle(document.documentElement).scrollBehavior"); got != "smooth" {
		t.Errorf("where motion is no matter, the page scrolls %s", got)
	}
}

// axe is the script of axe-core, as scripts/charts.sh got it.
func axe(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", ".tools", "charts", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		skip.Test(t, "axe-core is not there, run scripts/charts.sh test: %v", err)
	}
	return string(text)
}

// alike marks the elements that differ from an earlier one beside them in nothing but their texts, names and places: the rows of a table
// after the first of each look. axe-core has nothing to find in them that it does not find there, and takes most of its time for them.
//
// What is called takes the looks of earlier pages of one kind, and gives them with those of this page.
const alike = `((earlier) => {
	const own = new Set(["id", "href", "for", "name", "title", "value", "aria-label", "aria-labelledby", "aria-valuetext", "datetime"]);
	const looks = (e) => e.tagName + [...e.attributes].filter((a) => !own.has(a.name) && !a.name.startsWith("data-")).map((a) => a.name + "=" + a.value).sort().join(" ") +
		(e.textContent.trim() === "" ? "-" : "") + (e.tagName === "svg" ? "" : "(" + [...e.children].map(looks).join() + ")");
	// A text of some megabytes is no name for a look that a test can keep.
	const short = (text) => { let h = [1, 2]; for (let i = 0; i < text.length; i++) h[i % 2] = Math.imul(h[i % 2] ^ text.charCodeAt(i), 16777619); return h.join(); };
	const place = (e) => e && e !== document.body ? place(e.parentElement) + ">" + e.tagName + "." + e.getAttribute("class") : "";
	const known = new Set(earlier);
	for (const list of document.querySelectorAll("tbody, ul, ol, dl, select, #log, main, main > section")) {
		const seen = new Set();
		for (const e of list.children) {
			const look = looks(e), anywhere = short(place(list) + look);
			if (seen.has(look) || earlier.includes(anywhere)) e.setAttribute("data-alike", "");
			seen.add(look);
			known.add(anywhere);
		}
	}
	return [...known];
})`

// accessible runs axe-core on the page, and wants nothing serious or critical.
func (p *tab) accessible(when, script string) {
	p.t.Helper()
	p.axe(when, script, "")
}

// contrasts runs only axe-core's rule of colours, for a page that was accessible with other ones.
func (p *tab) contrasts(when, script string) {
	p.t.Helper()
	p.axe(when, script, `runOnly: {type: "rule", values: ["color-contrast"]}, `)
}

func asJSON(texts []string) string {
	text, _ := json.Marshal(append([]string{}, texts...)) // texts only
	return string(text)
}

func (p *tab) axe(when, script, options string) {
	p.t.Helper()
	evaluate[bool](p, script+"\n;true")
	p.looked = evaluate[[]string](p, alike+"("+asJSON(p.looked)+")")
	if !p.oneKind {
		p.looked = nil
	}
	for _, wrong := range evaluate[[]string](p, `axe.run({exclude: ["[data-alike]"]}, {`+options+`resultTypes: ["violations"]}).then((r) => r.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) =>
		v.impact + ": " + v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 150) + " (" + n.failureSummary + ")").join("; ")))`) {
		p.t.Errorf("%s: %s", when, wrong)
	}
}

func TestAccessibility(t *testing.T) {
	script := axe(t)
	p := newTab(t)
	for i, scheme := range []string{"light", "dark"} {
		for k, width := range []int64{390, 1280} {
			if i != k && !longtest.Enabled {
				continue // light on a phone, dark on a screen
			}
			p.size(width, 900)
			p.media("", map[string]string{"prefers-color-scheme": scheme})
			p.open(page(t, run(), ""))
			evaluate[bool](p, `document.querySelectorAll("details").forEach((d) => (d.open = true)), true`)
			p.at("section.closeup")
			evaluate[bool](p, "pgchaos.page.place(22), true")
			p.settle()
			p.accessible(fmt.Sprintf("%s at %d", scheme, width), script)
		}
	}
}

// TestAccessibilityCanFail shows that the check above sees something.
func TestAccessibilityCanFail(t *testing.T) {
	script := axe(t)
	p := newTab(t)
	p.load(`<!doctype html><html lang="en"><head><title>x</title></head><body><main><ul><li>a</li><li>b</li><li><i>c</i></li><li><button></button></li><li>d</li></ul></main></body></html>`)
	evaluate[bool](p, script+"\n;true")
	evaluate[[]string](p, alike+"([])")
	if n := evaluate[int](p, `axe.run({exclude: ["[data-alike]"]}).then((r) => r.violations.filter((v) => v.impact === "critical").length)`); n == 0 {
		t.Error("a button without a name is no violation")
	}
	if left := evaluate[string](p, `[...document.querySelectorAll("[data-alike]")].map((e) => e.textContent).join()`); left != "b,d" {
		t.Errorf("what is left out is %q", left)
	}
}

// hostile are names and texts as somebody who means harm would choose them.
var hostile = []string{
	`<img src=x onerror="window.harmed=1">`,
	`</script><script>window.harmed=2</script>`,
	`"'><svg onload=window.harmed=3>`,
	"\u202eevil\u202c \u2066x",
	"line\nbreak\ttab\x00zero\u2028",
	strings.Repeat("long name ", 1000),
	`{{constructor.constructor("window.harmed=4")()}}`,
	`__proto__`,
}

func TestHostileNamesStayText(t *testing.T) {
	p := newTab(t)
	r := run()
	for i := range r.Lanes {
		r.Lanes[i].Title = hostile[i]
		r.Lanes[i].Unit = hostile[0]
		r.Lanes[i].About = strings.Join(hostile, " ")
		for k := range r.Lanes[i].Series {
			r.Lanes[i].Series[k].Name = hostile[(i+k)%len(hostile)]
			r.Lanes[i].Series[k].Group = hostile[k%len(hostile)]
		}
		for k := range r.Lanes[i].Rows {
			r.Lanes[i].Rows[k].Name = hostile[(i+k)%len(hostile)]
			for j := range r.Lanes[i].Rows[k].Spans {
				r.Lanes[i].Rows[k].Spans[j].Label = hostile[(i+k+j)%len(hostile)]
				r.Lanes[i].Rows[k].Spans[j].Class = "__proto__"
			}
		}
	}
	r.Faults = nil
	for i, name := range hostile {
		r.Faults = append(r.Faults, lanes.Fault{Step: name, Label: name, From: float64(5 * i), To: float64(5*i + 2), Stages: []lanes.Mark{{At: float64(5*i + 1), Label: name}}})
		r.Phases = append(r.Phases, lanes.Span{From: float64(5 * i), To: float64(5*i + 5), Label: name})
	}
	p.size(390, 844)
	p.open(page(t, r, ""))
	evaluate[bool](p, `document.querySelectorAll("details").forEach((d) => (d.open = true)), true`)
	for i := range r.Faults {
		p.at(fmt.Sprintf(`section.closeup[data-fault="%d"]`, i))
		p.wait(fmt.Sprintf(`document.querySelector('section.closeup[data-fault="%d"] canvas')`, i))
	}
	evaluate[bool](p, "pgchaos.page.place(22), true")
	p.settle()
	if evaluate[bool](p, `"harmed" in window || "harmed" in Object.prototype`) {
		t.Error("a name was run as a script")
	}
	if n := evaluate[int](p, `document.querySelectorAll("img, iframe, object, embed, [onerror], [onload]").length`); n != 0 {
		t.Errorf("%d elements came out of names", n)
	}
	for _, name := range hostile[:3] {
		found := evaluate[bool](p, fmt.Sprintf(`[...document.querySelectorAll(".legend button, .legend .name")].some((e) => e.textContent.startsWith(%q))`, name[:20]))
		if !found {
			t.Errorf("%s is not shown as it is", name)
		}
	}
	if got := evaluate[int](p, "document.documentElement.scrollWidth"); got > 390 {
		t.Errorf("a long name makes the page %d pixels wide", got)
	}
}

// TestWithoutJavaScript wants the static pictures where scripts are off.
func TestWithoutJavaScript(t *testing.T) {
	p := newTab(t)
	p.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	p.load(page(t, run(), ""))
	p.static("")
	if evaluate[bool](p, `"charts" in document.documentElement.dataset`) {
		t.Error("the scripts ran")
	}
}

// TestStaticPicturesOnAPhone: where there are no charts, a picture keeps a size that can be read, and scrolls by itself.
func TestStaticPicturesOnAPhone(t *testing.T) {
	p := newTab(t)
	p.size(390, 844)
	p.load(page(t, run(), "delete window.DecompressionStream"))
	p.wait(`document.querySelector(".charts-note")`)
	if got := evaluate[int64](p, "document.documentElement.scrollWidth"); got > 390 {
		t.Errorf("the page is %d pixels wide", got)
	}
	if got := evaluate[float64](p, `document.querySelector("#lane-response .chart > svg").getBoundingClientRect().width`); got < 540 {
		t.Errorf("a picture is %g pixels wide", got)
	}
	p.do(chromedp.Focus(chromedp.CSS("#lane-response .chart")))
	p.press(kb.ArrowRight)
	p.wait(`document.querySelector("#lane-response .chart").scrollLeft > 0`)
}

// static wants the picture of every lane to be shown, and a sentence with the reason; "" wants no sentence.
func (p *tab) static(reason string) {
	p.t.Helper()
	for _, shown := range evaluate[[]float64](p, `[...document.querySelectorAll("section.lane .chart > svg")].map((s) => s.getBoundingClientRect().height)`) {
		if shown < 20 {
			p.t.Errorf("a static picture is %g pixels high", shown)
		}
	}
	if n := evaluate[int](p, `document.querySelectorAll("section.lane canvas").length`); n != 0 {
		p.t.Errorf("%d charts are there", n)
	}
	note := evaluate[string](p, `[...document.querySelectorAll(".charts-note")].map((n) => n.textContent).join(" ")`)
	if (reason == "") != (note == "") || !strings.Contains(note, reason) {
		p.t.Errorf("the page says %q, want %q in it", note, reason)
	}
}

func TestStaticPicturesStayWhereChartsCannot(t *testing.T) {
	r := run()
	for name, c := range map[string]struct {
		page, reason string
		noisy        bool // the browser writes each error down
	}{
		"an old browser":     {page(t, r, "delete window.DecompressionStream"), "this browser is too old", false},
		"damaged data":       {pageOf(r, encode(t, r)[:400], ""), "No interactive charts", false},
		"no data":            {pageOf(r, "", ""), "No interactive charts", false},
		"data that is none":  {pageOf(r, encode(t, 7), ""), "No interactive charts", false},
		"a canvas is denied": {page(t, r, "HTMLCanvasElement.prototype.getContext = () => { throw new Error('denied here') }"), "denied here", false},
		"a canvas is absent": {page(t, r, "HTMLCanvasElement.prototype.getContext = () => null"), "No interactive charts", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTab(t)
			p.load(c.page)
			p.wait(`document.querySelector(".charts-note")`)
			p.settle()
			p.static(c.reason)
			if c.noisy {
				p.mu.Lock()
				p.messages = nil
				p.mu.Unlock()
			}
		})
	}
	t.Run("no uPlot", func(t *testing.T) {
		p := newTab(t)
		p.load(strings.ReplaceAll(page(t, r, ""), "var uPlot=", "var another="))
		p.wait(`document.querySelector(".charts-note")`)
		p.static("built without them")
	})
}

func TestCopyButton(t *testing.T) {
	p := newTab(t)
	p.open(page(t, run(), ""))
	evaluate[bool](p, `(() => {
		const button = document.querySelector(".copy");
		window.said = [button.textContent];
		new MutationObserver(() => said.push(button.textContent)).observe(button, {childList: true});
		navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); };
		return true;
	})()`)
	p.at(".copy") // the close-ups on the way there are drawn first, and move it
	p.settle()
	p.at(".copy")
	p.settle()
	p.do(chromedp.Click(chromedp.CSS(".copy")))
	p.wait("said.length > 1")
	if got := evaluate[string](p, "copied"); got != "name: a <b> run\n" {
		t.Errorf("copied %q", got)
	}
	if got := evaluate[[]string](p, "said"); got[0] != "Copy the experiment" || got[1] != "Copied" {
		t.Errorf("the button says %q", got)
	}
}
