package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"pgchaos/internal/longtest"
	"pgchaos/internal/skip"
	"pgchaos/report"
	"pgchaos/runner"
)

// pseudoTerminal is a pseudo terminal with a program on it.
type pseudoTerminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File

	mu  sync.Mutex
	out bytes.Buffer // all that the program has written
}

func newTerminal(t *testing.T, columns int) *pseudoTerminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		skip.Test(t, "this test needs a pseudo terminal: %v", err)
	}
	must(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	must(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	term := &pseudoTerminal{t: t, master: master, slave: slave}
	term.resize(columns)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.out.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = slave.Close(); _ = master.Close() })
	return term
}

func (t *pseudoTerminal) resize(columns int) {
	must(t.t, unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(columns)}))
}

// start starts a program, whose controlling terminal it is.
func (t *pseudoTerminal) start(cmd *exec.Cmd) {
	t.t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.slave, t.slave, t.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t.t, cmd.Start())
}

func (t *pseudoTerminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.String()
}

func (t *pseudoTerminal) send(text string) {
	t.t.Helper()
	_, err := t.master.WriteString(text)
	must(t.t, err)
}

// await waits until the output since a position has a text, and returns the position behind it.
func (t *pseudoTerminal) await(from int, text string) int {
	t.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if i := strings.Index(t.text()[from:], text); i >= 0 {
			return from + i + len(text)
		}
	}
	all := t.text()
	t.t.Fatalf("%q did not come; the last that came is:\n%q", text, all[max(from, len(all)-2000):])
	return 0
}

// TestCompletionInBash types into an interactive bash that has no startup files, and so no
// package bash-completion, and presses TAB.
func TestCompletionInBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		skip.Test(t, "there is no bash")
	}
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "results", "mine one"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "results", "mine one", report.FileName), []byte("{}"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "series.csv"), nil, 0o600))
	cmd := exec.CommandContext(t.Context(), bash, "--norc", "--noprofile", "-i")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "PS1=ready> ", "TERM=dumb", "HISTFILE=/dev/null", "INPUTRC=/dev/null")
	term := newTerminal(t, 200)
	term.start(cmd)
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	at := term.await(0, "ready> ")
	term.send("source <(pgchaos completion bash)\n")
	at = term.await(at, "ready> ")
	for _, tc := range []struct{ typed, want string }{
		{"pgchaos repo\t", "report "},
		{"pgchaos run --provider d\t", "docker "},
		{"pgchaos run --provider=d\t", "--provider=docker "},
		{"pgchaos run quorum-kill --set load.writes.ti\t5s", "load.writes.timeout=5s"},
		{"pgchaos run quorum-kill --set=load.writes.ti\t5s", "--set=load.writes.timeout=5s"},
		{"pgchaos plan quorum-kill --set a=b --prov\t", "--provider "},
		{"pgchaos report res\t", `results/mine\ one `},
		{"pgchaos run quorum-kill --out res\t", "results/"},
		{"pgchaos run quorum-kill --out-csv ser\t", "series.csv "},
		{"pgchaos run --provider \t\t", "docker    existing  local"},
	} {
		t.Run(tc.typed, func(t *testing.T) {
			term.t = t
			term.send(tc.typed)
			at = term.await(at, tc.want)
			term.send("\x15\n") // Ctrl-U takes the line back
			at = term.await(at, "ready> ")
		})
	}
	if text := term.text(); strings.Contains(text, "command not found") || strings.Contains(text, "_pgchaos:") {
		t.Errorf("bash complains:\n%s", text)
	}
}

// rows are what stands on a terminal of some columns after it got a text: enough of what a
// terminal does for what pgchaos writes.
func rows(text string, columns int) (all []string) {
	screen, row, column := [][]rune{{}}, 0, 0
	r := []rune(text)
	for i := 0; i < len(r); i++ {
		switch c := r[i]; {
		case c == '\r':
			column = 0
		case c == '\n':
			row++
		case c == '\x1b' && i+2 < len(r) && string(r[i:i+3]) == "\x1b[J":
			screen = screen[:row+1]
			screen[row] = screen[row][:min(column, len(screen[row]))]
			i += 2
		case c == '\x1b': // a color
			for i < len(r) && r[i] != 'm' {
				i++
			}
		default:
			if column == columns {
				row, column = row+1, 0
			}
			for len(screen) <= row {
				screen = append(screen, nil)
			}
			for len(screen[row]) <= column {
				screen[row] = append(screen[row], ' ')
			}
			screen[row][column] = c
			column++
		}
		for len(screen) <= row {
			screen = append(screen, nil)
		}
	}
	for _, line := range screen {
		all = append(all, strings.TrimRight(string(line), " "))
	}
	return all
}

// TestLiveLineOnATerminal runs the binary on a terminal, makes that narrower, and interrupts the
// run: the live line moves while the cluster is built, always has the primary, fits, and is gone
// in the end.
func TestLiveLineOnATerminal(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{80, 60} {
		if columns != 80 && !longtest.Enabled {
			continue // 80 become 60
		}
		t.Run(strconv.Itoa(columns), func(t *testing.T) {
			p := newPlace(t)
			if columns == 80 {
				p.detectRaces()
			}
			file := p.write("long.yaml", `name: long
cluster: {nodes: [pgmaster, pgslavenew], synchronous: {commit: "on", standbys: pgslavenew}}
load:
  writes: {kind: insert, clients: 4, rate: 200/s}
  a-workload-with-a-long-name: {kind: read, target: replicas, clients: 2, rate: 100/s}
duration: 60s
`)
			term := newTerminal(t, columns)
			cmd := exec.CommandContext(t.Context(), p.program, "run", file, "--out", p.out, "--no-tui")
			cmd.Env = append(os.Environ(), "PGCHAOS_DIR="+p.base, "TERM=xterm", "CI=")
			term.start(cmd)
			at := term.await(0, "-- building the cluster")
			for range 3 { // it moves: what has not changed is not drawn again
				at = term.await(at, " s  building the cluster")
			}
			at = term.await(at, "primary pgmaster  baseline  writes")
			at = term.await(at, "…") // the second workload does not fit
			wide := at
			term.resize(columns - 20)
			at = term.await(at, "primary pgmaster  baseline")
			narrow := term.await(at, "…\r"+clearLine) // the line after the one on which the size changed
			term.send("\x03")
			at = term.await(narrow, "interrupted: ending load and timeline")
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitInterrupted {
				t.Fatalf("%v\n%s", err, term.text())
			}
			time.Sleep(100 * time.Millisecond)
			text := term.text()
			for _, part := range []struct {
				text    string
				columns int
			}{{text[:wide], columns}, {text[narrow:at], columns - 20}} {
				for _, line := range strings.Split(part.text, "\r") {
					line = strings.TrimPrefix(line, "\x1b[J")
					live := strings.Contains(line, "  primary ")
					if n := utf8.RuneCountInString(line); live && (n >= part.columns || !strings.Contains(line, "primary pgmaster")) {
						t.Errorf("%d columns of %d: %q", n, part.columns, line)
					}
				}
			}
			for _, line := range rows(text, columns) {
				if strings.Contains(line, "  primary pgmaster") || strings.Contains(line, " s  building") || strings.Contains(line, " s  removing") {
					t.Errorf("a live line stays: %s", line)
				}
			}
		})
	}
}

// TestLiveLineAfterCtrlC: the terminal writes ^C where the cursor is. It must not begin another
// row, from which the live line could not be taken away any more.
func TestLiveLineAfterCtrlC(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, false)
	p.tty = true
	p.send(runner.Ticked{Status: runner.Status{Phase: strings.Repeat("long", 30), Primary: "pgmaster"}})
	out.WriteString("^C")
	p.send(runner.Noted{Text: "interrupted"})
	out.WriteString("^C^C")
	p.close()
	if got := strings.Join(rows(out.String(), 80), "\n"); got != "-- interrupted\n" {
		t.Errorf("the terminal shows:\n%s", got)
	}
}
