package compare

import (
	"fmt"
	"math"
	"slices"
)

// minRunsUnpaired is the fewest runs a side of an unpaired comparison: with 4 and 4, full
// separation has p = 2/70 = 0.029; with 3 and 3 it has 0.1.
const minRunsUnpaired = 4

// UnpairedRatio estimates other/baseline of runs that were not made in the same rounds: the
// median of the ratios of every run to every run of the baseline (Hodges and Lehmann), with the exact interval that
// belongs to the rank-sum test. It needs 4 runs a side. Whatever changed between the two
// series, the machine included, is in this ratio.
func UnpairedRatio(baseline, other []Figure) Estimate { return unpaired(AsRatio, baseline, other) }

// UnpairedDifference is the same for other - baseline, for metrics that can be 0.
func UnpairedDifference(baseline, other []Figure) Estimate {
	return unpaired(AsDifference, baseline, other)
}

func unpaired(scale Scale, baseline, other []Figure) Estimate {
	bs, why := known(scale, baseline)
	os, otherWhy := known(scale, other)
	n, m := len(bs), len(os)
	if why += otherWhy; why != "" {
		return unknown(scale, MethodUnpairedRanks, n, m, why)
	}
	if n < minRunsUnpaired || m < minRunsUnpaired {
		return unknown(scale, MethodUnpairedRanks, n, m, tooFewRuns(n, m)+firstWhy(slices.Concat(baseline, other)))
	}
	changes := make([]span, 0, n*m)
	for _, o := range os {
		for _, b := range bs {
			changes = append(changes, o.minus(b))
		}
	}
	e := byRanks(scale, MethodUnpairedRanks, changes, rankSumCut(n, m))
	e.Baseline, e.Other = n, m
	if b, o := deviationOf(bs), deviationOf(os); b > 0 && o > 0 {
		runs := math.Sqrt((b*b + o*o) / 2)
		e = e.withNoise(runs, runs)
	}
	return e
}

// tooFewRuns says how many runs have a value, and how many are needed.
func tooFewRuns(n, m int) string {
	switch {
	case n == 1 && m == 1:
		return fmt.Sprintf("1 run a side: at least %d are needed", minRunsUnpaired)
	case n == m:
		return fmt.Sprintf("%d runs a side: at least %d are needed", n, minRunsUnpaired)
	}
	return fmt.Sprintf("%d and %d runs have a value: at least %d a side are needed", n, m, minRunsUnpaired)
}

// known are the known values of figures, on a scale.
func known(scale Scale, figures []Figure) (values []span, why string) {
	for _, f := range figures {
		if !f.Known {
			continue
		}
		v, why := spanOf(scale, f)
		if why != "" {
			return nil, why
		}
		values = append(values, v)
	}
	return values, ""
}
