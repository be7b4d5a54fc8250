package lanes

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestThinningKeepsExtremesAndGaps makes lanes at random. What is left was there before, at its time; the extremes of each
// stretch, the gaps, the beginning and the end are in it.
func TestThinningKeepsExtremesAndGaps(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 1 + rng.IntN(4000)
		l := Lane{}
		for i := range n {
			l.Times = append(l.Times, float64(i))
		}
		for range 1 + rng.IntN(5) {
			s := Series{}
			unknown := false
			for range n {
				if rng.IntN(50) == 0 {
					unknown = !unknown
				}
				if unknown {
					s.Values = append(s.Values, nil)
					continue
				}
				v := rng.Float64()
				if rng.IntN(500) == 0 {
					v += 1000 // a spike of one sample
				}
				s.Values = append(s.Values, &v)
			}
			l.Series = append(l.Series, s)
		}
		before := Lane{Times: slices.Clone(l.Times)}
		for _, s := range l.Series {
			before.Series = append(before.Series, Series{Values: slices.Clone(s.Values)})
		}
		most := 50 + rng.IntN(1000)
		l.thin(most)
		if len(l.Times) > max(most, 2+3*len(l.Series)) {
			t.Errorf("seed %d: %d points, at most %d were wanted", seed, len(l.Times), most)
		}
		if l.Times[0] != 0 || l.Times[len(l.Times)-1] != float64(n-1) || !slices.IsSorted(l.Times) {
			t.Errorf("seed %d: the times are from %g to %g", seed, l.Times[0], l.Times[len(l.Times)-1])
		}
		for k := range l.Series {
			compareThinned(t, seed, &before, &l, k)
		}
	}
}

// compareThinned compares a line before and after.
func compareThinned(t *testing.T, seed uint64, before, after *Lane, k int) {
	t.Helper()
	was, is := before.Series[k].Values, after.Series[k].Values
	if len(is) != len(after.Times) {
		t.Fatalf("seed %d: %d values at %d times", seed, len(is), len(after.Times))
	}
	for i, at := range after.Times {
		if is[i] != was[int(at)] {
			t.Fatalf("seed %d: the value at %g is another one", seed, at)
		}
	}
	spikes := func(values []*float64) (n int) {
		for _, v := range values {
			if v != nil && *v > 1000 {
				n++
			}
		}
		return n
	}
	if spikes(was) > 0 && spikes(is) == 0 {
		t.Errorf("seed %d: the spikes are gone", seed)
	}
	for _, extreme := range []func(values []*float64) float64{least, greatest} {
		if a, b := extreme(was), extreme(is); a != b {
			t.Errorf("seed %d: an extreme of %g has become %g", seed, a, b)
		}
	}
	if slices.Contains(was, nil) != slices.Contains(is, nil) {
		t.Errorf("seed %d: the gaps are gone", seed)
	}
}

func least(values []*float64) float64 {
	l := math.Inf(1)
	for _, v := range values {
		if v != nil {
			l = min(l, *v)
		}
	}
	return l
}

func greatest(values []*float64) float64 {
	g := math.Inf(-1)
	for _, v := range values {
		if v != nil {
			g = max(g, *v)
		}
	}
	return g
}

// TestEverySpikeSurvives: one sample of an hour stands out in each stretch of it.
func TestEverySpikeSurvives(t *testing.T) {
	const n, every = 360_000, 3600
	l := Lane{Series: make([]Series, 7)}
	value := 1.0
	for i := range n {
		l.Times = append(l.Times, float64(i)/10)
		for k := range l.Series {
			v := &value
			if i%every == 100*k {
				v = known(2000 + float64(i))
			}
			l.Series[k].Values = append(l.Series[k].Values, v)
		}
	}
	run := &Run{Lanes: []Lane{l}}
	thin(run)
	got := run.Lanes[0]
	if total := got.values(); total > mostValues*11/10 {
		t.Errorf("%d values are left", total)
	}
	for k, s := range got.Series {
		spikes := 0
		for _, v := range s.Values {
			if *v > 1000 {
				spikes++
			}
		}
		if want := n / every; spikes != want {
			t.Errorf("line %d: %d of %d spikes are left", k, spikes, want)
		}
	}
}

// TestAShortRunIsKeptWhole.
func TestAShortRunIsKeptWhole(t *testing.T) {
	l := Lane{Series: make([]Series, 5)}
	for i := range 36_000 {
		l.Times = append(l.Times, float64(i)/10)
		for k := range l.Series {
			l.Series[k].Values = append(l.Series[k].Values, known(float64(i)))
		}
	}
	run := &Run{Lanes: []Lane{l}}
	thin(run)
	if n := len(run.Lanes[0].Times); n != 36_000 {
		t.Errorf("an hour at 100 ms with five lines has %d points", n)
	}
}

// TestSmallLanesAreKeptWhole: only the largest are thinned, and all together stay below the bound.
func TestSmallLanesAreKeptWhole(t *testing.T) {
	run := &Run{}
	sizes := []int{1000, 300_000, 20_000, 200_000}
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range sizes {
		l := Lane{Series: make([]Series, 1)}
		for i := range n {
			l.Times = append(l.Times, float64(i))
			l.Series[0].Values = append(l.Series[0].Values, known(rng.Float64()))
		}
		run.Lanes = append(run.Lanes, l)
	}
	thin(run)
	total := 0
	for i := range run.Lanes {
		l := &run.Lanes[i]
		total += l.values()
		if whole := len(l.Times) == sizes[i]; whole != (sizes[i] <= 20_000) {
			t.Errorf("a lane of %d points has %d", sizes[i], len(l.Times))
		}
	}
	if total > mostValues || total < mostValues*7/10 {
		t.Errorf("%d values are left, at most %d are wanted, and not far less", total, mostValues)
	}
}
