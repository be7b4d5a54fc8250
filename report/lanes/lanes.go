// Package lanes is a run as lanes over one time axis, from a result alone.
package lanes

import (
	"slices"
	"time"

	"pgchaos/report"
)

// Run is a run as lanes. All times are seconds since the clock's 0.
type Run struct {
	Duration float64 `json:"duration"`
	Lanes    []Lane  `json:"lanes"`
	Faults   []Fault `json:"faults"`
	Phases   []Span  `json:"phases"`
}

// Lane is one picture over the time of the run: lines, or a band for each node.
type Lane struct {
	// ID is throughput, response, slowest, errors, roles, sync, lag-bytes, lag, staleness, sync-waiters, cpu or memory.
	ID    string `json:"id"`
	Title string `json:"title"`
	Unit  string `json:"unit"` // how values are written: "/s", "s", "B", "%", ""
	Log   bool   `json:"log,omitempty"`
	// CloseUp is set for a lane that is only for the close-ups of the faults.
	CloseUp bool `json:"close_up,omitempty"`
	// Times ascend, and all series share them.
	Times  []float64 `json:"t,omitempty"`
	Series []Series  `json:"series,omitempty"`
	Rows   []Row     `json:"rows,omitempty"`
	// About says in a sentence what the least and the greatest values are, and when.
	About string `json:"about"`
}

// Series is one line of a lane.
type Series struct {
	Name   string     `json:"name"`   // "writes p99", "pgslave"
	Group  string     `json:"group"`  // the workload or the node, by which colours are chosen
	Values []*float64 `json:"values"` // one for each of the lane's Times; nil is not known: a gap, and no 0
}

// Row is one band of a lane.
type Row struct {
	Name  string `json:"name"`
	Spans []Span `json:"spans"`
}

// Span is a stretch of time. In a band, what no span covers is not known.
type Span struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Label string  `json:"label"`
	// Class is one of the constants below; "" where the span is a phase.
	Class string `json:"class,omitempty"`
}

// The classes of a span: what a node is, or what its primary says of it.
const (
	ClassPrimary   = "primary"
	ClassStandby   = "standby"
	ClassDown      = "down" // not running, or not connected to a primary
	ClassUnknown   = "unknown"
	ClassSync      = "sync"
	ClassQuorum    = "quorum"
	ClassPotential = "potential"
	ClassAsync     = "async"
)

// Fault is a step that took something away from the cluster.
type Fault struct {
	Step  string  `json:"step"`  // its name in the file
	Label string  `json:"label"` // "kill primary (pgmaster)"
	From  float64 `json:"from"`  // when it was issued
	To    float64 `json:"to"`    // when it was taken back; the end of the run where it was not; From where it is a moment
	// Stages are those of the recovery that were reached, by time.
	Stages []Mark `json:"stages,omitempty"`
}

// Mark is a moment with its name.
type Mark struct {
	At    float64 `json:"at"`
	Label string  `json:"label"`
}

// Of makes lanes of a result. A lane for which the result has nothing is left out: of a run that was killed there
// may be none. An error says which histogram cannot be read; the lanes that it is not in are there all the same.
func Of(r *report.Result) (*Run, error) {
	run := &Run{Lanes: []Lane{}, Faults: []Fault{}, Phases: []Span{}}
	end := endOf(r)
	run.Duration = end.Seconds()
	for _, p := range r.Phases {
		if from, to := max(p.Start, 0), min(p.End, end); to > from {
			run.Phases = append(run.Phases, Span{From: from.Seconds(), To: to.Seconds(), Label: p.Name})
		}
	}
	run.Faults = append(run.Faults, faults(r, end)...)
	response, err := response(r, end)
	all := []Lane{
		throughput(r, end), response, slowest(r, end), failures(r, end),
		roles(r, end), syncStates(r, end), lagBytes(r, end), lag(r, end), staleness(r, end), syncWaiters(r, end), cpu(r, end), memory(r, end),
	}
	for _, l := range all {
		if !l.empty() {
			l.About = about(&l)
			run.Lanes = append(run.Lanes, l)
		}
	}
	thin(run)
	return run, err
}

// empty tells whether there is nothing to show.
func (l *Lane) empty() bool {
	known := func(v *float64) bool { return v != nil }
	return !slices.ContainsFunc(l.Series, func(s Series) bool { return slices.ContainsFunc(s.Values, known) }) &&
		!slices.ContainsFunc(l.Rows, func(r Row) bool { return len(r.Spans) > 0 })
}

// longestRun bounds what a run is believed to have lasted.
const longestRun = 366 * 24 * time.Hour

// endOf is when the load ended or, where that is not known, the last moment of which anything is known.
func endOf(r *report.Result) time.Duration {
	end := r.Duration
	if end <= 0 {
		for _, p := range r.Phases {
			end = max(end, p.End)
		}
		for _, m := range r.Timeline {
			end = max(end, m.Issued, m.Effective, m.Ended)
		}
		for _, h := range r.States {
			for _, s := range h.States {
				end = max(end, s.At)
			}
		}
		for _, n := range r.NodeSeries {
			for _, s := range n.Samples {
				end = max(end, s.At)
			}
		}
	}
	return min(max(end, 0), longestRun)
}

// known is a value that is known.
func known(v float64) *float64 { return &v }
