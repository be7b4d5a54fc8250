package redact_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgchaos/internal/redact"
)

func TestPrintable(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "relation \"t\" does not exist", "relation \"t\" does not exist"},
		{"lines and tabs", "a\n\tb\r\nc", "a\n\tb\nc"},
		{"other alphabets", "Zeile größer als λ 表", "Zeile größer als λ 表"},
		{"an escape sequence", "\x1b[31mred\x1b]0;title\x07", `\x1b[31mred\x1b]0;title\x07`},
		{"an escape sequence of eight bits", "\u009b2J", `\x9b2J`},
		{"no text", "caf\xe9 \xff\xfe", `caf\xe9 \xff\xfe`},
		{"the other direction", "a\u202eb\u200bc", `a\u202eb\u200bc`},
		{"back and over", "secret\rpublic\b\x00\x7f", `secret\x0dpublic\x08\x00\x7f`},
	} {
		if got := redact.Printable(tt.text); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestTextsOfOthersAreBounded, printable, and cut between two characters; but for the one text
// that is the user's own.
func TestTextsOfOthersAreBounded(t *testing.T) {
	type result struct {
		Experiment string `text:"whole"`
		Reasons    []string
		Notes      map[string]string
	}
	long := strings.Repeat("ä", 1<<20)
	got := redact.Of(nil, result{Experiment: long, Reasons: []string{"\x1b[2J" + long, "short"}, Notes: map[string]string{"a": long}})
	if got.Experiment != long || got.Reasons[1] != "short" {
		t.Error("a text is cut that must not be")
	}
	for _, text := range []string{got.Reasons[0], got.Notes["a"]} {
		if len(text) > 9000 || !utf8.ValidString(text) || strings.ContainsRune(text, '\x1b') || !strings.HasSuffix(text, " bytes more)") {
			t.Errorf("%d bytes: %q", len(text), text[len(text)-40:])
		}
	}
}
