package spec

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/chaos/fault"
)

// TestLoadIsLinearInTheNumberOfSteps: eight times as many steps must take no more
// than 24 times the processor time of this process; what is quadratic takes 64.
func TestLoadIsLinearInTheNumberOfSteps(t *testing.T) {
	line := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, strings.ReplaceAll(format, "%d", "%[1]d"), i)
		}
		return b.String()
	}
	head := "name: x\ncluster: {nodes: [a, b]}\nload: {w: {kind: insert}}\n"
	for name, file := range map[string]func(n int) string{
		"the same step again and again": func(n int) string { return head + "timeline:\n" + line(n, "- {pause: b}\n- {resume: b}\n") },
		"misspelt steps":                func(n int) string { return head + "timeline:\n" + line(n, "- {kll: b}\n- {stop: q}\n") },
		"expectations of phases": func(n int) string {
			return head + "timeline:\n" + line(n, "- {name: s%d, wait: 1s}\n") + "expect:\n" + line(n, "- p99 of w during s%d < 1s\n")
		},
		"expectations of phases that are not there": func(n int) string {
			return head + "timeline:\n" + line(n, "- {name: s%d, wait: 1s}\n") + "expect:\n" + line(n, "- p99 of w during no-such-phase-%d < 1s\n")
		},
	} {
		took := func(n int) time.Duration {
			text := []byte(file(n))
			begin := processorTime(t)
			_, _, _ = Load("x.yaml", text, Options{Providers: someProviders()})
			return processorTime(t) - begin
		}
		least := func(n int) time.Duration { return min(took(n), took(n), took(n)) }
		if few, many := least(300), least(2400); many > 24*few {
			t.Errorf("%s: 300 take %s, and 2400 take %s", name, few, many)
		}
	}
}

func processorTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func TestNamesOfStepsWithoutOne(t *testing.T) {
	pause := NewStep("pause", &fault.Pause{OnNodes: onB})
	steps := []Step{
		pause, {}, {Name: "pause-b-2", actions: pause.actions}, pause, {}, pause,
	}
	nameSteps(steps)
	var got []string
	for _, s := range steps {
		got = append(got, s.Name)
	}
	if want := "pause-b step-2 pause-b-2 pause-b-3 step-5 pause-b-4"; strings.Join(got, " ") != want {
		t.Errorf("%q, not %q", strings.Join(got, " "), want)
	}
}
