package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/internal/longtest"
)

// tmux is a real terminal with a shell on it.
type tmux struct {
	*place
	socket string
}

func newTmux(t *testing.T, p *place, columns, lines int) *tmux {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		missing(t, "tmux", err)
	}
	m := &tmux{p, filepath.Join(filepath.Dir(p.base), "tmux")}
	m.do("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(columns), "-y", fmt.Sprint(lines),
		"env PS1='ready> ' ENV= CI= NO_COLOR= PGCHAOS_DIR="+p.base+" sh -i")
	t.Cleanup(func() {
		cmd := exec.Command("tmux", "-S", m.socket, "kill-server") // the test's context has ended
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("end tmux: %v: %s", err, out)
		}
		for deadline := time.Now().Add(time.Minute); len(p.processes()) > 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		}
	})
	m.await("ready>")
	m.keys("stty -a > "+m.file("before"), "Enter")
	return m
}

func (m *tmux) file(name string) string { return filepath.Join(filepath.Dir(m.base), name) }

func (m *tmux) do(args ...string) string {
	m.t.Helper()
	out, err := exec.CommandContext(m.t.Context(), "tmux", append([]string{"-S", m.socket}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}

// keys presses keys, by tmux's names.
func (m *tmux) keys(keys ...string) {
	m.t.Helper()
	m.do(append([]string{"send-keys"}, keys...)...)
}

// screen is what stands on the terminal, and all are also the lines that have left it.
func (m *tmux) screen() string { m.t.Helper(); return m.do("capture-pane", "-p") }
func (m *tmux) all() string    { m.t.Helper(); return m.do("capture-pane", "-p", "-J", "-S", "-") }

// await waits until all of some texts stand on the screen.
func (m *tmux) await(texts ...string) {
	m.t.Helper()
	screen := ""
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		screen = m.screen()
		if containsAll(screen, texts) {
			return
		}
	}
	m.t.Fatalf("%q did not come; the screen is\n%s", texts, screen)
}

func containsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// pgchaos is the process id of the shell's only child.
func (m *tmux) pgchaos() int {
	m.t.Helper()
	shell := strings.TrimSpace(m.do("display-message", "-p", "#{pane_pid}"))
	var pid int
	_, err := fmt.Sscan(readText(m.t, "/proc/"+shell+"/task/"+shell+"/children"), &pid)
	must(m.t, err)
	return pid
}

// givenBack waits until the shell has the terminal again after an exit code, and compares the terminal with what it was.
func (m *tmux) givenBack(code int) {
	m.t.Helper()
	m.await(fmt.Sprintf("code %d.", code))
	m.keys("stty -a > "+m.file("after")+"; echo comp''ared", "Enter")
	m.await("compared") // which the line that was typed does not have
	before, after := readText(m.t, m.file("before")), readText(m.t, m.file("after"))
	if withoutSize(before) == "" || withoutSize(before) != withoutSize(after) {
		m.t.Errorf("stty says\n%s\nbefore\n%s", after, before)
	}
	if state := strings.TrimSpace(m.do("display-message", "-p", "alternate #{alternate_on}, cursor #{cursor_flag}, keypad #{keypad_flag}")); state != "alternate 0, cursor 1, keypad 0" {
		m.t.Errorf("the terminal is left with: %s", state)
	}
}

// withoutSize leaves out what a resize changes.
func withoutSize(stty string) string {
	_, rest, _ := strings.Cut(stty, "columns")
	_, rest, _ = strings.Cut(rest, ";")
	return rest
}

// begins starts pgchaos, and waits until its view shows the load.
func (m *tmux) begins(text string, args ...string) {
	m.t.Helper()
	file := m.write("shown.yaml", text)
	m.keys("clear; "+m.program+" run "+file+" --out "+m.out+" "+strings.Join(args, " ")+"; echo code $?.", "Enter")
	m.await("shown", "primary a", "writes", "reads", "rate", "role", "no errors", "q end the run")
}

// TestViewEnds: however the run ends, the terminal is as it was, and the report and the steps stand on it.
func TestViewEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(m *tmux)
		code int
		says []string
		long bool
	}{
		{"q", func(m *tmux) { m.keys("q") }, exitInterrupted, []string{"interrupted: ending load and timeline"}, false},
		{"Ctrl-C", func(m *tmux) { m.keys("C-c") }, exitInterrupted, []string{"interrupted: ending load and timeline"}, true},
		{"Ctrl-C twice", func(m *tmux) {
			m.keys("C-c")
			m.await("interrupted: ending")
			m.keys("C-c")
		}, exitLeftBehind, []string{"second interrupt", "pgchaos clean shown-"}, false},
		{"SIGTERM", func(m *tmux) { must(m.t, syscall.Kill(m.pgchaos(), syscall.SIGTERM)) }, exitInterrupted, []string{"interrupted: ending load and timeline"}, true},
	} {
		if c.long && !longtest.Enabled {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			if c.name == "q" {
				p.detectRaces()
			}
			m := newTmux(t, p, 80, 24)
			text := shown
			if c.code == exitLeftBehind { // there must be time to end it once more
				text = strings.Replace(shown, "timeline:\n", "timeline:\n  - {at: 1s, exec: {node: a, command: \"true\", undo: \"sleep 5\"}}\n", 1)
			}
			m.begins(text)
			m.await("in force: ", "stop b", "down")
			c.end(m)
			m.givenBack(c.code)
			all := m.all()
			for _, want := range append(c.says, "-- building the cluster", "> stop-b", "stop-b done", "INCONCLUSIVE") {
				if !strings.Contains(all, want) {
					t.Errorf("%q does not stand on the terminal:\n%s", want, all)
				}
			}
			if strings.Contains(all, "q end the run") {
				t.Errorf("a frame stays on the ordinary screen:\n%s", all)
			}
			if c.code == exitLeftBehind {
				if code, out, errs := p.run("clean", "--provider", "local"); code != exitPass {
					t.Errorf("clean: exit code %d\n%s%s", code, out, errs)
				}
			}
		})
	}
}

// TestViewOfAWholeRun is resized, has its time scale switched, and is stopped by Ctrl-Z and goes on; in the end the report says what
// drawing took.
func TestViewOfAWholeRun(t *testing.T) {
	m := newTmux(t, newPlace(t), 100, 30)
	m.begins(strings.Replace(shown, "60s", "20s", 1))
	m.keys("t")
	m.await("t time: 2 min")
	m.do("resize-window", "-x", "60", "-y", "20")
	m.await("t time: 2 min", "no errors")
	m.do("resize-window", "-x", "130", "-y", "40")
	m.await("t time: 2 min", "no errors", "left")
	pid := m.pgchaos()
	m.keys("C-z")
	for deadline := time.Now().Add(time.Minute); !stopped(t, pid); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Ctrl-Z does not stop it:\n%s", m.screen())
		}
	}
	m.keys("stty -a > "+m.file("stopped")+"; echo stopped $?", "Enter")
	m.await("stopped 0")
	if got, want := withoutSize(readText(t, m.file("stopped"))), withoutSize(readText(t, m.file("before"))); got != want {
		t.Errorf("while it is stopped stty says\n%s\nbefore\n%s", got, want)
	}
	m.keys("fg; echo code $?.", "Enter")
	m.await("q end the run")
	m.await("code 0.", "PASS")
	m.keys("clear; "+m.program+" report "+m.out+" --full > "+m.file("report")+"; echo code $?.", "Enter")
	m.givenBack(exitPass)
	g := m.result().Generator
	if g == nil || g.LiveView <= 0 || g.LiveView > g.CPU {
		t.Errorf("the result says of the view's processor time: %+v", g)
	}
	if text := readText(t, m.file("report")); !strings.Contains(text, "the live view took ") {
		t.Errorf("the report does not say what the view took:\n%s", text)
	}
}

// TestViewOfSeveralRuns: the view of a series says which run it is at, and the view of a search which step. The ends of the runs stand
// on the terminal afterwards.
func TestViewOfSeveralRuns(t *testing.T) {
	longtest.Only(t)
	m := newTmux(t, newPlace(t), 100, 30)
	file := m.write("shown.yaml", strings.NewReplacer("60s", "2s", "at: 2s", "at: 1s").Replace(shown))
	m.keys("clear; "+m.program+" run "+file+" --rounds 2 --set warmup_rounds=0 --out "+m.out+"; echo code $?.", "Enter")
	m.await("0 of 2 runs", "round 1", "primary a", "q end the run")
	m.await("1 of 2 runs", "left", "round 2", "primary a", "1/2  round 1: pass")
	m.givenBack(exitPass)
	for _, want := range []string{"1/2  round 1: pass in ", "2/2  round 2: pass in ", "each of 2 runs passed"} {
		if all := m.all(); !strings.Contains(all, want) || strings.Contains(all, "q end the run") {
			t.Errorf("%q does not stand on the terminal, or a frame does:\n%s", want, all)
		}
	}
	m.keys("clear; "+m.program+" run "+file+" --find-max load.writes.rate --until 'p99 of writes < 10s' --out "+m.out+"-search; echo code $?.", "Enter")
	m.await("step 1: 100", "primary a", "writes", "q end the run")
	m.keys("q")
	m.givenBack(exitInterrupted)
	if all := m.all(); !strings.Contains(all, "interrupted") || strings.Contains(all, "q end the run") {
		t.Errorf("after the search:\n%s", all)
	}
}

// stopped tells whether a process is stopped.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	_, state, _ := strings.Cut(readText(t, fmt.Sprintf("/proc/%d/stat", pid)), ") ")
	return strings.HasPrefix(state, "T")
}

// TestNoViewWhereLinesAreBetter: a pipe, --no-tui, a dumb terminal, CI, a small terminal, and a run in the background.
func TestNoViewWhereLinesAreBetter(t *testing.T) {
	m := newTmux(t, newPlace(t), 80, 24)
	file := m.write("short.yaml", strings.Replace(shown, "60s", "3s", 1))
	runs := 0
	run := func(before, after string) string {
		runs++
		must(t, os.RemoveAll(m.out))
		m.do("clear-history")
		if !strings.HasSuffix(after, "&") {
			after += ";"
		}
		m.keys("clear; "+before+" "+m.program+" run "+file+" --out "+m.out+" "+after+fmt.Sprintf(" wait; echo run %d ends $?", runs), "Enter")
		ended := regexp.MustCompile(fmt.Sprintf(`run %d ends \d`, runs))
		for deadline := time.Now().Add(2 * time.Minute); !ended.MatchString(m.screen()); time.Sleep(50 * time.Millisecond) {
			if strings.Contains(m.screen(), "q end the run") || time.Now().After(deadline) {
				t.Fatalf("%s %s shows\n%s", before, after, m.screen())
			}
		}
		return m.all()
	}
	for _, c := range []struct {
		before, after string
		lines         bool // a line a second, and not one that updates
		long          bool
	}{
		{"", "--no-tui", false, false}, {"CI=true", "", true, true}, {"TERM=dumb", "", true, true}, {"", "2>&1 | cat", true, false},
		{"", "< /dev/null", false, true}, {"", "&", false, true},
	} {
		if c.long && !longtest.Enabled {
			continue
		}
		text := run(c.before, c.after)
		if got := strings.Count(text, "  primary a  ") >= 2; got != c.lines || !strings.Contains(text, "> stop-b") {
			t.Errorf("%s %s: lines %t:\n%s", c.before, c.after, got, text)
		}
	}
	m.do("resize-window", "-x", "79", "-y", "24")
	run("", "")
}
