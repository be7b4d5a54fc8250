package report

import (
	"pgchaos/audit"
	"pgchaos/internal/units"
)

// WeakRisk says whether n of the weak acknowledgements of a table were lost, or could have been: "a second failure would have lost them".
func WeakRisk(n int64, a *audit.Audit) string {
	sum := n
	if a.Weak != nil {
		sum = a.Weak.Sum()
	}
	return WeakRiskOf(n, sum, a.WeakLost.N)
}

// WeakRiskOf is WeakRisk where so many were acknowledged weakly in all, and so many of these were lost. Which they were is not known.
func WeakRiskOf(n, sum, lost int64) string {
	switch {
	case lost == 0 && n == 1:
		return "a second failure would have lost it"
	case lost == 0:
		return "a second failure would have lost them"
	case n < sum:
		return units.Grouped(lost) + " of all " + units.Count(sum, "weak write", "weak writes") + " were lost"
	case lost >= n && n == 1:
		return "it was lost"
	case lost >= n:
		return "they were lost"
	}
	return units.Count(lost, "was", "were") + " lost, and a second failure would have lost the others"
}
