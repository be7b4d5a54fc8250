// Package expect is the language of expectations: what an experiment can demand of a run, how that is
// written, and how it is compared with what was observed.
package expect

import (
	"math"
	"time"

	"pgchaos/verdict"
)

// Expectation is one line of an experiment's `expect`:
//
//	METRIC [of WORKLOAD] [on NODE] [during PHASE] [in any DURATION] COMPARISON
//
// where COMPARISON is an operator and a value with its unit. A truth, such as
// nodes_equal, may stand alone, with `not` before it, or be compared with true or
// false. Parse makes it; the zero value is judged inconclusive.
type Expectation struct {
	Text     string     // as written
	Metric   string     // the name, such as "error_rate" or "service_p99.9"
	Kind     MetricKind // what the metric's values are
	Workload string     // "" where none was named
	Node     string     // "" where none was named
	Phase    string     // the phase; for the metrics that are OfFaults the step that broke something; "" is the whole run
	// Any is the length of a window: the expectation is about the worst window of that length. 0: about the time as a whole.
	Any   time.Duration
	Op    string  // ==, !=, <, <=, > or >=; truths only have ==
	Value float64 // in seconds, as a share of 1, a count, per second, in bytes, or in cores
	Unit  string  // of Value as written: "ms", "%", "/s"; "" for counts and truths
	Bool  bool    // the truth that is demanded
}

// Value is what was observed of a metric. The zero value is an unknown one.
type Value struct {
	Known   bool
	Number  float64 // in seconds, as a share of 1, a count, per second, in bytes, or in cores
	Bool    bool    // of a truth
	Text    string  // as shown: "42 ms"; MetricKind.Format makes it
	Why     string  // why it is unknown, or only a lower bound
	AtLeast bool    // the true number may be greater; of a truth: true is not proven, false is
	Most    float64 // what an AtLeast number can be at most; 0: nobody knows
	Node    string  // the node that held the role which a Comparison names; "" where it names none
}

// Source knows what was observed. It must return an unknown Value, with the
// reason, wherever there was nothing to observe.
type Source interface{ Metric(e Expectation) Value }

// Judgement is one expectation and its verdict.
type Judgement struct {
	Text     string          `json:"text"` // as written in the experiment
	Verdict  verdict.Verdict `json:"verdict"`
	Observed string          `json:"observed,omitempty"` // the value, with its unit; "" without one
	Why      string          `json:"why,omitempty"`      // why it is inconclusive
}

// Judge holds an expectation against what was observed. What is unknown is
// Inconclusive; where only a lower bound is known, the verdict is what every
// greater number would have in common, and otherwise Inconclusive.
func Judge(e Expectation, s Source) Judgement {
	j := Judgement{Text: e.Text}
	v := s.Metric(e)
	if !v.Known || math.IsNaN(v.Number) {
		j.Why = orElse(v.Why, "there is no value for "+e.Metric)
		return j
	}
	j.Observed = e.observed(v)
	holds, certain := e.holds(v)
	switch {
	case !certain:
		j.Why = orElse(v.Why, "only a lower bound is known")
	case holds:
		j.Verdict = verdict.Pass
	default:
		j.Verdict = verdict.Fail
	}
	return j
}

// observed says what is known of a value. That one is at least 0 would say nothing.
func (e Expectation) observed(v Value) string {
	if e.Kind != MetricTruth && v.Text == e.Kind.Format(v.Number) {
		v.Text = e.Kind.FormatBeside(v.Number, e.Value)
	}
	switch {
	case !v.AtLeast || e.Kind == MetricTruth:
		return v.Text
	case v.Most > 0:
		return "between " + v.Text + " and " + e.Kind.FormatBeside(v.Most, e.Value)
	case v.Number == 0:
		return v.Text + " as far as was measured"
	}
	return "at least " + v.Text
}

// holds tells whether the comparison holds, and whether that is certain.
func (e Expectation) holds(v Value) (holds, certain bool) {
	if e.Kind == MetricTruth {
		return v.Bool == e.Bool, !v.AtLeast || !v.Bool
	}
	exact := !v.AtLeast
	if v.AtLeast && v.Most > 0 {
		switch e.Op {
		case "==", "!=":
			exact = e.Value > v.Most
		default: // what the least and the most have in common, all between have too
			least, _ := e.holds(Value{Number: v.Number})
			most, _ := e.holds(Value{Number: v.Most})
			return least, least == most
		}
	}
	switch e.Op {
	case "==":
		return v.Number == e.Value, exact || v.Number > e.Value
	case "!=":
		return v.Number != e.Value, exact || v.Number > e.Value
	case "<":
		return v.Number < e.Value, exact || v.Number >= e.Value
	case "<=":
		return v.Number <= e.Value, exact || v.Number > e.Value
	case ">":
		return v.Number > e.Value, exact || v.Number > e.Value
	case ">=":
		return v.Number >= e.Value, exact || v.Number >= e.Value
	}
	return false, false
}

// Worse tells whether one number is further from what is expected than another. Where nothing is compared, as in ParseMetric,
// it is by which numbers of the metric are better.
func (e Expectation) Worse(a, b float64) bool {
	switch e.Op {
	case "<", "<=":
		return a > b
	case ">", ">=":
		return a < b
	case "==":
		return math.Abs(a-e.Value) > math.Abs(b-e.Value)
	case "!=":
		return math.Abs(a-e.Value) < math.Abs(b-e.Value)
	}
	if m, _ := LookupMetric(e.Metric); m.Better == Higher {
		return a < b
	}
	return a > b
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
