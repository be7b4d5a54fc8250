// Package expect is the language of expectations: what an experiment can demand of a run, how that is
// written, and how it is compared with what was observed.
package expect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"pgchaos/verdict"
)

// Expectation is one line of an experiment's `expect`:
//
//	METRIC [of WORKLOAD] [during PHASE] COMPARISON
//
// where COMPARISON is an operator and a value with its unit. A truth, such as
// nodes_equal, may stand alone, with `not` before it, or be compared with true or
// false. Parse makes it; the zero value is judged inconclusive.
type Expectation struct {
	Text     string     // as written
	Metric   string     // the name, such as "error_rate" or "service_p99.9"
	Kind     MetricKind // what the metric's values are
	Workload string     // "" where none was named
	Phase    string     // the phase; for the metrics that are OfFaults the step that broke something; "" is the whole run
	Op       string     // ==, !=, <, <=, > or >=; truths only have ==
	Value    float64    // in seconds, as a share of 1, a count, or per second
	Unit     string     // of Value as written: "ms", "%", "/s"; "" for counts and truths
	Bool     bool       // the truth that is demanded
}

// Error says what is wrong with an expectation, and what would be right.
type Error struct{ What, Right string }

func (e *Error) Error() string { return e.What + "; " + e.Right }

// Parse reads one expectation. Its error is an *Error.
// Whether the workload and the phase exist, it cannot know.
func Parse(text string) (Expectation, error) {
	e, bad := parse(text)
	if bad != nil {
		return Expectation{}, bad
	}
	return e, nil
}

// ParseMetric reads what stands before the comparison of an expectation: METRIC [of WORKLOAD]
// [during PHASE]. Its error is an *Error.
func ParseMetric(text string) (Expectation, error) {
	e := Expectation{Text: strings.TrimSpace(text)}
	words := strings.Fields(e.Text)
	if len(words) == 0 {
		return Expectation{}, &Error{"no metric is named", "write METRIC [of WORKLOAD] [during PHASE], such as p99 of writes"}
	}
	metric, ok := LookupMetric(words[0])
	if !ok {
		return Expectation{}, unknownMetric(words[0])
	}
	e.Metric, e.Kind = metric.Name, metric.Kind
	if bad := e.parseScope(metric, words[1:]); bad != nil {
		return Expectation{}, bad
	}
	return e, nil
}

const expectationForm = "write METRIC [of WORKLOAD] [during PHASE] COMPARISON, such as p99 of writes < 100ms"

func parse(text string) (Expectation, *Error) {
	e := Expectation{Text: strings.TrimSpace(text)}
	left, op, right := splitComparison(e.Text)
	words := strings.Fields(left)
	negated := len(words) > 0 && words[0] == "not"
	if negated {
		words = words[1:]
	}
	if len(words) == 0 {
		return e, &Error{"the expectation names no metric", expectationForm}
	}
	metric, ok := LookupMetric(words[0])
	if !ok {
		return e, unknownMetric(words[0])
	}
	e.Metric, e.Kind, e.Op = metric.Name, metric.Kind, op
	if bad := e.parseScope(metric, words[1:]); bad != nil {
		return e, bad
	}
	if e.Kind == MetricTruth {
		return e, e.parseTruth(negated, right)
	}
	if negated {
		return e, &Error{"not stands before " + e.Metric + ", which is " + e.Kind.noun(),
			"write " + e.Metric + " with the opposite comparison"}
	}
	return e, e.parseComparison(right)
}

// splitComparison cuts the text at its operator; op is "" when there is none.
func splitComparison(text string) (left, op, right string) {
	const operator = "=!<>"
	at := strings.IndexAny(text, operator)
	if at < 0 {
		return text, "", ""
	}
	rest := strings.TrimLeft(text[at:], operator)
	return text[:at], text[at : len(text)-len(rest)], strings.TrimSpace(rest)
}

// parseScope reads `of WORKLOAD` and `during PHASE`, in either order.
func (e *Expectation) parseScope(m Metric, words []string) *Error {
	for len(words) > 0 {
		word := words[0]
		var into *string
		var need Need
		switch word {
		case "of":
			into, need = &e.Workload, m.Of
		case "during":
			into, need = &e.Phase, m.During
		default:
			return &Error{fmt.Sprintf("%q after %s is not understood", word, m.Name), "write " + m.form()}
		}
		switch {
		case need == Never:
			return &Error{fmt.Sprintf("%s takes no %q: it is %s", m.Name, word, m.About), "write " + m.form()}
		case *into != "":
			return &Error{fmt.Sprintf("%q stands twice", word), "write " + m.form()}
		case len(words) == 1:
			return &Error{fmt.Sprintf("nothing follows %q", word), "write " + m.form()}
		}
		*into = words[1]
		words = words[2:]
	}
	if m.Of == Must && e.Workload == "" {
		return &Error{m.Name + " is a workload's, and none is named", "write " + m.form()}
	}
	return nil
}

// parseTruth reads what a truth is compared with: nothing, true or false.
func (e *Expectation) parseTruth(negated bool, right string) *Error {
	hint := "write " + e.Metric + ", not " + e.Metric + " or " + e.Metric + " == false"
	demanded := true
	switch {
	case e.Op == "" && right == "":
	case e.Op != "==" && e.Op != "!=":
		return &Error{fmt.Sprintf("%s is true or false and cannot be compared by %q", e.Metric, e.Op), hint}
	case right == "true" || right == "false":
		demanded = (right == "true") == (e.Op == "==")
	default:
		return &Error{fmt.Sprintf("%s is true or false, not %q", e.Metric, right), hint}
	}
	e.Op, e.Bool = "==", demanded != negated
	return nil
}

func (e *Expectation) parseComparison(right string) *Error {
	m := Metric{Name: e.Metric, Kind: e.Kind}
	switch e.Op {
	case "==", "!=", "<", "<=", ">", ">=":
	case "":
		return &Error{e.Metric + " is compared with nothing", "write " + m.form()}
	case "=":
		return &Error{`"=" is not a comparison`, "write =="}
	default:
		return &Error{fmt.Sprintf("%q is not a comparison", e.Op), "write one of ==, !=, <, <=, >, >="}
	}
	if right == "" {
		return &Error{"nothing follows " + e.Op, "write " + m.form()}
	}
	value, unit, ok := e.Kind.parse(right)
	if !ok {
		return &Error{fmt.Sprintf("%s is %s, and %q is none", e.Metric, e.Kind.noun(), right),
			"write " + e.Kind.hint(right)}
	}
	e.Value, e.Unit = value, unit
	return nil
}

// Value is what was observed of a metric. The zero value is an unknown one.
type Value struct {
	Known   bool
	Number  float64 // in seconds, as a share of 1, a count, or per second
	Bool    bool    // of a truth
	Text    string  // as shown: "42 ms"; MetricKind.Format makes it
	Why     string  // why it is unknown, or only a lower bound
	AtLeast bool    // the true number may be greater; of a truth: true is not proven, false is
	Most    float64 // what an AtLeast number can be at most; 0: nobody knows
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

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// parse reads a value of the kind, as it stands in an expectation.
func (k MetricKind) parse(text string) (value float64, unit string, ok bool) {
	if k == MetricDuration {
		d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
		if err != nil || d < 0 || text == "0" {
			return 0, "", false
		}
		return d.Seconds(), strings.TrimLeft(text, "0123456789. "), true
	}
	number := text[:len(text)-len(strings.TrimLeft(text, "0123456789."))]
	unit = strings.TrimSpace(text[len(number):])
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsInf(value, 0) {
		return 0, "", false
	}
	switch {
	case k == MetricCount && unit == "" && value == math.Trunc(value) && value < 1<<53:
		return value, "", true
	case k == MetricShare && unit == "%" && value <= 100:
		return value / 100, "%", true
	case k == MetricRate:
		per, known := map[string]float64{"/s": 1, "/m": 1.0 / 60, "/ms": 1000}[strings.ReplaceAll(unit, " ", "")]
		return value * per, unit, known
	}
	return 0, "", false
}
