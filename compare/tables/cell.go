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
