package compare

import (
	"fmt"
	"math"

	"github.com/aclements/go-moremath/stats"
)

// maxRounds is the most rounds that are ever proposed.
const maxRounds = 1000

// moreRuns is how many more rounds (or, unpaired, runs a side) would do to decide, were the
// change and its spread as they are estimated: with them, 4 of 5 series decide. 0: not known, or more than 1,000.
func moreRuns(e Estimate, tolerance float64) int {
	if !e.Known || e.AtLeast || e.AtMost || e.deviation == 0 {
		return 0
	}
	beyond := math.Abs(e.center) - tolerance
	chance := func(n int) float64 {
		degrees, spread := n-1, e.deviation/math.Sqrt(float64(n))
		switch e.Method {
		case MethodUnpairedRanks:
			degrees, spread = 2*n-2, spread*math.Sqrt2/rankEfficiency
		case MethodPairedRanks:
			spread /= rankEfficiency
		case MethodPairedT:
		}
		// An end of the interval keeps clear of a bound at this distance.
		keeps := func(distance, confidence float64) float64 {
			return stats.StdNormal.CDF(distance/spread - tQuantile(degrees, confidence))
		}
		switch {
		case beyond <= 0:
			return keeps(-beyond, Confidence) + keeps(2*tolerance+beyond, Confidence) - 1
		case e.Method == MethodPairedT:
			return min(keeps(beyond, Confidence), keeps(math.Abs(e.center), chanceConfidence))
		}
		return keeps(beyond, Confidence)
	}
	have := min(e.Baseline, e.Other)
	low, high := have, maxRounds
	if chance(high) < wantedChance {
		return 0
	}
	for high-low > 1 {
		if middle := (low + high) / 2; chance(middle) >= wantedChance {
			high = middle
		} else {
			low = middle
		}
	}
	return high - have
}

// wantedChance is the chance to decide with the proposed number of rounds.
const wantedChance = 0.8

// rankEfficiency is the root of 3/pi: how much less exact ranks are where the noise is normal.
var rankEfficiency = math.Sqrt(3 / math.Pi)

// P writes a p value: "0.012", "<0.001", and never "0.000".
func P(p float64) string {
	switch {
	case math.IsNaN(p) || p < 0 || p > 1:
		return "not known"
	case p < 0.001:
		return "<0.001"
	}
	return fmt.Sprintf("%.3f", p)
}
