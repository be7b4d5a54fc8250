// Package tables shows a comparison: as text for a terminal, as Markdown, as CSV and as JSON. It
// reads the comparison alone, and decides nothing.
package tables

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"pgchaos/compare"
	"pgchaos/expect"
)

// Options are what is shown. The zero value is the declared metrics and the others of whole runs.
type Options struct {
	ByPhase bool     // show the metrics of phases and single faults, too
	Metrics []string // show these alone; none: all
}

// Formats are those that Write knows.
func Formats() []string { return []string{"text", "md", "csv", "json"} }

// Write writes the comparison in a format. JSON has everything, whatever the options are.
func Write(w io.Writer, format string, c *compare.Comparison, o Options) error {
	var text string
	switch format {
	case "text":
		text = textOf(c, o)
	case "md":
		text = markdownOf(c, o)
	case "csv":
		text = csvOf(c, o)
	case "json":
		encoded, err := json.MarshalIndent(c, "", " ")
		if err != nil {
			return fmt.Errorf("write the comparison as JSON: %w", err)
		}
		text = string(encoded) + "\n"
	default:
		return fmt.Errorf("unknown format %q; there are: %s", format, strings.Join(Formats(), ", "))
	}
	_, err := io.WriteString(w, text)
	return err
}

// rows are those of a cell that are shown: of what nobody declared, only where some variant has a value.
func (o Options) rows(cell compare.Cell) (declared, exploratory []compare.Row) {
	for _, row := range cell.Rows {
		known := slices.ContainsFunc(row.Values, func(v compare.Value) bool { return v.Runs > 0 })
		switch named := slices.Contains(o.Metrics, row.Metric); {
		case len(o.Metrics) > 0 && !named:
		case !row.Exploratory:
			declared = append(declared, row)
		case named, known && (row.During == "" || o.ByPhase):
			exploratory = append(exploratory, row)
		}
	}
	return declared, exploratory
}

// kindOf is the kind whose format values of a unit have.
func kindOf(u compare.Unit) expect.MetricKind {
	switch u {
	case compare.UnitSeconds:
		return expect.MetricDuration
	case compare.UnitRate:
		return expect.MetricRate
	case compare.UnitShare:
		return expect.MetricShare
	case compare.UnitCount:
	}
	return expect.MetricCount
}

// number is a value with its unit.
func number(u compare.Unit, n float64) string {
	if u == compare.UnitCount && n != math.Trunc(n) {
		return fmt.Sprintf("%.1f", n)
	}
	return kindOf(u).Format(n)
}

// median is that of a variant, "" where there is none.
func median(row compare.Row, v compare.Value) string {
	switch {
	case v.Runs == 0:
		return "not known"
	case v.AtLeast:
		return "at least " + number(row.Unit, v.Median)
	}
	return number(row.Unit, v.Median)
}

// between is an interval in words; "" where there is none.
func between(i compare.Interval, shown func(float64) string) string {
	low, high := !math.IsInf(i.Low, 0), !math.IsInf(i.High, 0)
	switch {
	case !i.Known() || !low && !high:
		return ""
	case !low:
		return "at most " + shown(i.High)
	case !high:
		return "at least " + shown(i.Low)
	}
	from, to := shown(i.Low), shown(i.High)
	if value, unit, has := strings.Cut(from, " "); has && strings.HasSuffix(to, " "+unit) {
		from = value // the unit stands once
	}
	return from + " to " + to
}

// spread is the interval of a median.
func spread(row compare.Row, v compare.Value) string {
	return between(v.Interval, func(n float64) string { return number(row.Unit, n) })
}

// change is how a variant stands to the baseline, and its interval: "x1.53" and "1.47 to 1.60".
func change(row compare.Row, v compare.Value) (value, interval string) {
	e := v.Estimate
	switch {
	case e == nil:
		return "", ""
	case !e.Known && v.Ratio > 0:
		return "x" + ratio(v.Ratio), ""
	case !e.Known:
		return "", ""
	}
	shown := ratio
	prefix := "x"
	if e.Scale == compare.AsDifference {
		prefix, shown = "", func(n float64) string { return difference(row.Unit, n) }
	}
	value = prefix + shown(e.Value)
	switch {
	case e.AtLeast:
		value = "at least " + value
	case e.AtMost:
		value = "at most " + value
	}
	return value, between(e.Interval, shown)
}

func ratio(n float64) string {
	if n >= 100 {
		return fmt.Sprintf("%.0f", n)
	}
	if n < 0.1 {
		return fmt.Sprintf("%.2g", n)
	}
	return fmt.Sprintf("%.2f", n)
}

// difference has its sign: "+3.2 ms". Of shares it is in percentage points.
func difference(u compare.Unit, n float64) string {
	text := number(u, math.Abs(n))
	if u == compare.UnitShare {
		text = strings.TrimSuffix(text, "%") + "points"
	}
	switch {
	case n > 0:
		return "+" + text
	case n < 0:
		return "-" + text
	}
	return text
}

// word is the verdict with its sign: "- worse"; "" where there is none.
func word(v compare.Value) string {
	if v.Change == nil {
		return ""
	}
	return v.Sign + " " + v.Change.String()
}

// notes are footnotes, each once.
type notes []string

// marks are the numbers of some footnotes: " [1] [3]".
func (n *notes) marks(texts []string) (marks string) {
	var numbers []int
	for _, text := range texts {
		i := slices.Index(*n, text)
		if i < 0 {
			*n, i = append(*n, text), len(*n)
		}
		numbers = append(numbers, i+1)
	}
	slices.Sort(numbers)
	for _, i := range slices.Compact(numbers) {
		marks += fmt.Sprintf(" [%d]", i)
	}
	return marks
}

// verdicts are how many there are of a variant in a cell: "1 worse, 3 same"; "" for the baseline.
func verdicts(cell compare.Cell, variant int) string {
	count := map[compare.Change]int{}
	for _, row := range cell.Rows {
		if v := row.Values[variant]; v.Change != nil {
			count[*v.Change]++
		}
	}
	var parts []string
	for _, c := range []compare.Change{compare.Worse, compare.Better, compare.Same, compare.NotKnown} {
		if count[c] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[c], c))
		}
	}
	return strings.Join(parts, ", ")
}

// tolerance is what a change of a declared metric must exceed to matter; "" where that is not known.
func tolerance(row compare.Row) string {
	for _, v := range row.Values {
		switch {
		case row.Exploratory || v.Estimate == nil || v.Tolerance == 0:
		case v.Estimate.Scale == compare.AsRatio:
			return "tolerance " + expect.MetricShare.Format(v.Tolerance)
		default:
			return "tolerance " + strings.TrimPrefix(difference(row.Unit, v.Tolerance), "+")
		}
	}
	return ""
}

// isBaseline tells whether others are compared with a variant.
func isBaseline(c *compare.Comparison, v compare.Variant) bool {
	return v.Name == c.Baseline && len(c.Variants) > 1
}

// legend says what the figures and signs mean.
func legend(c *compare.Comparison) string {
	if len(c.Variants) == 1 {
		return "Medians over runs, and below them their 95 % intervals."
	}
	return "Medians over runs, and below them their 95 % intervals; x is the ratio to the baseline, + and - with a unit the difference, with " +
		"its 95 % interval. The last line is the verdict: + better, - worse, = same, ? not known."
}

// runs is how many runs of a variant are in the figures of a cell.
func runs(cell compare.Cell, variant int) string {
	text := fmt.Sprintf("%d runs", cell.Runs[variant])
	if cell.Runs[variant] == 1 {
		text = "1 run"
	}
	if n := cell.NotComparable[variant]; n > 0 {
		text += fmt.Sprintf(", %d left out", n)
	}
	return text
}

// notices are what must be read before any figure, each a loud word and a sentence.
func notices(c *compare.Comparison) (all []string) {
	for _, d := range c.Differences {
		all = append(all, "DIFFERENT: "+d.String())
	}
	for _, w := range c.Warnings {
		all = append(all, strings.ToUpper(string(w.Kind))+": "+w.Text)
	}
	for _, n := range c.NotComparable {
		at := n.Variant
		if n.Cell != "" {
			at += ", " + n.Cell
		}
		if n.Round > 0 {
			at += fmt.Sprintf(", round %d", n.Round)
		}
		all = append(all, "NOT COMPARABLE, and in no figure: "+at+" ("+n.Run+"): "+strings.Join(n.Why, "; "))
	}
	return all
}
