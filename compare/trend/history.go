package trend

import "pgchaos/compare"

// Point is one night of a history, with what the nights up to it say of a metric.
type Point struct {
	Night   Night
	Finding Finding
}

// History is every night of a history, by time, each as Judge would have judged it that night. The reference begins anew with each
// night that was accepted. It is empty where there is no such metric.
func History(metric string, runs []Run) (points []Point) {
	m, ok := compare.MetricOf(metric)
	if !ok {
		return nil
	}
	nights := Nights(runs)
	for start := 0; start < len(nights); {
		end := start + 1
		for end < len(nights) && !nights[end].Accepted {
			end++
		}
		points = append(points, judgeEach(m, nights[start:end])...)
		start = end
	}
	return points
}

// judgeEach judges each of some nights that have one reference.
func judgeEach(m compare.Metric, nights []Night) (points []Point) {
	var (
		have []value
		at   []int // the night of each value
	)
	for i := range nights {
		n := &nights[i]
		f := Finding{Metric: m.Name, Needed: Reference + SuspectNights, Tonight: n.figure(m.Name)}
		v, known := n.value(m.Name)
		switch {
		case known:
			have, at = append(have, v), append(at, i)
			f.State = NotYet
		case usual(m.Name, nights[:i]):
			f.State, f.Why = Missing, f.Tonight.Why
		default:
			f.State, f.Why = NoFigure, f.Tonight.Why
		}
		f.Nights = len(have)
		points = append(points, Point{*n, f})
	}
	next := Reference + SuspectNights - 1 // the first value that could be judged
	for f := range findings(m, have) {
		into := &points[at[next]].Finding
		f.Metric, f.Nights, f.Needed, f.Tonight = into.Metric, into.Nights, into.Needed, into.Tonight
		*into = f
		next++
	}
	return points
}
