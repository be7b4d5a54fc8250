package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// TestHelpOfEveryCommand holds each help against what they have in common.
func TestHelpOfEveryCommand(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			var out, errs bytes.Buffer
			args := slices.Concat(strings.Fields(cmd.CommandPath())[1:], []string{"--help"})
			if code := run(t.Context(), args, nil, &out, &errs); code != exitPass || errs.Len() > 0 {
				t.Fatalf("exit code %d: %s", code, &errs)
			}
			text := out.String()
			if !strings.Contains(text, "-h, --help ") || strings.Contains(text, "true|false") {
				t.Errorf("the flag --help is not written as -h, --help:\n%s", text)
			}
			if cmd.Example == "" {
				t.Error("there is no example")
			}
			for line := range strings.Lines(text) {
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 110 {
					t.Errorf("a line has %d columns: %s", n, line)
				}
			}
		})
		for _, sub := range cmd.Commands() {
			if !sub.Hidden {
				visit(sub)
			}
		}
	}
	visit(newRoot())
}

// TestCPUProfileComesLast: it is for those who work on pgchaos.
func TestCPUProfileComesLast(t *testing.T) {
	var out bytes.Buffer
	run(t.Context(), []string{"run", "--help"}, nil, &out, &out)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.Contains(last, "--cpuprofile") {
		t.Errorf("the last flag is %s", last)
	}
}
