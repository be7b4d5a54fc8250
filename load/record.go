package load

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/history"
)

// Record is all that a workload did, detached from it.
type Record struct {
	Total  Stats
	Phases []PhaseStats // in their order; only those in which something was due
	Errors []ErrorCount // most frequent first
	// Series has a point for every SeriesStep in which something ended.
	Series   []SeriesPoint
	Activity Activity
	// Nodes is the part of each node in Activity, number 1 first. What nobody knows the
	// node of is in none of them.
	Nodes   []Activity
	Clients []ClientRecord // by number
	Active  []Interval     // when arrivals came
	// GaveUp counts operations that were given up on, Late those of them that were
	// answered afterwards.
	GaveUp, Late int64
	// LateAcks are when each node, number 1 first, acknowledged what had been given up on:
	// of each Bucket the last moment. They are in none of the figures.
	LateAcks [][]time.Duration
	// Abandoned is the number of operations given up on that had not returned when
	// this was made, each of which holds a connection, and MostAbandoned the most that
	// there ever were.
	Abandoned, MostAbandoned int
}

// Stats are the figures of a set of operations.
type Stats struct {
	Outcomes [history.Outcomes]int64
	// Response is from due to done. A dropped arrival counts with the time that it
	// waited: whoever was never served must not make a server look fast.
	Response Dist
	Service  Dist // from sent to done, of what was sent
	// Span is the time in which arrivals came, for the throughput.
	Span time.Duration
}

// Samples is the number of operations that were sent.
func (s Stats) Samples() int64 {
	var n int64
	for outcome, count := range s.Outcomes {
		if history.Outcome(outcome) != history.Dropped {
			n += count
		}
	}
	return n
}

// Throughput is samples a second; ok is false where there was no time.
func (s Stats) Throughput() (perSecond float64, ok bool) {
	if s.Span <= 0 {
		return 0, false
	}
	return float64(s.Samples()) / s.Span.Seconds(), true
}

// PhaseStats are the Stats of what was due in one phase. The last phase ends with
// the arrivals.
type PhaseStats struct {
	Name       string
	Start, End time.Duration
	Stats
}

// ErrorCount is one kind of error (or of weak acknowledgement), with one example.
type ErrorCount struct {
	Kind    string
	Outcome history.Outcome
	N       int64
	Example string
}

// errorKey is what makes a kind of error.
type errorKey struct {
	kind    string
	outcome history.Outcome
}

// Activity counts what ended in each Bucket of the run's clock, from offset 0.
// Both slices have the same length, and reach at least to the end of the arrivals.
type Activity struct {
	OK     []uint32 // ok and weak
	Errors []uint32 // failed and unknown
}

// SeriesStep is the resolution of Record.Series.
const SeriesStep = 10 * Bucket

// SeriesPoint counts what ended in one SeriesStep.
type SeriesPoint struct {
	At                  time.Duration // the step's beginning
	OK, Errors, Dropped int64
}

// Record returns the totals: final after Stop, a snapshot while the workload runs.
func (w *Workload) Record() Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.cfg.Clock.Now()
	w.collect(now)
	t := &w.totals
	everywhere := t.everywhere()
	rec := Record{
		Series: series(everywhere), GaveUp: w.gaveUp, Late: w.late, Abandoned: w.abandoned, MostAbandoned: w.most, Active: slices.Clone(t.active), Errors: w.errorCounts(),
	}
	var end time.Duration
	for i := range rec.Active {
		rec.Active[i].To = min(rec.Active[i].To, now)
		end = rec.Active[i].To
	}
	rec.Activity = activityUntil(everywhere, end)
	for _, cells := range t.activity[1:] {
		rec.Nodes = append(rec.Nodes, activityUntil(cells, end))
	}
	for _, of := range t.late[1:] {
		rec.LateAcks = append(rec.LateAcks, slices.Clone(of))
	}
	for _, c := range w.clients {
		s := c.take()
		rec.Clients = append(rec.Clients, c.trail.record())
		c.home.Store(s)
	}
	total := t.newPhase("", 0)
	for i, p := range t.phases {
		stop := max(end, p.from)
		if i+1 < len(t.phases) {
			stop = t.phases[i+1].from
		}
		total.merge(p)
		if p.outcomes != ([history.Outcomes]int64{}) {
			own := t.newPhase(p.name, p.from)
			own.merge(p)
			rec.Phases = append(rec.Phases, PhaseStats{Name: p.name, Start: p.from, End: stop, Stats: own.stats(rec.Active, stop)})
		}
	}
	rec.Total = total.stats(rec.Active, end)
	return rec
}

func (p *phaseTotals) merge(from *phaseTotals) {
	for outcome, n := range from.outcomes {
		p.outcomes[outcome] += n
	}
	p.response.Merge(&from.response)
	if p.service.Histogram != nil {
		p.service.Merge(&from.service)
	}
}

// stats hands the totals out; p must not be written to any more.
func (p *phaseTotals) stats(active []Interval, end time.Duration) Stats {
	s := Stats{Outcomes: p.outcomes, Response: p.response, Service: p.service}
	if s.Service.Histogram == nil { // a closed loop: due when sent
		s.Service = s.Response
	}
	for _, a := range active {
		s.Span += max(0, min(a.To, end)-max(a.From, p.from))
	}
	return s
}

func activityUntil(cells []cell, end time.Duration) Activity {
	n := max(len(cells), int(end/Bucket)+1)
	a := Activity{OK: make([]uint32, n), Errors: make([]uint32, n)}
	for i, c := range cells {
		a.OK[i], a.Errors[i] = c.ok, c.errors
	}
	return a
}

func series(all []cell) (series []SeriesPoint) {
	const cells = int(SeriesStep / Bucket)
	for first := 0; first < len(all); first += cells {
		p := SeriesPoint{At: time.Duration(first) * Bucket}
		for _, c := range all[first:min(first+cells, len(all))] {
			p.OK += int64(c.ok)
			p.Errors += int64(c.errors)
			p.Dropped += int64(c.dropped)
		}
		if p.OK+p.Errors+p.Dropped > 0 {
			series = append(series, p)
		}
	}
	return series
}

// countError counts an operation under its kind. It is not on the way of an
// operation that went well.
func (w *Workload) countError(op *history.Op) {
	if op.Outcome == history.Dropped {
		return
	}
	w.errMu.Lock()
	defer w.errMu.Unlock()
	key := errorKey{op.Kind, op.Outcome}
	e := w.errors[key]
	if e == nil {
		e = &ErrorCount{Kind: op.Kind, Outcome: op.Outcome}
		if op.Err != nil {
			e.Example = op.Err.Error()
		}
		w.errors[key] = e
	}
	e.N++
}

func (w *Workload) errorCounts() []ErrorCount {
	w.errMu.Lock()
	defer w.errMu.Unlock()
	counts := make([]ErrorCount, 0, len(w.errors))
	for _, e := range w.errors {
		counts = append(counts, *e)
	}
	slices.SortFunc(counts, func(a, b ErrorCount) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Outcome, b.Outcome))
	})
	return counts
}
