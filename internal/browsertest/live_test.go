package browsertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pgchaos/internal/longtest"
	"pgchaos/live"
	"pgchaos/live/web"
	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/report/lanes"
	"pgchaos/runner"
)

// served is a run that a test makes of its events, and its page. As a run does, it sends its status again and again.
type served struct {
	*web.Server
	mu   sync.Mutex
	last *runner.Status
}

// follow makes one. The tab leaves its page before the server ends, or the browser would complain about the connection.
func (p *tab) follow(name string) *served {
	t := p.t
	t.Helper()
	server, err := web.Start(web.Options{Address: "127.0.0.1:0", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	s := &served{Server: server}
	var wg sync.WaitGroup
	wg.Go(func() {
		for t.Context().Err() == nil { // until the test ends
			s.send(nil)
			time.Sleep(200 * time.Millisecond)
		}
	})
	t.Cleanup(func() {
		wg.Wait()
		p.do(chromedp.Navigate("about:blank"))
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// send sends a status, or the last one again.
func (s *served) send(status *runner.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status != nil {
		s.last = status
	}
	if s.last != nil {
		s.Send(runner.Ticked{Status: *s.last})
	}
}

// rest ends the load of a run.
func (s *served) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = nil
}

// names are those of a run's workloads and nodes.
type names struct{ writes, reads, primary, standby string }

var plain = names{"writes", "reads", "pgmaster", "pgslave"}

// killed and promoted are when the primary of a recorded run is killed, and when the standby is the primary.
const killed, promoted = 12, 16

// status is a recorded run at a second. Its writes fail from the kill on until the promotion.
func (n names) status(second int) runner.Status {
	at := time.Duration(second) * time.Second
	lag := int64(4096 * second)
	s := runner.Status{
		Elapsed: at, End: 30 * time.Second, Primary: n.primary, Phase: "baseline", Next: &runner.NextStep{Name: "kill-primary", At: killed * time.Second},
		Workloads: []runner.WorkloadStatus{
			{Name: n.writes, Live: load.Live{At: at, Throughput: float64(500 + second), P50: time.Millisecond, P99: 9 * time.Millisecond}},
			{Name: n.reads, Live: load.Live{At: at, Throughput: 1000, P50: time.Millisecond / 2, P99: 2 * time.Millisecond}},
		},
		Nodes: []runner.NodeStatus{
			{Name: n.primary, Up: true, NodeSample: record.NodeSample{Role: record.RolePrimary, Timeline: 1}, Usage: &record.ResourceSample{CPUPercent: 40, MemoryBytes: 64e6}},
			{Name: n.standby, Up: true, NodeSample: record.NodeSample{Role: record.RoleStandby, Timeline: 1, SyncState: "quorum", LagBytes: &lag}},
		},
	}
	if second >= killed {
		s.Phase, s.Next = "kill-primary", nil
		s.Nodes[0] = runner.NodeStatus{Name: n.primary, NodeSample: record.NodeSample{Role: record.RoleDown}}
		s.Nodes[1].SyncState, s.Nodes[1].LagBytes = "", nil
	}
	switch {
	case second >= promoted:
		s.Primary, s.Nodes[1].Role, s.Nodes[1].Timeline = n.standby, record.RolePrimary, 2
	case second >= killed:
		s.Primary = ""
		s.Faults = []runner.FaultStatus{{Step: "kill-primary", Action: "kill", Nodes: []string{n.primary}, Since: killed * time.Second}}
	}
	w := &s.Workloads[0].Live
	w.AllErrors = int64(30 * min(max(second-killed, 0), promoted-killed))
	if second > killed && second <= promoted { // its last complete second was in the outage
		w.Throughput, w.P50, w.P99, w.Errors, w.Kinds = 0, 0, 0, 30, map[string]int64{"connection refused": 30}
	}
	return s
}

// play sends some seconds of a recorded run.
func (n names) play(s *served, from, to int) {
	for second := from; second <= to; second++ {
		if second == killed {
			s.Send(runner.StepBegan{Step: record.Event{Name: "kill-primary", Issued: killed * time.Second}})
		}
		status := n.status(second)
		s.send(&status)
	}
}

// begin begins a recorded run and opens its page.
func (p *tab) begin(s *served, n names, until int) {
	p.t.Helper()
	s.Send(runner.LoadStarted{At: time.Now()})
	n.play(s, 1, until)
	p.visit(s.URL())
	p.reaches(until)
}

// reaches waits until the page shows a second.
func (p *tab) reaches(second int) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`typeof pgchaos !== "undefined" && pgchaos.page && ((c) => c && c.times[c.times.length - 1] === %d)(%s)`, second-1, chart("throughput")))
	p.settle()
}

// rows are the texts of a table.
func (p *tab) rows(id string) []string {
	p.t.Helper()
	return evaluate[[]string](p, fmt.Sprintf(`[...document.querySelectorAll("#%s tbody tr")].map((r) => [...r.cells].map((c) => c.textContent).join("|"))`, id))
}

func (p *tab) text(id string) string {
	p.t.Helper()
	return evaluate[string](p, fmt.Sprintf(`document.getElementById(%q).textContent`, id))
}

// coloured is which share of the height of a chart is coloured at a time.
func (p *tab) coloured(id string, seconds float64) float64 {
	p.t.Helper()
	return evaluate[float64](p, fmt.Sprintf(`((c) => {
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
}

// TestLivePage follows a recorded run from its middle on: all so far at first, then what is new, and in the end the report.
func TestLivePage(t *testing.T) {
	p := newTab(t)
	s := p.follow("quorum-kill")
	p.begin(s, plain, 11)
	lanes := evaluate[[]string](p, `[...document.querySelectorAll("#lanes section:not([hidden])")].map((s) => s.id.slice(5))`)
	if want := []string{"throughput", "response", "errors", "roles", "sync", "lag-bytes", "sync-waiters", "cpu", "memory"}; !slices.Equal(lanes, want) {
		t.Errorf("the lanes are %q, want %q", lanes, want)
	}
	for _, id := range lanes {
		if n := evaluate[int](p, inked+"("+chart(id)+")"); n < 20 && id != "errors" && id != "sync-waiters" { // which are 0, on the axis
			t.Errorf("%s: %d pixels are drawn", id, n)
		}
	}
	if got := p.rows("workloads"); len(got) != 2 || got[0] != "writes|511/s|1ms|9ms|0|0" {
		t.Errorf("workloads: %q", got)
	}
	if got := p.rows("nodes"); len(got) != 2 || got[0] != "pgmaster|primary|1|||40%|64 MB" || !strings.HasPrefix(got[1], "pgslave|standby|1|45") {
		t.Errorf("nodes: %q", got)
	}
	if got := p.text("errors"); got != "no errors" {
		t.Errorf("errors: %q", got)
	}
	if got := p.text("next"); !strings.HasPrefix(got, "next kill-primary in 1 s; at least ") {
		t.Errorf("next: %q", got)
	}

	plain.play(s, 12, 14)
	p.reaches(14)
	p.showsTheFault()
	plain.play(s, 15, 20)
	p.reaches(20)
	p.showsTheOutage()
	s.rest()
	go s.Finish([]byte(written(t, result())))
	p.becomes(`location.pathname === "/report.html" && document.documentElement.dataset.charts === "drawn"`)
}

// showsTheFault: what the page says while the primary is down.
func (p *tab) showsTheFault() {
	t := p.t
	t.Helper()
	if got := p.text("errors"); !strings.Contains(got, "30 errors/s: 30 connection refused") || evaluate[string](p, `document.getElementById("errors").className`) != "bad" {
		t.Errorf("errors: %q", got)
	}
	if got := p.text("faults"); got != "in force: kill pgmaster 2 s" {
		t.Errorf("faults: %q", got)
	}
	if got := p.text("announced"); got != "kill-primary, no primary; kill pgmaster is in force; there are errors" {
		t.Errorf("a screen reader hears %q", got)
	}
	if got := p.rows("nodes"); got[0] != "pgmaster|down|||||" {
		t.Errorf("nodes: %q", got)
	}
}

// showsTheOutage: each second once in the lanes, the fault as a band, and the roles before and after it.
func (p *tab) showsTheOutage() {
	t := p.t
	t.Helper()
	times := evaluate[[]float64](p, chart("throughput")+".times")
	for i, at := range times {
		if at != float64(i) {
			t.Fatalf("the seconds are %v", times)
		}
	}
	if len(times) != 20 {
		t.Errorf("%d seconds: %v", len(times), times)
	}
	// A second without an answer has a throughput of 0 and no response time.
	values := evaluate[[]*float64](p, chart("throughput")+".lane.series[0].values")
	if p99 := evaluate[[]*float64](p, chart("response")+".lane.series[1].values"); *values[13] != 0 || *values[5] != 506 || p99[13] != nil || *p99[5] != 0.009 {
		t.Errorf("writes at 5 and 13 s: %v, %v; p99 %v, %v", *values[5], *values[13], p99[5], p99[13])
	}
	for _, id := range []string{"throughput", "response", "cpu"} {
		for seconds, want := range map[float64]bool{8.4: false, 12.4: true, 15.4: true, 17.4: false} {
			if share := p.coloured(id, seconds); (share > 0.5) != want {
				t.Errorf("%s at %g s: %.0f %% of the height are coloured", id, seconds, 100*share)
			}
		}
	}
	roles := evaluate[[]string](p, chart("roles")+`.lane.rows.map((r) => r.name + ": " + r.spans.map((s) => s.label + " " + s.from + " to " + Math.floor(s.to)).join(", "))`)
	if want := []string{"pgmaster: primary, timeline 1 1 to 12, down 12 to 20", "pgslave: standby, timeline 1 1 to 16, primary, timeline 2 16 to 20"}; !slices.Equal(roles, want) {
		t.Errorf("roles: %q, want %q", roles, want)
	}
	if got := evaluate[int](p, `[...document.querySelectorAll("#log > div")].filter((e) => e.textContent.includes("> kill-primary")).length`); got != 1 {
		t.Errorf("the step is in the log %d times", got)
	}
}

// becomes waits until an expression is true in the page that takes the place of this one. While it does, there is no page to ask.
func (p *tab) becomes(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		so, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && so {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not so within %v (%v): %s", limit, err, expression)
		}
	}
}

// TestLiveScales: the buttons, also with the keyboard, choose the time that all pictures show, and the cursor is in all of them.
func TestLiveScales(t *testing.T) {
	p := newTab(t)
	s := p.follow("quorum-kill")
	p.begin(s, plain, 45)
	shows := func(from, to float64) {
		t.Helper()
		for id, w := range p.windows() {
			if !near(w.To-w.From, to-from, 0.01) || !near(w.To, to, 2) {
				t.Errorf("%s shows %g to %g s, want %g to %g", id, w.From, w.To, from, to)
			}
		}
	}
	shows(15, 45)
	p.do(chromedp.Focus(chromedp.CSS(`[data-scale="120"]`)))
	p.press(" ")
	shows(0, 120)
	if got := evaluate[[]string](p, `[...document.querySelectorAll("[data-scale]")].map((b) => b.getAttribute("aria-pressed"))`); !slices.Equal(got, []string{"false", "true", "false"}) {
		t.Errorf("the buttons are %q", got)
	}
	p.do(chromedp.Focus(chromedp.CSS(`[data-scale="0"]`)))
	p.press("\r")
	for id, w := range p.windows() {
		if w.From != 0 || !near(w.To, 45, 2) {
			t.Errorf("%s shows %g to %g s of the whole run", id, w.From, w.To)
		}
	}
	p.hover(over("throughput"), 0.5)
	for id, w := range p.windows() {
		if !near(w.Cursor, 22.5, 1.5) {
			t.Errorf("the cursor of %s is at %g s", id, w.Cursor)
		}
	}
	if got := evaluate[string](p, `document.querySelector("#lane-throughput .at").textContent`); !strings.HasPrefix(got, "at 2") {
		t.Errorf("the figures at the cursor are %q", got)
	}
	p.do(chromedp.Click(chromedp.CSS("#lane-throughput .legend button")))
	plain.play(s, 46, 47)
	p.reaches(47)
	if evaluate[bool](p, chart("throughput")+".u.series[1].show") {
		t.Error("a line that was switched off comes back")
	}
	if n := evaluate[int](p, "document.getAnimations().length"); n != 0 {
		t.Errorf("%d animations run", n)
	}
}

// TestLiveKeyboard: the keys of the finished report move the cursor and the window. A window at the newest end follows the run, and one
// further back stays until somebody wants the newest again.
func TestLiveKeyboard(t *testing.T) {
	p := newTab(t)
	s := p.follow("quorum-kill")
	p.begin(s, plain, 45)
	second := 45
	goOn := func() {
		second++
		plain.play(s, second, second)
		p.reaches(second)
	}
	// wants holds the windows and cursors of all lanes; a cursor of -1 is none, and an end of -1 is now.
	wants := func(when string, from, to, cursor, by float64) {
		t.Helper()
		if to < 0 {
			from, to = from+float64(second), float64(second)
		}
		for id, w := range p.windows() {
			if !near(w.From, from, by) || !near(w.To, to, by) || !near(w.Cursor, cursor, 0.01) {
				t.Errorf("%s: %s shows %g to %g s, the cursor at %g, want %g to %g and %g", when, id, w.From, w.To, w.Cursor, from, to, cursor)
			}
		}
	}
	attribute := func(name string) string {
		return evaluate[string](p, `document.activeElement.getAttribute("`+name+`")`)
	}
	at := func() string {
		return evaluate[string](p, `document.querySelector("#lane-throughput .at").textContent`)
	}

	p.do(chromedp.Focus(chromedp.CSS("#lane-throughput .chart")))
	wants("at first", -30, -1, -1, 2)
	if got := attribute("aria-valuetext"); !strings.HasPrefix(got, "44 s: writes 545/s, reads 1,000/s") {
		t.Errorf("without a cursor, a screen reader hears %q", got)
	}
	p.press(kb.ArrowLeft)
	p.press(kb.ArrowLeft)
	wants("after two arrow keys", -30, -1, 43, 2)
	goOn()
	wants("a second later", -30, -1, 43, 2)
	if got := attribute("aria-valuetext"); at() != "at 43 s" || !strings.HasPrefix(got, "43 s: writes 544/s") || attribute("aria-valuenow") != "43" {
		t.Errorf("the page shows the figures %q, a screen reader hears %q", at(), got)
	}
	p.press("+")
	held := p.windows()["throughput"]
	if !near(held.To-held.From, 15, 0.1) || held.From > 43 || held.To < 43 {
		t.Errorf("after + the page shows %+v", held)
	}
	goOn()
	goOn()
	wants("two seconds after +", held.From, held.To, 43, 0.01)
	if got := p.text("shown"); !strings.HasPrefix(got, "Shown: ") {
		t.Errorf("the page says %q of a window that stays", got)
	}
	p.press(kb.ArrowLeft, chromedp.KeyModifiers(chromedp.ModifierShift))
	p.press(kb.ArrowLeft, chromedp.KeyModifiers(chromedp.ModifierShift))
	wants("outside of the window", 23, 23+held.To-held.From, 23, 0.01)
	if at() != "at 23 s" {
		t.Errorf("the figures there are %q", at())
	}
	p.press(kb.Escape)
	wants("after Escape", -30, -1, -1, 2)
	if want := fmt.Sprintf("at %d s", second-1); at() != want || p.text("shown") != "" {
		t.Errorf("after Escape the page shows the figures %q, want %q; it says %q", at(), want, p.text("shown"))
	}
	p.press("+")
	wants("after + without a cursor", -15, -1, -1, 2)
	goOn()
	wants("a second later", -15, -1, -1, 2)
	p.drag(over("response"), 0.2, 0.6)
	held = p.windows()["response"]
	goOn()
	if now := p.windows()["response"]; !near(held.To-held.From, 6, 0.5) || !near(now.From, held.From, 0.01) || !near(now.To, held.To, 0.01) {
		t.Errorf("after dragging the page shows %+v, a second later %+v", held, now)
	}
	p.do(chromedp.Click(chromedp.CSS(`[data-scale="30"]`)), chromedp.MouseEvent(chromedp.MouseMoved, 2, 2))
	p.settle()
	wants("after the button", -30, -1, -1, 2)
}

// TestLiveLinesChange: a lane that gets another line keeps the focus, its cursor and what was switched off.
func TestLiveLinesChange(t *testing.T) {
	p := newTab(t)
	s := p.follow("quorum-kill")
	p.begin(s, plain, 11)
	names := func() []string {
		return evaluate[[]string](p, `[...document.querySelectorAll("#lane-errors .legend button")].map((b) => b.textContent + " " + b.getAttribute("aria-pressed"))`)
	}
	p.do(chromedp.Click(chromedp.CSS("#lane-errors .legend li:nth-child(2) button")))
	p.do(chromedp.Focus(chromedp.CSS("#lane-errors .chart")))
	p.press(kb.ArrowLeft)
	before := names()
	plain.play(s, 12, 14)
	p.reaches(14)
	p.press(kb.ArrowRight)
	if got, want := fmt.Sprint(before, names()), "[writes errors true reads errors false] [writes connection refused true reads errors false]"; got != want {
		t.Errorf("the lines are %s, want %s", got, want)
	}
	if got := evaluate[string](p, `document.activeElement.getAttribute("aria-valuenow") + " " + document.activeElement.parentElement.id`); got != "11 lane-errors" {
		t.Errorf("the cursor is at %s", got)
	}
	if evaluate[bool](p, chart("errors")+".u.series[2].show") {
		t.Error("a line that was switched off is drawn")
	}
}

// TestLiveRounds: the next run of a series does not have the points of the one before, and the page says which run it is.
func TestLiveRounds(t *testing.T) {
	p := newTab(t)
	s := p.follow("modes")
	s.Begin(live.Round{Name: "round 1: local", Total: 4})
	p.begin(s, plain, 20)
	s.rest()
	s.Begin(live.Round{Name: "round 1: quorum", Done: 1, Total: 4, Left: 3 * time.Minute})
	p.wait(`document.querySelectorAll("#lanes section:not([hidden])").length === 0`)
	if got := p.text("round"); got != "1 of 4 runs, about 3 min 00 s left  round 1: quorum" {
		t.Errorf("the page says %q", got)
	}
	s.Send(runner.LoadStarted{At: time.Now()})
	plain.play(s, 1, 5)
	p.reaches(5)
	if times := evaluate[[]float64](p, chart("throughput")+".times"); len(times) != 5 {
		t.Errorf("the seconds are %v", times)
	}
}

// TestLiveStage: without load pgchaos sends nothing, and the time of the stage goes on. A connection that is lost is said.
func TestLiveStage(t *testing.T) {
	p := newTab(t)
	s := p.follow("quorum-kill")
	s.Send(runner.StageBegan{Text: "building the cluster"})
	p.visit(s.URL())
	p.wait(`/^building the cluster  [0-9]+ s$/.test(document.getElementById("stage").textContent)`)
	p.wait(`/^building the cluster  ([2-9]|[0-9]{2,}) s$/.test(document.getElementById("stage").textContent)`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p.wait(`document.getElementById("stage").textContent.startsWith("pgchaos cannot be reached.")`)
	p.quiet()
}

// quiet forgets what the browser itself has written about a connection that a test has cut.
func (p *tab) quiet() {
	p.do(chromedp.Navigate("about:blank"))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = slices.DeleteFunc(p.messages, func(m string) bool { return strings.Contains(m, "net::ERR_") })
}

// TestLiveEndWithoutAReport stays, and says so.
func TestLiveEndWithoutAReport(t *testing.T) {
	p := newTab(t)
	s := p.follow("quorum-kill")
	p.begin(s, plain, 3)
	go s.Finish(nil)
	p.wait(`document.getElementById("stage").textContent.startsWith("The run has ended.")`)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond) // longer than the page waits before it writes the stage again
	if got := p.text("stage"); !strings.HasPrefix(got, "The run has ended.") {
		t.Errorf("the page says %q", got)
	}
}

// TestLiveLooks: no part is wider than the window, in dark and light, and axe-core finds nothing.
func TestLiveLooks(t *testing.T) {
	script := axe(t)
	p := newTab(t)
	s := p.follow("quorum-kill")
	p.begin(s, plain, 14)
	for _, scheme := range []string{"light", "dark"} {
		p.media("", map[string]string{"prefers-color-scheme": scheme})
		for _, width := range []int64{390, 1280} {
			p.size(width, 844)
			p.settle()
			p.settle()
			when := fmt.Sprintf("%s at %d", scheme, width)
			p.within(when, width)
			if n := evaluate[int](p, inked+"("+chart("throughput")+")"); n < 20 {
				t.Errorf("%s: %d pixels are drawn", when, n)
			}
			switch {
			case width == 390 && scheme == "light", longtest.Enabled:
				p.accessible(when, script)
			case width == 1280 && scheme == "dark":
				p.contrasts(when, script)
			}
		}
	}
	// Errors stay in sight.
	p.size(390, 600)
	p.at("#log")
	if top := evaluate[float64](p, `document.getElementById("errors").getBoundingClientRect().top`); top < -1 || top > 400 {
		t.Errorf("beside the log, the errors are at %g", top)
	}
}

// within wants nothing of the page wider than the window.
func (p *tab) within(when string, width int64) {
	p.t.Helper()
	wide := evaluate[[]string](p, `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, .drawing, .picture, .chart")).map((e) => e.outerHTML.slice(0, 80))`)
	if got := evaluate[int64](p, "document.documentElement.scrollWidth"); got > width || len(wide) > 0 {
		p.t.Errorf("%s the page is %d pixels wide: %q", when, got, wide)
	}
}

// TestLiveHostileNames stay text.
func TestLiveHostileNames(t *testing.T) {
	p := newTab(t)
	p.size(390, 844)
	s := p.follow(strings.Join(hostile, " "))
	n := names{hostile[0], hostile[7], hostile[1], hostile[5]}
	for _, text := range hostile {
		s.Send(runner.StageBegan{Text: text})
	}
	p.begin(s, n, 14)
	if evaluate[bool](p, `"harmed" in window || "harmed" in Object.prototype`) {
		t.Error("a name was run as a script")
	}
	if n := evaluate[int](p, `document.querySelectorAll("img, iframe, object, embed, [onerror], [onload]").length`); n != 0 {
		t.Errorf("%d elements came out of names", n)
	}
	if got := p.rows("workloads"); len(got) != 2 || !strings.HasPrefix(got[0], hostile[0]) || !strings.HasPrefix(got[1], "__proto__|1,000/s") {
		t.Errorf("workloads: %.300q", got)
	}
	p.within("with long names", 390)
}

// TestLiveErrorsByKind: the lane of errors has the lines that the finished report has of the same errors, also where there are many kinds,
// and what was not sent.
func TestLiveErrorsByKind(t *testing.T) {
	p := newTab(t)
	s := p.follow("quorum-kill")
	s.Send(runner.LoadStarted{At: time.Now()})
	finished := &report.Result{Duration: 12 * time.Second, Workloads: []report.Workload{{Name: "writes"}, {Name: "reads"}}}
	all := int64(0)
	for second := 1; second <= 12; second++ {
		at := time.Duration(second) * time.Second
		kinds := map[string]int64{}
		for k := range min(second, 8) { // the later a kind comes, the more of it there is
			kinds[[]string{"57P01", "25006", "connection refused", "__proto__", "08006", "53300", "57P03", record.OtherKinds}[k]] = int64(10 * (k + 1))
		}
		w := load.Live{At: at, Throughput: 100, P99: time.Millisecond, Kinds: kinds, Errors: 5, Dropped: 7} // 5 are without a kind
		for _, n := range kinds {
			w.Errors += n
		}
		all += w.Errors
		w.AllErrors, w.AllDropped = all, 7*int64(second)
		s.send(&runner.Status{Elapsed: at, Workloads: []runner.WorkloadStatus{{Name: "writes", Live: w}, {Name: "reads", Live: load.Live{At: at, Throughput: 100}}}})
		point := report.SeriesPoint{At: at - time.Second, OK: 1, Errors: w.Errors, Kinds: kinds, Dropped: 7}
		finished.Workloads[0].Series = append(finished.Workloads[0].Series, point)
		finished.Workloads[1].Series = append(finished.Workloads[1].Series, report.SeriesPoint{At: at - time.Second, OK: 1})
	}
	p.visit(s.URL())
	p.reaches(12)
	run, err := lanes.Of(finished)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{} // what each line has in all
	for _, lane := range run.Lanes {
		for _, series := range lane.Series {
			for _, v := range series.Values {
				if lane.ID == "errors" && v != nil {
					want[series.Name] += *v * report.SeriesStep.Seconds()
				}
			}
		}
	}
	got := evaluate[map[string]float64](p, `Object.fromEntries(`+chart("errors")+`.lane.series.map((s) => [s.name, s.values.reduce((a, b) => a + b, 0)]))`)
	if len(want) < 9 || len(got) != len(want) {
		t.Errorf("the lines are %v, want %v", got, want)
	}
	for name, sum := range want {
		if !near(got[name], sum, 0.001) {
			t.Errorf("%s: %g in all, want %g", name, got[name], sum)
		}
	}
}
