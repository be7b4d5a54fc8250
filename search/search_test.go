package search

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func format(v float64) string { return fmt.Sprintf("%g/s", v) }

// search tries values until the search is over, with a server that is a function.
func search(r Range, server func(value float64, step int) (Outcome, string)) (trials []Trial, c Conclusion) {
	for {
		v, more := r.Next(trials)
		if !more {
			return trials, r.Conclude(trials, format)
		}
		o, why := server(v, len(trials))
		trials = append(trials, Trial{v, o, why})
	}
}

func TestSearch(t *testing.T) {
	upTo := func(capacity float64, gives Outcome) func(float64, int) (Outcome, string) {
		return func(v float64, _ int) (Outcome, string) {
			if v <= capacity {
				return Held, ""
			}
			return gives, "too much"
		}
	}
	standard := Range{Start: 100, Least: 1, Most: 1e6, Precision: 0.05, MostSteps: 40}
	whole := Range{Start: 8, Least: 1, Most: 10_000, Precision: 0.05, MostSteps: 40, Whole: true}
	for _, tc := range []struct {
		name       string
		of         Range
		server     func(float64, int) (Outcome, string)
		least, top float64 // between which the highest value that held must lie; both 0: there is none
		found      bool
		gaveWay    Outcome
		why        string
		most       int // steps
	}{
		{"a capacity above the start", standard, upTo(387, Condition), 368, 387, true, Condition, "too much", 9},
		{"a capacity below the start", standard, upTo(17, Rate), 16.1, 17, true, Rate, "too much", 9},
		{"the start is the capacity", standard, upTo(100, Condition), 95, 100, true, Condition, "too much", 8},
		{"few clients: only whole numbers", whole, upTo(3, Condition), 3, 3, true, Condition, "too much", 6},
		{"one client alone holds", whole, upTo(1, Condition), 1, 1, true, Condition, "too much", 6},
		{"many clients", whole, upTo(777, Condition), 740, 777, true, Condition, "too much", 15},
		{"the least value does not hold", standard, upTo(0, Condition), 0, 0, false, Condition, "not even 1/s held: too much", 9},
		{"everything holds", standard, upTo(1e9, Condition), 1e6, 1e6, false, "", "nothing gave way up to 1e+06/s, and more is not tried", 15},
		{"pgchaos is the limit", standard, upTo(5000, Generator), 4760, 5000, false, Generator, "pgchaos was the limit, not the server: too much", 13},
		{"pgchaos is the limit only further up", standard, func(v float64, _ int) (Outcome, string) {
			switch {
			case v <= 500:
				return Held, ""
			case v < 700:
				return Condition, "too slow"
			}
			return Generator, "no CPU left"
		}, 476, 500, true, Condition, "too slow", 11},
		{"nothing is known of the higher values", standard, upTo(387, Unmeasured), 368, 387, false, Unmeasured, "is not known: too much", 9},
		{"what is not known holds nothing", standard, upTo(387, ""), 368, 387, false, "", "is not known", 9},
		{"one step far too low is disturbed", standard, func(v float64, step int) (Outcome, string) {
			if v <= 387 && step != 1 {
				return Held, ""
			}
			return Condition, "too much"
		}, 368, 387, true, Condition, "too much", 16},
		{"the first step is disturbed", standard, func(v float64, step int) (Outcome, string) {
			if v <= 387 && step != 0 {
				return Held, ""
			}
			return Condition, "too much"
		}, 368, 387, true, Condition, "too much", 16},
		{"too few steps", Range{Start: 100, Least: 1, Most: 1e6, Precision: 0.05, MostSteps: 4}, upTo(387, Condition), 200, 387, false, Condition, "4 steps were not enough", 4},
	} {
		trials, c := search(tc.of, tc.server)
		held := 0.0
		if c.Held != nil {
			held = *c.Held
		}
		if held < tc.least || held > tc.top {
			t.Errorf("%s: %g held, want %g to %g: %+v", tc.name, held, tc.least, tc.top, trials)
		}
		if c.Found != tc.found || c.GaveWay != tc.gaveWay || !strings.Contains(c.Why, tc.why) {
			t.Errorf("%s: %+v, want found %v, %q gave way: %s", tc.name, c, tc.found, tc.gaveWay, tc.why)
		}
		if len(trials) > tc.most {
			t.Errorf("%s: %d steps, want at most %d: %+v", tc.name, len(trials), tc.most, trials)
		}
	}
}

// TestSearchOfANoisyServer: where near its capacity a value holds only by chance, what is found is not far from it, and the
// search ends.
func TestSearchOfANoisyServer(t *testing.T) {
	for seed := range uint64(200) {
		chance := rand.New(rand.NewPCG(seed, 1))
		trials, c := search(Range{Start: 100, Least: 1, Most: 1e6, Precision: 0.05, MostSteps: 40}, func(v float64, _ int) (Outcome, string) {
			if v <= 1000*(0.9+0.2*chance.Float64()) {
				return Held, ""
			}
			return Condition, "too much"
		})
		if !c.Found || *c.Held < 850 || *c.Held > 1100 {
			t.Errorf("seed %d: %+v after %+v", seed, c, trials)
		}
	}
}

func TestSearchThatIsBrokenOff(t *testing.T) {
	c := Range{Start: 100, Least: 1, Most: 1e6, Precision: 0.05, MostSteps: 40}.Conclude([]Trial{{100, Held, ""}, {200, Condition, "too much"}}, format)
	if c.Found || *c.Held != 100 || *c.Broke != 200 || !strings.Contains(c.Why, "broken off") {
		t.Errorf("%+v", c)
	}
}

func TestRounding(t *testing.T) {
	for v, want := range map[float64]float64{1234: 1230, 387.4: 387, 12.345: 12.3, 0.12345: 0.123, 150: 150, 1e6: 1e6, 1: 1} {
		if got := (Range{}).round(v); got != want {
			t.Errorf("%v: %v, want %v", v, got, want)
		}
	}
}
