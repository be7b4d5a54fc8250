package markdown

import (
	"fmt"
	"strings"

	"pgchaos/internal/units"
)

// Most bounds the size of the whole, in bytes. GitHub takes 1 MiB for all summaries of a step.
const Most = 900_000

// mostSection bounds one section. There are fewer than eight.
const mostSection = 100_000

// document is Markdown that does not become too long: what a section has no space for is counted.
type document struct{ b strings.Builder }

// section is a part with a heading.
type section struct {
	head  string
	lines []string // that are always shown
	rows  []string
	one   string // what a row is, for "12 more phases are in result.json"
	many  string
}

// row adds a row of cells that are escaped already.
func (s *section) row(cells ...string) { s.rows = append(s.rows, "| "+strings.Join(cells, " | ")+" |") }

// table begins a table; the names of columns of numbers end with a colon.
func (s *section) table(columns ...string) {
	line := "|"
	for i, name := range columns {
		name, right := strings.CutSuffix(name, ":")
		columns[i] = name
		if line += "---"; right {
			line += ":"
		}
		line += "|"
	}
	s.lines = append(s.lines, "| "+strings.Join(columns, " | ")+" |", line)
}

// item adds a row that is an item of a list.
func (s *section) item(mark, text string) { s.rows = append(s.rows, "- **"+mark+"** "+text) }

// add writes a section, unless it has nothing.
func (d *document) add(s *section) {
	if len(s.rows) == 0 {
		return
	}
	if s.head != "" {
		fmt.Fprintf(&d.b, "\n### %s\n\n", s.head)
	}
	size := 0
	for _, line := range s.lines {
		d.b.WriteString(line + "\n")
	}
	for i, row := range s.rows {
		if size += len(row) + 1; size > mostSection {
			more := int64(len(s.rows) - i)
			fmt.Fprintf(&d.b, "\n%s in `result.json`.\n", units.Count(more, "more "+s.one+" is", "more "+s.many+" are"))
			return
		}
		d.b.WriteString(row + "\n")
	}
}
