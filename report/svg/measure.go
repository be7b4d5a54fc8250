package svg

import (
	"math"
)

// Interval is a part of an axis. An end without a bound is -Inf or +Inf. The zero value is none.
type Interval struct {
	Low, High float64
	Known     bool
}

// Measure is a value of several runs. The zero value is not known.
type Measure struct {
	Value   float64
	Known   bool
	AtLeast bool     // Value is a lower bound
	Sure    Interval // the confidence interval
	Range   Interval // from the least run to the greatest
}

// known tells whether there is something to draw.
func (m Measure) known() bool { return m.Known && finite(m.Value) }

// ends are all finite values of a measure.
func (m Measure) ends() (all []float64) {
	if !m.known() {
		return nil
	}
	all = append(all, m.Value)
	for _, i := range []Interval{m.Sure, m.Range} {
		for _, v := range []float64{i.Low, i.High} {
			if i.Known && finite(v) {
				all = append(all, v)
			}
		}
	}
	return all
}

// Values far apart are drawn on a logarithmic scale.
const farApart = 30

// zeroGap is how far apart 0 stands from the rest of a logarithmic scale, in pixels.
const zeroGap = 26

// newAxis is an axis for these values, from the pixel from to the pixel to. Where they are far apart, it is logarithmic, and 0
// stands apart. Where from0 is set, a linear axis begins at 0. every is how far apart ticks should be, in pixels.
func newAxis(unit string, values []float64, from0 bool, from, to, every float64) valueAxis {
	low, high, least := math.Inf(1), math.Inf(-1), math.Inf(1)
	counts := unit == ""
	for _, v := range values {
		v = bounded(v)
		counts = counts && v == math.Trunc(v)
		low, high = min(low, v), max(high, v)
		if v > 0 {
			least = min(least, v)
		}
	}
	if low > high {
		low, high = 0, 1
	}
	most := min(max(2, int(math.Abs(to-from)/every)), 10)
	if low >= 0 && least < high/farApart {
		zero := from
		if low == 0 {
			from += math.Copysign(zeroGap, to-from)
		}
		s, ticks := logarithmic(least, high, most)
		a := valueAxis{scale: s}
		a.from, a.to, a.zero = from, to, zero
		if low == 0 {
			a.ticks, a.texts = []float64{0}, []string{tickText(unit, 0, 1, 1)}
		}
		for _, t := range ticks {
			a.ticks, a.texts = append(a.ticks, t), append(a.texts, tickText(unit, t, t, t))
		}
		return a
	}
	if counts { // there is nothing between 0 and 1
		most = int(min(float64(most), max(1, high-low)))
	}
	s, ticks, step := linear(low, high, from0, most)
	a := valueAxis{scale: s, ticks: ticks}
	for _, t := range ticks {
		a.texts = append(a.texts, tickText(unit, t, max(math.Abs(s.low), math.Abs(s.high)), step))
	}
	a.from, a.to, a.zero = from, to, from
	return a
}

// drawBelow draws the axis as the lower edge of an area.
func (a valueAxis) drawBelow(p *picture, top, bottom float64) {
	last := math.Inf(-1)
	for i, t := range a.ticks {
		x := a.px(t)
		p.line(x, top, x, bottom, grid)
		text := a.texts[i]
		half := textWidth(text) / 2
		at := max(min(x, p.width-half-1), half+1)
		if at-half < last+6 {
			continue
		}
		p.label(at, bottom+15, middle, text, quiet)
		last = at + half
	}
	p.line(min(a.from, a.zero), bottom, a.to, bottom, axis)
}

// whisker draws an interval as a horizontal line with short ends. An end without a bound is an arrow at the edge of the axis.
func (a valueAxis) whisker(p *picture, i Interval, y float64, c paint) {
	if !i.Known || math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return
	}
	low, high := a.px(i.Low), a.px(i.High)
	if math.IsInf(i.Low, -1) {
		low = a.from
	}
	p.line(low, y, high, y, c)
	for _, e := range []struct{ x, v, to float64 }{{low, i.Low, 5}, {high, i.High, -5}} {
		if math.IsInf(e.v, 0) {
			p.line(e.x, y, e.x+e.to, y-4, c)
			p.line(e.x, y, e.x+e.to, y+4, c)
		} else {
			p.line(e.x, y-3, e.x, y+3, c)
		}
	}
}

// place is a mark at a point of a picture, by what it means.
func (p *picture) place(x, y float64, verdict, title string) {
	switch verdict {
	case "better":
		p.circle(x, y, 4.5, good, "fill", title)
	case "worse", "regression":
		p.rect(x-4, y-4, 8, 8, bad, title)
	case "suspect":
		p.shape(warning, title, x, y-5.5, x+5.5, y+4, x-5.5, y+4)
	case "same":
		p.circle(x, y, 4, ink.with(`stroke-width="1.6"`), "stroke", title)
	case "not known":
		for _, e := range [...][4]float64{{0, -5, 5, 0}, {5, 0, 0, 5}, {0, 5, -5, 0}, {-5, 0, 0, -5}} {
			p.line(x+e[0], y+e[1], x+e[2], y+e[3], ink.with(`stroke-width="1.4"`))
		}
	default:
		p.circle(x, y, 3, colour(0), "fill", title)
	}
}
