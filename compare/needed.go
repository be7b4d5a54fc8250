package compare

import (
	"fmt"
	"math"

	"github.com/aclements/go-moremath/stats"
)

// maxRounds is the most rounds that are ever proposed.
const maxRounds = 1000

// power80 is the quantile of the normal distribution that adds a chance of 80 % to decide.
var power80 = stats.StdNormal.InvCDF(0.8)

// moreRuns is how many more rounds (or, unpaired, runs a side) would do to decide, were the
// change and its spread as they are estimated: with them, 4 of 5 series decide. 0: not known, or more than 1,000.
func moreRuns(e Estimate, tolerance float64) int {
	distance := math.Abs(math.Abs(e.center) - tolerance)
	if !e.Known || e.AtLeast || e.AtMost || e.deviation == 0 || distance == 0 {
		return 0
	}
	decides := func(n int) bool {
		degrees, spread := n-1, e.deviation/math.Sqrt(float64(n))
		switch e.Method {
		case MethodUnpairedRanks:
			degrees, spread = 2*n-2, spread*math.Sqrt2/rankEfficiency
		case MethodPairedRanks:
			spread /= rankEfficiency
		case MethodPairedT:
		}
		return (tQuantile(degrees)+power80)*spread <= distance
	}
	have := min(e.Baseline, e.Other)
	low, high := have, maxRounds // decides(low) is taken to be false
	if !decides(high) {
		return 0
	}
	for high-low > 1 {
		if middle := (low + high) / 2; decides(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high - have
}

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
