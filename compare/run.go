// Package compare is the statistics over several runs: which variant is better, worse or the same,
// and how sure that is. It reads results, and starts nothing.
package compare

import (
	"time"

	"pgchaos/verdict"
)

// Run is what a comparison knows of one run. The run is the unit of all statistics here: the
// operations within one are not independent of each other.
type Run struct {
	ID         string
	Experiment string
	// Series is the id of the series that the run is of, and Variant its variant of that; "" where
	// it was a single run. Cell is its combination of the matrix's values, within which variants
	// are compared; Round counts from 1. A run of a Warmup round is in no figure.
	Series, Variant, Cell string
	Round                 int
	Warmup                bool
	Started               time.Time
	Verdict               verdict.Verdict
	// Workloads are the names of its workloads; Writers those whose writes are in the ledger.
	Workloads, Writers []string
	Figures            []Figure
	// Kills are by time. OtherLosses are what was lost by no kill.
	Kills, OtherLosses []Kill
	// NotComparable says why the run must be in no figure, a sentence each; none: it is comparable.
	NotComparable []string
	// Warnings are what the load generator says of itself. The run is in the figures all the same.
	Warnings    []string
	Fingerprint Fingerprint
}

// Figure is one metric of one run.
type Figure struct {
	Metric string  // as expectations name it: "p99 of writes during baseline"
	Value  float64 // in seconds, operations a second, a share of 1, or a count
	Known  bool
	Why    string // why it is not known: "too few (1,000 of 3,688)"
	// AtLeast: it is censored. An outage had not ended by then, and so lasted longer than Value.
	AtLeast bool
	// Most is what the value can be at most, where it is only known to lie between Value and Most;
	// 0: it is Value.
	Most float64
}

// Kill is one time that a primary was taken away without warning, and what that lost.
type Kill struct {
	Step string        // its name on the timeline
	At   time.Duration // on the run's clock
	// Known is not set where it cannot be known whether anything was lost; Why says why.
	Known bool
	Why   string
	Lost  int64         // acknowledged writes, the weakly acknowledged included
	Weak  int64         // of these, the weakly acknowledged
	Span  time.Duration // the time whose fully acknowledged writes were lost
}

// Figure is a metric of the run, by the name that Canonical gives it; one that the run does not have is not known.
func (r Run) Figure(metric string) Figure {
	for _, f := range r.Figures {
		if f.Metric == metric {
			return f
		}
	}
	return Figure{Metric: metric, Why: "the run does not have it"}
}
