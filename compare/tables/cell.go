package tables

import "pgchaos/compare"

// CellText is a metric of one variant, as text for a page that lays its tables out itself.
type CellText struct {
	Median, Spread   string // with the unit; "not known" and "" where there is none
	Change, Interval string // how it stands to the baseline; "" for the baseline itself
	Verdict          string // with its sign; "" without one
	Caveats          []string
}

// TextOf is the text of a value of a row.
func TextOf(row compare.Row, v compare.Value) CellText {
	c := CellText{Median: median(row, v), Spread: spread(row, v), Verdict: word(v), Caveats: v.Caveats}
	c.Change, c.Interval = change(row, v)
	return c
}

// Notices are what must be read before any figure of a comparison, each a loud word and a sentence.
func Notices(c *compare.Comparison) []string { return notices(c) }

// LostWords says how much the kills lost that lost something.
func LostWords(k compare.KillValue) string { return lostWords(k) }

// Rows are the rows of a cell that are shown: those with verdicts, and the others.
func (o Options) Rows(cell compare.Cell) (declared, exploratory []compare.Row) { return o.rows(cell) }

// RunsText says how many runs of a variant are in the figures of a cell.
func RunsText(cell compare.Cell, variant int) string { return runs(cell, variant) }

// ToleranceText is what a change of a declared metric must exceed to matter; "" where that is not known.
func ToleranceText(row compare.Row) string { return tolerance(row) }

// KillsLabel is the head of the row of losses.
const KillsLabel = killsLabel
