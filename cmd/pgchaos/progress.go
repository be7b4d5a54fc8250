package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"pgchaos/record"
	"pgchaos/runner"
)

// progress shows a run as it goes: at a terminal, one line that updates, with the
// steps above it as they happen; elsewhere, one plain line a second and one a step.
type progress struct {
	out     io.Writer
	tty     bool
	verbose bool
	width   func() int

	mu   sync.Mutex
	line string        // the updating line as it stands on the terminal
	last time.Duration // when the last plain line was written
}

func newProgress(out io.Writer, verbose bool) *progress {
	p := &progress{out: out, verbose: verbose, width: func() int { return 80 }, last: -time.Second}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.tty = true
		p.width = func() int {
			if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
				return w
			}
			return 80
		}
	}
	return p
}

// Stage says what the run is busy with. The status of the stage before goes: while there
// is load, the next Tick brings it back.
func (p *progress) Stage(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw("")
	fmt.Fprintln(p.out, "-- "+text)
}

// Logf prints a detail, if details were asked for.
func (p *progress) Logf(format string, args ...any) {
	if p.verbose {
		p.above("   " + fmt.Sprintf(format, args...))
	}
}

// Begin shows a step as it is issued.
func (p *progress) Begin(m record.Mark) {
	p.above(fmt.Sprintf("%s  > %s", clockText(m.Issued), m.Name))
}

// End shows what came of a step.
func (p *progress) End(m record.Mark) {
	text := fmt.Sprintf("%s  %s %s", clockText(m.Ended), m.Name, m.Status)
	if took := m.Ended - m.Issued; m.Status == record.MarkDone && took >= time.Millisecond {
		text += " in " + took.Round(time.Millisecond).String()
	}
	for _, more := range []string{m.Detail, m.Error} {
		if more != "" {
			text += ": " + more
		}
	}
	p.above(text)
}

// Tick shows the status: always at a terminal, once a second elsewhere.
func (p *progress) Tick(s runner.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tty {
		p.draw(statusText(s))
		return
	}
	if s.Elapsed.Truncate(time.Second) > p.last {
		p.last = s.Elapsed.Truncate(time.Second)
		fmt.Fprintln(p.out, statusText(s))
	}
}

// close leaves the terminal with nothing half drawn.
func (p *progress) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.draw("")
}

// above prints a line above the updating one.
func (p *progress) above(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := p.line
	p.draw("")
	fmt.Fprintln(p.out, text)
	p.draw(line)
}

// draw replaces the updating line. It never wraps: a wrapped line could not be
// taken back.
func (p *progress) draw(line string) {
	if !p.tty || line == p.line {
		return
	}
	if most := p.width() - 1; len(line) > most {
		line = line[:max(most, 0)]
	}
	fmt.Fprint(p.out, "\r\x1b[2K"+line)
	p.line = line
}

// statusText is a run's status in one line of ASCII.
func statusText(s runner.Status) string {
	parts := []string{clockText(s.Elapsed), s.Phase}
	for _, w := range s.Workloads {
		text := fmt.Sprintf("%s %.0f/s", w.Name, w.Throughput)
		if w.P99 > 0 {
			text += " p99 " + latencyText(w.P99)
		}
		text += fmt.Sprintf(" %d err", w.Errors)
		if w.Abandoned > 0 {
			text += fmt.Sprintf(" %d given up", w.Abandoned)
		}
		parts = append(parts, text)
	}
	primary := s.Primary
	if primary == "" {
		primary = "none"
	}
	return strings.Join(append(parts, "primary "+primary), "  ")
}

// clockText is an offset on the run's clock, as a person reads it: 1:02.3.
func clockText(d time.Duration) string {
	tenths := d.Round(100*time.Millisecond).Milliseconds() / 100
	return fmt.Sprintf("%2d:%02d.%d", tenths/600, tenths/10%60, tenths%10)
}

// latencyText is a latency with three digits at the most.
func latencyText(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
