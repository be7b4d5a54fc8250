// Package search finds the highest value of the load that a server holds: which value is tried next,
// whether a step has held, and what gave way. It starts nothing.
package search

import (
	"fmt"
	"math"
)

// Outcome is how a step ended. The zero value means that it is not known.
type Outcome string

// The outcomes of a step.
const (
	Held       Outcome = "held"
	Condition  Outcome = "condition"  // a condition did not hold, or acknowledged writes were lost
	Rate       Outcome = "rate"       // the arrivals of the rate were not all served
	Generator  Outcome = "generator"  // pgchaos did not send what was asked
	Unmeasured Outcome = "unmeasured" // what happened is not known
)

// Range is what is searched.
type Range struct {
	Start     float64 // the first value that is tried
	Least     float64
	Most      float64
	Whole     bool    // only whole numbers
	Precision float64 // how far the lowest value that did not hold may lie above the highest that did, as a share of 1
	MostSteps int
}

// Trial is a value that was tried.
type Trial struct {
	Value   float64 `json:"value"`
	Outcome Outcome `json:"outcome"`
	Why     string  `json:"why,omitempty"` // it did not hold
}

// Bounds are the highest value that held and the lowest above it that did not; nil: there is none. Of a value that was
// tried twice the later trial counts.
func Bounds(trials []Trial) (held, broke *Trial) {
	latest := map[float64]*Trial{}
	for i := range trials {
		latest[trials[i].Value] = &trials[i]
	}
	for _, t := range latest {
		if t.Outcome == Held && (held == nil || t.Value > held.Value) {
			held = t
		}
	}
	for _, t := range latest {
		if t.Outcome != Held && (held == nil || t.Value > held.Value) && (broke == nil || t.Value < broke.Value) {
			broke = t
		}
	}
	return held, broke
}

// Next is the value to be tried after some trials; more is false where the search is over. It doubles until a value does not
// hold, or halves until one does, and then bisects. The lowest value that did not hold is tried once
// more at the end: one step that was disturbed must not decide.
func (r Range) Next(trials []Trial) (value float64, more bool) {
	if len(trials) == 0 {
		return r.Start, true
	}
	if len(trials) >= r.MostSteps {
		return 0, false
	}
	held, broke := Bounds(trials)
	switch {
	case broke == nil:
		return min(r.round(held.Value*2), r.Most), held.Value < r.Most
	case held == nil && broke.Value > r.Least:
		return max(r.round(broke.Value/2), r.Least), true
	case held != nil && !r.close(held.Value, broke.Value):
		return r.between(held.Value, broke.Value), true
	}
	return broke.Value, tried(trials, broke.Value) < 2
}

func tried(trials []Trial, value float64) (n int) {
	for _, t := range trials {
		if t.Value == value {
			n++
		}
	}
	return n
}

// close tells whether nothing between two values is worth a trial.
func (r Range) close(held, broke float64) bool {
	middle := r.between(held, broke)
	return broke-held <= r.Precision*held || middle <= held || middle >= broke
}

func (r Range) between(held, broke float64) float64 { return r.round((held + broke) / 2) }

// round keeps three digits, or whole numbers.
func (r Range) round(v float64) float64 {
	if r.Whole {
		return math.Round(v)
	}
	unit := math.Pow(10, math.Floor(math.Log10(v))-2)
	if unit < 1 { // 1/unit is exact, and unit is not
		return math.Round(v*math.Round(1/unit)) / math.Round(1/unit)
	}
	return math.Round(v/unit) * unit
}

// Conclusion is what came out of a search.
type Conclusion struct {
	Found bool `json:"found"`
	// Held is the highest value that held, and Broke the lowest above it that did not; nil: there is none.
	Held  *float64 `json:"held,omitempty"`
	Broke *float64 `json:"broke,omitempty"`
	// GaveWay is what kept Broke from holding.
	GaveWay Outcome `json:"gave_way,omitempty"`
	Why     string  `json:"why"` // of GaveWay, or why nothing was found
}

// Conclude says what came out. Format writes a value.
func (r Range) Conclude(trials []Trial, format func(float64) string) (c Conclusion) {
	held, broke := Bounds(trials)
	if held != nil {
		c.Held = &held.Value
	}
	if broke != nil {
		c.Broke, c.GaveWay, c.Why = &broke.Value, broke.Outcome, broke.Why
	}
	_, more := r.Next(trials)
	switch {
	case len(trials) == 0:
		c.Why = "nothing was tried"
	case broke == nil && held.Value >= r.Most:
		c.Why = "nothing gave way up to " + format(r.Most) + ", and more is not tried"
	case broke == nil || more && len(trials) < r.MostSteps:
		c.Why = "the search was broken off"
	case broke.Outcome == Generator:
		c.Why = "pgchaos was the limit, not the server: " + broke.Why
	case broke.Outcome != Condition && broke.Outcome != Rate:
		c.Why = "what happened at " + format(broke.Value) + " is not known: " + broke.Why
	case held == nil:
		c.Why = "not even " + format(broke.Value) + " held: " + broke.Why
	case !r.close(held.Value, broke.Value) || tried(trials, broke.Value) < 2:
		c.Why = fmt.Sprintf("%d steps were not enough; the search lies between %s and %s", len(trials), format(held.Value), format(broke.Value))
	default:
		c.Found = true
	}
	return c
}
