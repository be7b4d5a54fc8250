package load

import (
	"math"
	"slices"
	"testing"
	"time"
)

func steps(value ...float64) (stages []Stage) {
	for _, v := range value {
		stages = append(stages, Stage{For: 10 * time.Second, From: v, To: v})
	}
	return stages
}

func TestAt(t *testing.T) {
	const s = time.Second
	never := time.Duration(-1)
	for _, c := range []struct {
		why    string
		i      int64
		stages []Stage
		want   time.Duration
	}{
		{"the first arrival is due at once", 0, []Stage{Steady(500)}, 0},
		{"evenly spaced", 1, []Stage{Steady(500)}, 2 * time.Millisecond},
		{"a rate below one a second", 3, []Stage{Steady(0.5)}, 6 * s},
		{"a period that no float holds does not drift", 3_000_000, []Stage{Steady(3)}, 1_000_000 * s},
		{"nor after a day at a high rate", 86_400 * 100_000, []Stage{Steady(100_000)}, 24 * time.Hour},
		{"more than one arrival in a nanosecond", 10, []Stage{Steady(1e10)}, time.Nanosecond},
		{"no rate, no arrival", 0, []Stage{Steady(0)}, never},
		{"no stage, no arrival", 0, nil, never},
		{"the last of a stage", 99, steps(10, 20), 9900 * time.Millisecond},
		{"the first of the second stage", 100, steps(10, 20), 10 * s},
		{"the second of the second stage", 101, steps(10, 20), 10050 * time.Millisecond},
		{"the last of all", 299, steps(10, 20), 19950 * time.Millisecond},
		{"what would be due at the end is not", 300, steps(10, 20), never},
		{"a stage without arrivals", 100, steps(10, 0, 20), 20 * s},
		{"the last stage has no end", 1100, append(steps(10), Steady(100)), 20 * s},
		{"a ramp from nothing begins at once", 0, Linear(0, steps(10)...), 0},
		{"half of a ramp's time is a quarter of its arrivals", 25, Linear(0, Stage{For: 10 * s, To: 20}), 5 * s},
		{"a ramp downwards", 75, Linear(20, Stage{For: 10 * s, To: 0}), 5 * s},
		{"a ramp between two rates", 125, Linear(10, Stage{For: 10 * s, To: 20}), time.Duration(math.Round((math.Sqrt(350) - 10) * 1e9))},
		{"the end of a ramp", 100, Linear(20, Stage{For: 10 * s, To: 0}), never},
		{"a ramp from one rate to the same", 50, Linear(10, steps(10)...), 5 * s},
		{"after the ramp", 150, Linear(10, append(steps(20), Steady(20))...), 10 * s},
	} {
		got, ok := Constant(c.stages...).At(c.i)
		if ok != (c.want != never) || ok && got != c.want {
			t.Errorf("%s: At(%d) = %v, %v, want %v", c.why, c.i, got, ok, c.want)
		}
	}
}

func TestBy(t *testing.T) {
	for _, c := range []struct {
		why    string
		offset time.Duration
		stages []Stage
		want   int64
	}{
		{"none before the start", -1, []Stage{Steady(500)}, 0},
		{"the first is due at the start", 0, []Stage{Steady(500)}, 1},
		{"just before the second", 2*time.Millisecond - 1, []Stage{Steady(500)}, 1},
		{"due exactly then counts", 2 * time.Millisecond, []Stage{Steady(500)}, 2},
		{"one second holds both its ends", time.Second, []Stage{Steady(500)}, 501},
		{"a rate below one a second", 5 * time.Second, []Stage{Steady(0.5)}, 3},
		{"in the second of two stages", 15 * time.Second, steps(10, 20), 201},
		{"the stages are over", time.Hour, steps(10, 20), 300},
		{"half of a ramp", 5 * time.Second, Linear(0, Stage{For: 10 * time.Second, To: 20}), 26},
		{"nothing at all", time.Hour, nil, 0},
	} {
		if got := Constant(c.stages...).By(c.offset); got != c.want {
			t.Errorf("%s: By(%v) = %d, want %d", c.why, c.offset, got, c.want)
		}
	}
}

// TestByInvertsAt matters because the end drops exactly the arrivals that By counts and
// no client took: one off, and an arrival has no record, or two.
func TestByInvertsAt(t *testing.T) {
	schedules := map[string]*Schedule{
		"ramps":         Constant(Linear(7, Stage{For: 500 * time.Second, To: 333}, Stage{For: 1e6 * time.Second, To: 1})...),
		"steps":         Constant(append(steps(33.3, 0, 99_991), Steady(3))...),
		"poisson":       Poisson(1, Steady(333.3)),
		"poisson ramps": Poisson(2, Linear(7, Stage{For: 500 * time.Second, To: 333}, Stage{For: 1e6 * time.Second, To: 1})...),
	}
	for name, rate := range map[string]float64{"0.1/s": 0.1, "1/s": 1, "3/s": 3, "7/s": 7, "333.3/s": 333.3, "44100/s": 44_100, "99991/s": 99_991} {
		schedules[name] = Constant(Steady(rate))
	}
	for name, s := range schedules {
		for _, i := range []int64{0, 1, 2, 3, 10, 999, 4095, 4096, 12_345, 300_003} {
			due, ok := s.At(i)
			if !ok {
				t.Fatalf("%s: arrival %d does not come", name, i)
			}
			if got := s.By(due); got != i+1 {
				t.Errorf("%s: %d arrivals by the moment %d is due", name, got, i)
			}
			if got := s.By(due - 1); i > 0 && got != i {
				t.Errorf("%s: %d arrivals just before %d is due", name, got, i)
			}
		}
	}
}

// TestScheduleEnds: arrivals are due before the end, and as many as the rates add up to.
func TestScheduleEnds(t *testing.T) {
	for _, c := range []struct {
		why    string
		stages []Stage
		end    time.Duration
	}{
		{"steps", steps(10, 20), 20 * time.Second},
		{"a ramp", Linear(0, Stage{For: 3 * time.Second, To: 33}), 3 * time.Second},
		{"no end", append(steps(1), Steady(1)), running},
		{"no arrivals", steps(0), 10 * time.Second},
	} {
		s := Constant(c.stages...)
		if s.end() != c.end {
			t.Errorf("%s: ends at %v", c.why, s.end())
		}
	}
}

func TestPoisson(t *testing.T) {
	s := Poisson(7, Steady(100))
	const n = 200_000
	all := make([]time.Duration, n)
	var squares float64
	for i := range all {
		all[i], _ = s.At(int64(i))
		before := time.Duration(0)
		if i > 0 {
			before = all[i-1]
		}
		x := (all[i] - before).Seconds() * 100 // 1 on average
		squares += (x - 1) * (x - 1)
	}
	if !slices.IsSorted(all) {
		t.Error("arrivals go back in time")
	}
	// Both figures are 1, with a standard error of 0.0022 and 0.0063.
	if mean := all[n-1].Seconds() * 100 / n; math.Abs(mean-1) > 0.01 {
		t.Errorf("%.4f times the rate asked for", mean)
	}
	if v := squares / n; math.Abs(v-1) > 0.04 {
		t.Errorf("the variance of the intervals is %.3f of the mean's square: not exponential", v)
	}
	again, other := Poisson(7, Steady(100)), Poisson(8, Steady(100))
	for _, i := range []int64{n - 1, 3, 50_000, 4096, 4095, 0} { // asked in any order
		if due, _ := again.At(i); due != all[i] {
			t.Errorf("arrival %d is due at %v, and at %v when asked before others", i, all[i], due)
		}
		if due, _ := other.At(i); due == all[i] {
			t.Errorf("arrival %d is at the same moment with another seed", i)
		}
		if due, _ := s.group(1).At(i); due == all[i] {
			t.Errorf("arrival %d is at the same moment in another group", i)
		}
	}
	if s.group(0) != s {
		t.Error("the first group has another schedule")
	}
}

// TestPoissonAsksForNoMemory: of all that was drawn next to nothing is kept.
func TestPoissonAsksForNoMemory(t *testing.T) {
	s := Poisson(7, Steady(1e6))
	if got := s.By(10 * time.Second); math.Abs(float64(got)-1e7) > 20_000 {
		t.Errorf("%d arrivals in 10 s at 1,000,000/s", got)
	}
	if n := len(s.chance.begins); n > 2450 {
		t.Errorf("%d sums are kept", n)
	}
	if n := testing.AllocsPerRun(1000, func() { s.At(9_999_000) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestNextActive(t *testing.T) {
	const s = time.Second
	never := time.Duration(-1)
	ramp := Linear(0, Stage{For: 10 * s, To: 10}, Stage{For: 10 * s, To: 0})
	for _, c := range []struct {
		why    string
		stages []Stage
		place  int
		from   time.Duration
		want   time.Duration
	}{
		{"at once", steps(3), 2, 0, 0},
		{"one too many", steps(3), 3, 0, never},
		{"in the next stage", steps(1, 3), 2, 4 * s, 10 * s},
		{"no longer", steps(3, 1), 2, 10 * s, never},
		{"again", steps(3, 1, 3), 2, 12 * s, 20 * s},
		{"all is over", steps(3), 0, 10 * s, never},
		{"the last stage has no end", []Stage{Steady(2)}, 1, 999 * s, 999 * s},
		{"the first, as soon as the ramp begins", ramp, 0, 0, 1},
		{"the fifth, above 4", ramp, 4, 0, 4*s + 1},
		{"on the way up", ramp, 4, 7 * s, 7 * s},
		{"on the way down", ramp, 4, 15 * s, 15 * s},
		{"not at 4", ramp, 4, 16 * s, never},
		{"the last is there at no time", ramp, 10, 0, never},
	} {
		got, ok := nextActive(c.stages, c.place, c.from)
		if ok != (c.want != never) || ok && got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.why, got, ok, c.want)
		}
	}
}
