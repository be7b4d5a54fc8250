package load

import (
	"slices"
	"time"

	"pgchaos/record"
)

// Record is all that a workload did, detached from it.
type Record struct {
	Total  Stats
	Phases []PhaseStats // in their order; only those in which something was due
	Parts  []PartStats  // of a mix, as Config.Parts names them
	// Warmup is what was due in the warm-up. It is in no other figure here, but in
	// all that is reported by time: Series, Seconds, Activity, Nodes and Clients.
	Warmup Stats
	Errors []ErrorCount // most frequent first
	// Coarse is how many times longer than SeriesStep and a second the steps of Series and Seconds are: 1
	// for the first hour, and one more for each hour begun, so that a long run has no more of them.
	Coarse int
	// Series has a point for every step in which something ended.
	Series  []SeriesPoint
	Seconds []Second // only those in which something ended
	// Activity is what ended in each record.SlotLength of the run's clock, from offset 0,
	// at least to the end of the arrivals.
	Activity []record.Slot
	// Nodes is the part of each node in Activity, number 1 first, as long as Activity. What
	// nobody knows the node of is in none of them.
	Nodes   [][]record.Slot
	Clients []ClientRecord // by number
	Active  []Interval     // when arrivals came
	// Lateness is how much later than due those arrivals were sent that a client had
	// been waiting for: what the load generator itself is late.
	Lateness Dist
	// Asked is the number of arrivals that were due by the end, after the warm-up:
	// Total.Samples of Asked is what was achieved. 0 in a closed loop.
	Asked int64
	// GaveUp counts operations that were given up on, Late those of them that were
	// answered afterwards.
	GaveUp, Late int64
	// LateAcks are when each node, number 1 first, acknowledged what had been given up on:
	// of each record.Slot the last moment. They are in none of the figures.
	LateAcks [][]time.Duration
	// BrokenOff is the number of operations that were in flight when Close broke them off. They are errors like any other, but
	// not in Activity, Nodes and Clients: what they would have come to is not known.
	BrokenOff int64
	// Abandoned is the number of operations given up on that had not returned when
	// this was made, each of which holds a connection, and MostAbandoned the most that
	// there ever were.
	Abandoned, MostAbandoned int
}

// Stats are the figures of a set of operations.
type Stats struct {
	Outcomes [record.Outcomes]int64
	// Response is from due to done. A dropped arrival counts with the time that it
	// waited: an operation that was never served must not make a server look fast. One that found no
	// free client and was not to wait (Overflow Drop) is not in it.
	Response Dist
	Service  Dist // from sent to done, of what was sent
	// Succeeded are the same of what was acknowledged; nil: all was.
	Succeeded *Times
	// Retries is how often a transaction was begun again, Retried of how many
	// operations one was.
	Retries, Retried int64
	Out, In          int64 // bytes
	// Span is the time in which arrivals came, for the throughput.
	Span time.Duration
}

// Samples is the number of operations that were sent.
func (s Stats) Samples() int64 { return samples(s.Outcomes) }

func samples(outcomes [record.Outcomes]int64) (n int64) {
	for outcome, count := range outcomes {
		if record.Outcome(outcome) != record.Dropped {
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

// Times are the two times of a set of operations, as in Stats.
type Times struct{ Response, Service Dist }

// PhaseStats are the Stats of what was due in one phase. The last phase ends with
// the arrivals.
type PhaseStats struct {
	Name       string
	Start, End time.Duration
	Stats
}

// PartStats are the Stats of one part of a mix.
type PartStats struct {
	Name string
	Stats
}

// ErrorCount is one kind of error (or of weak acknowledgement), with one example.
type ErrorCount struct {
	Kind    string
	Outcome record.Outcome
	N       int64
	Example string
}

// SeriesStep is the resolution of Record.Series.
const SeriesStep = record.SeriesStep

// SeriesPoint counts what ended in one SeriesStep.
type SeriesPoint struct {
	At                  time.Duration // the step's beginning
	OK, Errors, Dropped int64
	Max                 time.Duration // the greatest response time
	// Kinds are the Errors by their kind; nil: there were none.
	Kinds map[string]int64
}

// Record returns the totals: final after Stop, a snapshot while the workload runs.
func (w *Workload) Record() Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.cfg.Clock.Now()
	w.collect()
	t := &w.totals
	t.seconds.settle()
	var end time.Duration
	for _, a := range t.active {
		end = min(a.To, now)
	}
	everywhere := t.everywhere(end)
	rec := Record{
		GaveUp: w.gaveUp, Late: w.late, Abandoned: w.abandoned, MostAbandoned: w.most, Asked: w.asked,
		Coarse: coarse(now), Errors: t.errorCounts(), Lateness: t.late.dist(),
	}
	rec.Series, rec.Seconds = t.series(everywhere, rec.Coarse), t.seconds.all(rec.Coarse)
	if w.run != nil {
		rec.Asked += w.run.asked(w.totals.warm, now)
	}
	for _, a := range t.active {
		rec.Active = append(rec.Active, Interval{a.From, min(a.To, now)})
	}
	rec.Activity = everywhere
	for _, n := range t.brokenOff {
		rec.BrokenOff += int64(n)
	}
	for _, slots := range t.activity[1:] {
		rec.Nodes = append(rec.Nodes, append(slices.Clone(slots), make([]record.Slot, len(everywhere)-len(slots))...))
	}
	for _, of := range t.lateAcks[1:] {
		rec.LateAcks = append(rec.LateAcks, slices.Clone(of))
	}
	for _, c := range w.clients {
		rec.Clients = append(rec.Clients, c.outages.record())
	}
	measured := func(from, to time.Duration) time.Duration { return span(rec.Active, max(from, t.warm), to) }
	var total figures
	for i, p := range t.phases {
		stop := max(end, p.from)
		if i+1 < len(t.phases) {
			stop = t.phases[i+1].from
		}
		total.add(&p.figures)
		if p.outcomes != [record.Outcomes]int64{} {
			rec.Phases = append(rec.Phases, PhaseStats{Name: p.name, Start: p.from, End: stop, Stats: p.stats(measured(p.from, stop))})
		}
	}
	rec.Total = total.stats(measured(0, end))
	for i := range t.parts {
		rec.Parts = append(rec.Parts, PartStats{Name: w.cfg.Parts[i], Stats: t.parts[i].stats(rec.Total.Span)})
	}
	rec.Warmup = t.warmup.stats(span(rec.Active, 0, t.warm))
	return rec
}

// stats hands the figures out, of the time in which arrivals came.
func (f *figures) stats(span time.Duration) Stats {
	s := Stats{Outcomes: f.outcomes, Retries: f.retries, Retried: f.retried, Out: f.out, In: f.in, Span: span}
	times := f.times()
	if f.rest.response.n > 0 {
		s.Succeeded = times
		all := figures{}
		all.timing.add(&f.timing)
		all.timing.add(&f.rest)
		times = all.times()
	}
	s.Response, s.Service = times.Response, times.Service
	return s
}

func (t *timing) times() *Times {
	out := &Times{Response: t.response.dist()}
	if out.Service = out.Response; t.apart {
		out.Service = t.service.dist()
	}
	return out
}

// span is how much of the time between two moments arrivals came in.
func span(active []Interval, from, to time.Duration) (sum time.Duration) {
	for _, a := range active {
		sum += max(0, min(a.To, to)-max(a.From, from))
	}
	return sum
}

// coarse is Record.Coarse of a run that has gone on for so long.
func coarse(now time.Duration) int { return 1 + int(max(0, now-1)/time.Hour) }

// series sums up what ended everywhere, and what was never sent.
func (t *totals) series(everywhere []record.Slot, coarse int) (series []SeriesPoint) {
	const slots = int(SeriesStep / record.SlotLength)
	step := time.Duration(coarse) * SeriesStep
	kinds := t.kinds.steps(coarse)
	for first := 0; first < max(len(everywhere), len(t.dropped)*slots, len(t.brokenOff)*slots); first += coarse * slots {
		number := first / slots / coarse
		p := SeriesPoint{At: time.Duration(number) * step, Kinds: kinds[number]}
		for _, s := range between(everywhere, first, first+coarse*slots) {
			p.OK += int64(s.OK)
			p.Errors += int64(s.Errors)
		}
		for _, n := range between(t.dropped, first/slots, first/slots+coarse) {
			p.Dropped += int64(n)
		}
		for _, n := range between(t.brokenOff, first/slots, first/slots+coarse) {
			p.Errors += int64(n)
		}
		for _, most := range between(t.slowest, first/slots, first/slots+coarse) {
			p.Max = max(p.Max, most)
		}
		if p.OK+p.Errors+p.Dropped > 0 {
			series = append(series, p)
		}
	}
	return series
}

// between is the part of a table that it has of [from, to).
func between[T any](table []T, from, to int) []T {
	return table[min(from, len(table)):min(to, len(table))]
}
