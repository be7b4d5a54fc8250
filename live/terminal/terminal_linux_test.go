package terminal

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgchaos/internal/skip"
	"pgchaos/runner"
)

// pseudo is a pseudo terminal, and all that was written to it.
type pseudo struct {
	t             *testing.T
	master, slave *os.File

	mu  sync.Mutex
	out bytes.Buffer
}

func newPseudo(t *testing.T, columns, lines uint16) *pseudo {
	t.Helper()
	t.Setenv("TERM", "xterm-256color")
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		skip.Test(t, "this test needs a pseudo terminal: %v", err)
	}
	p := &pseudo{t: t, master: master}
	p.must(unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	p.must(err)
	p.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	p.must(err)
	p.must(unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns}))
	t.Cleanup(func() { _ = p.slave.Close(); _ = p.master.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			p.mu.Lock()
			p.out.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *pseudo) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pseudo) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func (p *pseudo) await(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if strings.Contains(p.text(), text) {
			return
		}
	}
	p.t.Fatalf("%q did not come:\n%q", text, p.text())
}

func (p *pseudo) settings() unix.Termios {
	p.t.Helper()
	settings, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	p.must(err)
	return *settings
}

// pressed are the signals that keys have sent.
type pressed chan string

func (p pressed) signal(s syscall.Signal, group bool) { p <- fmt.Sprint(s, " ", group) }

// TestTheTerminalIsGivenBack however the view ends, and the lines stand on it then.
func TestTheTerminalIsGivenBack(t *testing.T) {
	for _, c := range []struct {
		name  string
		until func(v *View, p *pseudo, second chan struct{}) // what happens before the run ends
	}{
		{"the run ends", func(*View, *pseudo, chan struct{}) {}},
		{"the second interrupt", func(_ *View, _ *pseudo, second chan struct{}) { close(second) }},
		{"a panic while a frame is drawn", func(v *View, _ *pseudo, _ chan struct{}) {
			v.mu.Lock()
			v.look = nil
			v.mu.Unlock()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPseudo(t, 80, 24)
			before, second := p.settings(), make(chan struct{})
			v := Start(Options{In: p.slave, Out: p.slave, Name: "quorum-kill", Signal: make(pressed).signal, GiveBack: second})
			defer v.Close()
			v.Send(runner.StageBegan{Text: "building the cluster"})
			p.await("q end the run")
			if p.settings() == before {
				t.Error("the view has not taken the terminal")
			}
			c.until(v, p, second)
			if c.name != "the run ends" {
				p.await("\x1b[?1049l")
				p.await("-- building the cluster\r\n")
			}
			v.Send(runner.Noted{Text: "the last line"})
			v.Close()
			v.Close()
			p.await("-- the last line\r\n")
			if p.settings() != before {
				t.Errorf("the settings are\n%+v, before\n%+v", p.settings(), before)
			}
			text := p.text()
			left := strings.LastIndex(text, "\x1b[?1049l")
			if left < strings.LastIndex(text, "\x1b[?1049h") || strings.LastIndex(text, "\x1b[?25h") < strings.LastIndex(text, "\x1b[?25l") {
				t.Errorf("the alternate screen stays, or the cursor is hidden:\n%q", text)
			}
			if n := strings.Count(text[left:], "-- building the cluster"); n != 1 {
				t.Errorf("the first line stands %d times on the ordinary screen:\n%q", n, text[left:])
			}
			if v.CPU() <= 0 {
				t.Error("drawing took no processor time")
			}
		})
	}
}

// TestKeys: those for which a terminal sends a signal do so, and the time scale is switched.
func TestKeys(t *testing.T) {
	p, signals := newPseudo(t, 100, 30), make(pressed, 10)
	v := Start(Options{In: p.slave, Out: p.slave, Name: "keys", Signal: signals.signal})
	defer v.Close()
	p.await("t time: 30 s")
	for _, c := range []struct{ key, want string }{{"q", "interrupt false"}, {"\x03", "interrupt true"}, {"\x1c", "quit true"}} {
		_, err := p.master.WriteString(c.key)
		p.must(err)
		select {
		case got := <-signals:
			if got != c.want {
				t.Errorf("%q sends %s, want %s", c.key, got, c.want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%q sends nothing", c.key)
		}
	}
	_, err := p.master.WriteString("xt")
	p.must(err)
	p.await("2 min")
}

// TestATerminalThatIsGone does not keep the run from going on.
func TestATerminalThatIsGone(t *testing.T) {
	p := newPseudo(t, 80, 24)
	v := Start(Options{In: p.slave, Out: p.slave, Name: "gone", Signal: make(pressed).signal})
	p.await("q end the run")
	p.must(p.master.Close())
	done := make(chan struct{})
	go func() {
		for range 100 {
			v.Send(runner.Noted{Text: "goes on"})
		}
		v.Close()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the view does not end")
	}
}

// TestWhatIsNotSuitable: a file, and the terminal of another process.
func TestWhatIsNotSuitable(t *testing.T) {
	p := newPseudo(t, 80, 24)
	if Suitable(p.slave, p.slave) {
		t.Error("the terminal of another process is suitable")
	}
	file, err := os.Create(t.TempDir() + "/file")
	p.must(err)
	defer func() { _ = file.Close() }()
	if Suitable(file, p.slave) || Suitable(p.slave, file) {
		t.Error("a file is suitable")
	}
}
