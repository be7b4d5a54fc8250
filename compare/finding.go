package compare

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
)

// Finding is what the runs say about one metric of a variant and of the baseline.
type Finding struct {
	Metric string `json:"metric"`
	// Exploratory: the metric was not declared before the runs, and carries no verdict.
	Exploratory bool     `json:"exploratory,omitempty"`
	Baseline    Summary  `json:"baseline"`
	Other       Summary  `json:"other"`
	Estimate    Estimate `json:"estimate"`
	// Tolerance is the share within which a change does not matter (0.05: between 1/1.05 and
	// 1.05), or of a difference the difference, in the metric's unit.
	Tolerance float64 `json:"tolerance"`
	Change    Change  `json:"change"` // zero: not known
	// More is how many more rounds (unpaired: runs a side) would probably do where the change is
	// not known. 0: that is not known either, or more than 1,000.
	More int `json:"more,omitempty"`
	// P is of the rank-sum test, where the runs are not paired.
	P float64 `json:"p,omitempty"`
	// Events is set of a metric that counts what should never happen: in how many kills or runs it did.
	Events *Events `json:"events,omitempty"`

	byValue Change // by the estimate alone
}

// Paired compares a metric over rounds: baseline[i] and other[i] are of one round. The tolerance
// is a share: 0.05.
func (m Metric) Paired(baseline, other []Figure, tolerance float64) Finding {
	var e Estimate
	switch {
	case m.Ranks:
		e = PairedRanks(baseline, other)
	case m.Scale == AsRatio:
		e = PairedRatio(baseline, other)
	default:
		e = PairedDifference(baseline, other)
	}
	return m.finding(e, baseline, other, tolerance)
}

// Unpaired compares a metric of runs that were not made in the same rounds.
func (m Metric) Unpaired(baseline, other []Figure, tolerance float64) Finding {
	e := UnpairedDifference(baseline, other)
	if m.Scale == AsRatio {
		e = UnpairedRatio(baseline, other)
	}
	f := m.finding(e, baseline, other, tolerance)
	if p, err := RankSum(forRanks(baseline), forRanks(other)); err == nil {
		f.P = p
	}
	return f
}

// Events is how often something happened that should never happen.
type Events struct {
	Of       string `json:"of"` // "kill" or "run": what is counted
	Baseline Losses `json:"baseline"`
	Other    Losses `json:"other"`
	LossChange
}

// finding gives the verdict on an estimate, and for an Event on the number of runs that had it.
func (m Metric) finding(e Estimate, baseline, other []Figure, tolerance float64) Finding {
	f := m.judge(e, baseline, other, tolerance)
	if m.Event {
		return f.withEvents("run", eventsOf(baseline), eventsOf(other))
	}
	return f
}

// judge gives the verdict on an estimate.
//
// The tolerance of a difference is the share of the smaller of the two values (as a ratio from 1/1.05 to 1.05 is),
// and no less than the metric's floor.
func (m Metric) judge(e Estimate, baseline, other []Figure, tolerance float64) Finding {
	f := Finding{Metric: m.Name, Baseline: Summarize(baseline), Other: Summarize(other), Estimate: e, Tolerance: tolerance}
	around0 := math.Log1p(tolerance)
	if m.Scale == AsDifference {
		around0 = max(m.Floor, tolerance*min(math.Abs(f.Baseline.Median), math.Abs(f.Other.Median)))
		f.Tolerance = around0
	}
	if !e.Known || m.Good == 0 {
		return f
	}
	f.byValue = e.change(around0, m.Good)
	f.Change = f.byValue
	if f.Change == NotKnown {
		f.More = moreRuns(e, around0)
	}
	return f
}

// withEvents adds how often something happened that should not, and judges by that and by the
// values. More kills that lose something are worse, and so are more writes that they lose; the
// two must not contradict each other. Equal values alone are never the same: see Metric.Event.
func (f Finding) withEvents(of string, baseline, other Losses) Finding {
	f.Events = &Events{Of: of, Baseline: baseline, Other: other, LossChange: LossChangeOf(baseline, other)}
	f.More = 0
	decided := func(c Change) bool { return c == Better || c == Worse }
	switch byShare := f.Events.Change; {
	case byShare == f.byValue:
		f.Change = byShare
	case decided(byShare) && !decided(f.byValue):
		f.Change = byShare
	case decided(f.byValue) && !decided(byShare):
		f.Change = f.byValue
	default:
		f.Change = NotKnown
	}
	return f
}

// eventsOf takes each run with a value above 0 for one event.
func eventsOf(figures []Figure) Losses {
	var runs []Kill
	for _, f := range figures {
		runs = append(runs, Kill{Known: f.Known, Lost: int64(math.Ceil(f.Value))})
	}
	return LossesOf(runs)
}

// forRanks are the known values, where a time that had not ended is the largest.
func forRanks(figures []Figure) (values []float64) {
	for _, f := range figures {
		switch {
		case !f.Known:
		case f.AtLeast:
			values = append(values, math.Inf(1))
		default:
			values = append(values, f.Value)
		}
	}
	return values
}

// Paired compares all metrics of two variants of one cell whose runs are in rounds, the family's
// first. A run that is not comparable, or of a warm-up round, is in no figure.
func (f Family) Paired(baseline, other []Run) []Finding {
	return f.findings(baseline, other, func(m Metric, name string, tolerance float64) Finding {
		b, o := byRound(name, baseline, other)
		return m.Paired(b, o, tolerance)
	})
}

// Unpaired is the same for runs that were not made in the same rounds.
func (f Family) Unpaired(baseline, other []Run) []Finding {
	return f.findings(baseline, other, func(m Metric, name string, tolerance float64) Finding {
		return m.Unpaired(figuresOf(name, baseline), figuresOf(name, other), tolerance)
	})
}

func (f Family) findings(baseline, other []Run, compare func(Metric, string, float64) Finding) (findings []Finding) {
	for _, name := range f.metricsOf(slices.Concat(baseline, other)) {
		tolerance, declared := f.Of(name)
		m, _ := MetricOf(name) // a metric that is not known decides nothing: its direction is zero
		finding := compare(m, name, tolerance)
		if b, o := LossesOf(killsIn(baseline)), LossesOf(killsIn(other)); name == "lost_writes" && b.Kills > 0 && o.Kills > 0 {
			finding = finding.withEvents("kill", b, o)
		}
		if !declared {
			finding.Exploratory, finding.Change, finding.More = true, NotKnown, 0
		}
		findings = append(findings, finding)
	}
	return findings
}

// metricsOf are the family's metrics and then all others that the runs have, in their order.
func (f Family) metricsOf(runs []Run) (names []string) {
	for _, d := range f {
		names = append(names, d.Metric)
	}
	for _, r := range runs {
		for _, figure := range r.Figures {
			if !slices.Contains(names, figure.Metric) {
				names = append(names, figure.Metric)
			}
		}
	}
	return names
}

// round is a round of a series. A series can have it several times: a nightly job repeats one under the same id.
type round struct {
	series     string
	number, of int
}

// inRounds are the figures of a metric by round.
func inRounds(metric string, runs []Run) map[round]Figure {
	figures := map[round]Figure{}
	for _, r := range runs {
		if r.Round == 0 || !r.counts() {
			continue
		}
		at := round{series: r.Series, number: r.Round}
		for _, taken := figures[at]; taken; _, taken = figures[at] {
			at.of++
		}
		figures[at] = r.Figure(metric)
	}
	return figures
}

// byRound are the figures of a metric of two variants, round by round.
func byRound(metric string, baseline, other []Run) (b, o []Figure) {
	bs, os := inRounds(metric, baseline), inRounds(metric, other)
	all := maps.Clone(bs)
	maps.Copy(all, os)
	for _, at := range slices.SortedFunc(maps.Keys(all), func(x, y round) int {
		return cmp.Or(strings.Compare(x.series, y.series), x.number-y.number, x.of-y.of)
	}) { // one that is missing is not known
		b, o = append(b, bs[at]), append(o, os[at])
	}
	return b, o
}

func figuresOf(metric string, runs []Run) (figures []Figure) {
	for _, r := range runs {
		if r.counts() {
			figures = append(figures, r.Figure(metric))
		}
	}
	return figures
}

// killsIn are the kills of all runs that are comparable.
func killsIn(runs []Run) (kills []Kill) {
	for _, r := range runs {
		if r.counts() {
			kills = append(kills, r.Kills...)
		}
	}
	return kills
}

// counts tells whether the run is in the figures.
func (r Run) counts() bool { return !r.Warmup && len(r.NotComparable) == 0 }
