package compare

import (
	"encoding/json"
	"fmt"
	"math"
)

// Change says how a metric of a variant stands to the same metric of the baseline. The zero
// value is NotKnown: no difference found is not the same as no difference.
type Change uint8

// The changes.
const (
	NotKnown Change = iota
	Better          // the interval lies wholly beyond the tolerance, on the good side
	Worse           // the interval lies wholly beyond the tolerance, on the bad side
	Same            // the interval lies wholly within the tolerance
)

var changes = [...]string{NotKnown: "not known", Better: "better", Worse: "worse", Same: "same"}

func (c Change) String() string {
	if int(c) < len(changes) {
		return changes[c]
	}
	return fmt.Sprintf("change(%d)", uint8(c))
}

// MarshalText writes the change as its word.
func (c Change) MarshalText() ([]byte, error) {
	if int(c) >= len(changes) {
		return nil, fmt.Errorf("change %d: not one of %q", uint8(c), changes)
	}
	return []byte(changes[c]), nil
}

// UnmarshalText reads the word that MarshalText wrote.
func (c *Change) UnmarshalText(text []byte) error {
	for i, word := range changes {
		if word == string(text) {
			*c = Change(i)
			return nil
		}
	}
	return fmt.Errorf("change %q: not one of %q", text, changes)
}

// decide gives the verdict on a change whose interval is [low, high], where 0 is no change: a
// logarithm of a ratio, or a difference. NaN decides nothing.
func decide(low, high, tolerance float64, good Direction) Change {
	tolerance += 1e-9 // a change of exactly the tolerance is within, whichever way it is rounded
	switch {
	case good != Lower && good != Higher:
		return NotKnown
	case low > tolerance && good == Lower, high < -tolerance && good == Higher:
		return Worse
	case low > tolerance && good == Higher, high < -tolerance && good == Lower:
		return Better
	case low >= -tolerance && high <= tolerance:
		return Same
	}
	return NotKnown
}

// Interval is a confidence interval. An end that the runs do not bound is -Inf or +Inf. The zero
// value, of Confidence 0, is no interval.
type Interval struct {
	Low, High  float64
	Confidence float64 // what was asked for: 0.95. By ranks the true one is higher.
}

// Confidence is that of every interval here.
const Confidence = 0.95

func interval(low, high float64) Interval {
	return Interval{Low: low, High: high, Confidence: Confidence}
}

// Known tells whether there is an interval.
func (i Interval) Known() bool { return i.Confidence > 0 }

// jsonInterval leaves an end without a bound out, because JSON has no infinity.
type jsonInterval struct {
	Low        *float64 `json:"low,omitempty"`
	High       *float64 `json:"high,omitempty"`
	Confidence float64  `json:"confidence,omitempty"`
}

// MarshalJSON writes low, high and confidence. An end without a bound is left out.
func (i Interval) MarshalJSON() ([]byte, error) {
	to := jsonInterval{Confidence: i.Confidence}
	if i.Known() && !math.IsInf(i.Low, 0) {
		to.Low = &i.Low
	}
	if i.Known() && !math.IsInf(i.High, 0) {
		to.High = &i.High
	}
	return json.Marshal(to)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (i *Interval) UnmarshalJSON(data []byte) error {
	var from jsonInterval
	if err := json.Unmarshal(data, &from); err != nil {
		return fmt.Errorf("interval %s: %w", data, err)
	}
	*i = Interval{Confidence: from.Confidence}
	if !i.Known() {
		return nil
	}
	i.Low, i.High = math.Inf(-1), math.Inf(1)
	if from.Low != nil {
		i.Low = *from.Low
	}
	if from.High != nil {
		i.High = *from.High
	}
	return nil
}

// Estimate is how far a metric of a variant is from the baseline's.
type Estimate struct {
	// Known is not set where the runs allow no estimate; Why says why.
	Known bool   `json:"known,omitempty"`
	Why   string `json:"why,omitempty"`
	// Value is other/baseline where Scale is AsRatio, and other - baseline where it is AsDifference.
	Scale Scale   `json:"scale"`
	Value float64 `json:"value"`
	// AtLeast and AtMost say that times which had not ended when they were last seen leave Value
	// a bound.
	AtLeast  bool     `json:"at_least,omitempty"`
	AtMost   bool     `json:"at_most,omitempty"`
	Interval Interval `json:"interval,omitzero"`
	// Method says how it was estimated.
	Method Method `json:"method"`
	// Baseline and Other are the numbers of runs of each. Of pairs, both are the number of pairs.
	Baseline int `json:"baseline_runs"`
	Other    int `json:"other_runs"`
	// Noise is how far single runs differ where nothing differs but chance: their standard
	// deviation, as a share (0.05) where Scale is AsRatio, else in the metric's unit. 0: not known.
	Noise float64 `json:"noise,omitempty"`

	// low, center and high are the value and its interval where 0 is no change; deviation is the
	// standard deviation of the changes of single pairs, or of single runs. 0: not known.
	low, center, high, deviation float64
	// chance: the 98 % interval holds no change.
	chance bool
}

// change is the verdict on the estimate. Better and worse also need that the 98 % t interval lies
// beyond no change. Where runs differ little, that follows from the tolerance, and costs nothing. Where they differ
// by much more than the tolerance, the interval alone would be wrong in 5 of 100 comparisons of equal variants, and
// this keeps it to 2.
func (e Estimate) change(tolerance float64, good Direction) Change {
	c := decide(e.low, e.high, tolerance, good)
	if e.chance && c != Same {
		return NotKnown
	}
	return c
}

// Method is how an estimate was made. The zero value is none.
type Method uint8

// The methods.
const (
	MethodPairedT       Method = iota + 1 // mean over rounds with its t interval
	MethodPairedRanks                     // Hodges-Lehmann estimate over rounds, with the interval of the signed ranks
	MethodUnpairedRanks                   // Hodges-Lehmann estimate over all pairs of runs, with the interval of the rank sum
)

var methods = [...]string{"", MethodPairedT: "paired t", MethodPairedRanks: "paired ranks", MethodUnpairedRanks: "unpaired ranks"}

func (m Method) String() string {
	if int(m) < len(methods) {
		return methods[m]
	}
	return fmt.Sprintf("method(%d)", uint8(m))
}

// MarshalText writes the method as its name.
func (m Method) MarshalText() ([]byte, error) {
	if int(m) >= len(methods) {
		return nil, fmt.Errorf("method %d: not one of %q", uint8(m), methods)
	}
	return []byte(methods[m]), nil
}

// UnmarshalText reads the name that MarshalText wrote.
func (m *Method) UnmarshalText(text []byte) error {
	for i, name := range methods {
		if name == string(text) {
			*m = Method(i)
			return nil
		}
	}
	return fmt.Errorf("method %q: not one of %q", text, methods)
}

// unknown is an estimate that could not be made.
func unknown(scale Scale, method Method, baseline, other int, why string) Estimate {
	return Estimate{Scale: scale, Method: method, Baseline: baseline, Other: other, Why: why}
}

// estimated turns a change around 0 back to the scale of the estimate.
func estimated(scale Scale, method Method, low, center, high float64) Estimate {
	back := func(x float64) float64 { return x }
	if scale == AsRatio {
		back = math.Exp
	}
	e := Estimate{Known: true, Scale: scale, Method: method, Value: back(center), Interval: interval(back(low), back(high)), low: low, center: center, high: high}
	if scale == AsRatio && math.IsInf(low, -1) {
		e.Interval.Low = math.Inf(-1) // and not 0, which would be a bound
	}
	return e
}
