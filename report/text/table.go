package text

import "strings"

// table is rows of cells under headings. A column without any text is left out.
//
// go-pretty measures and cuts the text, but does not lay the tables out: its tables neither divide into
// blocks that repeat the first column where the page is narrow, nor wrap the last column alone, nor rank their rows.
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
	rank  int // in the short report: as in item
}

// left and right make columns.
func left(head string) column  { return column{head: head} }
func right(head string) column { return column{head: head, right: true} }

// add appends a row.
func (t *table) add(i ink, cells ...string) { t.rows = append(t.rows, row{cells: cells, ink: i}) }

// widths are those of the columns; 0 where all cells are empty.
func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for c := range t.columns {
		for _, r := range t.rows {
			if c < len(r.cells) {
				widths[c] = max(widths[c], width(r.cells[c]))
			}
		}
		if widths[c] > 0 {
			widths[c] = max(widths[c], width(t.columns[c].head))
		}
	}
	return widths
}

// leastFirst is what is left at least of the first column where a table is too wide.
const leastFirst = 12

// blocks divide the columns where they are wider together than the page: each block begins with
// the first column. Gap is the number of blanks between two columns.
func (t *table) blocks(widths []int, most int) (blocks [][]int, gap int) {
	sum, columns := 0, 0
	for _, w := range widths {
		if w > 0 {
			sum += w
			columns++
		}
	}
	gap = 2
	if over := sum + gap*columns - most; over > 0 { // the blanks include the indentation
		gap = 1
		if over = sum + 1 + gap*columns - most; over > 0 && widths[0]-over >= leastFirst {
			widths[0] -= over
		}
	}
	used := 0
	for c := 1; c < len(widths); c++ {
		if widths[c] == 0 {
			continue
		}
		if n := len(blocks); n > 0 && used+gap+widths[c] <= most {
			blocks[n-1] = append(blocks[n-1], c)
			used += gap + widths[c]
			continue
		}
		blocks = append(blocks, []int{0, c})
		used = 2 + widths[0] + gap + widths[c]
	}
	return blocks, gap
}

// section is the table as a section of the short report, no line of it wider than the page.
func (t *table) section(p *page, one, many string) *section {
	s := &section{one: one, many: many}
	if len(t.rows) == 0 {
		return s
	}
	widths := t.widths()
	for c := range widths {
		widths[c] = min(widths[c], (p.width-4)/2)
	}
	blocks, gap := t.blocks(widths, p.width)
	headings := make([]string, len(t.columns))
	for c := range t.columns {
		headings[c] = t.columns[c].head
	}
	for _, block := range blocks {
		s.headings = append(s.headings, p.paint(faint, t.line(headings, block, widths, gap)))
	}
	for _, r := range t.rows {
		i := item{rank: r.rank}
		for _, block := range blocks {
			i.parts = append(i.parts, []string{p.paint(r.ink, t.line(r.cells, block, widths, gap))})
		}
		s.items = append(s.items, i)
	}
	return s
}

// line is some cells of a row beside each other. A cell that is too wide is cut.
func (t *table) line(cells []string, block, widths []int, gap int) string {
	text := ""
	for i, c := range block {
		cell := cells[c]
		if width(cell) > widths[c] {
			cell = cell[:cutAt(cell, widths[c]-2)] + ".."
		}
		if i > 0 {
			text += strings.Repeat(" ", gap)
		}
		text += pad(cell, widths[c], t.columns[c].right)
	}
	return "  " + strings.TrimRight(text, " ")
}

// write puts the table on the page. The last column is broken into lines when it
// is words and would go over the edge.
func (t *table) write(p *page) {
	widths := t.widths()
	last := -1
	for c, w := range widths {
		if w > 0 {
			last = c
		}
	}
	headings := make([]string, len(t.columns))
	for c := range t.columns {
		headings[c] = t.columns[c].head
	}
	for _, r := range append([]row{{cells: headings, ink: faint}}, t.rows...) {
		for _, line := range t.lines(r.cells, widths, last, p.width) {
			p.line(r.ink, line)
		}
	}
}

// lines lays one row out.
func (t *table) lines(cells []string, widths []int, last, most int) []string {
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
	for i, part := range wrap(cells[last], most-used) {
		if i == 0 {
			lines = append(lines, strings.TrimRight(b.String()+part, " "))
		} else {
			lines = append(lines, strings.Repeat(" ", used)+part)
		}
	}
	return lines
}

// pad fills a cell up with blanks.
func pad(text string, columns int, right bool) string {
	blanks := strings.Repeat(" ", max(0, columns-width(text)))
	if right {
		return blanks + text
	}
	return text + blanks
}
