package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"pgchaos/live"
	"pgchaos/runner"
)

// progress shows a run as it goes: at a terminal, one live line that updates, with the
// steps above it as they happen; elsewhere, one plain line a second and one a step.
type progress struct {
	out     io.Writer
	tty     bool
	verbose bool
	several bool // one run follows another, and only verbose shows each in full
	width   func() int
	end     func()        // ends the redrawing
	pull    *pullProgress // nil: no image was downloaded

	mu    sync.Mutex
	live  func(width int) string // what the live line shows; nil: nothing
	line  string                 // the live line as it stands on the terminal
	stage func(width int) string // the live line of a stage without load
	bar   string                 // how far a series is
	last  time.Duration          // when the last plain line was written
}

// redrawEvery is how often the live line moves where nothing else makes it.
const redrawEvery = 250 * time.Millisecond

func newProgress(out io.Writer, verbose bool) *progress {
	p := &progress{out: out, verbose: verbose, width: func() int { return 80 }, end: func() {}, last: -time.Second}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || plainTerminal() {
		return p
	}
	p.tty = true
	p.width = func() int {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
		return 80
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	stop := p.redrawing(resized)
	p.end = func() { signal.Stop(resized); stop() }
	return p
}

// redrawing draws the live line again when the terminal has another size, and now and then:
// where something moves, a user sees that pgchaos does not hang.
func (p *progress) redrawing(resized <-chan os.Signal) (end func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		ticker := time.NewTicker(redrawEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-resized:
				p.mu.Lock()
				p.line = "" // it may have been broken into two rows
				p.draw()
				p.mu.Unlock()
			case <-ticker.C:
				p.mu.Lock()
				p.draw()
				p.mu.Unlock()
			}
		}
	})
	return sync.OnceFunc(func() { close(done); wg.Wait() })
}

// send shows an event of a run.
func (p *progress) send(e runner.Event) {
	if p.several && !p.verbose {
		p.sendBriefly(e)
		return
	}
	switch e := e.(type) {
	case runner.StageBegan:
		p.stageBegan(e.Text)
	case runner.ImageLoaded:
		if p.pull == nil {
			p.pull = newPullProgress(p)
		}
		p.pull.tell(e.Image, e.Done, e.Total)
	case runner.Ticked:
		p.tick(e.Status)
	default:
		if text, ok := live.LineOf(e, p.verbose); ok {
			p.above(text)
		}
	}
}

// sendBriefly shows of one run of several only what it is busy with.
func (p *progress) sendBriefly(e runner.Event) {
	switch e := e.(type) {
	case runner.StageBegan:
		begun, bar := time.Now(), p.bar
		p.setLive(func(width int) string { return fit(bar+"  "+busyText(e.Text, time.Since(begun), 0), width) })
	case runner.Ticked:
		bar := p.bar
		p.setLive(func(width int) string { return fit(bar+"  "+statusText(e.Status, 0), width) })
	}
}

// begin shows how far a series is, and which of its runs begins; without a name, none does.
func (p *progress) begin(r live.Round) {
	p.bar = barText(r)
	if r.Total == 0 || r.Name == "" {
		return
	}
	line := p.bar + "  " + r.Name
	p.setLive(func(width int) string { return fit(line, width) })
}

// barText is how far a series or a search is.
func barText(r live.Round) string {
	if r.Total == 0 {
		return r.Name
	}
	const width = 20
	full := width * r.Done / r.Total
	text := fmt.Sprintf("[%s%s] %d of %d", strings.Repeat("#", full), strings.Repeat("-", width-full), r.Done, r.Total)
	if r.Left > 0 {
		text += ", " + timeLeft(r.Left) + " left"
	}
	return text
}

// stageBegan says what the run is busy with, and shows at a terminal for how long.
func (p *progress) stageBegan(text string) {
	begun := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintln(p.out, "-- "+text)
	p.stage = func(width int) string { return busyText(text, time.Since(begun), width) }
	p.live = p.stage
	p.draw()
}

// tick shows the status: always at a terminal, once a second elsewhere.
func (p *progress) tick(s runner.Status) {
	at := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tty {
		p.live = func(width int) string {
			if time.Since(at) >= live.StatusLasts && p.stage != nil {
				return p.stage(width)
			}
			return statusText(s, width)
		}
		p.draw()
		return
	}
	if s.Elapsed.Truncate(time.Second) > p.last {
		p.last = s.Elapsed.Truncate(time.Second)
		fmt.Fprintln(p.out, statusText(s, 0))
	}
}

// cpu is not measured: one line takes next to nothing.
func (p *progress) cpu() time.Duration { return 0 }

// finish is left to the report that is printed.
func (p *progress) finish(context.Context, *reported) {}

// close takes the live line away for good.
func (p *progress) close() {
	p.end()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live, p.stage = nil, nil
	p.clear()
}

// above prints a line above the live one.
func (p *progress) above(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintln(p.out, text)
	p.draw()
}

// setLive makes the live line what a function shows.
func (p *progress) setLive(live func(width int) string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = live
	p.draw()
}

// show makes the live line one text, until the next one.
func (p *progress) show(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live = func(width int) string { return fit(text, width) }
	p.draw()
}

// clearLine goes to the beginning of the row and clears all from there on: after a terminal has
// become narrower, the rest of the live line may be in the row below.
const clearLine = "\r\x1b[J"

// draw brings the live line up to date. It ends with the cursor at the line's beginning: the ^C
// that a terminal shows for Ctrl-C then cannot begin another row, in which the line would stay.
// It never wraps, for the same reason. p.mu is held.
func (p *progress) draw() {
	if !p.tty || p.live == nil {
		return
	}
	line := p.live(max(p.width()-1, 1))
	if line == p.line {
		return
	}
	fmt.Fprint(p.out, clearLine+line+"\r")
	p.line = line
}

// clear takes the live line away until it is drawn again. p.mu is held.
func (p *progress) clear() {
	if p.tty && p.line != "" {
		fmt.Fprint(p.out, clearLine)
		p.line = ""
	}
}
