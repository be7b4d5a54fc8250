package compare

import (
	"cmp"
	"errors"
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
	GeneratorBusy  WarningKind = "load generator"  // it was late or busy at times
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
	Cell    string `json:"cell,omitempty"` // "": in several cells, or there are none
	// Within is set where runs of one and the same variant differ.
	Within bool `json:"within,omitempty"`
	Difference
}

func (d VariantDifference) String() string {
	of := d.Variant
	if d.Cell != "" {
		of += ", " + d.Cell
	}
	if d.Within {
		return "runs of " + of + " differ in " + d.Difference.String()
	}
	return d.Difference.String() + " (" + of + ")"
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
	// Tolerance is that of the metrics in Family which have none of their own, as a share; 0: DefaultTolerance.
	Tolerance float64
}

// Compare compares columns with one of them. They must have different names. Of one column alone the
// comparison has the figures, and nothing that they are compared with.
func Compare(columns []Column, o Options) (*Comparison, error) {
	base := 0
	if o.Baseline != "" {
		base = slices.IndexFunc(columns, func(c Column) bool { return c.Name == o.Baseline })
	}
	switch {
	case len(columns) == 0:
		return nil, errors.New("there are no runs to compare")
	case base < 0:
		var names []string
		for _, c := range columns {
			names = append(names, c.Name)
		}
		return nil, fmt.Errorf("there is no variant %q to compare with; there are: %s", o.Baseline, strings.Join(names, ", "))
	}
	if o.Family == nil {
		o.Family = FamilyOf(columns)
	}
	family, err := o.Family.canonical()
	if err != nil {
		return nil, err
	}
	for i := range family {
		family[i].Tolerance = cmp.Or(family[i].Tolerance, o.Tolerance)
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

func unitOf(kind expect.MetricKind) Unit {
	switch kind {
	case expect.MetricDuration:
		return UnitSeconds
	case expect.MetricRate:
		return UnitRate
	case expect.MetricShare:
		return UnitShare
	case expect.MetricCount, expect.MetricTruth, expect.MetricSize, expect.MetricCores:
	}
	return UnitCount
}

// NotCompared are the variants of which nothing that carries a verdict has an estimate: too few of their runs, or of the
// baseline's, have a value.
func (c *Comparison) NotCompared() (names []string) {
	for i, v := range c.Variants {
		if v.Name != c.Baseline && !slices.ContainsFunc(c.Cells, func(cell Cell) bool { return cell.compares(i) }) {
			names = append(names, v.Name)
		}
	}
	return names
}

func (c Cell) compares(variant int) bool {
	if len(c.Kills) > 0 {
		if k := c.Kills[variant]; k.Change != nil && *k.Change != NotKnown {
			return true
		}
	}
	return slices.ContainsFunc(c.Rows, func(r Row) bool {
		v := r.Values[variant]
		return v.Change != nil && v.Estimate != nil && v.Estimate.Known
	})
}

// Worse tells whether a verdict on a variant is worse: on a declared metric, or on what its kills lost.
func (c *Comparison) Worse() bool {
	is := func(change *Change) bool { return change != nil && *change == Worse }
	for _, cell := range c.Cells {
		for _, row := range cell.Rows {
			if slices.ContainsFunc(row.Values, func(v Value) bool { return is(v.Change) }) {
				return true
			}
		}
		if slices.ContainsFunc(cell.Kills, func(k KillValue) bool { return is(k.Change) }) {
			return true
		}
	}
	return false
}
