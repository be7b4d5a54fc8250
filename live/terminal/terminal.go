// Package terminal shows a run in progress on a whole terminal, and gives the terminal back whatever happens.
package terminal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"pgchaos/internal/catch"
	"pgchaos/live"
	"pgchaos/runner"
)

// The least size of a terminal that the view is worth being begun on. It may become smaller later.
const (
	LeastWidth  = 80
	LeastHeight = 24
)

const (
	// frames is how many frames a second are drawn at the most, and drawEvery how often something new is looked for.
	frames    = 10
	drawEvery = 200 * time.Millisecond
	// backWithin is how long the library may take to give the terminal back. A terminal that takes nothing must not keep a run from ending.
	backWithin = 2 * time.Second
	// stopWithin is how long the kernel may take to stop this process.
	stopWithin = 300 * time.Millisecond
	// foregroundEvery is how often a run that goes on in the background looks whether it is in the foreground again.
	foregroundEvery = 500 * time.Millisecond
)

// Options are what a View is made with.
type Options struct {
	In, Out *os.File // the terminal
	Name    string   // of the experiment
	Verbose bool     // also what is done to the nodes in detail
	Several bool     // one run follows another
	NoColor bool
	// Signal is what keys do for which a terminal sends a signal, but not while the view has it: to this process, or to
	// all of its group.
	Signal func(s syscall.Signal, group bool)
	// GiveBack, when closed, ends the view before the run ends. Nil: never.
	GiveBack <-chan struct{}
}

// Suitable tells whether a View can be shown: on a terminal of a sufficient size, of which this process is in the foreground.
func Suitable(in, out *os.File) bool {
	if !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(out.Fd())) || !foreground(in) {
		return false
	}
	width, height, err := term.GetSize(int(out.Fd()))
	return err == nil && width >= LeastWidth && height >= LeastHeight
}

// foreground tells whether the terminal takes settings from this process without stopping it.
func foreground(in *os.File) bool {
	group, err := unix.IoctlGetInt(int(in.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// View shows a run until Close. It has the terminal meanwhile, except while it is stopped by Ctrl-Z, and unless it
// fails: then the lines of the log are printed as they come. It is safe for concurrent use.
type View struct {
	options Options
	before  *term.State // of the terminal
	look    *look
	signals chan os.Signal // SIGTSTP and SIGCONT
	done    chan struct{}  // closed by Close
	closing sync.Once
	wg      sync.WaitGroup

	screen sync.Mutex // held while the terminal is taken or given back
	shown  *shown     // nil: the view does not have the terminal

	mu      sync.Mutex // guards what is below
	model   live.Model
	scale   live.Scale
	cpu     time.Duration // what drawing has taken
	lost    bool          // the view will not come back
	printed int           // the number of the first line that has not been printed
}

// shown is the time from when the view takes the terminal until it gives it back.
type shown struct {
	program *tea.Program
	over    chan struct{} // closed when the terminal has been given back
}

// Start takes the terminal.
func Start(o Options) *View {
	v := &View{options: o, look: newLook(), signals: make(chan os.Signal, 4), done: make(chan struct{}), scale: live.HalfMinute}
	v.model.Name, v.model.Verbose, v.model.Several = o.Name, o.Verbose, o.Several
	v.before, _ = term.GetState(int(o.In.Fd())) // without it the library gives the terminal back alone
	signal.Notify(v.signals, syscall.SIGTSTP, syscall.SIGCONT)
	v.take()
	v.wg.Go(v.watch)
	return v
}

// watch stops the process where it is asked to, and gives the terminal back early where that is asked for.
func (v *View) watch() {
	for {
		select {
		case <-v.done:
			return
		case <-v.options.GiveBack:
			v.lose()
			return
		case s := <-v.signals:
			v.giveBack() // after a SIGCONT, too: the shell has had the terminal
			if s == syscall.SIGTSTP {
				v.stop()
			}
			if v.awaitForeground() {
				v.take()
			}
		}
	}
}

// take takes the terminal, unless that has failed before.
func (v *View) take() {
	v.screen.Lock()
	defer v.screen.Unlock()
	v.mu.Lock()
	lost := v.lost
	v.mu.Unlock()
	if lost {
		return
	}
	profile := colorprofile.ANSI
	if v.options.NoColor {
		profile = colorprofile.ASCII
	}
	s := &shown{over: make(chan struct{})}
	model := &screen{view: v}
	s.program = tea.NewProgram(model, tea.WithInput(v.options.In), tea.WithOutput(v.options.Out), tea.WithFPS(frames),
		tea.WithoutSignalHandler(), tea.WithColorProfile(profile))
	v.shown = s
	go func() {
		_, err := s.program.Run()
		close(s.over)
		if err != nil || model.failed != "" { // the terminal is gone, or a panic: the run goes on
			v.lose()
			_, _ = io.WriteString(os.Stderr, model.failed) // there may be no terminal any more
		}
	}()
}

// giveBack gives the terminal back, and leaves it as it was.
func (v *View) giveBack() {
	v.screen.Lock()
	defer v.screen.Unlock()
	s := v.shown
	if s == nil {
		return
	}
	v.shown = nil
	go s.program.Quit()
	select {
	case <-s.over:
		s = nil
	case <-time.After(backWithin):
	}
	if v.before != nil && foreground(v.options.In) {
		_ = term.Restore(int(v.options.In.Fd()), v.before) // where that fails, there is no terminal any more
	}
	if s != nil {
		_, _ = io.WriteString(v.options.Out, leave)
	}
}

// leave ends the alternate screen, shows the cursor, and ends what else the library begins.
const leave = "\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[>4m\x1b[<u"

// lose gives the terminal back for good, and prints the lines from now on.
func (v *View) lose() {
	v.giveBack()
	signal.Stop(v.signals) // Ctrl-Z is the terminal's again
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lost = true
	v.print()
}

// stop stops this process and those of its group, as the terminal would for Ctrl-Z, until they are to go on. It sends SIGSTOP:
// once Go's runtime has caught SIGTSTP, it never has its default effect again.
func (v *View) stop() {
	if !canGoOn() {
		return
	}
	_ = syscall.Kill(0, syscall.SIGSTOP)
	late := time.NewTimer(stopWithin)
	defer late.Stop()
	for {
		select {
		case s := <-v.signals:
			if s == syscall.SIGCONT {
				return
			}
		case <-late.C:
			return
		}
	}
}

// canGoOn tells whether a shell could let this process go on once it is stopped: whether the one that has started its group
// is of the same session. Without one, the kernel would ignore the terminal's Ctrl-Z, too.
func canGoOn() bool {
	session, err := unix.Getsid(0)
	if err != nil {
		return false
	}
	for pid := os.Getppid(); pid > 1; {
		group, err := unix.Getpgid(pid)
		if err != nil {
			return false
		}
		if group != unix.Getpgrp() {
			of, err := unix.Getsid(pid)
			return err == nil && of == session
		}
		if pid, err = parentOf(pid); err != nil {
			return false
		}
	}
	return false
}

// parentOf is the parent of a process of this group.
func parentOf(pid int) (parent int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text[bytes.LastIndexByte(text, ')')+1:]), " ")
	var state string
	_, err = fmt.Sscan(rest, &state, &parent)
	return parent, err
}

// awaitForeground waits until this process is in the foreground; it is false where the view ends before that.
func (v *View) awaitForeground() bool {
	for !foreground(v.options.In) {
		select {
		case <-v.done:
			return false
		case <-v.options.GiveBack:
			return false
		case <-time.After(foregroundEvery):
		}
	}
	return true
}

// Send takes an event of the run.
func (v *View) Send(e runner.Event) { v.change(func() { v.model.Take(e, time.Now()) }) }

// Print adds a line to the log.
func (v *View) Print(text string) { v.change(func() { v.model.Print(text) }) }

// Begin says how far a series has come.
func (v *View) Begin(r live.Round) { v.change(func() { v.model.Begin(r) }) }

func (v *View) change(how func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	how()
	if v.lost {
		v.print()
	}
}

// print prints the lines that have not been printed. v.mu is held.
func (v *View) print() {
	lines, next := v.model.Lines(v.printed)
	v.printed = next
	for _, l := range lines {
		if !l.Passing {
			_, _ = io.WriteString(v.options.Out, l.Text+"\n") // the terminal may be gone
		}
	}
}

// CPU is how much processor time was taken to draw frames.
func (v *View) CPU() time.Duration {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cpu
}

// Close gives the terminal back, and prints the log on it. It may be called again, and while a panic goes on.
func (v *View) Close() {
	v.closing.Do(func() {
		close(v.done)
		v.wg.Wait()
		v.lose()
	})
}

// screen is the view as the library knows it.
type screen struct {
	view    *View
	frame   Frame
	content string
	failed  string // the panic that ended it, for stderr
}

// drawMsg asks for a frame.
type drawMsg struct{}

func drawLater() tea.Cmd { return tea.Tick(drawEvery, func(time.Time) tea.Msg { return drawMsg{} }) }

func (s *screen) Init() tea.Cmd { return drawLater() }

// Update answers a message. It ends the view in good order after a panic: where the library deals with one, it does not wait for its
// reader of keys, which then reads from what has been closed.
func (s *screen) Update(msg tea.Msg) (model tea.Model, cmd tea.Cmd) {
	defer catch.Panic(func(value any) {
		s.failed = fmt.Sprintf("the view of the run has ended, and the run goes on: panic: %v\n%s", value, debug.Stack())
		model, cmd = s, tea.Quit
	})
	return s, s.answer(msg)
}

func (s *screen) answer(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.frame.Width, s.frame.Height = msg.Width, msg.Height
		s.draw()
	case drawMsg:
		s.draw()
		return drawLater()
	case tea.KeyPressMsg:
		s.press(msg.String())
	}
	return nil
}

// press does what a key is for.
func (s *screen) press(key string) {
	v := s.view
	switch key {
	case "q":
		v.options.Signal(syscall.SIGINT, false)
	case "ctrl+c":
		v.options.Signal(syscall.SIGINT, true)
	case `ctrl+\`:
		v.options.Signal(syscall.SIGQUIT, true)
	case "ctrl+z":
		select {
		case v.signals <- syscall.SIGTSTP:
		default: // it is about to stop
		}
	case "t":
		v.mu.Lock()
		v.scale = v.scale.Next()
		v.mu.Unlock()
		s.draw()
	}
}

// draw draws a frame, and counts what that takes.
func (s *screen) draw() {
	v := s.view
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cpu += cpuOf(func() {
		s.frame.Scale = v.scale
		s.content = v.look.draw(&v.model, time.Now(), s.frame)
	})
}

func (s *screen) View() tea.View {
	view := tea.NewView(s.content)
	view.AltScreen = true
	return view
}
