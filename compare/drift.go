package compare

import (
	"fmt"
	"math"
	"slices"
)

// Drift is how the values of a metric changed over the rounds.
type Drift struct {
	// Known is not set with fewer than 4 rounds; Why says so.
	Known  bool   `json:"known,omitempty"`
	Why    string `json:"why,omitempty"`
	Rounds int    `json:"rounds"`
	// Tau is Kendall's rank correlation of the values with the order of the rounds: 1 where each
	// is larger than all before, -1 where each is smaller.
	Tau float64 `json:"tau"`
	P   float64 `json:"p"` // two-sided, exact, ties included
}

// driftP is the p value at which a drift is warned of. Several metrics of several variants are
// looked at, so 5 % would warn too often.
const driftP = 0.01

// minDriftRounds: with 3 rounds no order is unlikely.
const minDriftRounds = 4

// DriftOf looks for a drift in the values of one metric of one variant, in the order of the
// rounds. Values that are not known are left out; a time that had not ended is larger than
// all that had.
func DriftOf(byRound []Figure) Drift {
	var values []float64
	for _, f := range byRound {
		switch {
		case !f.Known || math.IsNaN(f.Value) || math.IsInf(f.Value, 0):
		case f.AtLeast:
			values = append(values, math.Inf(1))
		default:
			values = append(values, f.Value)
		}
	}
	n := len(values)
	if n < minDriftRounds {
		return Drift{Rounds: n, Why: fmt.Sprintf("%s; at least %d are needed", rounds(n), minDriftRounds)}
	}
	up, down := 0, 0
	for i := range values {
		for _, before := range values[:i] {
			switch {
			case values[i] > before:
				up++
			case values[i] < before:
				down++
			}
		}
	}
	d := Drift{Known: true, Rounds: n, P: kendallP(values, up, down)}
	if up+down > 0 {
		// Ties count as no correlation: tau-a.
		d.Tau = float64(up-down) / float64(n*(n-1)/2)
	}
	return d
}

// Warning is a sentence about the drift of a metric, "" where chance explains the values (p > 0.01).
func (d Drift) Warning(metric string) string {
	if !d.Known || d.P > driftP {
		return ""
	}
	way := "rose"
	if d.Tau < 0 {
		way = "fell"
	}
	return fmt.Sprintf("%s %s over the %d rounds (rank correlation %.2f, p %s): something changed while the series ran; the ratios within a round hold, the medians do not",
		metric, way, d.Rounds, d.Tau, P(d.P))
}

// kendallP is the share of all orders of the values that have as great a difference between the
// pairs that rise and the pairs that fall. With ties the number of orders by their falling
// pairs is a product: each group of ties is placed among the values before it, and the pairs
// that fall are counted as the rank sum counts them.
func kendallP(values []float64, up, down int) float64 {
	orders := []float64{1} // by the number of falling pairs
	placed := 0
	for _, size := range tieSizes(values) {
		orders = multiply(orders, fallingPairs(placed, size))
		placed += size
	}
	var as, all float64
	for falling, n := range orders {
		all += n
		if abs(up+down-2*falling) >= abs(up-down) {
			as += n
		}
	}
	return as / all
}

// tieSizes are how often each value occurs.
func tieSizes(values []float64) (sizes []int) {
	count := map[float64]int{}
	for _, v := range values {
		count[v]++
	}
	for _, n := range count {
		sizes = append(sizes, n)
	}
	slices.Sort(sizes) // the order of a map is random, and so would be the rounding
	return sizes
}

// fallingPairs is the share of the ways to put n equal values among m others, by how many pairs fall.
func fallingPairs(m, n int) []float64 {
	ranks := make([]int, m+n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	least := n * (n + 1) / 2
	ways := sumsOfSubsets(ranks, n)[least : least+m*n+1]
	all := 0.0
	for _, w := range ways {
		all += w
	}
	for i := range ways {
		ways[i] /= all
	}
	return ways
}

// multiply is the product of two polynomials.
func multiply(a, b []float64) []float64 {
	product := make([]float64, len(a)+len(b)-1)
	for i := range a {
		for j := range b {
			product[i+j] += a[i] * b[j]
		}
	}
	return product
}
