package browsertest

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"pgchaos/internal/listen"
	"pgchaos/internal/longtest"
	"pgchaos/report"
	"pgchaos/store"
	"pgchaos/store/web"
)

// storeServed is the address of a store with some runs, and the ids of three of them: two that can be compared, and one that differs.
func storeServed(t *testing.T) (url string, ids []string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	where := t.TempDir()
	s, err := store.Open(t.Context(), where)
	check(err)
	dirs, err := filepath.Glob("../../cmd/pgchaos/testdata/compare/kill-modes/1/*")
	check(err)
	other, err := report.Read("../../report/testdata/results/lost")
	check(err)
	dir := t.TempDir()
	check(report.Write(dir, other))
	for _, of := range append(dirs, dir) {
		added, err := s.Add(t.Context(), of)
		check(err)
		ids = append(ids, added.ID)
	}
	check(s.Accept(t.Context(), ids[0], "ann", strings.Repeat("a_long_reason", 30)))
	check(s.Close())
	server, err := web.New(t.Context(), web.Options{Store: where})
	check(err)
	l, err := listen.On("127.0.0.1:0")
	check(err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.URL(), ids
}

// TestPagesOfAStore opens every page of a served store: none is wider than the window, breaks its own policy, or is hard to use with a screen reader.
func TestPagesOfAStore(t *testing.T) {
	script := axe(t)
	url, ids := storeServed(t)
	p := newTab(t)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.requests = slices.DeleteFunc(p.requests, func(r string) bool { return strings.HasPrefix(r, url) })
		p.messages = slices.DeleteFunc(p.messages, func(m string) bool { return strings.Contains(m, "status of 409") }) // which is what it wants
	})
	for name, page := range map[string]string{
		"the list": "", "a chosen baseline": "?baseline=" + ids[0], "no runs": "?text=nothing", "a run": "run?run=" + ids[2], "a report": "report?run=" + ids[2],
		"trends": "trends", "a comparison": "compare?baseline=" + ids[0] + "&with=" + ids[1], "a refused comparison": "compare?baseline=" + ids[0] + "&with=" + ids[2],
	} {
		for _, scheme := range []string{"light", "dark"} {
			p.media("", map[string]string{"prefers-color-scheme": scheme})
			for _, width := range []int64{390, 1280} {
				if scheme == "dark" && width == 1280 && !longtest.Enabled {
					continue // as wide as the light one
				}
				p.size(width, 900)
				p.do(chromedp.Navigate(url + page))
				p.settle()
				if got := evaluate[int64](p, "document.documentElement.scrollWidth"); got > width {
					t.Errorf("%s at %d is %d pixels wide", name, width, got)
				}
				if name == "the list" && width == 390 && evaluate[bool](p, `[...document.querySelectorAll(".scroll")].some((e) => e.scrollWidth > e.clientWidth)`) {
					t.Errorf("at %d the list of runs has to be scrolled", width)
				}
				switch {
				case width == 390 && scheme == "light":
					p.accessible(name+", "+scheme, script)
				case width == 390:
					p.contrasts(name+", "+scheme, script)
				}
			}
		}
	}
}

// TestTwoClicksInABrowser compares two runs with the keyboard alone.
func TestTwoClicksInABrowser(t *testing.T) {
	url, ids := storeServed(t)
	p := newTab(t)
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.requests = slices.DeleteFunc(p.requests, func(r string) bool { return strings.HasPrefix(r, url) })
	})
	p.do(chromedp.Navigate(url))
	for _, id := range ids[:2] {
		evaluate[bool](p, `document.querySelector('[aria-label="compare `+id+`"]').focus(), true`)
		p.do(chromedp.KeyEvent("\r"))
		p.wait(`location.search.includes("` + id + `") && document.readyState === "complete"`)
	}
	if text := evaluate[string](p, "document.querySelector('h1').textContent"); text != "kill-modes: comparison" {
		t.Errorf("the page is %q", text)
	}
}
