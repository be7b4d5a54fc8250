package svg

import (
	"fmt"
	"math"
)

// Change is how far a metric of one variant is from the baseline's.
type Change struct {
	Group string // the metric; equal ones that follow each other have one heading
	Name  string // the variant
	Text  string // the figures in words
	// Known is not set where there is no estimate.
	Known bool
	// Value and Sure are ratios, or differences in the unit of the picture.
	Value float64
	Sure  Interval
	// Tolerance is the share (0.05), or the difference, within which a change does not matter; 0: not known.
	Tolerance float64
	Verdict   string // better, worse, same or not known; "": it has none
}

// The widths of the columns beside the middle one, and the height of a row, in pixels.
const (
	namesWidth = 150.0
	textsWidth = 230.0
	rowHeight  = 20.0
)

// Ratios draws ratios to a baseline with their intervals, and the tolerance of each as a band around 1.
func Ratios(title string, changes []Change, o Options) string {
	low, high := 1/1.05, 1.05
	see := func(v float64) {
		if finite(v) && v > 0 {
			v = min(max(v, 1e-12), 1e12)
			low, high = min(low, v), max(high, v)
		}
	}
	for _, c := range changes {
		if !c.Known {
			continue
		}
		see(c.Value)
		if c.Sure.Known {
			see(c.Sure.Low)
			see(c.Sure.High)
		}
		if c.Tolerance > 0 {
			see(1 / (1 + c.Tolerance))
			see(1 + c.Tolerance)
		}
	}
	f := newForest(title, changes, o)
	low, high = 1/ratioEnd(1/low), ratioEnd(high)
	f.axis.scale = scale{low: low, high: high, log: true}
	if widest := max(high, 1/low); widest <= 2 {
		step := round125((high - low) / 5)
		for i := math.Ceil(low/step - 1e-9); i*step <= high*(1+1e-9); i++ {
			f.axis.ticks, f.axis.texts = append(f.axis.ticks, i*step), append(f.axis.texts, "x"+digits(i*step, step))
		}
	} else {
		_, ticks := logarithmic(low, high, 8)
		for _, t := range ticks {
			if t >= low*(1-1e-9) && t <= high*(1+1e-9) {
				f.axis.ticks, f.axis.texts = append(f.axis.ticks, t), append(f.axis.texts, "x"+digits(t, t))
			}
		}
	}
	f.tolerance = func(c Change) (float64, float64) { return 1 / (1 + c.Tolerance), 1 + c.Tolerance }
	return f.draw(1)
}

// ratioEnd is a round end of an axis of ratios that is at least x, which is at least 1.
func ratioEnd(x float64) float64 {
	for _, end := range [...]float64{1.05, 1.1, 1.2, 1.5, 2} {
		if x <= end*(1+1e-9) {
			return end
		}
	}
	return round125(x)
}

// Differences draws differences from a baseline with their intervals, and the tolerance of each as a band around 0.
func Differences(title, unit string, changes []Change, o Options) string {
	values := []float64{0}
	for _, c := range changes {
		if !c.Known {
			continue
		}
		for _, v := range []float64{c.Value, c.Sure.Low, c.Sure.High, c.Tolerance, -c.Tolerance} {
			if finite(v) {
				values = append(values, v)
			}
		}
	}
	low, high := values[0], values[0]
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	f := newForest(title, changes, o)
	s, ticks, step := linear(low, high, true, 5)
	f.axis.scale, f.axis.ticks = s, ticks
	for _, t := range ticks {
		text := tickText(unit, t, max(math.Abs(s.low), math.Abs(s.high)), step)
		if t > 0 {
			text = "+" + text
		}
		f.axis.texts = append(f.axis.texts, text)
	}
	f.tolerance = func(c Change) (float64, float64) { return -c.Tolerance, c.Tolerance }
	return f.draw(0)
}

// forest is such a picture that is being drawn.
type forest struct {
	picture
	changes   []Change
	axis      valueAxis
	tolerance func(Change) (low, high float64)
}

func newForest(title string, changes []Change, o Options) *forest {
	f := &forest{changes: changes}
	f.title, f.width = plain(title), o.width(720)
	return f
}

// textsWidth is the width of the column of texts: as wide as they are, if that leaves enough for the rest.
func (f *forest) textsWidth() float64 {
	w := textsWidth
	for _, c := range f.changes {
		w = max(w, textWidth(plain(c.Text))+14)
	}
	return min(w, f.width*0.45)
}

// draw draws the rows; none is the value that is no change.
func (f *forest) draw(none float64) string {
	left, right := min(namesWidth, f.width/4), f.width-f.textsWidth()
	a := &f.axis
	a.from, a.to, a.zero = left, right, left
	y, group := 2.0, ""
	var ys []float64
	for i, c := range f.changes {
		if name := plain(c.Group); i == 0 && name != "" || name != group {
			group = name
			f.label(2, y+14, start, shorten(name, f.width-4), `font-weight="600"`)
			y += rowHeight
		}
		ys = append(ys, y)
		y += rowHeight
	}
	bottom := y + 2
	a.drawBelow(&f.picture, 2, bottom)
	f.line(a.px(none), 2, a.px(none), bottom, ink.with(`stroke-opacity=".6"`))
	for i, c := range f.changes {
		f.row(c, ys[i])
		f.about += fmt.Sprintf("%s, %s: %s. ", plain(c.Group), plain(c.Name), plain(c.Text))
	}
	f.height = bottom + axisHeight
	return f.String()
}

// row draws one change.
func (f *forest) row(c Change, top float64) {
	y := top + rowHeight/2
	a := &f.axis
	f.label(12, y+4, start, shorten(plain(c.Name), min(a.from, a.zero)-18), "")
	f.label(a.to+10, y+4, start, shorten(plain(c.Text), f.width-a.to-12), "")
	if !c.Known || !finite(c.Value) {
		return
	}
	if c.Tolerance > 0 && finite(c.Tolerance) {
		low, high := f.tolerance(c)
		f.rect(a.px(low), top+1, a.px(high)-a.px(low), rowHeight-2, ink.with(`fill-opacity=".1"`), "within the tolerance")
	}
	a.whisker(&f.picture, c.Sure, y, ink.with(`stroke-width="1.6"`))
	f.place(a.px(c.Value), y, c.Verdict, plain(c.Group)+", "+plain(c.Name)+": "+plain(c.Text))
}
