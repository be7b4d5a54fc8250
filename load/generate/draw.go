package generate

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Uniform draws from Min to Max, both included, each with equal probability.
type Uniform struct{ Min, Max int64 }

// Draw returns the next number.
func (u Uniform) Draw(rng *rand.Rand) int64 {
	// In uint64 the width of every range fits, but that of all 64 bits, where it is 0.
	width := uint64(u.Max) - uint64(u.Min) + 1
	if width == 0 {
		return int64(rng.Uint64())
	}
	return int64(uint64(u.Min) + rng.Uint64N(width))
}

// Gaussian draws from Min to Max, both included, in the bell that a normal
// distribution has over them: Sigma standard deviations lie between the middle and
// either bound, and what is beyond is drawn again, as pgbench's random_gaussian does.
type Gaussian struct {
	Min, Max int64
	Sigma    float64
}

// Draw returns the next number.
func (g Gaussian) Draw(rng *rand.Rand) int64 {
	for {
		deviation := rng.NormFloat64()
		if deviation < -g.Sigma || deviation >= g.Sigma {
			continue
		}
		return share(g.Min, g.Max, (deviation+g.Sigma)/(2*g.Sigma))
	}
}

// Exponential draws from Min, the most frequent, to Max, as pgbench's
// random_exponential does: the density falls to exp(-Rate) at the upper bound.
type Exponential struct {
	Min, Max int64
	Rate     float64
}

// Draw returns the next number.
func (e Exponential) Draw(rng *rand.Rand) int64 {
	cut := math.Exp(-e.Rate)
	return share(e.Min, e.Max, -math.Log(cut+(1-cut)*(1-rng.Float64()))/e.Rate)
}

// share is the number that lies at a share, 0 up to but without 1, of a range whose
// width fits into int64. A share that is none, as extreme parameters make it, stays
// within the range.
func share(low, high int64, at float64) int64 {
	offset := float64(high-low+1) * at
	switch {
	case math.IsNaN(offset) || offset < 0:
		return low
	case offset >= float64(high-low+1):
		return high
	}
	return min(low+int64(offset), high)
}

// Zipfian draws from Min, the most frequent, to Max, so that the k-th number comes
// with a probability proportional to 1/k^theta. NewZipfian makes one.
type Zipfian struct {
	low, high int64
	theta     float64
	// least is the lowest uniform number that stands for one within the range: by
	// drawing above it nothing has to be rejected for being out of the range, which
	// with a theta close to 1 would be nearly everything.
	least float64
	b     float64
}

// NewZipfian wants a theta above 1, and a range whose width fits into int64.
func NewZipfian(low, high int64, theta float64) Zipfian {
	return Zipfian{
		low: low, high: high, theta: theta,
		least: math.Pow(float64(high-low)+2, 1-theta),
		b:     math.Pow(2, theta-1),
	}
}

// Is says whether z is what NewZipfian makes of these.
func (z Zipfian) Is(low, high int64, theta float64) bool {
	return z.low == low && z.high == high && z.theta == theta
}

// Draw returns the next number, by rejection: Devroye, Non-Uniform Random Variate
// Generation (1986), page 550.
func (z Zipfian) Draw(rng *rand.Rand) int64 {
	if z.high <= z.low {
		return z.low
	}
	for {
		u := z.least + (1-z.least)*(1-rng.Float64())
		x := math.Floor(math.Pow(u, -1/(z.theta-1)))
		t := math.Pow(1+1/x, z.theta-1)
		if x > float64(z.high-z.low)+1 || rng.Float64()*x*(t-1)/(z.b-1) > t/z.b {
			continue
		}
		return min(z.low+int64(x)-1, z.high)
	}
}

// width says whether a range is one that the distributions can draw from.
func width(low, high int64) error {
	if low > high {
		return fmt.Errorf("max %d is less than min %d", high, low)
	}
	if uint64(high)-uint64(low) >= math.MaxInt64 {
		return fmt.Errorf("the range from %d to %d is too wide", low, high)
	}
	return nil
}
