package trend

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"pgchaos/compare"
	"pgchaos/internal/race"
)

// noise is the standard deviation of the logarithm of a metric from night to night at which "1.2
// times last night" raises 13.5 false alarms a year.
const noise = 0.072

const enough = Reference + RegressionNights // nights for a regression

// alarms are how often a year something was found where nothing had changed.
type alarms struct {
	regressions, suspicions float64
	nights                  float64 // with a regression
	naive                   float64 // 20 % more than the night before
}

// falseAlarms judges each night of years in which nothing changes. Correlated is how much a night resembles the one before.
func falseAlarms(deviation, correlated float64, years int) (a alarms) {
	r := rand.New(rand.NewPCG(1, 0))
	for range years {
		logs := make([]float64, enough+365)
		last := 0.0
		for i := range logs {
			last = correlated*last + math.Sqrt(1-correlated*correlated)*r.NormFloat64()
			logs[i] = last * deviation
		}
		was := Steady
		for i, state := range statesOf(logs) {
			if state == Regression {
				a.nights++
			}
			if state == Regression && was != Regression {
				a.regressions++
			}
			if state == Suspect && was != Suspect {
				a.suspicions++
			}
			if logs[i]-logs[i-1] >= math.Log(1.2) {
				a.naive++
			}
			was = state
		}
	}
	n := float64(years)
	return alarms{a.regressions / n, a.suspicions / n, a.nights / n, a.naive / n}
}

// found is the share of steps that are found within 7 nights, as a regression and as a suspicion or one.
func found(step, deviation float64, trials int) (regressions, suspicions float64) {
	r := rand.New(rand.NewPCG(2, 0))
	for range trials {
		logs := make([]float64, enough+7)
		for i := range logs {
			logs[i] = r.NormFloat64() * deviation
			if i >= enough {
				logs[i] += math.Log(step)
			}
		}
		regression, suspicion := false, false
		for _, state := range statesOf(logs) {
			regression = regression || state == Regression
			suspicion = suspicion || state == Suspect
		}
		if regression {
			regressions++
		}
		if regression || suspicion {
			suspicions++
		}
	}
	return regressions / float64(trials), suspicions / float64(trials)
}

// statesOf are the states of the nights from the first for which enough are there, by their index.
func statesOf(logs []float64) func(yield func(int, State) bool) {
	nights, values := make([]Night, len(logs)), make([]value, len(logs))
	for i, x := range logs {
		id := strconv.Itoa(i)
		nights[i] = Night{ID: id, At: nightAt(i), Runs: []compare.Run{{ID: id}}}
		values[i] = value{night: &nights[i], number: 0.01 * math.Exp(x)}
	}
	m, _ := compare.MetricOf("p99 of writes")
	return func(yield func(int, State) bool) {
		i := Reference + SuspectNights - 2
		for f := range findings(m, values) {
			if i++; i >= enough && !yield(i, f.State) {
				return
			}
		}
	}
}

func nightAt(i int) time.Time { return time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC).AddDate(0, 0, i) }

// TestErrorRates measures how often the rule is wrong. docs/ci.md has the figures of
// PGCHAOS_SIMULATED_YEARS=1000 go test -run TestErrorRates -v ./compare/trend
func TestErrorRates(t *testing.T) {
	years, more := race.Rounds(150, 5), false
	if n, err := strconv.Atoi(os.Getenv("PGCHAOS_SIMULATED_YEARS")); err == nil {
		years, more = n, true
	}
	a := falseAlarms(noise, 0, years)
	if a.naive < 12.5 || a.naive > 14.5 {
		t.Errorf("20 %% more than last night: %.1f false alarms a year, not about 13.5", a.naive)
	}
	if a.regressions > 0.25 || a.suspicions > 1.2 || a.nights > 0.6 {
		t.Errorf("false alarms: %+v", a)
	}
	regressions, suspicions := found(1.2, noise, 5*years)
	if regressions < 0.85 || suspicions < regressions {
		t.Errorf("+20 %%: %.0f %% found within 7 nights, %.0f %% suspected", 100*regressions, 100*suspicions)
	}
	if small, _ := found(1.02, noise, 2*years); small > 0.02 {
		t.Errorf("+2 %%: found in %.1f %%", 100*small)
	}
	if !more {
		return
	}
	for _, deviation := range []float64{0.03, 0.05, 0.06, noise, 0.08, 0.1, 0.15} {
		line := fmt.Sprintf("noise %4.1f %%:", 100*deviation)
		for _, correlated := range []float64{0, 0.3} {
			a := falseAlarms(deviation, correlated, years)
			line += fmt.Sprintf(" correlated %.1f: %.2f regressions, %.2f suspicions, %.1f nights, naive %.1f;", correlated, a.regressions, a.suspicions, a.nights, a.naive)
		}
		for _, step := range []float64{1.1, 1.2, 1.3} {
			regressions, suspicions := found(step, deviation, 2*years)
			line += fmt.Sprintf(" +%.0f %%: %.1f %% (suspected %.1f %%);", 100*(step-1), 100*regressions, 100*suspicions)
		}
		t.Log(line)
	}
}
