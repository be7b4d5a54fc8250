package github

import (
	"fmt"
	"strings"
	"testing"
)

func TestCommands(t *testing.T) {
	got := Commands([]Annotation{
		{Level: Notice, Title: "run", Text: "passed"},
		{Level: Error, Title: "a,b: 100%", Text: "first\nsecond: 50%\r"},
		{Level: Warning, Title: "w", Text: "unknown \x1b[31m"},
		{Level: Warning, Title: "p", Text: "q", File: "a,b.yaml", Line: 3, Col: 9},
	})
	const want = "::error title=a%2Cb%3A 100%25::first%0Asecond: 50%25\\x0d\n::warning title=w::unknown \\x1b[31m\n::warning title=p,file=a%2Cb.yaml,line=3,col=9::q\n::notice title=run::passed\n"
	if got != want {
		t.Errorf("%q", got)
	}
}

// TestCommandsAreFew: GitHub shows ten of a level, so that the tenth says how many more there are.
func TestCommandsAreFew(t *testing.T) {
	var all []Annotation
	for i := range 25 {
		all = append(all, Annotation{Level: Error, Title: "e", Text: fmt.Sprint(i)})
	}
	lines := strings.Split(strings.TrimSpace(Commands(all)), "\n")
	if len(lines) != mostShown || lines[8] != "::error title=e::8" || lines[9] != "::error title=pgchaos::16 more are in the summary of the job, or in its log" {
		t.Errorf("%q", lines)
	}
	long := Commands([]Annotation{{Level: Error, Title: strings.Repeat("t", 10_000), Text: strings.Repeat("x", 100_000)}})
	if len(long) > 4000 {
		t.Errorf("%d bytes", len(long))
	}
}

func TestPaused(t *testing.T) {
	if got, want := Paused("::error::no\n", "abc"), "::stop-commands::abc\n::error::no\n::abc::\n"; got != want {
		t.Errorf("%q", got)
	}
}

// FuzzCommands: no text ends its line or its property.
func FuzzCommands(f *testing.F) {
	for _, text := range []string{"", "::", "a\n::set-env name=x::y", "%0A", ",file=x", "\r", "\u2028::error::", "\xff"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, title, text string) {
		got := Commands([]Annotation{{Level: Error, Title: title, Text: text}})
		line, ok := strings.CutSuffix(got, "\n")
		properties, found := strings.CutPrefix(line, "::error title=")
		before, _, closed := strings.Cut(properties, "::")
		if !ok || !found || !closed || strings.ContainsAny(line, "\r\n") || strings.ContainsAny(before, ",:") {
			t.Errorf("%q, %q: %q", title, text, got)
		}
	})
}
