package compare

import (
	"errors"
	"math"
	"math/bits"
	"testing"
)

// near holds a value against one that was found in another way.
func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: got %.10g, want %.10g", what, got, want)
	}
}

func figures(values ...float64) []Figure {
	f := make([]Figure, len(values))
	for i, v := range values {
		f[i] = Figure{Value: v, Known: true}
	}
	return f
}

// atLeast marks a figure as a time that had not ended.
func atLeast(f []Figure, indices ...int) []Figure {
	for _, i := range indices {
		f[i].AtLeast = true
	}
	return f
}

// TestTQuantile holds the quantiles against tables, and against the density of the distribution summed up.
func TestTQuantile(t *testing.T) {
	for degrees, want := range map[int]float64{1: 12.7062, 2: 4.30265, 3: 3.18245, 5: 2.57058, 9: 2.26216, 19: 2.09302, 60: 2.00030, 999: 1.96234} {
		near(t, "table", tQuantile(degrees, Confidence), want, 6e-5)
		v, sum := float64(degrees), 0.0
		a, _ := math.Lgamma((v + 1) / 2)
		b, _ := math.Lgamma(v / 2)
		const steps = 2000
		quantile := tQuantile(degrees, Confidence)
		for i := range steps {
			x := (float64(i) + 0.5) / steps * quantile
			sum += math.Exp(a-b) / math.Sqrt(v*math.Pi) * math.Pow(1+x*x/v, -(v+1)/2) * quantile / steps
		}
		near(t, "sum of the density", 0.5+sum, 0.975, 1e-5)
	}
}

func TestPairedRatioByHand(t *testing.T) {
	near(t, "98 %, table", tQuantile(5, 0.98), 3.36493, 6e-5)
	e := PairedRatio(figures(10, 20, 30), figures(11, 24, 39))
	// The logarithms of 1.1, 1.2 and 1.3 are 0.0953102, 0.1823216 and 0.2623643: mean 0.1799987,
	// standard deviation 0.0835512. t of two degrees is 4.302653, so half is 0.2075528.
	near(t, "ratio", e.Value, math.Exp(0.1799987), 1e-6)
	near(t, "low", e.Interval.Low, math.Exp(0.1799987-0.2075528), 1e-6)
	near(t, "high", e.Interval.High, math.Exp(0.1799987+0.2075528), 1e-6)
	if !e.Known || e.Baseline != 3 || e.Scale != AsRatio || e.Method != MethodPairedT || e.Interval.Confidence != 0.95 {
		t.Errorf("%+v", e)
	}
	near(t, "noise", e.Noise, math.Expm1(0.0835512/math.Sqrt2), 1e-6)
	d := PairedDifference(figures(0, 0, 0.01), figures(0.01, 0.02, 0.04))
	near(t, "difference", d.Value, 0.02, 1e-12)
	near(t, "its low end", d.Interval.Low, 0.02-4.302653*0.01/math.Sqrt(3), 1e-7)
}

// TestClopperPearson holds the ends against their definition: the binomial probabilities of as
// many and more, and of as many and fewer, are 2.5 %.
func TestClopperPearson(t *testing.T) {
	tail := func(n, from, to int, p float64) (sum float64) {
		for k := from; k <= to; k++ {
			ways := 1.0
			for i := range k {
				ways = ways * float64(n-i) / float64(i+1)
			}
			sum += ways * math.Pow(p, float64(k)) * math.Pow(1-p, float64(n-k))
		}
		return sum
	}
	for n := 2; n <= 40; n += 3 {
		for k := 1; k < n; k++ {
			i := ShareInterval(k, n)
			near(t, "as many and more", tail(n, k, n, i.Low), 0.025, 1e-9)
			near(t, "as many and fewer", tail(n, 0, k, i.High), 0.025, 1e-9)
		}
		near(t, "none", tail(n, 0, 0, ShareInterval(0, n).High), 0.05, 1e-12)
		near(t, "all", tail(n, n, n, ShareInterval(n, n).Low), 0.05, 1e-12)
	}
	i := ShareInterval(3, 10)
	near(t, "3 of 10, table", i.Low, 0.0667, 5e-5)
	near(t, "3 of 10, table", i.High, 0.6525, 5e-5)
	near(t, "0 of 10, 1 - 0.05^(1/10)", ShareInterval(0, 10).High, 0.25887, 5e-6)
	for _, wrong := range [][2]int{{0, 0}, {-1, 3}, {4, 3}} {
		if ShareInterval(wrong[0], wrong[1]).Known() {
			t.Errorf("an interval of %d of %d", wrong[0], wrong[1])
		}
	}
}

// TestFisher counts every way to deal the losses out to the kills.
func TestFisher(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for m := 1; m <= 5; m++ {
			for k := range n + 1 {
				for l := range m + 1 {
					ways := map[int]float64{}
					for dealt := range 1 << (n + m) {
						if bits.OnesCount(uint(dealt)) == k+l {
							ways[bits.OnesCount(uint(dealt)&(1<<n-1))]++
						}
					}
					var as, all float64
					for _, w := range ways {
						all += w
						if w <= ways[k] {
							as += w
						}
					}
					near(t, "p", Fisher(k, n, l, m), as/all, 1e-9)
				}
			}
		}
	}
	near(t, "tasting tea", Fisher(3, 4, 1, 4), 0.4857, 5e-5)
	near(t, "0 of 6, 6 of 6", Fisher(0, 6, 6, 6), 2.0/924, 1e-9)
	if p := Fisher(4, 3, 0, 3); !math.IsNaN(p) {
		t.Errorf("4 of 3: p %g", p)
	}
}

// TestRankSum counts every division of the values into two samples.
func TestRankSum(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name string
		a, b []float64
	}{
		{"apart", []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}},
		{"mixed", []float64{1, 4, 6}, []float64{2, 3, 5, 7, 8}},
		{"ties, unlike sizes", []float64{5, 5, 6}, []float64{1, 1, 1, 2, 2, 5, 5, 6, 9, 9}},
		{"a low sample with ties", []float64{1, 1, 2}, []float64{1, 2, 2, 2, 2, 3, 3, 7, 7, 7}},
		{"times that had not ended", []float64{3, inf, inf}, []float64{1, 2, 3, 4, inf}},
		{"all equal", []float64{1, 1}, []float64{1, 1, 1}},
		{"one value", []float64{9}, []float64{1, 2, 3}},
	} {
		all := append(append([]float64{}, c.a...), c.b...)
		sum := func(chosen int) (s float64) {
			for i, v := range all {
				if chosen&(1<<i) == 0 {
					continue
				}
				for _, w := range all {
					switch {
					case w < v:
						s++
					case w == v:
						s += 0.5
					}
				}
			}
			return s
		}
		var mean, ways float64
		for chosen := range 1 << len(all) {
			if bits.OnesCount(uint(chosen)) == len(c.a) {
				mean += sum(chosen)
				ways++
			}
		}
		mean /= ways
		as := 0.0
		for chosen := range 1 << len(all) {
			if bits.OnesCount(uint(chosen)) == len(c.a) && math.Abs(sum(chosen)-mean) >= math.Abs(sum(1<<len(c.a)-1)-mean)-1e-9 {
				as++
			}
		}
		p, err := RankSum(c.a, c.b)
		if err != nil {
			t.Fatal(err)
		}
		near(t, c.name, p, as/ways, 1e-12)
	}
}

// TestRankSumOfNights are the samples of the nightly rule: the last 3 or 5 against the 20 before.
func TestRankSumOfNights(t *testing.T) {
	var before, three, five []float64
	for i := range 20 {
		before = append(before, float64(i))
	}
	three, five = []float64{20, 21, 22}, []float64{20, 21, 22, 23, 24}
	p, _ := RankSum(three, before)
	near(t, "3 against 20, all larger", p, 2.0/1771, 1e-12)
	p, _ = RankSum(five, before)
	near(t, "5 against 20, all larger", p, 2.0/53130, 1e-15)
	p, _ = RankSum([]float64{18.5, 21, 22}, before) // one way less extreme: 2 * 2
	near(t, "3 against 20, all but one larger than all", p, 4.0/1771, 1e-12)
}

// TestRankSumOfMany holds the approximation against the exact value, just below the size where it begins.
func TestRankSumOfMany(t *testing.T) {
	var a, b []float64
	for i := range 60 {
		a, b = append(a, float64((i*37)%101)), append(b, float64((i*53)%97+6))
	}
	exact, err := RankSum(a, b)
	if err != nil {
		t.Fatal(err)
	}
	ranks := doubledRanks(append(append([]float64{}, a...), b...))
	sum := 0
	for _, r := range ranks[:len(a)] {
		sum += r
	}
	near(t, "p", normalRankSum(ranks, len(a), float64(sum-60*121)), exact, 0.002)
	if p, _ := RankSum(append(a, 50), b); math.Abs(p-exact) > 0.05 {
		t.Errorf("60 and 60: p %g, 61 and 60: p %g", exact, p)
	}
}

func TestRankSumErrors(t *testing.T) {
	if _, err := RankSum(nil, []float64{1}); !errors.Is(err, ErrNoValues) {
		t.Error(err)
	}
	if _, err := RankSum([]float64{math.NaN()}, []float64{1}); !errors.Is(err, ErrNaN) {
		t.Error(err)
	}
}

// TestCuts holds the critical values against the tables of every textbook: a cut is one above them.
func TestCuts(t *testing.T) {
	for n, want := range map[int]int{1: 0, 5: 0, 6: 0 + 1, 7: 2 + 1, 8: 3 + 1, 9: 5 + 1, 10: 8 + 1, 20: 52 + 1} {
		if got := signedRankCut(n); got != want {
			t.Errorf("signed ranks of %d: %d, want %d", n, got, want)
		}
	}
	for n, want := range map[[2]int]int{{3, 3}: 0, {4, 4}: 0 + 1, {5, 5}: 2 + 1, {6, 6}: 5 + 1, {4, 6}: 2 + 1, {6, 4}: 2 + 1, {10, 10}: 23 + 1, {5, 20}: 20 + 1} {
		if got := rankSumCut(n[0], n[1]); got != want {
			t.Errorf("rank sum of %v: %d, want %d", n, got, want)
		}
	}
	for n, want := range map[int]int{1: 0, 5: 0, 6: 1, 8: 1, 9: 2, 11: 2, 12: 3, 20: 6, 100: 40} {
		if got := medianCut(n); got != want {
			t.Errorf("median of %d: %d, want %d", n, got, want)
		}
	}
	exact, approximate := rankSumCut(60, 60), rankSumCut(60, 61)
	if d := approximate - exact; d < 10 || d > 60 {
		t.Errorf("the cut of 60 and 60 is %d, that of 60 and 61 %d", exact, approximate)
	}
}

func TestHodgesLehmannByHand(t *testing.T) {
	// The 16 ratios, in order: 1, 1, 1.25, 1.25, 1.5, 1.5, 1.75, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7.
	e := UnpairedRatio(figures(1, 2, 4, 4), figures(4, 5, 6, 7))
	if !e.Known || e.Baseline != 4 || e.Other != 4 || e.Method != MethodUnpairedRanks {
		t.Fatalf("%+v", e)
	}
	near(t, "ratio", e.Value, math.Sqrt(1.75*2), 1e-12)
	near(t, "low", e.Interval.Low, 1, 1e-12)
	near(t, "high", e.Interval.High, 7, 1e-12)
}

// TestDriftP counts every order of the values.
func TestDriftP(t *testing.T) {
	for _, values := range [][]float64{
		{1, 2, 3, 4},
		{1, 2, 3, 4, 5, 6},
		{6, 5, 4, 3, 1, 2},
		{1, 3, 2, 6, 5, 4, 7},
		{1, 1, 2, 2, 2, 3, 4},
		{5, 5, 1, 1, 1, 1, 1},
		{2, 2, 2, 2},
	} {
		score := func(v []float64) (s int) {
			for i := range v {
				for j := range i {
					switch {
					case v[i] > v[j]:
						s++
					case v[i] < v[j]:
						s--
					}
				}
			}
			return s
		}
		as, all := 0.0, 0.0
		var permute func(v []float64, from int)
		permute = func(v []float64, from int) {
			if from == len(v) {
				all++
				if abs(score(v)) >= abs(score(values)) {
					as++
				}
				return
			}
			for i := from; i < len(v); i++ {
				v[from], v[i] = v[i], v[from]
				permute(v, from+1)
				v[from], v[i] = v[i], v[from]
			}
		}
		permute(append([]float64{}, values...), 0)
		near(t, "p", DriftOf(figures(values...)).P, as/all, 1e-12)
	}
	if d := DriftOf(figures(1, 2, 3, 4, 5, 6)); d.Tau != 1 || d.Warning("p99 of writes") == "" {
		t.Errorf("%+v", d)
	}
	if d := DriftOf(figures(6, 5, 4, 3, 2, 1)); d.Tau != -1 || d.Warning("p99 of writes") == "" {
		t.Errorf("%+v", d)
	}
	if d := DriftOf(figures(1, 3, 2, 6, 5, 4)); d.Warning("p99 of writes") != "" {
		t.Errorf("%+v", d)
	}
	if d := DriftOf(figures(1, 2, 3)); d.Known || d.Why == "" || d.Warning("p99 of writes") != "" {
		t.Errorf("%+v", d)
	}
	rto := atLeast(figures(0.5, 1, 2, 3, 4, 5, 6), 0) // what had not ended is the largest
	if d := DriftOf(rto); math.Abs(d.Tau-(15.0-6)/21) > 1e-12 {
		t.Errorf("%+v", d)
	}
}
