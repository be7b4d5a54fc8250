package html

import (
	"fmt"
	"math"
	"slices"

	"pgchaos/compare"
	"pgchaos/compare/tables"
	"pgchaos/report/svg"
)

// rowOf is a metric of a cell; nil: the cell does not have it, or no run has a value of it.
func rowOf(cell *compare.Cell, metric string) *compare.Row {
	for i := range cell.Rows {
		row := &cell.Rows[i]
		if row.Metric == metric && slices.ContainsFunc(row.Values, func(v compare.Value) bool { return v.Runs > 0 }) {
			return row
		}
	}
	return nil
}

// costs are the metrics that say what a variant costs, one for each workload that writes, or else for each: with a
// given rate how long 99 % of the operations take, and without one how many there are.
func (b *comparisonPage) costs(cell *compare.Cell) (rows []*compare.Row) {
	var writers, all []string
	for _, column := range b.columns {
		for _, r := range column.Runs {
			writers, all = addNew(writers, r.Writers), addNew(all, r.Workloads)
		}
	}
	if len(writers) == 0 {
		writers = all
	}
	for _, w := range writers {
		cost, other := "p99 of "+w, "throughput of "+w
		if rowOf(cell, "achieved_rate of "+w) == nil { // the load has no rate
			cost, other = other, cost
		}
		if row := rowOf(cell, cost); row != nil {
			rows = append(rows, row)
		} else if row := rowOf(cell, other); row != nil {
			rows = append(rows, row)
		}
	}
	return rows
}

func addNew(all, more []string) []string {
	for _, name := range more {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// safety draws what each variant costs against what it loses and how long it is down; why says why there is no picture.
func (b *comparisonPage) safety(cell *compare.Cell) (pictures []picture, why string) {
	var risks []*compare.Row
	for _, metrics := range [][]string{{"lost_writes"}, {"write_rto", "read_rto"}} {
		for _, metric := range metrics {
			if row := rowOf(cell, metric); row != nil {
				risks = append(risks, row)
				break
			}
		}
	}
	costs := b.costs(cell)
	switch {
	case len(risks) == 0:
		return nil, "No run has a figure of lost writes or of an outage after a fault, so cost cannot be shown against safety."
	case len(costs) == 0:
		return nil, "No workload has a 99th percentile or a throughput, so cost cannot be shown against safety."
	}
	for _, cost := range costs {
		for _, risk := range risks {
			pictures = append(pictures, b.tradeoff(cell, cost, risk))
		}
	}
	return pictures, ""
}

// tradeoff draws one metric against another.
func (b *comparisonPage) tradeoff(cell *compare.Cell, cost, risk *compare.Row) picture {
	across, up := unitOf(cost.Unit), unitOf(risk.Unit)
	title := cost.Metric + " against " + risk.Metric
	axes := svg.Axes{
		Title: title, Across: describe(*cost), AcrossUnit: across.name, Up: describe(*risk), UpUnit: up.name, NoValuesText: "no value of both",
	}
	var points []svg.Point
	for i, v := range b.c.Variants {
		points = append(points, svg.Point{Name: v.Name, Across: across.measure(cost.Values[i].Summary), Up: up.measure(risk.Values[i].Summary)})
		last := &points[len(points)-1]
		if i < len(b.columns) {
			last.Across.Range = spread(b.columns[i], cell.Name, *cost)
			last.Up.Range = spread(b.columns[i], cell.Name, *risk)
		}
	}
	return drawn(title, svg.Tradeoff(axes, points, svg.Options{}))
}

// describe names a metric, with the direction that is better.
func describe(row compare.Row) string {
	if better := betterWhen(row.Metric); better != "" {
		return row.Metric + " (" + better + ")"
	}
	return row.Metric
}

// spread is the least and the greatest value of a metric in the runs of a column.
func spread(column compare.Column, cell string, row compare.Row) (i svg.Interval) {
	u := unitOf(row.Unit)
	for _, r := range runsIn(column, cell) {
		f := r.Figure(row.Metric)
		if !f.Known || math.IsNaN(f.Value) {
			continue
		}
		low, high := u.of(f.Value), u.of(max(f.Value, f.Most))
		if f.AtLeast {
			high = math.Inf(1)
		}
		if !i.Known {
			i = svg.Interval{Low: low, High: high, Known: true}
		}
		i.Low, i.High = min(i.Low, low), max(i.High, high)
	}
	return i
}

// forests draw how far each variant is from the baseline: one picture of all ratios, and one of the differences in each unit.
func (b *comparisonPage) forests(rows []compare.Row) (pictures []picture) {
	type group struct {
		title   string
		ratio   bool
		unit    unit
		changes []svg.Change
	}
	var groups []group
	for _, row := range rows {
		for i, v := range row.Values {
			if v.Estimate == nil {
				continue
			}
			g := group{title: "Ratios to " + b.c.Baseline, ratio: true, unit: unit{"", 1}}
			if v.Estimate.Scale == compare.AsDifference {
				g = group{title: "Differences from " + b.c.Baseline, unit: unitOf(row.Unit)}
				switch row.Unit {
				case compare.UnitSeconds:
					g.title += ", in time"
				case compare.UnitRate:
					g.title += ", a second"
				case compare.UnitShare:
					g.title, g.unit.name = g.title+", in percentage points", ""
				case compare.UnitCount:
					g.title += ", in counts"
				}
			}
			at := slices.IndexFunc(groups, func(o group) bool { return o.title == g.title && o.unit == g.unit })
			if at < 0 {
				at = len(groups)
				groups = append(groups, g)
			}
			groups[at].changes = append(groups[at].changes, changeOf(row, v, b.c.Variants[i].Name, groups[at].unit))
		}
	}
	slices.SortStableFunc(groups, func(a, b group) int { // ratios first
		switch {
		case a.ratio && !b.ratio:
			return -1
		case b.ratio && !a.ratio:
			return 1
		}
		return 0
	})
	for _, g := range groups {
		if !slices.ContainsFunc(g.changes, func(c svg.Change) bool { return c.Known }) {
			continue // the table says why
		}
		if g.ratio {
			pictures = append(pictures, drawn(g.title, svg.Ratios(g.title, g.changes, svg.Options{})))
		} else {
			pictures = append(pictures, drawn(g.title, svg.Differences(g.title, g.unit.name, g.changes, svg.Options{})))
		}
	}
	return pictures
}

// changeOf is a value of a row in a picture of changes.
func changeOf(row compare.Row, v compare.Value, variant string, u unit) svg.Change {
	text := tables.TextOf(row, v)
	e := v.Estimate
	c := svg.Change{Group: describe(row), Name: variant, Known: e.Known, Value: u.of(e.Value), Sure: u.interval(e.Interval), Tolerance: u.of(v.Tolerance)}
	if v.Change != nil {
		c.Verdict = v.Change.String()
	}
	c.Text = text.Change
	if text.Interval != "" {
		c.Text += " (" + text.Interval + ")"
	}
	if !e.Known && c.Text != "" {
		c.Text += ", without an interval"
	}
	if c.Text == "" {
		c.Text = "no estimate"
	}
	if text.Verdict != "" {
		c.Text += "  " + text.Verdict
	}
	return c
}

// killsPicture draws in how many of its kills a variant lost writes, with the interval of the share.
func (b *comparisonPage) killsPicture(kills []compare.KillValue) picture {
	const title = "Kills of a primary that lost acknowledged writes"
	share := unit{"%", 100}
	var groups []svg.Group
	for i, k := range kills {
		g := svg.Group{Name: b.c.Variants[i].Name, Text: "not known"}
		if k.Kills > 0 {
			g.Text = fmt.Sprintf("%d of %d kills lost writes", k.Lost, k.Kills)
			g.Median = svg.Measure{Value: share.of(float64(k.Lost) / float64(k.Kills)), Known: true, Sure: share.interval(k.Share)}
		}
		if k.Unknown > 0 {
			g.Text += fmt.Sprintf("; of %d more it is not known", k.Unknown)
		}
		groups = append(groups, g)
	}
	return drawn(title, svg.Dots(title, share.name, groups, svg.Options{}))
}

// dots draws each run of each variant.
func (b *comparisonPage) dots(cell *compare.Cell, row compare.Row) picture {
	u := unitOf(row.Unit)
	var groups []svg.Group
	for i, v := range row.Values {
		text := tables.TextOf(row, v)
		g := svg.Group{Name: b.c.Variants[i].Name, Median: u.measure(v.Summary), Text: text.Median}
		if text.Spread != "" {
			g.Text += " (" + text.Spread + ")"
		}
		if v.Unknown > 0 && v.Runs > 0 {
			g.Text += fmt.Sprintf("; %d of %d runs have no value", v.Unknown, v.Runs+v.Unknown)
		}
		if i < len(b.columns) {
			for _, r := range runsIn(b.columns[i], cell.Name) {
				if f := r.Figure(row.Metric); f.Known {
					g.Runs = append(g.Runs, svg.Run{Name: r.ID, Value: u.of(f.Value), AtLeast: f.AtLeast || f.Most > f.Value})
				}
			}
		}
		groups = append(groups, g)
	}
	return drawn(describe(row), svg.Dots(describe(row), u.name, groups, svg.Options{}))
}
