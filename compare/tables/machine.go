package tables

import (
	"encoding/csv"
	"fmt"
	"math"
	"strconv"
	"strings"

	"pgchaos/compare"
	"pgchaos/internal/units"
	"pgchaos/report/markdown"
)

// lostWords says how much the kills lost that lost something: "median 12 writes in 31 ms, at most 40 in 0.2 s".
func lostWords(k compare.KillValue) string {
	return fmt.Sprintf("median %s writes in %s, at most %s in %s", number(compare.UnitCount, k.MedianWrites), units.Span(k.MedianSpan), units.Grouped(k.MostWrites), units.Span(k.LongestSpan))
}

// markdownOf is the comparison as tables of Markdown: a column a variant.
func markdownOf(c *compare.Comparison, o Options) string {
	var b strings.Builder
	var n notes
	for _, notice := range notices(c) {
		word, rest, _ := strings.Cut(notice, ":")
		fmt.Fprintf(&b, "- **%s:** %s\n", word, markdown.Escape(rest))
	}
	for _, cell := range c.Cells {
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		if cell.Name != "" {
			fmt.Fprintf(&b, "### %s\n\n", markdown.Escape(cell.Name))
		}
		b.WriteString("| metric |")
		for i, v := range c.Variants {
			head := markdown.Escape(v.Name) + "<br>" + runs(cell, i)
			if isBaseline(c, v) {
				head += ", the baseline"
			}
			if text := verdicts(cell, i); text != "" {
				head += "<br>" + text
			}
			b.WriteString(" " + head + " |")
		}
		b.WriteString("\n|---|" + strings.Repeat("---|", len(c.Variants)) + "\n")
		declared, exploratory := o.rows(cell)
		for _, row := range declared {
			markdownRow(&b, &n, row, "**"+markdown.Escape(row.Metric)+"**"+inBrackets(tolerance(row)))
		}
		if len(cell.Kills) > 0 {
			b.WriteString("| **" + killsLabel + "** |")
			for _, k := range cell.Kills {
				b.WriteString(" " + strings.Join(killLines(k, &n), "<br>") + " |")
			}
			b.WriteByte('\n')
		}
		for _, row := range exploratory {
			markdownRow(&b, &n, row, markdown.Escape(row.Metric)+" (exploratory)")
		}
	}
	b.WriteString("\n" + legend(c) + "\n\n")
	for i, note := range n {
		fmt.Fprintf(&b, "[%d] %s<br>\n", i+1, markdown.Escape(note))
	}
	return b.String()
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func markdownRow(b *strings.Builder, n *notes, row compare.Row, label string) {
	b.WriteString("| " + label + " |")
	for _, v := range row.Values {
		text := median(row, v)
		if s := spread(row, v); s != "" {
			text += " (" + s + ")"
		}
		lines := []string{text + n.marks(v.Caveats)}
		value, interval := change(row, v)
		if interval != "" {
			value += " (" + interval + ")"
		}
		if value != "" {
			lines = append(lines, value)
		}
		if w := word(v); w != "" {
			lines = append(lines, "**"+w+"**")
		}
		b.WriteString(" " + strings.Join(lines, "<br>") + " |")
	}
	b.WriteByte('\n')
}

// killLines are what the kills of one variant lost.
func killLines(k compare.KillValue, n *notes) []string {
	lines := []string{markdown.Escape(k.Text) + n.marks(k.Others)}
	if k.Lost > 0 {
		lines = append(lines, lostWords(k))
	}
	if k.P != nil {
		lines = append(lines, "p "+markdown.Escape(compare.P(*k.P))+" (Fisher)", "**"+k.Sign+" "+k.Change.String()+"**")
	}
	return lines
}

// csvHead names the columns of the CSV.
func csvHead() []string {
	return []string{
		"cell", "metric", "unit", "declared", "variant", "baseline", "interleaved", "runs", "median", "median_at_least", "median_low", "median_high",
		"scale", "change", "change_low", "change_high", "ratio_of_medians", "verdict", "p", "caveats",
	}
}

// csvOf is the comparison as CSV, a line for each metric of each variant. Numbers are in the units that are named, whole and without
// digits in groups; what is not known is empty. Losses by kill are the share of kills that lost something.
func csvOf(c *compare.Comparison, o Options) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	line := func(fields ...string) { _ = w.Write(fields) } // it cannot fail on a Builder
	line(csvHead()...)
	for _, cell := range c.Cells {
		declared, exploratory := o.rows(cell)
		for _, row := range append(declared, exploratory...) {
			for i, v := range row.Values {
				line(csvLine(c, cell.Name, row, i, v)...)
			}
		}
		for i, k := range cell.Kills {
			share, p, verdict := "", "", ""
			if k.Kills > 0 {
				share = plain(float64(k.Lost) / float64(k.Kills))
			}
			if k.P != nil {
				p, verdict = plain(*k.P), k.Change.String()
			}
			v := c.Variants[i]
			line(cell.Name, "kills that lost writes", string(compare.UnitShare), "true", v.Name, c.Baseline, strconv.FormatBool(v.Interleaved), strconv.Itoa(k.Kills),
				share, "false", bound(k.Share, k.Share.Low), bound(k.Share, k.Share.High), "", "", "", "", "", verdict, p, strings.Join(append([]string{k.Text}, k.Others...), "; "))
		}
	}
	w.Flush()
	return b.String()
}

func csvLine(c *compare.Comparison, cell string, row compare.Row, i int, v compare.Value) []string {
	variant := c.Variants[i]
	fields := []string{
		cell, row.Metric, string(row.Unit), strconv.FormatBool(!row.Exploratory), variant.Name, c.Baseline, strconv.FormatBool(variant.Interleaved), strconv.Itoa(v.Runs),
	}
	middle := ""
	if v.Runs > 0 {
		middle = plain(v.Median)
	}
	fields = append(fields, middle, strconv.FormatBool(v.AtLeast), bound(v.Interval, v.Interval.Low), bound(v.Interval, v.Interval.High))
	e := v.Estimate
	switch {
	case e != nil && e.Known:
		fields = append(fields, e.Scale.String(), plain(e.Value), bound(e.Interval, e.Interval.Low), bound(e.Interval, e.Interval.High))
	case e != nil:
		fields = append(fields, e.Scale.String(), "", "", "")
	default:
		fields = append(fields, "", "", "", "")
	}
	of, verdict, p := "", "", ""
	if v.Ratio > 0 {
		of = plain(v.Ratio)
	}
	if v.Change != nil {
		verdict = v.Change.String()
	}
	if v.P > 0 {
		p = plain(v.P)
	}
	return append(fields, of, verdict, p, strings.Join(v.Caveats, "; "))
}

// plain is a number for a program.
func plain(n float64) string { return strconv.FormatFloat(n, 'g', 10, 64) }

// bound is an end of an interval; "" where there is none.
func bound(i compare.Interval, end float64) string {
	if !i.Known() || math.IsInf(end, 0) {
		return ""
	}
	return plain(end)
}
