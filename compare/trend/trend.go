// Package trend decides whether a metric has become worse over the nights of a history. It is a pure
// function of the runs: it reads no store, and starts nothing.
package trend

import (
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"pgchaos/compare"
)

// The rule. TestErrorRates measures how often it is wrong; docs/ci.md has the figures.
const (
	Reference        = 20 // nights that the last ones are compared with
	SuspectNights    = 3  // the last nights of which a suspicion is made
	RegressionNights = 5  // the last nights of which a regression is made

	suspectP    = 0.01
	regressionP = 0.002

	// LeastChange is the smallest change of the median that counts, as a share of the reference's.
	LeastChange = 0.10
)

// State is what a history says of a metric. The zero value is Missing: absence of evidence is never good.
type State uint8

// The states.
const (
	Missing    State = iota // most nights have a figure, and this night has none
	NoFigure                // this night has no figure, and the nights before had none either
	NotYet                  // there are too few nights
	Steady                  // nothing was found, which is no proof that nothing has changed
	Better                  // the last 5 nights are better
	Suspect                 // the last 3 nights are worse
	Regression              // the last 5 nights are worse
)

var states = [...]string{
	Missing: "missing", NoFigure: "no figure", NotYet: "not known yet", Steady: "no change found", Better: "better", Suspect: "suspect", Regression: "regression",
}

func (s State) String() string {
	if int(s) < len(states) {
		return states[s]
	}
	return fmt.Sprintf("state(%d)", uint8(s))
}

// Finding is what the nights of a history say of one metric.
type Finding struct {
	Metric string
	State  State
	// Why explains Missing and NoFigure.
	Why string
	// Nights is how many have a figure since the reference began, this night included, and Needed
	// how many there must be at least.
	Nights, Needed int
	// Tonight is the figure of this night: the median, where it has several runs.
	Tonight compare.Figure
	// Before and Recent are the medians that were compared, from Needed nights on. P is the exact
	// probability that chance alone puts their nights so far apart; 1 where Change is too small to matter.
	Before, Recent Median
	P              float64
	// Change is Recent as a share of Before, less 1: 0.2 for 20 % more. Before may be 0, and Change +Inf.
	Change float64
	// Since is when the first night began in which this regression was found, or this change for the better, and
	// First is the first run of the change: the one to accept where it is intended.
	Since time.Time
	First string
}

// Median is the median of some nights.
type Median struct {
	Value    float64
	AtLeast  bool // more than half of them are outages that had not ended by then
	Nights   int
	From, To time.Time
}

// Judge looks at one metric in the runs of one history: of one experiment, variant, cell and
// fingerprint. Tonight names the night that is judged, by Night.ID; what began after it does not count.
func Judge(metric string, runs []Run, tonight string) Finding {
	f := Finding{Metric: metric, Needed: Reference + SuspectNights}
	m, ok := compare.MetricOf(metric)
	if !ok {
		f.Why = "there is no such metric"
		return f
	}
	nights := sinceAccepted(Nights(runs))
	end := slices.IndexFunc(nights, func(n Night) bool { return n.ID == tonight })
	if end < 0 {
		f.Why = "the history does not have this night"
		return f
	}
	var have []value
	for i := range nights[:end+1] {
		n := &nights[i]
		if v, ok := n.value(metric); ok {
			have = append(have, v)
		}
	}
	f.Nights = len(have)
	f.Tonight = nights[end].figure(metric)
	if !f.Tonight.Known {
		f.Why = f.Tonight.Why
		if usual(metric, nights[:end]) {
			f.State = Missing
		} else {
			f.State = NoFigure
		}
		return f
	}
	f.State = NotYet
	for now := range findings(m, have) {
		now.Metric, now.Nights, now.Needed, now.Tonight = f.Metric, f.Nights, f.Needed, f.Tonight
		f = now
	}
	return f
}

// usual tells whether most of the last nights that say anything have a figure of the metric.
func usual(metric string, before []Night) bool {
	had, of := 0, 0
	for _, n := range slices.Backward(before) {
		if of == Reference {
			break
		}
		if len(n.Runs) == 0 {
			continue
		}
		of++
		if n.figure(metric).Known {
			had++
		}
	}
	return 2*had > of
}

// findings goes through the nights one after the other, and yields what each of them came to, from
// the first that could be judged. Where it finds a regression, the reference stays what it was: else the worse
// nights would become it, and the alarm would end by itself. That lasts until the change of the
// median is gone, or is accepted.
func findings(m compare.Metric, have []value) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		var standing Finding // the regression, while there is one
		var reference []value
		for end := Reference + SuspectNights; end <= len(have); end++ {
			f := judge(m, have[:end])
			if reference != nil {
				f = Finding{State: Regression, Since: standing.Since, First: standing.First}
				f.compare(m, reference, have[end-RegressionNights:end])
				if !f.worse(m) {
					f, reference = judge(m, have[:end]), nil
				}
			}
			if f.State == Regression && reference == nil {
				standing = f
				reference, _ = split(have[:end], RegressionNights)
			}
			if !yield(f) {
				return
			}
		}
	}
}

// judge is the rule, at the last of some nights.
func judge(m compare.Metric, have []value) Finding {
	if len(have) >= Reference+RegressionNights {
		f := Finding{}
		before, recent := split(have, RegressionNights)
		f.compare(m, before, recent)
		if f.P <= regressionP {
			f.First, f.Since = f.firstOf(recent), recent[RegressionNights-1].night.At
			switch {
			case f.worse(m):
				f.State = Regression
				return f
			case f.better(m):
				f.State = Better
				return f
			}
		}
	}
	f := Finding{State: Steady}
	before, recent := split(have, SuspectNights)
	f.compare(m, before, recent)
	if f.P <= suspectP && f.worse(m) {
		f.State = Suspect
	}
	return f
}

// firstOf is the first run of the nights that are changed, for one or two of them may be from before the change.
func (f *Finding) firstOf(recent []value) string {
	for _, v := range recent {
		if math.Abs(change(f.Before, Median{Value: v.number, AtLeast: math.IsInf(v.number, 1)})) >= LeastChange {
			return v.night.first()
		}
	}
	return recent[0].night.first()
}

// split takes the last n nights, and the reference before them.
func split(nights []value, n int) (before, recent []value) {
	at := len(nights) - n
	return nights[at-Reference : at], nights[at:]
}

// compare fills in what two groups of nights say.
func (f *Finding) compare(m compare.Metric, before, recent []value) {
	f.Before, f.Recent, f.P = medianOf(before), medianOf(recent), 1
	f.Change = change(f.Before, f.Recent)
	if !f.worse(m) && !f.better(m) {
		return
	}
	// It fails without values and for NaN, of which there are none here.
	if p, err := compare.RankSum(numbers(recent), numbers(before)); err == nil {
		f.P = p
	}
}

// change is how much larger recent is, as a share. Two outages that did not end have no ratio: 0.
func change(before, recent Median) float64 {
	switch {
	case before.AtLeast && recent.AtLeast, before.Value == recent.Value && !recent.AtLeast && !before.AtLeast:
		return 0
	case recent.AtLeast, before.Value == 0:
		return math.Inf(1)
	case before.AtLeast:
		return -1
	}
	return recent.Value/before.Value - 1
}

// worse tells whether the change is in the bad direction, and large enough to matter.
func (f *Finding) worse(m compare.Metric) bool {
	switch m.Good {
	case compare.Lower:
		return f.Change >= LeastChange && f.matters(m)
	case compare.Higher:
		return f.Change <= -LeastChange && f.matters(m)
	}
	return false
}

// better is the opposite of worse.
func (f *Finding) better(m compare.Metric) bool {
	switch m.Good {
	case compare.Lower:
		return f.Change <= -LeastChange && f.matters(m)
	case compare.Higher:
		return f.Change >= LeastChange && f.matters(m)
	}
	return false
}

// matters tells whether the difference is above the metric's own floor: 10 % of almost nothing is nothing.
func (f *Finding) matters(m compare.Metric) bool {
	return f.Before.AtLeast || f.Recent.AtLeast || math.Abs(f.Recent.Value-f.Before.Value) > m.Floor
}

// medianOf is the median of some nights, which are by time.
func medianOf(of []value) Median {
	all := numbers(of)
	slices.Sort(all)
	m := Median{Value: middle(all), Nights: len(of), From: of[0].night.At, To: of[len(of)-1].night.At}
	if math.IsInf(m.Value, 1) {
		m.AtLeast, m.Value = true, 0
		for _, v := range of {
			if math.IsInf(v.number, 1) {
				m.Value = max(m.Value, v.atLeast)
			}
		}
	}
	return m
}

// middle is the median of sorted numbers.
func middle(sorted []float64) float64 {
	n := len(sorted)
	low, high := sorted[(n-1)/2], sorted[n/2]
	if low == high {
		return low
	}
	return low/2 + high/2
}

func numbers(of []value) []float64 {
	all := make([]float64, len(of))
	for i, v := range of {
		all[i] = v.number
	}
	return all
}
