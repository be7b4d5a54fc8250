package redact

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostText is how many bytes of one text of somebody else's are kept, in a result and on the screen.
const mostText = 8 << 10

// Printable is a text that a terminal only shows: what a server, a program or a file says may hold escape
// sequences, other control characters and bytes that are no text. They are written as \x1b and
// \u202e. Line breaks and tabs stay.
func Printable(text string) string {
	if shows(text) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\r' && strings.HasPrefix(text[i+1:], "\n"): // a line break of another system
		case visible(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		i += size
	}
	return b.String()
}

// shows passes over almost all texts without decoding them.
func shows(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < ' ' || c > '~') && c != '\n' && c != '\t' {
			return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !visible(r) }) < 0
		}
	}
	return true
}

// visible tells whether a terminal shows a character, and does nothing else with it.
func visible(r rune) bool {
	return r == '\n' || r == '\t' || unicode.IsGraphic(r) && r != '\u2028' && r != '\u2029' || unicode.Is(unicode.Co, r)
}

// Short is a text of bounded length; of a longer one the beginning, with how much is left out.
func Short(text string) string {
	if len(text) <= mostText {
		return text
	}
	end := mostText
	for end > mostText-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s ... (%d bytes more)", text[:end], len(text)-end)
}
