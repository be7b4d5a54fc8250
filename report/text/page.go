package text

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// defaultWidth is that of a page when nobody says how wide the terminal is.
const defaultWidth = 120

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

// para writes a text at an indentation, broken into lines between words.
func (p *page) para(i ink, indent int, format string, args ...any) {
	p.item(i, strings.Repeat(" ", indent), fmt.Sprintf(format, args...))
}

// item writes a text after a label, broken so that no line begins left of it.
func (p *page) item(i ink, label, text string) {
	indent := utf8.RuneCountInString(label)
	for n, part := range wrap(text, p.width-indent) {
		if n > 0 {
			label = strings.Repeat(" ", indent)
		}
		if strings.TrimSpace(label) == "" {
			p.line(plain, label+p.paint(i, part))
		} else {
			p.line(plain, p.paint(i, label)+part)
		}
	}
}

// wrap breaks a text between words into lines of at most width. A word that is
// longer stays whole: a path or a key must be copied in one piece.
func wrap(text string, width int) []string {
	width = max(width, 24)
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
				lines = append(lines, line)
				line = word
			default:
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// flush ends the page.
func (p *page) flush() error {
	if err := p.out.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// table is rows of cells under headings. A column without any text is left out.
type table struct {
	columns []column
	rows    []row
}

// column is one heading. Numbers stand right, words left.
type column struct {
	head  string
	right bool
}

// row is one line; inked when it must be seen.
type row struct {
	cells []string
	ink   ink
}

// left and right make columns.
func left(head string) column  { return column{head: head} }
func right(head string) column { return column{head: head, right: true} }

// add appends a row.
func (t *table) add(i ink, cells ...string) { t.rows = append(t.rows, row{cells, i}) }

// write puts the table on the page. The last column is broken into lines when it
// is words and would go over the edge.
func (t *table) write(p *page) {
	widths := make([]int, len(t.columns))
	last := -1
	for c := range t.columns {
		for _, r := range t.rows {
			if c < len(r.cells) {
				widths[c] = max(widths[c], utf8.RuneCountInString(r.cells[c]))
			}
		}
		if widths[c] > 0 {
			widths[c] = max(widths[c], utf8.RuneCountInString(t.columns[c].head))
			last = c
		}
	}
	heads := make([]string, len(t.columns))
	for c := range t.columns {
		heads[c] = t.columns[c].head
	}
	for _, r := range append([]row{{heads, faint}}, t.rows...) {
		for _, line := range t.lines(r.cells, widths, last, p.width) {
			p.line(r.ink, line)
		}
	}
}

// lines lays one row out.
func (t *table) lines(cells []string, widths []int, last, width int) []string {
	var b strings.Builder
	b.WriteString("  ")
	used := 2
	for c := range last {
		if widths[c] == 0 {
			continue
		}
		b.WriteString(pad(cells[c], widths[c], t.columns[c].right) + "  ")
		used += widths[c] + 2
	}
	if last < 0 || last >= len(cells) {
		return []string{strings.TrimRight(b.String(), " ")}
	}
	if t.columns[last].right {
		return []string{strings.TrimRight(b.String()+pad(cells[last], widths[last], true), " ")}
	}
	var lines []string
	for i, part := range wrap(cells[last], width-used) {
		if i == 0 {
			lines = append(lines, strings.TrimRight(b.String()+part, " "))
		} else {
			lines = append(lines, strings.Repeat(" ", used)+part)
		}
	}
	return lines
}

// pad fills a cell up with blanks.
func pad(text string, width int, right bool) string {
	blanks := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
	if right {
		return blanks + text
	}
	return text + blanks
}
