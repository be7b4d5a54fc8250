package main

import (
	"context"
	"errors"
	"fmt"
	"html"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The size of the terminal.
const (
	columns = 100
	lines   = 30
)

// terminal is a terminal in which a program runs.
type terminal struct{ socket string }

// newTerminal starts a program in a terminal.
func newTerminal(ctx context.Context, dir, program string, args ...string) (*terminal, error) {
	t := &terminal{filepath.Join(dir, "tmux")}
	command := append([]string{"env", "CI=", "NO_COLOR=", program}, args...)
	start := append([]string{"-f", "/dev/null", "new-session", "-d", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(lines)}, command...)
	_, err := t.do(ctx, start...)
	return t, err
}

func (t *terminal) do(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "tmux", append([]string{"-S", t.socket}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("tmux %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

// screen is what stands in the terminal, with its colours as escape sequences.
func (t *terminal) screen(ctx context.Context) (string, error) {
	return t.do(ctx, "capture-pane", "-p", "-e")
}

var served = regexp.MustCompile(`can be followed at (http://[0-9.:]+/)`)

// address waits for the address of the run's page.
func (t *terminal) address(ctx context.Context) (string, error) {
	for {
		screen, err := t.do(ctx, "capture-pane", "-p")
		if err != nil {
			return "", fmt.Errorf("the run has ended before it has served its page: %w", err)
		}
		if found := served.FindStringSubmatch(screen); found != nil {
			return found[1], nil
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return "", fmt.Errorf("the run did not serve its page: %w\n%s", err, screen)
		}
	}
}

// wait waits for a time that a context can end.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// stop waits until the run has removed its cluster. The terminal is gone then.
func (t *terminal) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if _, err := t.do(ctx, "has-session"); err != nil {
			return nil // it has ended
		}
		if wait(ctx, 100*time.Millisecond) != nil {
			return errors.New("the run did not end; 'pgchaos clean' removes what it leaves")
		}
	}
}

var escape = regexp.MustCompile("\x1b\\[([0-9;]*)m|\x1b[()][0-9A-B]|[\x0e\x0f]")

// terminalPage is a screen as a page of HTML.
func terminalPage(screen string) string {
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="en"><head><meta charset="utf-8"><style>
body { margin: 0; padding: 12px 16px; background: #101418; color: #dfe4ea; width: max-content; }
pre { margin: 0; font: 14px/1.25 "DejaVu Sans Mono", monospace; }
.bold { font-weight: 700; } .faint { opacity: .6; }
.c1 { color: #ff7b72; } .c2 { color: #5fd38d; } .c3 { color: #f0c35a; } .c4 { color: #79b8ff; } .c5 { color: #d2a8ff; } .c6 { color: #76e3ea; } .c7 { color: #dfe4ea; }
</style></head><body><pre>`)
	look := map[string]bool{}
	text := func(s string) {
		if s != "" {
			fmt.Fprintf(&b, `<span class="%s">%s</span>`, strings.Join(sorted(look), " "), html.EscapeString(s))
		}
	}
	at := 0
	screen = strings.TrimRight(screen, "\n")
	for _, found := range escape.FindAllStringSubmatchIndex(screen, -1) {
		text(screen[at:found[0]])
		at = found[1]
		if found[2] >= 0 {
			change(look, strings.Split(screen[found[2]:found[3]], ";"))
		}
	}
	text(screen[at:])
	b.WriteString("</pre></body></html>\n")
	return b.String()
}
