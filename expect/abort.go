package expect

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Abort is a condition that ends a run. It is looked at each Step while the load runs, and ends the run when the
// comparison holds for all that has ended in the last Over, taken together. An experiment writes it as a line of `abort_on`:
//
//	METRIC of WORKLOAD COMPARISON [for DURATION]
//
// or as an expectation with `abort: true`: then the condition is that the expectation is broken.
type Abort struct {
	Expectation
	Over time.Duration // whole Steps
	// Broken is set where Text is an expectation. Op is the opposite of what the text has.
	Broken bool
}

// Step is how often the condition is looked at.
func (a Abort) Step() time.Duration {
	m, _ := LookupMetric(a.Metric)
	return m.Step()
}

// The bounds of an Abort's duration, and what it is where none is written.
const (
	LeastAbort    = time.Second
	MostAbort     = 10 * time.Minute
	standardAbort = 10 * time.Second
)

const (
	abortForm    = "write METRIC of WORKLOAD COMPARISON [for DURATION], such as error_rate of writes > 50% for 10s"
	whileRunning = "error_rate, achieved_rate, throughput, median, max or a percentile such as p99"
)

// ParseAbort reads one condition of abort_on. Its error is an *Error. Whether the workload exists, it cannot know.
func ParseAbort(text string) (Abort, error) {
	a := Abort{Over: standardAbort}
	condition := text
	if before, after, ok := strings.Cut(text, " for "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(after))
		if err != nil || d < LeastAbort || d > MostAbort || d%time.Second != 0 {
			at := len(text) - len(strings.TrimLeft(after, " \t\n"))
			return Abort{}, &Error{fmt.Sprintf("%q is no duration for a condition", strings.TrimSpace(after)), "write whole seconds from 1s to 10m, such as 10s", at}
		}
		condition, a.Over = before, d
	}
	e, bad := parse(condition)
	if bad != nil {
		if bad.Right == expectationForm {
			bad.Right = abortForm
		}
		return Abort{}, bad
	}
	e.Text = strings.TrimSpace(text)
	a.Expectation = e
	switch {
	case e.Phase != "":
		return Abort{}, &Error{"a condition is looked at in every phase, and one is named", "leave out during " + e.Phase, Position(text, "during")}
	case !e.whileRunning():
		return Abort{}, &Error{e.Metric + " is not known while the run goes on", "use " + whileRunning, Position(text, "")}
	case e.Any != 0:
		return Abort{}, &Error{"a condition is about the last seconds, and not about any window", "write for " + e.Any.String() + " at the end, in place of in any", Position(text, "any")}
	}
	return a, nil
}

// AbortWhenBroken is the condition that an expectation is broken. It is an error, an *Error, where that is not known while the
// run goes on: for that the expectation must be about windows, which once over do not change.
func AbortWhenBroken(text string) (Abort, error) {
	e, err := Parse(text)
	if err != nil {
		return Abort{}, err
	}
	counts := slices.Contains([]string{"samples", "errors", "dropped"}, e.Metric)
	switch {
	case !counts && !e.whileRunning():
		return Abort{}, &Error{e.Metric + " cannot end the run: it is not known while the run goes on",
			"use samples, errors, dropped, " + whileRunning + ", in any DURATION; or leave out abort", Position(text, "")}
	case e.Phase != "":
		return Abort{}, &Error{"an expectation with abort is looked at in every phase, and one is named",
			"leave out during " + e.Phase + ", or leave out abort", Position(text, "during")}
	case e.Any == 0:
		return Abort{}, &Error{"an expectation about the whole run cannot end it: it is known at the end",
			"write " + e.Metric + " of " + e.Workload + " in any 10s, and the comparison; or leave out abort", Position(text, "")}
	case e.Any > MostAbort:
		return Abort{}, &Error{"with abort, a window of " + e.Any.String() + " is too long", "write one of at most 10m; or leave out abort", Position(text, "any")}
	}
	a := Abort{Expectation: e, Over: e.Any, Broken: true}
	a.Op = map[string]string{"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}[e.Op]
	return a, nil
}

// whileRunning tells whether the metric is a figure of a few seconds: no count, which would depend on how many they are.
func (e Expectation) whileRunning() bool {
	switch e.Metric {
	case "error_rate", "achieved_rate", "throughput", "max":
		return true
	}
	_, ok := e.Percentile()
	return ok && !e.Service()
}

// Holds tells whether a value is certain to be as the expectation demands. An unknown one is not.
func (e Expectation) Holds(v Value) bool {
	holds, certain := e.holds(v)
	return v.Known && holds && certain
}
