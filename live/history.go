package live

import (
	"maps"
	"time"

	"pgchaos/load"
)

// Scale is the stretch of time that a view shows. 0 is the whole run.
type Scale time.Duration

// The scales between which a view can be switched.
const (
	HalfMinute = Scale(30 * time.Second)
	TwoMinutes = Scale(2 * time.Minute)
	WholeRun   = Scale(0)
)

// Next is the scale that follows.
func (s Scale) Next() Scale {
	switch s {
	case HalfMinute:
		return TwoMinutes
	case TwoMinutes:
		return WholeRun
	}
	return HalfMinute
}

func (s Scale) String() string {
	switch s {
	case HalfMinute:
		return "30 s"
	case TwoMinutes:
		return "2 min"
	}
	return "whole run"
}

// Point is a workload in one second, or in several that have been merged.
type Point struct {
	From, To   time.Duration
	Throughput float64 // operations a second, on average
	P50, P99   time.Duration
	Errors     int64
	Kinds      map[string]int64 // the Errors by their kind; nil: there were none
	Dropped    int64
}

// Bounds of what is kept of one workload.
const (
	mostRecent = 150 // the seconds of the shorter scales, and a few more
	mostPoints = 1200
)

func (p Point) stretch() (from, to time.Duration) { return p.From, p.To }

// with is two points that follow each other as one: a mean would hide a short stall from the response times.
func (p Point) with(next Point) Point {
	first, second := (p.To - p.From).Seconds(), (next.To - next.From).Seconds()
	return Point{
		From: p.From, To: next.To, Throughput: (p.Throughput*first + next.Throughput*second) / (first + second),
		P50: max(p.P50, next.P50), P99: max(p.P99, next.P99), Errors: p.Errors + next.Errors, Kinds: sum(p.Kinds, next.Kinds),
		Dropped: p.Dropped + next.Dropped,
	}
}

// sum adds two counts by kind up. Both stay as they are: others have them, too.
func sum(a, b map[string]int64) map[string]int64 {
	if len(a) == 0 || len(b) == 0 {
		if len(a) == 0 {
			return b
		}
		return a
	}
	both := maps.Clone(a)
	for kind, n := range b {
		both[kind] += n
	}
	return both
}

// point is what happened in a stretch of time. With is it and the one that follows as one.
type point[P any] interface {
	stretch() (from, to time.Duration)
	with(next P) P
}

// history is something by time: the last minutes by the second, and all of it in steps that become longer.
type history[P point[P]] struct {
	recent, whole []P
	step          time.Duration // of whole
}

// add adds a second, unless it is known. That of most statuses is.
func (h *history[P]) add(p P) {
	_, to := p.stretch()
	if n := len(h.recent); n > 0 {
		if _, last := h.recent[n-1].stretch(); to <= last {
			return
		}
	}
	if h.recent = append(h.recent, p); len(h.recent) > mostRecent {
		h.recent = append(h.recent[:0], h.recent[1:]...)
	}
	if h.step == 0 {
		h.step = time.Second
	}
	if h.whole = merged(h.whole, p, h.step); len(h.whole) <= mostPoints {
		return
	}
	h.step *= 2
	var fewer []P
	for _, old := range h.whole {
		fewer = merged(fewer, old, h.step)
	}
	h.whole = fewer
}

// merged adds a point, or makes one of it and the last where both are of one step.
func merged[P point[P]](all []P, p P, step time.Duration) []P {
	n := len(all)
	if n == 0 {
		return append(all, p)
	}
	last, _ := all[n-1].stretch()
	if from, _ := p.stretch(); last/step != from/step {
		return append(all, p)
	}
	all[n-1] = all[n-1].with(p)
	return all
}

// endedAfter are the points of a list that have ended after a moment.
func endedAfter[P point[P]](all []P, at time.Duration) []P {
	for len(all) > 0 {
		if _, to := all[0].stretch(); to > at {
			break
		}
		all = all[1:]
	}
	return all
}

// since are the seconds that have ended after a moment; complete is false where older ones than are kept have.
func (h *history[P]) since(at time.Duration) (points []P, complete bool) {
	if len(h.recent) >= mostRecent {
		if first, _ := h.recent[0].stretch(); first > at {
			return nil, false
		}
	}
	return endedAfter(h.recent, at), true
}

// add adds the second that a status describes.
func (w *Workload) add(l load.Live) {
	if l.At > 0 {
		w.history.add(Point{From: l.At - time.Second, To: l.At, Throughput: l.Throughput, P50: l.P50, P99: l.P99, Errors: l.Errors, Kinds: l.Kinds, Dropped: l.Dropped})
	}
}

// Points are the workload's points that lie in a scale, at a time of the run. None is of a second in which it did not run.
func (w *Workload) Points(scale Scale, now time.Duration) []Point {
	if scale == WholeRun {
		return w.history.whole
	}
	return endedAfter(w.history.recent, now-time.Duration(scale))
}

// Since are the seconds that have ended after a moment; complete is false where older ones than are kept have.
func (w *Workload) Since(at time.Duration) (points []Point, complete bool) {
	return w.history.since(at)
}

// Columns divides a scale evenly into n columns, the newest last, with what happened in each; nil: nothing is known of it.
func (w *Workload) Columns(scale Scale, now time.Duration, n int) []*Point {
	columns := make([]*Point, n)
	if n == 0 {
		return columns
	}
	span := time.Duration(scale)
	// The newest second that is complete ends the picture: it would be empty at its right edge otherwise.
	end := now.Truncate(time.Second)
	if scale == WholeRun {
		span = max(end, time.Duration(HalfMinute))
		end = max(end, span)
	}
	begin := end - span
	for _, p := range w.Points(scale, now) {
		first := int((p.From - begin) * time.Duration(n) / span)
		last := int((p.To - begin - 1) * time.Duration(n) / span)
		for i := max(first, 0); i <= min(last, n-1); i++ {
			if p.From < begin && i == 0 && p.To <= begin {
				continue
			}
			one := p
			if columns[i] != nil {
				one = columns[i].with(p)
			}
			columns[i] = &one
		}
	}
	return columns
}
