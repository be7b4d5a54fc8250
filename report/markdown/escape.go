package markdown

import (
	"fmt"
	"strings"
	"unicode"

	"pgchaos/internal/redact"
)

// mostText is how many characters of one text are shown; result.json has the whole.
const mostText = 400

// safe are the marks that mean nothing to Markdown within a line.
const safe = " ,.-()%/;'\"=+?^"

// Escape is a text of somebody else's as Markdown that shows it and does nothing else: no markup, no HTML, no link, no mention, no
// image and no formula; on one line, and shortened. It must not begin a line.
func Escape(text string) string { return escape(text, mostText) }

func escape(text string, most int) string {
	runes := beginning(text, most)
	cut := len(runes) > most
	if cut {
		runes = runes[:most]
	}
	var b strings.Builder
	for i, r := range runes {
		switch {
		case r == '@': // the entity alone would be a mention, and the character between two names a mail address
			b.WriteString("&#64;&#8203;")
		case r == '.' && i >= 3 && strings.EqualFold(string(runes[i-3:i]), "www"):
			b.WriteString("&#46;&#8203;")
		case r == ':' && (i+1 == len(runes) || runes[i+1] == ' '): // neither an address nor an emoji, and a job may mail the text as it is
			b.WriteRune(r)
		case r == '_' && i > 0 && i+1 < len(runes) && isWord(runes[i-1]) && isWord(runes[i+1]): // within a word it means nothing
			b.WriteRune(r)
		case r < unicode.MaxASCII && !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(safe, r):
			fmt.Fprintf(&b, "&#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	if cut {
		b.WriteString(" ...")
	}
	return b.String()
}

// beginning are the first characters of a text that can be shown, without its line ends: more than most where there are more.
func beginning(text string, most int) []rune {
	const longest = 16 // bytes for a character: those that cannot be shown become several, and blanks become one
	text = text[:min(len(text), longest*(most+1))]
	return []rune(redact.Line(text))
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// code is a text in the font of code. An element is used, and no backticks: in a table these do not keep a bar from ending the cell.
func code(text string) string {
	if escaped := Escape(text); escaped != "" {
		return "<code>" + escaped + "</code>"
	}
	return ""
}

// literal is a text for a line of a fenced block, which shows all characters as they are.
func literal(text string, most int) string {
	runes := beginning(text, most)
	if len(runes) > most {
		runes = append(runes[:most-1:most-1], '…')
	}
	return strings.ReplaceAll(string(runes), "`", "'")
}
