package expect

import (
	"fmt"
	"strings"
	"time"
)

// Abort is one line of an experiment's `abort_on`:
//
//	METRIC of WORKLOAD COMPARISON [for DURATION]
//
// It is looked at each second while the load runs, and ends the run when the comparison holds for all that has ended in
// the last DURATION, taken together.
type Abort struct {
	Expectation
	Over time.Duration // whole seconds
}

// The bounds of an Abort's duration, and what it is where none is written.
const (
	LeastAbort    = time.Second
	MostAbort     = 10 * time.Minute
	standardAbort = 10 * time.Second
)

const abortForm = "write METRIC of WORKLOAD COMPARISON [for DURATION], such as error_rate of writes > 50% for 10s"

// ParseAbort reads one condition. Its error is an *Error. Whether the workload exists, it cannot know.
func ParseAbort(text string) (Abort, error) {
	text = strings.TrimSpace(text)
	a := Abort{Over: standardAbort}
	condition := text
	if before, after, ok := strings.Cut(text, " for "); ok {
		d, err := time.ParseDuration(strings.TrimSpace(after))
		if err != nil || d < LeastAbort || d > MostAbort || d%time.Second != 0 {
			return Abort{}, &Error{fmt.Sprintf("%q is no duration for a condition", strings.TrimSpace(after)), "write whole seconds from 1s to 10m, such as 10s"}
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
	e.Text = text
	a.Expectation = e
	if e.Phase != "" {
		return Abort{}, &Error{"a condition is looked at in every phase, and one is named", "leave out during " + e.Phase}
	}
	if !e.whileRunning() {
		return Abort{}, &Error{e.Metric + " is not known while the run goes on", "use error_rate, achieved_rate, throughput, median, max or a percentile such as p99"}
	}
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
