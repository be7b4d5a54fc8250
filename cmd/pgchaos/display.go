package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"syscall"
	"time"

	"pgchaos/live"
	"pgchaos/live/terminal"
	"pgchaos/runner"
)

// display shows runs as they go on.
type display interface {
	// send shows an event of a run.
	send(e runner.Event)
	// above adds a line that stays.
	above(text string)
	// begin says how far a series is.
	begin(r live.Round)
	// cpu is how much processor time the display has taken; 0: it was not measured.
	cpu() time.Duration
	// close ends the display, and leaves the lines. It may be called again.
	close()
	// finish shows what came out, where the display lasts until then; nil: nothing that can be shown. Only the first call counts.
	finish(ctx context.Context, of *reported)
}

// displayOptions are what a display is chosen by.
type displayOptions struct {
	stdin   io.Reader
	stderr  io.Writer
	name    string // of the experiment
	verbose bool
	several bool            // one run follows another
	noView  bool            // the user wants no view that takes the whole terminal
	second  <-chan struct{} // closed by the second interrupt, after which another one ends the process by itself
}

// newDisplay is the view of a whole terminal where there is one, and else the lines.
func newDisplay(o displayOptions) display {
	in, _ := o.stdin.(*os.File)
	out, _ := o.stderr.(*os.File)
	if o.noView || in == nil || out == nil || plainTerminal() || !terminal.Suitable(in, out) {
		p := newProgress(o.stderr, o.verbose)
		p.several = o.several
		return p
	}
	return wholeTerminal{terminal.Start(terminal.Options{
		In: in, Out: out, Name: o.name, Verbose: o.verbose, Several: o.several, NoColor: os.Getenv("NO_COLOR") != "",
		Signal: signalFromKey, GiveBack: o.second,
	})}
}

// plainTerminal tells whether the terminal is one that only takes lines, or the log of a CI system that looks like one.
func plainTerminal() bool {
	ci := os.Getenv("CI")
	return cmp.Or(os.Getenv("TERM"), "dumb") == "dumb" || ci != "" && ci != "false" && ci != "0"
}

// signalFromKey sends a signal as a terminal does.
func signalFromKey(s syscall.Signal, group bool) {
	to := os.Getpid()
	if group {
		to = 0
	}
	_ = syscall.Kill(to, s) // a process may send itself signals
}

// wholeTerminal is the view that takes the whole terminal.
type wholeTerminal struct{ *terminal.View }

func (w wholeTerminal) send(e runner.Event) { w.Send(e) }
func (w wholeTerminal) above(text string)   { w.Print(text) }
func (w wholeTerminal) begin(r live.Round)  { w.Begin(r) }
func (w wholeTerminal) cpu() time.Duration  { return w.CPU() }
func (w wholeTerminal) close()              { w.Close() }

// finish is left to the report that is printed.
func (w wholeTerminal) finish(context.Context, *reported) {}
