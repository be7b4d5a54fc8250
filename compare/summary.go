package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

// Summary is one metric over the runs of one variant.
type Summary struct {
	Runs     int `json:"runs"`                // with a known value
	Unknown  int `json:"unknown,omitempty"`   // without
	NotEnded int `json:"not_ended,omitempty"` // of Runs: the time had not ended when it was last seen
	// Median is that of the known values. AtLeast: times that had not ended, or are not known
	// exactly, leave it a lower bound.
	// It has no value where Runs is 0, and Why says why.
	Median  float64 `json:"median"`
	AtLeast bool    `json:"at_least,omitempty"`
	// Interval is that of the median by order statistics. Fewer than 6 runs have none, and
	// Why says so.
	Interval Interval `json:"interval,omitzero"`
	Why      string   `json:"why,omitempty"`
}

// Summarize gives the median of a metric over runs, with its 95 % interval: the largest order
// statistic from either end between which the median of all possible runs lies with at least
// 95 %, whatever their distribution. stats.QuantileCI is not used, because for some sizes it
// takes one end further in than the other, so that the interval of the reciprocals is another.
func Summarize(figures []Figure) Summary {
	var s Summary
	var lows, highs []float64
	for _, f := range figures {
		if !f.Known || math.IsNaN(f.Value) || math.IsInf(f.Value, 0) {
			s.Unknown++
			continue
		}
		s.Runs++
		high := f.Value
		switch {
		case f.AtLeast:
			s.NotEnded++
			high = math.Inf(1)
		case f.Most > f.Value:
			high = f.Most
		}
		lows, highs = append(lows, f.Value), append(highs, high)
	}
	if s.Runs == 0 {
		s.Why = "no run has a value" + firstWhy(figures)
		return s
	}
	slices.Sort(lows)
	slices.Sort(highs)
	s.Median, s.AtLeast = medianOf(lows), medianOf(highs) > medianOf(lows)
	cut := medianCut(s.Runs)
	if cut == 0 {
		s.Why = fmt.Sprintf("a 95 %% interval of the median needs %d runs, and there are %d", NeededSamples(50), s.Runs)
		return s
	}
	s.Interval = interval(lows[cut-1], highs[s.Runs-cut])
	return s
}

// Recovered says how many of the times ended: "5 of 6 recovered".
func (s Summary) Recovered() string {
	return fmt.Sprintf("%d of %d recovered", s.Runs-s.NotEnded, s.Runs)
}

// medianCut is which order statistic, from either end, bounds the median of n values: the greatest
// k with 2 P(B <= k-1) <= 0.05 for B of n fair coins. 0: there is none.
func medianCut(n int) int {
	coins, k := stats.BinomialDist{N: n, P: 0.5}, 0
	for 2*coins.CDF(float64(k)) <= 1-Confidence {
		k++
	}
	return k
}
