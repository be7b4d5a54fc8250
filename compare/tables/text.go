package tables

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"pgchaos/compare"
)

// width is the most columns of a line of text.
const width = 100

// Bounds of the columns of the table.
const (
	labelWidth  = 40 // at most
	columnWidth = 34 // at most
	gap         = 2
	perBlock    = 3 // variants beside each other
)

const killsLabel = "losses by kill of a primary"

// textOf is the comparison for a terminal.
func textOf(c *compare.Comparison, o Options) string {
	t := &textTable{c: c}
	for _, n := range notices(c) {
		t.paragraph(n, "  ")
	}
	if t.Len() > 0 {
		t.WriteByte('\n')
	}
	for i, cell := range c.Cells {
		if i > 0 {
			t.WriteByte('\n')
		}
		if cell.Name != "" {
			fmt.Fprintf(t, "%s\n\n", cell.Name)
		}
		t.cell(cell, o)
	}
	t.WriteByte('\n')
	t.paragraph(legend(c), "")
	t.footnotes()
	return t.String()
}

// textTable writes the tables of a comparison, and numbers their footnotes.
type textTable struct {
	strings.Builder
	c     *compare.Comparison
	notes notes
	// label and column are the widths of the columns.
	label, column int
}

// layout chooses the widths of the columns.
func (t *textTable) layout(rows []compare.Row) {
	t.label = len(killsLabel)
	for _, row := range rows {
		t.label = max(t.label, utf8.RuneCountInString(row.Metric))
	}
	t.label = min(t.label, labelWidth)
	t.column = min((width-t.label)/min(perBlock, len(t.c.Variants))-gap, columnWidth)
}

// cell writes the tables of one cell: as many variants beside each other as fit.
func (t *textTable) cell(cell compare.Cell, o Options) {
	declared, exploratory := o.rows(cell)
	t.layout(slices.Concat(declared, exploratory))
	for first := 0; first < len(t.c.Variants); first += perBlock {
		if first > 0 {
			t.WriteByte('\n')
		}
		columns := make([]int, 0, perBlock)
		for i := first; i < min(first+perBlock, len(t.c.Variants)); i++ {
			columns = append(columns, i)
		}
		head := [][]string{nil}
		for _, i := range columns {
			head = append(head, t.head(cell, i))
		}
		t.row(head)
		for _, row := range declared {
			t.metric(row, columns)
		}
		t.kills(cell, columns)
		if len(exploratory) > 0 {
			t.WriteString("\nExploratory: not declared before the runs, so without a verdict\n\n")
		}
		for _, row := range exploratory {
			t.metric(row, columns)
		}
	}
}

// head is the head of a variant's column.
func (t *textTable) head(cell compare.Cell, i int) []string {
	v := t.c.Variants[i]
	lines := []string{v.Name, runs(cell, i)}
	if isBaseline(t.c, v) {
		lines[1] += ", the baseline"
	}
	if text := verdicts(cell, i); text != "" {
		lines = append(lines, text)
	}
	return lines
}

// metric writes the values of some variants.
func (t *textTable) metric(row compare.Row, columns []int) {
	label := []string{row.Metric}
	if text := tolerance(row); text != "" {
		label = append(label, "  "+text)
	}
	cells := [][]string{label}
	for _, i := range columns {
		v := row.Values[i]
		lines := []string{median(row, v) + t.notes.marks(v.Caveats)}
		if s := spread(row, v); s != "" {
			lines = append(lines, "  "+s)
		}
		value, interval := change(row, v)
		if interval != "" {
			value += " (" + interval + ")"
		}
		for _, line := range []string{value, word(v)} {
			if line != "" {
				lines = append(lines, line)
			}
		}
		cells = append(cells, lines)
	}
	t.row(cells)
}

// kills writes what the kills of some variants lost.
func (t *textTable) kills(cell compare.Cell, columns []int) {
	if len(cell.Kills) == 0 {
		return
	}
	cells := [][]string{{killsLabel}}
	for _, i := range columns {
		k := cell.Kills[i]
		lines := []string{k.Text + t.notes.marks(k.Others)}
		if k.Lost > 0 {
			lines = append(lines, lostWords(k))
		}
		if k.P != nil {
			lines = append(lines, "p "+compare.P(*k.P)+" (Fisher)", k.Sign+" "+k.Change.String())
		}
		cells = append(cells, lines)
	}
	t.row(cells)
}

func (t *textTable) footnotes() {
	for i, note := range t.notes {
		t.paragraph(fmt.Sprintf("[%d] %s", i+1, note), "    ")
	}
}

// row writes cells beside each other, each wrapped to its column, and the first as the label.
func (t *textTable) row(cells [][]string) {
	wrapped := make([][]string, len(cells))
	height := 0
	for i, lines := range cells {
		for _, line := range lines {
			w := t.column
			if i == 0 {
				w = t.label
			}
			wrapped[i] = append(wrapped[i], wrap(line, w, "  ")...)
		}
		height = max(height, len(wrapped[i]))
	}
	for n := range height {
		var line strings.Builder
		for i := range wrapped {
			text, w := "", t.column
			if i == 0 {
				w = t.label
			}
			if n < len(wrapped[i]) {
				text = wrapped[i][n]
			}
			line.WriteString(text + strings.Repeat(" ", max(0, w-utf8.RuneCountInString(text))+gap))
		}
		t.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// paragraph writes a text over as many lines as it needs.
func (t *textTable) paragraph(text, indent string) {
	for _, line := range wrap(text, width, indent) {
		t.WriteString(line + "\n")
	}
}

// wrap breaks a text into lines of at most so many columns, at its spaces; a longer word is cut. The lines
// after the first are indented.
func wrap(text string, columns int, indent string) (lines []string) {
	line := text[:len(text)-len(strings.TrimLeft(text, " "))]
	empty := true
	for _, word := range strings.Fields(text) {
		for {
			space := 1
			if empty {
				space = 0
			}
			left := columns - utf8.RuneCountInString(line) - space
			if utf8.RuneCountInString(word) <= left {
				line += strings.Repeat(" ", space) + word
				empty = false
				break
			}
			if empty { // the word alone is too long
				cut := string([]rune(word)[:left])
				lines, word = append(lines, line+cut), word[len(cut):]
			} else {
				lines = append(lines, line)
			}
			line, empty = indent, true
		}
	}
	return append(lines, line)
}
