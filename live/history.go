package live

import (
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
	Dropped    int64
}

// Bounds of what is kept of one workload.
const (
	mostRecent = 150 // the seconds of the shorter scales, and a few more
	mostPoints = 1200
)

// history is a workload by time: the last minutes by the second, and all of it in steps that become longer.
type history struct {
	recent, whole []Point
	step          time.Duration // of whole
}

// add adds the second that a status describes. That of most statuses is known.
func (h *history) add(l load.Live) {
	if n := len(h.recent); l.At <= 0 || n > 0 && l.At <= h.recent[n-1].To {
		return
	}
	p := Point{From: l.At - time.Second, To: l.At, Throughput: l.Throughput, P50: l.P50, P99: l.P99, Errors: l.Errors, Dropped: l.Dropped}
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
	var fewer []Point
	for _, old := range h.whole {
		fewer = merged(fewer, old, h.step)
	}
	h.whole = fewer
}

// merged adds a point, or makes one of it and the last where both are of one step.
func merged(all []Point, p Point, step time.Duration) []Point {
	n := len(all)
	if n == 0 || all[n-1].From/step != p.From/step {
		return append(all, p)
	}
	all[n-1] = together(all[n-1], p)
	return all
}

// together is two points that follow each other as one: a mean would hide a short stall from the response times.
func together(a, b Point) Point {
	first, second := (a.To - a.From).Seconds(), (b.To - b.From).Seconds()
	return Point{
		From: a.From, To: b.To, Throughput: (a.Throughput*first + b.Throughput*second) / (first + second),
		P50: max(a.P50, b.P50), P99: max(a.P99, b.P99), Errors: a.Errors + b.Errors, Dropped: a.Dropped + b.Dropped,
	}
}

// Points are the workload's points that lie in a scale, at a time of the run. None is of a second in which it did not run.
func (w *Workload) Points(scale Scale, now time.Duration) []Point {
	if scale == WholeRun {
		return w.history.whole
	}
	all := w.history.recent
	for len(all) > 0 && all[0].To <= now-time.Duration(scale) {
		all = all[1:]
	}
	return all
}

// Since are the seconds that have ended after a moment; complete is false where older ones than are kept have.
func (w *Workload) Since(at time.Duration) (points []Point, complete bool) {
	all := w.history.recent
	if len(all) > 0 && len(all) >= mostRecent && all[0].From > at {
		return nil, false
	}
	for len(all) > 0 && all[0].To <= at {
		all = all[1:]
	}
	return all, true
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
				one = together(*columns[i], p)
			}
			columns[i] = &one
		}
	}
	return columns
}
