package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgchaos/expect"
)

// comparer makes a comparison.
type comparer struct {
	Comparison
	columns []Column
	base    int
	family  Family
}

// variants describes the columns and the runs that are in no figure.
func (c *comparer) variants() {
	var apart []string
	for i, column := range c.columns {
		v := Variant{Name: column.Name, Interleaved: interleaved(c.columns[c.base], column)}
		for _, r := range column.Runs {
			switch {
			case r.Warmup:
			case len(r.NotComparable) > 0:
				v.NotComparable++
				c.NotComparable = append(c.NotComparable, NotComparableRun{column.Name, r.Cell, r.Round, r.ID, r.NotComparable})
			default:
				v.Runs++
			}
		}
		if i != c.base && !v.Interleaved {
			apart = append(apart, v.Name)
		}
		c.Variants = append(c.Variants, v)
	}
	if len(apart) > 0 {
		c.Warnings = append(c.Warnings, Warning{NotInterleaved, fmt.Sprintf("the runs of %s and of %s were not made in the same rounds. Whatever else changed between them, "+
			"the machine included, is in every ratio and difference", c.Baseline, strings.Join(apart, ", "))})
	}
}

// interleaved tells whether the runs of two columns were made in rounds that they share: those of one series, or of
// several that each have both, such as the nights of a history.
func interleaved(a, b Column) bool {
	return len(a.Runs)+len(b.Runs) > 0 && maps.Equal(seriesOf(a), seriesOf(b)) && !seriesOf(a)[""] &&
		slices.ContainsFunc(a.Runs, func(r Run) bool {
			return slices.ContainsFunc(b.Runs, func(o Run) bool { return o.Series == r.Series && o.Round == r.Round && o.Warmup == r.Warmup })
		})
}

// seriesOf are the series of a column's runs; one that is of none has "".
func seriesOf(c Column) map[string]bool {
	all := map[string]bool{}
	for _, r := range c.Runs {
		all[r.Series] = true
	}
	return all
}

// cells are the cells of all columns, in their order.
func (c *comparer) cells() (names []string) {
	for _, column := range c.columns {
		for _, r := range column.Runs {
			if !r.Warmup && !slices.Contains(names, r.Cell) {
				names = append(names, r.Cell)
			}
		}
	}
	return names
}

// cell compares the columns within one cell.
func (c *comparer) cell(name string) Cell {
	cell := Cell{Name: name}
	runs := make([][]Run, len(c.columns))
	findings := make([]map[string]Finding, len(c.columns))
	for i, column := range c.columns {
		runs[i] = column.in(name)
		cell.Runs = append(cell.Runs, len(runs[i]))
		cell.NotComparable = append(cell.NotComparable, column.leftOut(name))
	}
	for i := range c.columns {
		if i != c.base {
			findings[i] = c.findings(runs[c.base], runs[i], c.Variants[i].Interleaved)
		}
	}
	for _, metric := range c.family.metricsOf(slices.Concat(runs...)) {
		row, ok := c.row(metric, runs, findings)
		if ok {
			cell.Rows = append(cell.Rows, row)
		}
	}
	cell.Kills = c.kills(runs)
	c.drifts(name, runs)
	c.generators(name, runs)
	return cell
}

// findings are those of two columns, by metric.
func (c *comparer) findings(baseline, other []Run, paired bool) map[string]Finding {
	compare := c.family.Unpaired
	if paired {
		compare = c.family.Paired
	}
	all := map[string]Finding{}
	for _, f := range compare(baseline, other) {
		all[f.Metric] = f
	}
	return all
}

// row is one metric; ok is false where it is no metric of which there are values.
func (c *comparer) row(metric string, runs [][]Run, findings []map[string]Finding) (row Row, ok bool) {
	e, err := expect.ParseMetric(metric)
	if err != nil {
		return Row{}, false
	}
	_, declared := c.family.Of(metric)
	row = Row{Metric: metric, Unit: unitOf(e.Kind), During: e.Phase, Exploratory: !declared}
	for i := range c.columns {
		v := Value{Summary: Summarize(figuresOf(metric, runs[i]))}
		if f, compared := findings[i][metric]; compared {
			v.take(f, row.Exploratory, c.Variants[i].Interleaved)
			if m, _ := MetricOf(metric); m.Scale == AsRatio && v.Median > 0 && f.Baseline.Median > 0 {
				v.Ratio = v.Median / Summarize(figuresOf(metric, runs[c.base])).Median
			}
		}
		v.limit(e, figuresOf(metric, runs[i]))
		row.Values = append(row.Values, v)
	}
	return row, true
}

// take takes over what was found of a metric.
func (v *Value) take(f Finding, exploratory, paired bool) {
	v.Estimate, v.More, v.P, v.Tolerance = &f.Estimate, f.More, f.P, f.Tolerance
	if !exploratory {
		v.Change, v.Sign = &f.Change, f.Change.sign()
	}
	if !f.Estimate.Known && v.Runs > 0 { // else limit says more
		v.Caveats = append(v.Caveats, f.Estimate.Why)
	}
	if v.More > 0 {
		what := "rounds"
		if !paired {
			what = "runs a side"
		}
		v.Caveats = append(v.Caveats, fmt.Sprintf("about %d more %s would decide it", v.More, what))
	}
}

// limit says what limits a value.
func (v *Value) limit(e expect.Expectation, figures []Figure) {
	if v.Runs == 0 {
		if len(figures) == 0 {
			v.Why = "no run"
		}
		v.Caveats = append(v.Caveats, v.Why)
	} else if v.Unknown > 0 {
		v.Caveats = append(v.Caveats, fmt.Sprintf("%d of %d runs have no value%s", v.Unknown, v.Runs+v.Unknown, firstWhy(figures)))
	}
	if strings.HasSuffix(e.Metric, "_rto") && v.Runs > 0 {
		v.Caveats = append(v.Caveats, v.Recovered())
	}
	if n := len(slices.DeleteFunc(slices.Clone(figures), func(f Figure) bool { return f.Most == 0 })); n > 0 {
		v.Caveats = append(v.Caveats, fmt.Sprintf("%d of %d values are the least of a range: no step was the fault, and when it came is not known exactly", n, len(figures)))
	}
}

// kills are what the kills of each column lost; none where no column had one.
func (c *comparer) kills(runs [][]Run) (all []KillValue) {
	some := false
	base := LossesOf(killsIn(runs[c.base]))
	for i := range c.columns {
		k := KillValue{Losses: LossesOf(killsIn(runs[i]))}
		k.Text = k.String()
		some = some || k.Kills+k.Unknown > 0
		if i != c.base && base.Kills > 0 && k.Kills > 0 {
			change := LossChangeOf(base, k.Losses)
			k.P, k.Change, k.Sign = &change.P, &change.Change, change.Change.sign()
		}
		for _, r := range runs[i] {
			for _, o := range r.OtherLosses {
				k.Others = append(k.Others, fmt.Sprintf("%s lost %d writes in %s, and killed no primary", o.Step, o.Lost, r.ID))
			}
		}
		all = append(all, k)
	}
	if !some {
		return nil
	}
	return all
}

// drifts warns of declared metrics that changed over the rounds.
func (c *comparer) drifts(cell string, runs [][]Run) {
	for i, column := range c.columns {
		if len(runs[i]) == 0 || runs[i][0].Series == "" {
			continue
		}
		ordered := slices.Clone(runs[i])
		slices.SortStableFunc(ordered, func(a, b Run) int { return a.Started.Compare(b.Started) })
		of := column.Name
		if cell != "" {
			of += ", " + cell
		}
		for _, d := range c.family {
			if w := DriftOf(figuresOf(d.Metric, ordered)).Warning(d.Metric); w != "" {
				c.Warnings = append(c.Warnings, Warning{Drifted, of + ": " + w})
			}
		}
	}
}

// generators warns of runs whose load generator was late or busy at times.
func (c *comparer) generators(cell string, runs [][]Run) {
	for i, column := range c.columns {
		var warned []string
		for _, r := range runs[i] {
			if len(r.Warnings) > 0 {
				warned = append(warned, r.Warnings[0])
			}
		}
		if len(warned) == 0 {
			continue
		}
		of := column.Name
		if cell != "" {
			of += ", " + cell
		}
		c.Warnings = append(c.Warnings, Warning{GeneratorBusy, fmt.Sprintf("%s: it was late or busy in %d of %d runs, such as: %s", of, len(warned), len(runs[i]), warned[0])})
	}
}

// differences are those of the runs of each column from each other, and from the baseline's.
func (c *comparer) differences(cell string) {
	base := c.columns[c.base].in(cell)
	for i, column := range c.columns {
		runs := column.in(cell)
		for _, d := range within(runs) {
			c.differ(VariantDifference{column.Name, cell, true, d})
		}
		if i == c.base || len(runs) == 0 || len(base) == 0 {
			continue
		}
		for _, d := range typical(base).Differences(typical(runs), c.Variants[i].Interleaved) {
			c.differ(VariantDifference{column.Name, cell, false, d})
		}
	}
}

// differ adds a difference. One that several cells have is there once, and names none.
func (c *comparer) differ(d VariantDifference) {
	for i := range c.Differences {
		if old := &c.Differences[i]; old.Variant == d.Variant && old.Within == d.Within && old.Difference == d.Difference {
			old.Cell = ""
			return
		}
	}
	c.Differences = append(c.Differences, d)
}

// within are the differences between runs of one variant: each once. What was measured differs from run to run.
func within(runs []Run) (all []Difference) {
	for _, r := range runs {
		for _, d := range runs[0].Fingerprint.set().Differences(r.Fingerprint.set(), false) {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	return all
}
