package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// The fewest rounds of an estimate.
const (
	minRounds      = 3 // of a t interval: two that agree by chance would look exact
	minRoundsRanks = 6 // of an interval by ranks, or of changes that are all equal: 2 * 0.5^6 <= 5 % < 2 * 0.5^5
)

// PairedRatio estimates other/baseline over rounds: the mean of the logarithms of the rounds' ratios with
// its 95 % t interval, turned back into a ratio. baseline[i] and other[i] are of one round. A
// round that lacks one of them is left out. Every value must be above 0.
func PairedRatio(baseline, other []Figure) Estimate { return pairedT(AsRatio, baseline, other) }

// PairedDifference estimates other - baseline over rounds, with the 95 % t interval of the mean: for
// metrics that can be 0.
func PairedDifference(baseline, other []Figure) Estimate {
	return pairedT(AsDifference, baseline, other)
}

func pairedT(scale Scale, baseline, other []Figure) Estimate {
	pairs, why := pair(scale, baseline, other)
	n := len(pairs)
	no := func(why string) Estimate { return unknown(scale, MethodPairedT, n, n, why) }
	if why != "" {
		return no(why)
	}
	changes := make([]float64, n)
	for i, p := range pairs {
		if p.low != p.high {
			return no("one of the values is not known exactly, so that there is no mean")
		}
		changes[i] = p.low
	}
	if n < minRounds {
		return no(fmt.Sprintf("%s; at least %d are needed", rounds(n), minRounds))
	}
	if allEqual(changes) && n < minRoundsRanks {
		return no(fmt.Sprintf("the change is the same in all %s: at least %d are needed to take that for more than chance", rounds(n), minRoundsRanks))
	}
	mean, deviation := stats.Mean(changes), stats.StdDev(changes)
	spread := deviation / math.Sqrt(float64(n))
	half := tQuantile(n-1, Confidence) * spread
	e := estimated(scale, MethodPairedT, mean-half, mean, mean+half)
	e.Baseline, e.Other = n, n
	e.chance = math.Abs(mean) <= tQuantile(n-1, chanceConfidence)*spread
	return e.withNoise(deviation, deviation/math.Sqrt2)
}

// PairedRanks estimates other - baseline over rounds by ranks alone: the median of the means of all pairs of
// rounds (Hodges and Lehmann) with the exact interval of the signed ranks, which needs 6 rounds. It bears times
// that had not ended when they were last seen: each is only known to be longer, and widens the
// interval to all that can still be true.
func PairedRanks(baseline, other []Figure) Estimate {
	pairs, why := pair(AsDifference, baseline, other)
	n := len(pairs)
	if why != "" {
		return unknown(AsDifference, MethodPairedRanks, n, n, why)
	}
	if n < minRoundsRanks {
		return unknown(AsDifference, MethodPairedRanks, n, n, fmt.Sprintf("%s; at least %d are needed", rounds(n), minRoundsRanks))
	}
	var means []span
	for i := range pairs {
		for j := range pairs[:i+1] {
			means = append(means, span{mean(pairs[i].low, pairs[j].low), mean(pairs[i].high, pairs[j].high)})
		}
	}
	e := byRanks(AsDifference, MethodPairedRanks, means, signedRankCut(n))
	e.Baseline, e.Other = n, n
	deviation := deviationOf(pairs)
	return e.withNoise(deviation, deviation/math.Sqrt2)
}

// span is a value that lies between low and high. They differ where a time had not ended, or is
// only known to lie between two.
type span struct{ low, high float64 }

func (s span) minus(t span) span { return span{s.low - t.high, s.high - t.low} }

// spanOf is the value of a figure on a scale: its logarithm, for ratios.
func spanOf(scale Scale, f Figure) (span, string) {
	value := f.Value
	if scale == AsRatio {
		if value <= 0 {
			return span{}, fmt.Sprintf("a ratio needs values above 0, and one is %g", f.Value)
		}
		value = math.Log(value)
	}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return span{}, fmt.Sprintf("%g is no value that can be compared", f.Value)
	}
	switch {
	case f.AtLeast:
		return span{value, math.Inf(1)}, ""
	case f.Most > f.Value && scale == AsRatio:
		return span{value, math.Log(f.Most)}, ""
	case f.Most > f.Value:
		return span{value, f.Most}, ""
	}
	return span{value, value}, ""
}

// pair is the change of each round in which both values are known, or why there is none.
func pair(scale Scale, baseline, other []Figure) (pairs []span, why string) {
	for i := range min(len(baseline), len(other)) {
		if !baseline[i].Known || !other[i].Known {
			continue
		}
		b, why := spanOf(scale, baseline[i])
		if why != "" {
			return nil, why
		}
		o, why := spanOf(scale, other[i])
		if why != "" {
			return nil, why
		}
		pairs = append(pairs, o.minus(b))
	}
	if len(pairs) == 0 {
		return nil, "no round has a value of both" + firstWhy(slices.Concat(baseline, other))
	}
	return pairs, ""
}

// firstWhy is why the first of the figures that are not known is not.
func firstWhy(figures []Figure) string {
	for _, f := range figures {
		if !f.Known && f.Why != "" {
			return ": " + f.Why
		}
	}
	return ""
}

// byRanks is the median of the changes, and the interval between the cut-th from either end. A
// change that lies anywhere in its span keeps the order of the lower ends at or below the order of the changes, so
// that every figure here holds wherever it lies.
func byRanks(scale Scale, method Method, changes []span, cut int) Estimate {
	lows, highs := make([]float64, len(changes)), make([]float64, len(changes))
	for i, c := range changes {
		lows[i], highs[i] = c.low, c.high
	}
	slices.Sort(lows)
	slices.Sort(highs)
	least, most := medianOf(lows), medianOf(highs)
	atLeast, center := least < most, least
	if math.IsInf(least, -1) {
		center = most
	}
	if math.IsInf(center, 0) {
		return unknown(scale, method, 0, 0, "too many of the times had not ended")
	}
	e := estimated(scale, method, lows[cut-1], center, highs[len(highs)-cut])
	e.AtLeast, e.AtMost = atLeast && center == least, atLeast && center != least
	return e
}

// medianOf is the median of sorted values.
func medianOf(sorted []float64) float64 {
	n := len(sorted)
	return mean(sorted[(n-1)/2], sorted[n/2])
}

// mean of two values, which may be the same infinity.
func mean(a, b float64) float64 { return a/2 + b/2 }

// chanceConfidence is that of the interval which must hold no change: see Estimate.change.
const chanceConfidence = 0.98

// tQuantile is how many standard errors a two-sided t interval reaches to either side. Newton's
// method from the normal quantile comes to it from below, step by step, because the distribution function is
// concave there; stats.InvCDF takes ten times as long.
func tQuantile(degrees int, confidence float64) float64 {
	want := 1 - (1-confidence)/2
	t, x := stats.TDist{V: float64(degrees)}, stats.StdNormal.InvCDF(want)
	for {
		step := (want - t.CDF(x)) / t.PDF(x)
		if !(step > 1e-12*x) {
			return x
		}
		x += step
	}
}

// withNoise adds the standard deviation of the changes, and that of single runs.
func (e Estimate) withNoise(changes, runs float64) Estimate {
	e.deviation, e.Noise = changes, runs
	if e.Scale == AsRatio {
		e.Noise = math.Expm1(runs)
	}
	return e
}

// allEqual tells whether values differ by no more than the rounding of computers.
func allEqual(values []float64) bool {
	low, high := stats.Bounds(values)
	return high-low <= 1e-12*max(math.Abs(low), math.Abs(high))
}

// deviationOf is the standard deviation, 0 where one of the values is not exactly known.
func deviationOf(values []span) float64 {
	exact := make([]float64, len(values))
	for i, v := range values {
		if v.low != v.high {
			return 0
		}
		exact[i] = v.low
	}
	return stats.StdDev(exact)
}

// rounds is a number of rounds in words.
func rounds(n int) string {
	if n == 1 {
		return "1 round"
	}
	return fmt.Sprintf("%d rounds", n)
}
