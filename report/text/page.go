package text

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	terminal "github.com/jedib0t/go-pretty/v6/text"
)

// defaultWidth is that of a page that does not go to a terminal, mostWidth that of the short
// report, and leastWidth what is used where the terminal is still narrower.
const (
	defaultWidth = 100
	mostWidth    = 100
	leastWidth   = 40
)

// page writes text for a terminal. The first error of the writer stays, as with
// a bufio.Writer, and flush returns it.
type page struct {
	out   *bufio.Writer
	color bool
	width int
}

func newPage(w io.Writer, o Options) *page {
	p := &page{out: bufio.NewWriter(w), color: o.Color, width: o.Width}
	if p.width <= 0 {
		p.width = defaultWidth
	}
	p.width = max(p.width, leastWidth)
	if !o.Full {
		p.width = min(p.width, mostWidth)
	}
	return p
}

// ink is an SGR code of a terminal.
type ink string

// The inks in use; none of them says anything that the words do not.
const (
	plain  ink = ""
	bold   ink = "1"
	red    ink = "1;31"
	green  ink = "1;32"
	yellow ink = "1;33"
	faint  ink = "2"
)

// paint colours a text when the page is coloured.
func (p *page) paint(i ink, text string) string {
	if !p.color || i == plain || text == "" {
		return text
	}
	return "\x1b[" + string(i) + "m" + text + "\x1b[0m"
}

// heading begins a section.
func (p *page) heading(title, note string) {
	p.line(plain, "")
	text := p.paint(bold, title)
	if note != "" {
		text += p.paint(faint, "  "+note)
	}
	p.line(plain, text)
}

// line writes one line as it is.
func (p *page) line(i ink, text string) {
	_, _ = p.out.WriteString(p.paint(i, text) + "\n") // the error stays in out, until flush
}

// text writes lines that are painted already.
func (p *page) text(lines []string) {
	for _, line := range lines {
		p.line(plain, line)
	}
}

// raw writes what it is given.
func (p *page) raw(text string) { _, _ = p.out.WriteString(text) }

// item writes a text after a label, broken so that no line begins left of it.
func (p *page) item(i ink, label, text string) {
	p.text(p.labelled(i, label, wrap(text, p.width-width(label))))
}

// labelled are lines after a label. The label has the ink; where it is blank the lines have it.
func (p *page) labelled(i ink, label string, lines []string) []string {
	indent := strings.Repeat(" ", width(label))
	for n, line := range lines {
		switch {
		case strings.TrimSpace(label) == "":
			lines[n] = label + p.paint(i, line)
		case n == 0:
			lines[n] = p.paint(i, label) + line
		default:
			lines[n] = indent + line
		}
	}
	return lines
}

// stages writes items after a label, broken between items alone.
func (p *page) stages(i ink, label string, indent int, items []string) {
	line := label
	for n, item := range items {
		if n+1 < len(items) {
			item += ";"
		}
		if n > 0 && width(line)+1+width(item) > p.width {
			p.line(i, line)
			lines := wrap(item, p.width-indent)
			for _, whole := range lines[:len(lines)-1] {
				p.line(i, strings.Repeat(" ", indent)+whole)
			}
			line = strings.Repeat(" ", indent) + lines[len(lines)-1]
			continue
		}
		if n > 0 {
			line += " "
		}
		line += item
	}
	p.line(i, line)
}

// clipped are a label and a text in at most so many lines, none wider than the page but for
// a path, which must be copied in one piece. A text that is cut ends with "...".
func (p *page) clipped(i ink, label, text string, most int) []string {
	columns := p.width - width(label)
	lines := wrap(text, columns)
	for n := 0; n < len(lines); n++ { // a word that is wider than the page
		if over := cutAt(lines[n], columns); over < len(lines[n]) && !strings.Contains(lines[n], "/") {
			lines = slices.Insert(lines, n+1, lines[n][over:])
			lines[n] = lines[n][:over]
		}
	}
	if len(lines) > most {
		lines = lines[:most]
		last := lines[most-1]
		if width(last)+len(cut) > columns {
			last = last[:cutAt(last, columns-len(cut))]
		}
		lines[most-1] = strings.TrimRight(last, " ") + cut
	}
	return p.labelled(i, label, lines)
}

// cut stands at the end of a text that was cut.
const cut = " ..."

// width is how many columns of a terminal a text takes.
func width(text string) int { return terminal.StringWidthWithoutEscSequences(text) }

// cutAt is how many bytes of a text fit into so many columns.
func cutAt(text string, columns int) int {
	used := 0
	for i, r := range text {
		if used += terminal.RuneWidth(r); used > columns {
			return i
		}
	}
	return len(text)
}

// command are a label and a command that can be copied: it is broken with backslashes. A quoted
// word that is wider than the page stays whole, because a shell would keep the backslash in it.
func (p *page) command(label string, words ...string) (lines []string) {
	const more = " \\"
	wrapped := wrap(ShellLine(words), p.width-width(label)-len(more))
	for n, line := range wrapped {
		line = strings.Repeat(" ", width(label)) + line
		if n+1 < len(wrapped) {
			line += more
		}
		for width(line) > p.width && !strings.Contains(line, "'") { // a path: it goes on in the first column
			at := cutAt(line, p.width-1)
			lines = append(lines, line[:at]+"\\")
			line = line[at:]
		}
		lines = append(lines, line)
	}
	lines[0] = p.paint(bold, label) + lines[0][len(label):]
	return lines
}

// shellWord quotes a word where a shell would not read it as it is.
func shellWord(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./=:,@%+", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// wrap breaks a text between words into lines of at most so many columns. A word that is
// wider stays whole: a path or a key must be copied in one piece.
func wrap(text string, columns int) []string {
	columns = max(columns, 24)
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line, used := "", 0
		for _, word := range quantities(strings.Fields(paragraph)) {
			switch w := width(word); {
			case line == "":
				line, used = word, w
			case used+1+w > columns:
				lines = append(lines, line)
				line, used = word, w
			default:
				line += " " + word
				used += 1 + w
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// quantities joins numbers and their units, so that no line ends between them.
func quantities(words []string) (joined []string) {
	for _, word := range words {
		if n := len(joined); n > 0 && slices.Contains([]string{"s", "ms", "%"}, strings.TrimRight(word, ".,;:)")) {
			if last := joined[n-1]; last[len(last)-1] >= '0' && last[len(last)-1] <= '9' {
				joined[n-1] += " " + word
				continue
			}
		}
		joined = append(joined, word)
	}
	return joined
}

// flush ends the page.
func (p *page) flush() error {
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
