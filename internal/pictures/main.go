// Command pictures makes the pictures of README.md from a real run: the report, and the views of the run while it goes on, in a
// browser and at a terminal.
//
//	go run ./internal/pictures
//
// It runs an experiment in a terminal of its own (tmux), and opens its page in a headless Chromium. What it writes is in
// docs/pictures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stderr)
	stop()
	os.Exit(code)
}

// within bounds the making of all pictures.
const within = 5 * time.Minute

// run is the program: 0 when all pictures were written, 1 when not, 2 when it could not try.
func run(ctx context.Context, args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("pictures", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := options{}
	flags.StringVar(&o.program, "program", "bin/pgchaos", "the pgchaos `program` that runs the experiment")
	flags.StringVar(&o.experiment, "experiment", "quorum-kill", "the `experiment` that is shown")
	flags.StringVar(&o.fault, "fault", "kill pgmaster", "the `fault` during which the views of the run are shown")
	flags.StringVar(&o.out, "out", "docs/pictures", "write the pictures to `DIR`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	if err := o.write(ctx); err != nil {
		fmt.Fprintln(stderr, "pictures:", err)
		return 1
	}
	return 0
}

// options are what is shown, and where the pictures go.
type options struct{ program, experiment, fault, out string }

// write runs the experiment and writes the pictures.
func (o options) write(ctx context.Context) (err error) {
	program, err := filepath.Abs(o.program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pgchaos-pictures")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b, err := newBrowser(ctx, dir)
	if err != nil {
		return err
	}
	defer b.stop()
	t, err := newTerminal(ctx, dir, program, "run", o.experiment, "--out", filepath.Join(dir, "result"), "--web", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.stop()) }()
	url, err := t.address(ctx)
	if err != nil {
		return err
	}
	taken, err := o.take(ctx, b, t, url)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	for name, picture := range taken {
		if err := os.WriteFile(filepath.Join(o.out, name), picture, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// The size of the pages, in pixels of the page, and how many pixels of a picture are one of them: enough to be sharp where README.md shows
// the picture smaller.
const (
	pageWidth  = 1000
	pageHeight = 1000
	scale      = 1.5
)

// take takes the pictures of a run, by the names of their files.
func (o options) take(ctx context.Context, b *browser, t *terminal, url string) (map[string][]byte, error) {
	if err := b.open(url, pageWidth, pageHeight); err != nil {
		return nil, err
	}
	if err := b.await(ctx, fmt.Sprintf("document.getElementById('faults').textContent.includes(%q)", o.fault)); err != nil {
		return nil, fmt.Errorf("the run has no fault %q: %w", o.fault, err)
	}
	screen, err := t.screen(ctx)
	if err != nil {
		return nil, err
	}
	time.Sleep(4 * time.Second) // the lanes show what the fault did
	taken := map[string][]byte{}
	if taken["live.png"], err = b.picture(false, liveCut); err != nil {
		return nil, err
	}
	if err := b.await(ctx, "location.pathname === '/report.html' && document.documentElement.dataset.charts === 'drawn'"); err != nil {
		return nil, fmt.Errorf("the page did not become the report with its charts: %w", err)
	}
	for name, dark := range map[string]bool{"report.png": false, "report-dark.png": true} {
		if taken[name], err = b.picture(dark, reportCut); err != nil {
			return nil, err
		}
	}
	if err := b.show(terminalPage(screen)); err != nil {
		return nil, err
	}
	taken["terminal.png"], err = b.picture(true, terminalCut)
	return taken, err
}

// What of a page is in its picture: expressions for the bottom of it, in pixels of the page.
const (
	liveCut     = "document.getElementById('lane-roles').getBoundingClientRect().bottom + 8"
	reportCut   = "document.getElementById('lane-response').getBoundingClientRect().bottom - document.querySelector('#lane-response details').offsetHeight"
	terminalCut = "document.body.offsetHeight"
)
