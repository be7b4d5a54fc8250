package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pgchaos/report"
)

// terminal is a pseudo terminal with a program on it.
type terminal struct {
	t      *testing.T
	master *os.File
	slave  *os.File

	mu  sync.Mutex
	out bytes.Buffer // all that the program has written
}

func newTerminal(t *testing.T, columns int) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("this test needs a pseudo terminal: %v", err)
	}
	must(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	must(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	term := &terminal{t: t, master: master, slave: slave}
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

func (t *terminal) resize(columns int) {
	must(t.t, unix.IoctlSetWinsize(int(t.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(columns)}))
}

// start starts a program, whose controlling terminal it is.
func (t *terminal) start(cmd *exec.Cmd) {
	t.t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.slave, t.slave, t.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t.t, cmd.Start())
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.out.String()
}

func (t *terminal) send(text string) {
	t.t.Helper()
	_, err := t.master.WriteString(text)
	must(t.t, err)
}

// await waits until the output since a position has a text, and returns the position behind it.
func (t *terminal) await(from int, text string) int {
	t.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if i := strings.Index(t.text()[from:], text); i >= 0 {
			return from + i + len(text)
		}
	}
	t.t.Fatalf("%q did not come; since then came:\n%q", text, t.text()[from:])
	return 0
}

// TestCompletionInBash types into an interactive bash that has no startup files, and so no
// package bash-completion, and presses TAB.
func TestCompletionInBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
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
		{"pgchaos run --provider \t\t", "docker  local"},
	} {
		t.Run(tc.typed, func(t *testing.T) {
			term.t = t
			term.send(tc.typed)
			term.await(at, tc.want)
			time.Sleep(50 * time.Millisecond)
			term.send("\x15\n") // Ctrl-U takes the line back
			at = term.await(at+len(term.text()[at:]), "ready> ")
		})
	}
	if text := term.text(); strings.Contains(text, "command not found") || strings.Contains(text, "_pgchaos:") {
		t.Errorf("bash complains:\n%s", text)
	}
}
