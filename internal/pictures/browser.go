package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a headless Chromium with one tab.
type browser struct {
	ctx  context.Context
	dir  string
	stop func()
}

func newBrowser(ctx context.Context, dir string) (*browser, error) {
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		return nil, errors.New("no Chromium is installed: run scripts/setup.sh test")
	}
	allocator, end := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.Flag("disable-gpu", true),
		// No name has an address: a browser that looks for its maker's services waits for them before it opens a page.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"))...)
	tab, cancel := chromedp.NewContext(allocator)
	b := &browser{ctx: tab, dir: dir, stop: func() { cancel(); end() }}
	if err := chromedp.Do(tab); err != nil {
		b.stop()
		return nil, fmt.Errorf("start the browser: %w", err)
	}
	return b, nil
}

// open opens an address in a window of a size.
func (b *browser) open(url string, width, height int64) error {
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(width, height, chromedp.EmulateScale(scale)), chromedp.Navigate(url)); err != nil {
		return fmt.Errorf("open %s: %w", url, err)
	}
	return nil
}

// show opens a page of which the text is given.
func (b *browser) show(page string) error {
	path := filepath.Join(b.dir, "page.html")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		return err
	}
	return chromedp.Do(b.ctx, chromedp.Navigate("file://"+path))
}

// await waits until an expression is true in the page.
func (b *browser) await(ctx context.Context, expression string) error {
	for {
		// A page that is being replaced has no answer.
		so, last := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if last == nil && so {
			return nil
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return errors.Join(err, last)
		}
	}
}

// picture takes a picture of the page from its top to a bottom, an expression, and makes it small.
func (b *browser) picture(dark bool, bottom string) ([]byte, error) {
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call := func(method string, parameters map[string]any, answer any) error {
		return chromedp.Do(b.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			if err := t.Call(ctx, method, parameters, answer); err != nil {
				return fmt.Errorf("%s: %w", method, err)
			}
			return nil
		}))
	}
	if err := call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil); err != nil {
		return nil, err
	}
	time.Sleep(500 * time.Millisecond) // the charts are drawn anew
	size, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]float64]("scrollTo(0, 0), [document.body.scrollWidth, "+bottom+"]"))
	if err != nil {
		return nil, err
	}
	var shot struct {
		Data []byte `json:"data"`
	}
	clip := map[string]any{"x": 0, "y": 0, "width": min(size[0], float64(pageWidth)), "height": size[1], "scale": 1}
	if err := call("Page.captureScreenshot", map[string]any{"format": "png", "clip": clip, "captureBeyondViewport": true}, &shot); err != nil {
		return nil, err
	}
	return small(bytes.NewReader(shot.Data))
}
