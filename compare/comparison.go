package compare

import (
	"fmt"
	"slices"
	"strings"

	"pgchaos/expect"
)

// ComparisonSchema names the format of a Comparison as JSON.
const ComparisonSchema = "pgchaos.comparison/1"

// Comparison is what several variants are, compared with one of them. As JSON it is what
// `pgchaos compare --format json` prints; new fields may be added. All values are in seconds,
// operations a second, shares of 1, or counts.
type Comparison struct {
	Schema string `json:"schema"`
	// Baseline is the name of the variant that the others are compared with.
	Baseline string    `json:"baseline"`
	Variants []Variant `json:"variants"`
	// Differences are the things that should be the same in all runs and are not.
	Differences []VariantDifference `json:"differences,omitempty"`
	// Warnings are about many figures at once.
	Warnings      []Warning          `json:"warnings,omitempty"`
	NotComparable []NotComparableRun `json:"not_comparable,omitempty"`
	Cells         []Cell             `json:"cells"`
}

// Warning is a sentence about figures that look better than they are.
type Warning struct {
	Kind WarningKind `json:"kind"`
	Text string      `json:"text"`
}

// WarningKind says what a warning is about.
type WarningKind string

// The kinds of warnings.
const (
	NotInterleaved WarningKind = "not interleaved" // the runs were not made in the same rounds
	Drifted        WarningKind = "drift"           // a metric rose or fell over the rounds
)

// Variant is one column of a comparison.
type Variant struct {
	Name string `json:"name"`
	// Runs are those in the figures; NotComparable those that are not. Warm-up runs are neither.
	Runs          int `json:"runs"`
	NotComparable int `json:"not_comparable,omitempty"`
	// Interleaved tells whether its runs were made in the same rounds as the baseline's.
	Interleaved bool `json:"interleaved"`
}

// VariantDifference is a setting in which a variant's runs differ from the baseline's, or from each other.
type VariantDifference struct {
	Variant string `json:"variant"`
	Cell    string `json:"cell,omitempty"`
	// Within is set where runs of one and the same variant differ.
	Within bool `json:"within,omitempty"`
	Difference
}

func (d VariantDifference) String() string {
	if d.Within {
		return "runs of " + d.Variant + " differ in " + d.Difference.String()
	}
	return d.Difference.String() + " (" + d.Variant + ")"
}

// NotComparableRun is a run that is in no figure.
type NotComparableRun struct {
	Variant string   `json:"variant"`
	Cell    string   `json:"cell,omitempty"`
	Round   int      `json:"round,omitempty"`
	Run     string   `json:"run"`
	Why     []string `json:"why"`
}

// Cell is one combination of the matrix's values, within which the variants are compared.
type Cell struct {
	Name string `json:"name,omitempty"` // "": there is no matrix
	// Runs and NotComparable are how many of each variant are in the figures and are not.
	Runs          []int `json:"runs"`
	NotComparable []int `json:"not_comparable"`
	Rows          []Row `json:"rows"`
	// Kills are what the kills of each variant lost, in the order of the variants; none where
	// no run had a kill.
	Kills []KillValue `json:"kills,omitempty"`
}

// Row is one metric of all variants.
type Row struct {
	Metric string `json:"metric"`
	Unit   Unit   `json:"unit"`
	// Exploratory: it is not of the declared family, and has no verdicts.
	Exploratory bool `json:"exploratory,omitempty"`
	// During is set for a metric of one phase, or of one fault.
	During string  `json:"during,omitempty"`
	Values []Value `json:"values"` // in the order of the variants
}

// Unit says what the values of a metric are.
type Unit string

// The units.
const (
	UnitSeconds Unit = "seconds"
	UnitRate    Unit = "per second"
	UnitShare   Unit = "share"
	UnitCount   Unit = "count"
)

// Value is a metric of one variant, and how it stands to the baseline's.
type Value struct {
	Summary
	// Estimate is how far it is from the baseline; nil for the baseline itself.
	Estimate *Estimate `json:"estimate,omitempty"`
	// Ratio is that of the two medians, for metrics that have ratios; 0: there is none. It has no
	// interval, and says nothing where Estimate is known.
	Ratio     float64 `json:"ratio_of_medians,omitempty"`
	Tolerance float64 `json:"tolerance,omitempty"` // as in Finding
	// Change is the verdict, and Sign stands for it: +, -, = or ?; nil and "" for the baseline and what is exploratory.
	Change *Change `json:"change,omitempty"`
	Sign   string  `json:"sign,omitempty"`
	More   int     `json:"more,omitempty"` // as in Finding
	P      float64 `json:"p,omitempty"`    // as in Finding
	// Caveats are what limits the value, in words.
	Caveats []string `json:"caveats,omitempty"`
}

// KillValue is what the kills of one variant lost, and how that stands to the baseline's.
type KillValue struct {
	Losses
	// Text is Losses in words.
	Text string `json:"text"`
	// P is of Fisher's exact test against the baseline; nil for the baseline itself, and where one of them had no kill.
	P      *float64 `json:"p,omitempty"`
	Change *Change  `json:"change,omitempty"` // as in Value
	Sign   string   `json:"sign,omitempty"`
	// Others are the losses that no kill explains, a sentence each.
	Others []string `json:"others,omitempty"`
}

// sign stands for a change where there is no colour.
func (c Change) sign() string {
	switch c {
	case Better:
		return "+"
	case Worse:
		return "-"
	case Same:
		return "="
	case NotKnown:
	}
	return "?"
}

// Column is a variant that is to be compared, and its runs.
type Column struct {
	Name string
	Runs []Run
}

// in are the column's runs of one cell that are in the figures.
func (c Column) in(cell string) (runs []Run) {
	for _, r := range c.Runs {
		if r.Cell == cell && r.counts() {
			runs = append(runs, r)
		}
	}
	return runs
}

// leftOut counts the column's runs of one cell that are not comparable.
func (c Column) leftOut(cell string) (n int) {
	for _, r := range c.Runs {
		if r.Cell == cell && !r.Warmup && !r.counts() {
			n++
		}
	}
	return n
}

// Options are how columns are compared. The zero value compares them with the first.
type Options struct {
	Baseline string // the name of a column; "": the first
	Family   Family // the metrics that carry verdicts; nil: those that FamilyOf chooses
}

// Compare compares columns with one of them. They must be at least two, and have different names.
func Compare(columns []Column, o Options) (*Comparison, error) {
	base := 0
	if o.Baseline != "" {
		base = slices.IndexFunc(columns, func(c Column) bool { return c.Name == o.Baseline })
	}
	if len(columns) < 2 || base < 0 {
		var names []string
		for _, c := range columns {
			names = append(names, c.Name)
		}
		if base < 0 {
			return nil, fmt.Errorf("there is no variant %q to compare with; there are: %s", o.Baseline, strings.Join(names, ", "))
		}
		return nil, fmt.Errorf("there is nothing to compare with %s: name another result", strings.Join(names, ""))
	}
	if o.Family == nil {
		o.Family = FamilyOf(columns)
	}
	family, err := o.Family.canonical()
	if err != nil {
		return nil, err
	}
	c := &comparer{columns: columns, base: base, family: family}
	c.Comparison = Comparison{Schema: ComparisonSchema, Baseline: columns[base].Name}
	c.variants()
	for _, cell := range c.cells() {
		c.Cells = append(c.Cells, c.cell(cell))
		c.differences(cell)
	}
	return &c.Comparison, nil
}

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

// interleaved tells whether the runs of two columns were made in the rounds of one series.
func interleaved(a, b Column) bool {
	var series string
	for _, r := range slices.Concat(a.Runs, b.Runs) {
		if r.Series == "" || series != "" && r.Series != series {
			return false
		}
		series = r.Series
	}
	return slices.ContainsFunc(a.Runs, func(r Run) bool {
		return slices.ContainsFunc(b.Runs, func(o Run) bool { return o.Round == r.Round && o.Warmup == r.Warmup })
	})
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
	any := false
	base := LossesOf(killsIn(runs[c.base]))
	for i := range c.columns {
		k := KillValue{Losses: LossesOf(killsIn(runs[i]))}
		k.Text = k.String()
		any = any || k.Losses.Kills+k.Losses.Unknown > 0
		if i != c.base && base.Kills > 0 && k.Losses.Kills > 0 {
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
	if !any {
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

// differences are those of the runs of each column from each other, and from the baseline's.
func (c *comparer) differences(cell string) {
	base := c.columns[c.base].in(cell)
	for i, column := range c.columns {
		runs := column.in(cell)
		for _, d := range within(runs) {
			c.Differences = append(c.Differences, VariantDifference{column.Name, cell, true, d})
		}
		if i == c.base || len(runs) == 0 || len(base) == 0 {
			continue
		}
		for _, d := range typical(base).Differences(typical(runs), c.Variants[i].Interleaved) {
			c.Differences = append(c.Differences, VariantDifference{column.Name, cell, false, d})
		}
	}
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

func unitOf(kind expect.MetricKind) Unit {
	switch kind {
	case expect.MetricDuration:
		return UnitSeconds
	case expect.MetricRate:
		return UnitRate
	case expect.MetricShare:
		return UnitShare
	case expect.MetricCount, expect.MetricTruth:
	}
	return UnitCount
}

// Worse tells whether a declared metric of a variant is worse than the baseline's.
func (c *Comparison) Worse() bool {
	for _, cell := range c.Cells {
		for _, row := range cell.Rows {
			if slices.ContainsFunc(row.Values, func(v Value) bool { return v.Change != nil && *v.Change == Worse }) {
				return true
			}
		}
	}
	return false
}
