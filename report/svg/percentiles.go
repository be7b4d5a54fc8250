package svg

import (
	"cmp"
	"fmt"
	"math"
)

// Curve is a distribution as its percentiles.
type Curve struct {
	Name string
	// Percentiles are from 0 to 100, ascending, and Seconds the value of each.
	Percentiles, Seconds []float64
}

// nines is how far the axis of percentiles reaches: to 99.99 %.
const nines = 4

// Percentiles draws distributions over each other: percentiles from left to right, as many pixels from 90 % to 99 % as from 99 %
// to 99.9 %, and the values from bottom to top, on a logarithmic scale. What is beyond 99.99 % is left out.
func Percentiles(curves []Curve, o Options) string {
	p := &picture{title: "Response times by percentile"}
	p.width = o.width(720)
	left, right := leftMargin, p.width-rightSide
	top := 6.0
	bottom := top + o.height(240)
	x := scale{low: 0, high: nines, from: left, to: right, zero: left}
	low, high := math.Inf(1), math.Inf(-1)
	each := func(c Curve, see func(at, v float64)) {
		for i, percentile := range c.Percentiles {
			if i >= len(c.Seconds) || !finite(c.Seconds[i]) || !(percentile >= 0 && percentile <= 99.99+1e-9) {
				continue
			}
			// 1/(1-p), on a logarithmic scale
			see(min(-math.Log10(1-percentile/100), nines), bounded(c.Seconds[i]))
		}
	}
	for i, c := range curves {
		name := cmp.Or(plain(c.Name), fmt.Sprint("curve ", i+1))
		greatest, of := math.Inf(-1), 0.0
		each(c, func(at, v float64) {
			if v > 0 {
				low, high = min(low, v), max(high, v)
			}
			greatest, of = max(greatest, v), at
		})
		if !finite(greatest) {
			p.about += name + ": no values. "
			continue
		}
		p.about += fmt.Sprintf("%s: up to %s at %s. ", name, valueText("s", greatest), percentText(of))
	}
	if low > high {
		p.nothing("no values", top, bottom)
		low, high = 0.001, 1
	}
	y := newValueAxis("s", low, high, true, bottom, top)
	y.draw(p, left, right)
	below := valueAxis{scale: x}
	for _, percentile := range []float64{0, 50, 90, 99, 99.9, 99.99} {
		at := min(-math.Log10(1-percentile/100), nines)
		below.ticks, below.texts = append(below.ticks, at), append(below.texts, percentText(at))
	}
	below.drawBelow(p, top, bottom)
	var entries []entry
	for i, c := range curves {
		with := colour(i).with(`stroke-width="1.5"` + dash(i))
		entries = append(entries, entry{cmp.Or(plain(c.Name), fmt.Sprint("curve ", i+1)), with})
		var line curve
		each(c, func(at, v float64) { line.to(x.px(at), y.px(v)) })
		line.draw(p, with)
	}
	under := bottom + axisHeight
	shown := newLegend(entries, left, right)
	shown.draw(p, under)
	p.height = under + shown.height() + 2
	return p.String()
}

// percentText is the percentile at a place of the axis: "99.9 %".
func percentText(at float64) string {
	share := 100 * (1 - math.Pow(10, -at))
	return digits(share, math.Pow10(-min(max(int(math.Ceil(at-1e-6))-2, 0), 9))) + " %"
}
