package browsertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"pgchaos/internal/skip"
	"pgchaos/report/html"
)

// browser is the one browser of all tests.
var browser struct {
	once sync.Once
	ctx  context.Context
	stop context.CancelFunc
	why  string // it is not there
	err  error
}

// TestMain ends the browser after all tests, and wants nothing of it left behind.
func TestMain(m *testing.M) {
	own, err := os.MkdirTemp("", "pgchaos-browser")
	if err == nil {
		err = os.Setenv("TMPDIR", own) // the browser's profile is made below it
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if browser.stop != nil {
		browser.stop()
	}
	for _, left := range leftBehind(own) {
		fmt.Fprintln(os.Stderr, "left behind:", left)
		code = 1
	}
	if err := os.RemoveAll(own); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// leftBehind are the processes that name a directory, and the browsers' profiles in it.
func leftBehind(dir string) (left []string) {
	commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range commands {
		if b, err := os.ReadFile(path); err == nil && strings.Contains(string(b), dir) {
			left = append(left, path+": "+strings.ReplaceAll(string(b), "\x00", " "))
		}
	}
	profiles, _ := filepath.Glob(filepath.Join(dir, "chromedp-runner*"))
	return append(left, profiles...)
}

// find looks for a browser.
func find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func launch() {
	path := find()
	switch {
	case path == "":
		browser.why = "no Chromium is installed: run scripts/setup.sh test"
		return
	case !html.Charts():
		browser.why = "the charts are not there: run scripts/charts.sh test"
		return
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("disable-gpu", true),
		// No name has an address: the pages must not need a network. Those of servers come from this machine.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	browser.ctx = ctx
	browser.stop = func() {
		cancel()
		stop()
	}
	browser.err = chromedp.Do(ctx)
}

// tab is a tab of the browser that shows one page.
type tab struct {
	t   *testing.T
	ctx context.Context
	own string // what the address of each request may begin with; "": none may be made
	// oneKind is set where all pages have one style sheet, and one width and scheme of colours: looked is what axe-core has looked at.
	oneKind bool
	looked  []string

	mu       sync.Mutex
	messages []string // errors and warnings on the console
	requests []string // what the page asked for, other than itself
}

// newTab opens a tab. When the test ends, it wants a console without errors and no request of the page.
func newTab(t *testing.T) *tab {
	t.Helper()
	browser.once.Do(launch)
	if browser.why != "" {
		skip.Test(t, "%s", browser.why)
	}
	if browser.err != nil {
		t.Fatalf("start the browser: %v", browser.err)
	}
	ctx, cancel := chromedp.NewContext(browser.ctx)
	t.Cleanup(cancel)
	p := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, p.hear); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, m := range p.messages {
			t.Errorf("on the console: %s", m)
		}
		for _, r := range p.requests {
			t.Errorf("the page asked for %s", r)
		}
	})
	p.size(1280, 900)
	p.media("", nil)
	return p
}

func (p *tab) hear(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		p.messages = append(p.messages, text)
	case *runtime.EventConsoleAPICalled:
		if kind := string(e.Type); kind == "error" || kind == "warning" || kind == "assert" {
			p.messages = append(p.messages, "console."+kind)
		}
	case *log.EventEntryAdded:
		level := string(e.Entry.Level)
		// It is the tests that read pixels back.
		if (level == "error" || level == "warning") && !strings.Contains(e.Entry.Text, "willReadFrequently") {
			p.messages = append(p.messages, e.Entry.Text+" "+e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		scheme, _, _ := strings.Cut(e.Request.URL, ":")
		served := p.own != "" && strings.HasPrefix(e.Request.URL, p.own)
		if !served && scheme != "file" && scheme != "about" && scheme != "data" && scheme != "blob" {
			p.requests = append(p.requests, e.Request.URL)
		}
	}
}

// limit bounds what a test does with a tab.
const limit = 2 * time.Minute

func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.t.Fatal(err)
	}
}

// call sends a command of the browser's protocol.
func (p *tab) call(method string, parameters map[string]any) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if err := t.Call(ctx, method, parameters, nil); err != nil {
			return fmt.Errorf("%s: %w", method, err)
		}
		return nil
	}))
}

// evaluate is the value of an expression in the page. It may be a promise.
func evaluate[T any](p *tab, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", firstLine(expression), err)
	}
	return value
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// wait waits until an expression is true in the page. It asks from here: a page whose policy forbids eval cannot poll.
func (p *tab) wait(expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(limit); !evaluate[bool](p, "!!("+expression+")"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("not so within %v: %s", limit, expression)
		}
	}
}

// load opens a page from a file.
func (p *tab) load(text string) {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), "report.html")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.do(chromedp.Navigate("file://" + path))
}

// open opens a page, and waits until its charts are drawn.
func (p *tab) open(text string) {
	p.t.Helper()
	p.load(text)
	p.wait(`document.documentElement.dataset.charts === "drawn"`)
	p.settle()
}

// visit opens a page that is served from this machine.
func (p *tab) visit(url string) {
	p.t.Helper()
	p.mu.Lock()
	p.own = url
	p.mu.Unlock()
	p.do(chromedp.Navigate(url))
}

// settle waits until what was begun is drawn.
func (p *tab) settle() {
	p.t.Helper()
	evaluate[bool](p, `new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(true), 30)))`)
}

func (p *tab) size(width, height int64) {
	p.t.Helper()
	p.do(chromedp.EmulateViewport(width, height))
}

// media sets what style sheets ask for: a kind ("print" or ""), and features by name. Without another word nothing moves by itself: a
// page that scrolls smoothly would move away below the mouse.
func (p *tab) media(kind string, features map[string]string) {
	p.t.Helper()
	list := []map[string]string{}
	if features["prefers-reduced-motion"] == "" {
		list = append(list, map[string]string{"name": "prefers-reduced-motion", "value": "reduce"})
	}
	for name, value := range features {
		list = append(list, map[string]string{"name": name, "value": value})
	}
	p.call("Emulation.setEmulatedMedia", map[string]any{"media": kind, "features": list})
}

func (p *tab) press(keys string, options ...chromedp.KeyOption) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys, options...))
	p.settle()
}

// box is where an element is in the window.
type box struct{ Left, Top, Width, Height float64 }

// at scrolls an element into the middle of the window, and says where it is.
func (p *tab) at(selector string) box {
	p.t.Helper()
	return evaluate[box](p, fmt.Sprintf(`(() => {
		const element = document.querySelector(%q);
		element.scrollIntoView({block: "center", behavior: "instant"});
		const r = element.getBoundingClientRect();
		return {Left: r.left, Top: r.top, Width: r.width, Height: r.height};
	})()`, selector))
}

// hover moves the mouse over an element, to a share of its width.
func (p *tab) hover(selector string, share float64) {
	p.t.Helper()
	b := p.at(selector)
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, b.Left+share*b.Width, b.Top+b.Height/2))
	p.settle()
}

// drag drags over an element from one share of its width to another.
func (p *tab) drag(selector string, from, to float64) {
	p.t.Helper()
	b := p.at(selector)
	y := b.Top + b.Height/2
	p.do(
		chromedp.MouseEvent(chromedp.MouseMoved, b.Left+from*b.Width, y),
		chromedp.MouseEvent(chromedp.MousePressed, b.Left+from*b.Width, y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
		chromedp.MouseEvent(chromedp.MouseMoved, b.Left+(from+to)/2*b.Width, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseMoved, b.Left+to*b.Width, y, chromedp.ButtonLeft),
		chromedp.MouseEvent(chromedp.MouseReleased, b.Left+to*b.Width, y, chromedp.ButtonLeft, chromedp.ClickCount(1)),
	)
	p.settle()
}
