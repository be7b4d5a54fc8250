package spec

import (
	"fmt"
	"strings"
	"testing"

	"pgchaos/chaos/fault"
	"pgchaos/internal/longtest"
)

// TestLoadIsLinearInTheNumberOfSteps counts allocations, which no other process disturbs: eight times as many steps must
// need no more than twelve times as many. What is quadratic needs 64 times as many.
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
		if (name == "misspelt steps" || name == "expectations of phases") && !longtest.Enabled {
			continue
		}
		allocations := func(n int) float64 {
			text := []byte(file(n))
			return testing.AllocsPerRun(1, func() { _, _, _ = Load("x.yaml", text, Options{Providers: someProviders()}) })
		}
		if few, many := allocations(150), allocations(1200); many > 12*few {
			t.Errorf("%s: 150 need %.0f allocations, and 1200 need %.0f", name, few, many)
		}
	}
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
