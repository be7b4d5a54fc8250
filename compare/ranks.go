package compare

import (
	"cmp"
	"errors"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// The tests on ranks are made here, and not with stats.MannWhitneyUTest: with ties it doubles one
// tail of a distribution that has two unlike ones where the samples differ in size, so that p is
// wrong (and can be above 1), and with more than 25 values it turns to an approximation.

// Errors of RankSum.
var (
	ErrNoValues = errors.New("a sample is empty")
	ErrNaN      = errors.New("a sample has a value that is no number")
)

// maxExact is the greatest number of values in all for which RankSum counts every order.
const maxExact = 120

// RankSum is the p value of the two-sided rank-sum test of Wilcoxon, Mann and Whitney: the
// probability that values which differ in nothing but chance have rank sums as far from the expected one as these
// have. It is exact up to 120 values in all, with ties too: ties share the mean of their ranks,
// and every division of these very ranks into two samples is counted. With more values it is
// the normal approximation. +Inf is a permitted value: it is larger than all others and tied with
// itself. All values equal: 1.
func RankSum(a, b []float64) (p float64, err error) {
	if len(a) == 0 || len(b) == 0 {
		return 0, ErrNoValues
	}
	all := slices.Concat(a, b)
	if slices.ContainsFunc(all, math.IsNaN) {
		return 0, ErrNaN
	}
	ranks := doubledRanks(all)
	sum := 0
	for _, r := range ranks[:len(a)] {
		sum += r
	}
	// The mean of a doubled rank is n+1.
	mean := len(a) * (len(all) + 1)
	if len(all) > maxExact {
		return normalRankSum(ranks, len(a), float64(sum-mean)), nil
	}
	ways := sumsOfSubsets(ranks, len(a))
	var as, in float64
	for s, n := range ways {
		in += n
		if abs(s-mean) >= abs(sum-mean) {
			as += n
		}
	}
	return as / in, nil
}

// doubledRanks is twice the rank of each value, from 2. Ties share the mean of their ranks, so
// that only twice a rank is a whole number.
func doubledRanks(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(values[i], values[j]) })
	ranks := make([]int, len(values))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = from + 1 + to
		}
		from = to
	}
	return ranks
}

// sumsOfSubsets counts the subsets of size k by their sum.
func sumsOfSubsets(ranks []int, k int) []float64 {
	most := 0
	for _, r := range ranks {
		most += r
	}
	ways := make([][]float64, k+1) // by size and sum
	for size := range ways {
		ways[size] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for size := k; size > 0; size-- {
			for sum := most; sum >= r; sum-- {
				ways[size][sum] += ways[size-1][sum-r]
			}
		}
	}
	return ways[k]
}

// normalRankSum is the p value by the normal approximation, with the corrections for ties and for
// continuity. The ranks and the distance from the mean are doubled.
func normalRankSum(ranks []int, k int, distance float64) float64 {
	n := float64(len(ranks))
	var squares float64
	for _, r := range ranks {
		d := float64(r) - (n + 1)
		squares += d * d
	}
	// The sum of k of n numbers drawn without putting back.
	deviation := math.Sqrt(squares * float64(k) * (n - float64(k)) / (n * (n - 1)))
	z := (math.Abs(distance) - 1) / deviation
	if deviation == 0 || z <= 0 {
		return 1
	}
	return 2 * stats.StdNormal.CDF(-z)
}

// rankSumCut is how many of the ordered differences between two samples, from either end, lie
// outside of the 95 % interval of their median: the greatest k with 2 P(U <= k-1) <= 0.05. 0: the
// samples are too small for an interval.
func rankSumCut(n, m int) int {
	if n+m > maxExact {
		deviation := math.Sqrt(float64(n) * float64(m) * float64(n+m+1) / 12)
		return int(float64(n)*float64(m)/2 - 0.5 - deviation*stats.StdNormal.InvCDF(1-(1-Confidence)/2))
	}
	ranks := make([]int, n+m)
	for i := range ranks {
		ranks[i] = i + 1
	}
	ways := sumsOfSubsets(ranks, n)
	total := 0.0
	for _, w := range ways {
		total += w
	}
	least := n * (n + 1) / 2
	below, k := 0.0, 0
	for k < n*m && 2*(below+ways[least+k])/total <= 1-Confidence {
		below += ways[least+k]
		k++
	}
	return k
}

// signedRankCut is the same for the signed-rank statistic of n differences, among the means of all
// n(n+1)/2 pairs of them.
func signedRankCut(n int) int {
	most := n * (n + 1) / 2
	share := make([]float64, most+1) // of the sets of ranks, by their sum
	share[0] = 1
	for rank := 1; rank <= n; rank++ {
		for sum := most; sum >= 0; sum-- {
			share[sum] /= 2
			if sum >= rank {
				share[sum] += share[sum-rank] / 2
			}
		}
	}
	below, k := 0.0, 0
	for k < most && 2*(below+share[k]) <= 1-Confidence {
		below += share[k]
		k++
	}
	return k
}

func abs(x int) int { return max(x, -x) }
