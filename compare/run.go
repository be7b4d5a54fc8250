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
	// Variant is its variant of the series, "" where it was a single run; Cell is its combination
	// of the matrix's values, within which variants are compared; Round counts from 1.
	Variant, Cell string
	Round         int
	Started       time.Time
	Verdict       verdict.Verdict
	Figures       []Figure
	Kills         []Kill
	// NotComparable says why the run must be in no figure, a sentence each; none: it is comparable.
	NotComparable []string
	Fingerprint   []Setting
}

// Figure is one metric of one run.
type Figure struct {
	Metric string  // as expectations name it: "p99 of writes during baseline"
	Value  float64 // in seconds, operations a second, a share of 1, or a count
	Known  bool
	Why    string // why it is not known: "too few (1,000 of 3,688)"
	// AtLeast: it is censored. An outage had not ended by then, and so lasted longer than Value.
	AtLeast bool
}

// Kill is one kill of a primary, and what it lost.
type Kill struct {
	Step string        // its name on the timeline
	At   time.Duration // on the run's clock
	// Known is not set where the audit could not tell what was lost.
	Known bool
	Lost  int64         // acknowledged writes, the weakly acknowledged included
	Span  time.Duration // from the first to the last of them
}

// Setting is one of the things that must be the same in runs that are compared.
type Setting struct{ Name, Value string }
