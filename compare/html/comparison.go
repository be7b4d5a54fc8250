package html

import (
	"fmt"
	"io"
	"strings"

	"pgchaos/compare"
	"pgchaos/compare/tables"
	"pgchaos/internal/redact"
	"pgchaos/internal/units"
	"pgchaos/report/html"
)

// ComparisonOptions are what the page of a comparison shows. The zero value is the declared metrics and the others of whole runs.
type ComparisonOptions struct {
	Title   string // such as the experiment's name; "": Comparison
	Version string // pgchaos's
	tables.Options
	// Link is where the report of a run is, relative to the page; nil, and "": nowhere.
	Link  func(compare.Run) string
	Links []html.Link // above the page, where a server has others
}

// mostDots bounds the dots of the pictures of metrics that were not declared.
const mostDots = 4000

// Comparison writes the page of a comparison: the verdict in a sentence, what limits it, what each variant costs against what it
// loses, ratios and differences with their intervals, losses by kill, the table of all metrics, and a dot for each run. Columns are
// those that were compared; runs that are not comparable are named, and are in no figure.
func Comparison(w io.Writer, c *compare.Comparison, columns []compare.Column, o ComparisonOptions) error {
	b := &comparisonPage{c: c, columns: columns, o: o}
	b.frame = frame{Title: "Comparison", Version: o.Version, Links: o.Links}
	if o.Title != "" {
		b.Title = redact.Printable(o.Title) + ": comparison"
	}
	b.Sentences = sentences(c)
	for _, n := range tables.Notices(c) {
		kind, text, _ := strings.Cut(redact.Printable(n), ":")
		b.Notices = append(b.Notices, notice{kind, text})
	}
	for i := range c.Cells {
		b.Cells = append(b.Cells, b.cell(&c.Cells[i]))
	}
	b.Runs = b.runs()
	return write(w, "comparison.tmpl", b)
}

// comparisonPage is what the template shows.
type comparisonPage struct {
	frame
	c       *compare.Comparison
	columns []compare.Column
	o       ComparisonOptions

	Sentences []sentence
	Notices   []notice
	Cells     []cellPart
	Runs      []runLine
	Notes     []string // footnotes of the tables
}

// Baseline is the name of the variant that the others are compared with.
func (b *comparisonPage) Baseline() string { return b.c.Baseline }

// sentence is what came out for one variant.
type sentence struct {
	Variant, Text, Class string
}

type notice struct{ Kind, Text string }

// class is the class of the style sheet for a change; what is worse looks as a failure does.
func class(c compare.Change) string {
	switch c {
	case compare.Better:
		return "pass"
	case compare.Worse:
		return "fail"
	case compare.Same:
		return "same"
	case compare.NotKnown:
	}
	return "inconclusive"
}

// sentences say of each variant in which declared metrics it is worse and better than the baseline.
func sentences(c *compare.Comparison) (all []sentence) {
	for i, v := range c.Variants {
		if v.Name == c.Baseline {
			continue
		}
		all = append(all, sentenceOf(c, i))
	}
	return all
}

func sentenceOf(c *compare.Comparison, variant int) sentence {
	s := sentence{Variant: redact.Printable(c.Variants[variant].Name), Class: class(compare.NotKnown)}
	for _, v := range c.Variants {
		if v.Runs == 0 && (v.Name == c.Baseline || v.Name == c.Variants[variant].Name) {
			s.Text = "no run of " + redact.Printable(v.Name) + " can be compared"
			return s
		}
	}
	named := verdictsOf(c, variant)
	var parts []string
	for _, change := range []compare.Change{compare.Worse, compare.Better, compare.Same, compare.NotKnown} {
		const most = 5
		switch list := named[change]; {
		case len(list) == 0:
		case len(list) > most || change == compare.NotKnown:
			parts = append(parts, fmt.Sprintf("%s in %s", change, units.Count(int64(len(list)), "metric", "metrics")))
		default:
			parts = append(parts, fmt.Sprintf("%s in %s", change, strings.Join(list, ", ")))
		}
	}
	s.Text = redact.Printable(strings.Join(parts, "; "))
	switch {
	case len(parts) == 0:
		s.Text = "no verdict, as no metric was declared"
	case len(named[compare.Worse]) > 0:
		s.Class = class(compare.Worse)
	case len(named[compare.NotKnown]) > 0:
	case len(named[compare.Better]) > 0:
		s.Class = class(compare.Better)
	default:
		s.Class = class(compare.Same)
	}
	return s
}

// verdictsOf names the metrics of a variant by their verdicts, losses by kill among them.
func verdictsOf(c *compare.Comparison, variant int) map[compare.Change][]string {
	named := map[compare.Change][]string{}
	for _, cell := range c.Cells {
		add := func(change compare.Change, text string) {
			if cell.Name != "" {
				text += " with " + cell.Name
			}
			named[change] = append(named[change], text)
		}
		for _, row := range cell.Rows {
			v := row.Values[variant]
			if v.Change == nil {
				continue
			}
			text := row.Metric
			if value := tables.TextOf(row, v).Change; value != "" {
				text += " (" + value + ")"
			}
			add(*v.Change, text)
		}
		if variant < len(cell.Kills) && cell.Kills[variant].Change != nil {
			add(*cell.Kills[variant].Change, tables.KillsLabel)
		}
	}
	return named
}

// cellPart is a cell of the matrix.
type cellPart struct {
	Name      string
	Columns   []headCell
	Declared  []tableRow
	Kills     *tableRow
	Others    []tableRow // exploratory
	Safety    []picture  // cost against safety
	NoSafety  string     // why there is no such picture
	Forests   []picture
	LostKills []picture
	Dots      []picture
	MoreDots  []picture // of what was not declared
}

// headCell is the head of a variant's column.
type headCell struct {
	Name, Runs string
	Baseline   bool
}

// tableRow is a row of the table.
type tableRow struct {
	Metric, Tolerance string
	Cells             []tableCell
}

// tableCell is a cell of the table.
type tableCell struct {
	Lines  []string
	Word   string // the verdict
	Class  string
	Marks  []int // of footnotes, from 1
	Spread string
}

// cell is a cell with its tables and pictures.
func (b *comparisonPage) cell(cell *compare.Cell) cellPart {
	part := cellPart{Name: redact.Printable(cell.Name)}
	for i, v := range b.c.Variants {
		part.Columns = append(part.Columns, headCell{redact.Printable(v.Name), tables.RunsText(*cell, i), v.Name == b.c.Baseline})
	}
	declared, exploratory := b.o.Rows(*cell)
	for _, row := range declared {
		part.Declared = append(part.Declared, b.row(row, tables.ToleranceText(row)))
	}
	for _, row := range exploratory {
		part.Others = append(part.Others, b.row(row, ""))
	}
	if len(cell.Kills) > 0 {
		kills := b.killsRow(cell.Kills)
		part.Kills = &kills
		part.LostKills = append(part.LostKills, b.killsPicture(cell.Kills))
	}
	part.Safety, part.NoSafety = b.safety(cell)
	part.Forests = b.forests(declared)
	dots := 0
	for _, row := range declared {
		part.Dots = append(part.Dots, b.dots(cell, row))
	}
	for _, row := range exploratory {
		for _, v := range row.Values {
			dots += v.Runs
		}
		if dots <= mostDots {
			part.MoreDots = append(part.MoreDots, b.dots(cell, row))
		}
	}
	return part
}

// marks numbers footnotes, each once.
func (b *comparisonPage) marks(texts []string) (numbers []int) {
	for _, text := range texts {
		text = redact.Printable(text)
		at := 0
		for i, note := range b.Notes {
			if note == text {
				at = i + 1
			}
		}
		if at == 0 {
			b.Notes = append(b.Notes, text)
			at = len(b.Notes)
		}
		numbers = append(numbers, at)
	}
	return numbers
}

func (b *comparisonPage) row(row compare.Row, tolerance string) tableRow {
	r := tableRow{Metric: redact.Printable(row.Metric), Tolerance: tolerance}
	for _, v := range row.Values {
		text := tables.TextOf(row, v)
		cell := tableCell{Lines: []string{text.Median}, Spread: text.Spread, Word: text.Verdict, Marks: b.marks(text.Caveats)}
		if text.Interval != "" {
			text.Change += " (" + text.Interval + ")"
		}
		if text.Change != "" {
			cell.Lines = append(cell.Lines, text.Change)
		}
		if v.Change != nil {
			cell.Class = class(*v.Change)
		}
		r.Cells = append(r.Cells, cell)
	}
	return r
}

// killsRow is the row of what the kills lost.
func (b *comparisonPage) killsRow(kills []compare.KillValue) tableRow {
	r := tableRow{Metric: tables.KillsLabel}
	for _, k := range kills {
		cell := tableCell{Lines: []string{k.Text}, Marks: b.marks(k.Others)}
		if k.Lost > 0 {
			cell.Lines = append(cell.Lines, tables.LostWords(k))
		}
		if k.P != nil {
			cell.Lines = append(cell.Lines, "p "+compare.P(*k.P)+" (Fisher)")
		}
		if k.Change != nil {
			cell.Word, cell.Class = k.Sign+" "+k.Change.String(), class(*k.Change)
		}
		r.Cells = append(r.Cells, cell)
	}
	return r
}

// runLine is a run in the list of all.
type runLine struct {
	Variant, Cell, Round, Run string
	Verdict, Class, Link      string
	Why                       string // why it is in no figure; "": it is in all
}

// runs lists every run.
func (b *comparisonPage) runs() (lines []runLine) {
	for _, column := range b.columns {
		for _, r := range column.Runs {
			l := runLine{Variant: redact.Printable(column.Name), Cell: redact.Printable(r.Cell), Run: redact.Printable(r.ID), Verdict: r.Verdict.String(), Class: r.Verdict.String()}
			if r.Round > 0 {
				l.Round = fmt.Sprint(r.Round)
			}
			if b.o.Link != nil {
				l.Link = b.o.Link(r)
			}
			switch {
			case r.Warmup:
				l.Why = "warm-up round"
			case len(r.NotComparable) > 0:
				l.Why = redact.Printable(strings.Join(r.NotComparable, "; "))
			}
			lines = append(lines, l)
		}
	}
	return lines
}

// runsIn are the runs of a column that are in the figures of a cell.
func runsIn(column compare.Column, cell string) (runs []compare.Run) {
	for _, r := range column.Runs {
		if r.Cell == cell && !r.Warmup && len(r.NotComparable) == 0 {
			runs = append(runs, r)
		}
	}
	return runs
}
