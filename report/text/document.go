package text

import (
	"fmt"
	"strings"

	"pgchaos/report"
)

// Section is a part of the full report, as data. All ways to show a result take their words from here.
type Section struct {
	ID          string // losses, reads, load, errors, timeline, outages, recovery, nodes, usage, generator, cluster or logs
	Title, Note string
	Blocks      []Block
}

// Block is a paragraph of a section, or a table or a list in it.
type Block struct {
	Tone   Tone
	Indent int    // of a terminal's line, in columns; what is 4 or more belongs to the block before
	Label  string // before Text or Items
	Text   string
	// Items are the stages of a recovery, a few words each.
	Items []string
	Table *Table
	// Narrow is what a terminal shows instead of Table, where that has more columns than a terminal holds.
	Narrow []Block
	// Verbatim is set where Text must be shown as it stands.
	Verbatim bool

	gap bool // a blank line of a terminal
}

// Table is rows of cells under headings. Columns without any text are left out.
type Table struct {
	Columns []Column
	Rows    []Row
}

// Column is one heading.
type Column struct {
	Head   string
	Number bool // its cells are figures
}

// Row is one row. Blanks at the beginning of its first cell say that it belongs to the row above.
type Row struct {
	Tone  Tone
	Cells []string
}

// Tone is what a text is about, beside its words. The zero value is neither good nor bad.
type Tone string

// The tones.
const (
	ToneGood    Tone = "good"
	ToneBad     Tone = "bad"
	ToneWarning Tone = "warning"
	ToneStrong  Tone = "strong"
	ToneFaint   Tone = "faint"
)

// tones are those of the inks.
var tones = map[ink]Tone{green: ToneGood, red: ToneBad, yellow: ToneWarning, bold: ToneStrong, faint: ToneFaint}

// Sections are all parts of the full report but the verdict: what was lost, what readers saw, how fast it was, what happened
// when, how long it was down, and what the nodes say. A section that has nothing to say is left out.
func Sections(r *report.Result) []Section {
	doc := &document{}
	writeLosses(doc, r)
	writeReads(doc, r)
	writeLoad(doc, r)
	writeTimeline(doc, r)
	writeOutages(doc, r)
	writeRecoveries(doc, r)
	writeNodes(doc, r)
	writeUsage(doc, r)
	writeGenerator(doc, r)
	writeCluster(doc, r)
	return doc.sections
}

// document collects sections.
type document struct{ sections []Section }

// heading begins a section.
func (d *document) heading(id, title, note string) {
	d.sections = append(d.sections, Section{ID: id, Title: title, Note: note})
}

func (d *document) add(b Block) {
	last := &d.sections[len(d.sections)-1]
	last.Blocks = append(last.Blocks, b)
}

// para adds a paragraph.
func (d *document) para(i ink, indent int, format string, args ...any) {
	d.item(i, indent, "", fmt.Sprintf(format, args...))
}

// item adds a paragraph after a label.
func (d *document) item(i ink, indent int, label, text string) {
	d.add(Block{Tone: tones[i], Indent: indent, Label: label, Text: text})
}

// stages adds a list after a label.
func (d *document) stages(i ink, indent int, label string, items []string) {
	d.add(Block{Tone: tones[i], Indent: indent, Label: label, Items: items})
}

// verbatim adds a line as it stands, so that it can be searched for.
func (d *document) verbatim(line string) { d.add(Block{Text: line, Verbatim: true}) }

// gap separates what follows.
func (d *document) gap() { d.add(Block{gap: true}) }

// table adds a table.
func (d *document) table(t *table) { d.add(Block{Table: t.data()}) }

// data is the table as data, without the columns that have no text.
func (t *table) data() *Table {
	widths := t.widths()
	out := &Table{}
	for c, column := range t.columns {
		if widths[c] > 0 {
			out.Columns = append(out.Columns, Column{Head: column.head, Number: column.right})
		}
	}
	for _, r := range t.rows {
		row := Row{Tone: tones[r.ink]}
		for c := range t.columns {
			switch {
			case widths[c] == 0:
			case c < len(r.cells):
				row.Cells = append(row.Cells, r.cells[c])
			default:
				row.Cells = append(row.Cells, "")
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// inks are those of the tones.
var inks = map[Tone]ink{ToneGood: green, ToneBad: red, ToneWarning: yellow, ToneStrong: bold, ToneFaint: faint}

// section writes a section for a terminal.
func (p *page) section(s Section) {
	p.heading(s.Title, s.Note)
	for _, b := range s.Blocks {
		i, indent := inks[b.Tone], strings.Repeat(" ", b.Indent)
		switch {
		case b.gap:
			p.line(plain, "")
		case b.Narrow != nil:
			for _, line := range b.Narrow {
				p.item(inks[line.Tone], strings.Repeat(" ", line.Indent), line.Text)
			}
		case b.Table != nil:
			b.Table.layout().write(p)
		case b.Verbatim:
			p.line(plain, b.Text)
		case b.Items != nil:
			p.stages(i, indent+b.Label, b.Indent+2, b.Items)
		default:
			p.item(i, indent+b.Label, b.Text)
		}
	}
}

// layout is the table as a terminal shows it.
func (t *Table) layout() *table {
	out := &table{}
	for _, c := range t.Columns {
		out.columns = append(out.columns, column{head: c.Head, right: c.Number})
	}
	for _, r := range t.Rows {
		out.add(inks[r.Tone], r.Cells...)
	}
	return out
}
