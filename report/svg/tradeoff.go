package svg

import (
	"cmp"
	"fmt"
	"math"
	"strings"
)

// Axes are what the two directions of a picture mean.
type Axes struct {
	Title        string
	Across, Up   string // the metrics, and which of their values are better
	AcrossUnit   string
	UpUnit       string
	NoValuesText string // why a point may be missing; "": nothing is said
}

// Point is a variant with its two values.
type Point struct {
	Name       string
	Across, Up Measure
}

// Tradeoff draws one point for each variant, what it costs from left to right and what it loses from bottom to top, with the
// intervals of both (thick) and their ranges over the runs (thin). No name lies over another or over a point. Variants of which a
// value is not known are named below.
func Tradeoff(axes Axes, points []Point, o Options) string {
	t := &tradeoff{axes: axes}
	t.title, t.width = plain(axes.Title), o.width(560)
	t.area = box{leftMargin, 22, t.width - leftMargin - rightSide, o.height(280)}
	var xs, ys []float64
	for _, p := range points {
		if p.Across.known() && p.Up.known() {
			t.points = append(t.points, p)
			xs, ys = append(xs, p.Across.ends()...), append(ys, p.Up.ends()...)
		} else {
			t.missing = append(t.missing, cmp.Or(plain(p.Name), "a variant"))
		}
	}
	right, bottom := t.area.x+t.area.w, t.area.y+t.area.h
	t.x = newAxis(axes.AcrossUnit, xs, false, t.area.x+10, right-10, 80)
	t.y = newAxis(axes.UpUnit, ys, true, bottom-8, t.area.y+8, 36)
	t.draw()
	return t.String()
}

// tradeoff is such a picture that is being drawn.
type tradeoff struct {
	picture
	axes    Axes
	points  []Point
	missing []string // the names of variants without a point
	area    box
	x, y    valueAxis
	taken   []box // by points, intervals and names
}

func (t *tradeoff) draw() {
	right, bottom := t.area.x+t.area.w, t.area.y+t.area.h
	t.label(4, 13, start, shorten("↑ "+plain(t.axes.Up), t.width-8), `font-weight="600"`)
	t.y.draw(&t.picture, t.area.x, right)
	t.x.drawBelow(&t.picture, t.area.y, bottom)
	t.label(right, bottom+axisHeight+10, end, shorten(plain(t.axes.Across)+" →", right-8), `font-weight="600"`)
	for i, p := range t.points {
		t.point(i, p)
	}
	var unnamed []string
	for i, p := range t.points {
		if name := cmp.Or(plain(p.Name), fmt.Sprint("variant ", i+1)); !t.name(p, name) {
			unnamed = append(unnamed, name)
		}
	}
	t.height = bottom + axisHeight + lineHeight + 4
	t.below("Not in the picture: ", t.missing, t.axes.NoValuesText)
	t.below("Without a name in the picture: ", unnamed, "")
	for _, p := range t.points {
		t.about += pointText(t.axes, p) + ". "
	}
}

// pointText is a point in words.
func pointText(axes Axes, p Point) string {
	value := func(m Measure, unit string) string {
		text := valueText(unit, m.Value)
		if m.AtLeast {
			text = "at least " + text
		}
		return text
	}
	return fmt.Sprintf("%s: %s %s, %s %s", plain(p.Name), plain(axes.Across), value(p.Across, axes.AcrossUnit), plain(axes.Up), value(p.Up, axes.UpUnit))
}

// point draws a point with its intervals.
func (t *tradeoff) point(i int, p Point) {
	x, y := t.x.px(p.Across.Value), t.y.px(p.Up.Value)
	c := colour(i)
	for _, of := range []struct {
		across, up Interval
		with       paint
	}{{p.Across.Range, p.Up.Range, c.with(`stroke-opacity=".6"`)}, {p.Across.Sure, p.Up.Sure, c.with(`stroke-width="3" stroke-opacity=".8"`)}} {
		if low, high, ok := span(t.x, of.across); ok {
			t.line(low, y, high, y, of.with)
			t.taken = append(t.taken, box{low, y - 1, high - low, 2})
		}
		if low, high, ok := span(t.y, of.up); ok {
			t.line(x, low, x, high, of.with)
			t.taken = append(t.taken, box{x - 1, high, 2, low - high})
		}
	}
	title := pointText(t.axes, p)
	if p.Up.AtLeast { // the true value is higher
		t.shape(c, title, x-5.5, y+4.5, x+5.5, y+4.5, x, y-6)
	} else {
		t.circle(x, y, 5, c, "fill", title)
	}
	t.taken = append(t.taken, box{x - 6, y - 6, 12, 12})
}

// span is an interval in pixels; an end without a bound is that of the axis.
func span(a valueAxis, i Interval) (low, high float64, ok bool) {
	if !i.Known || math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return 0, 0, false
	}
	low, high = a.px(i.Low), a.px(i.High)
	if math.IsInf(i.Low, -1) {
		low = a.from
	}
	return low, high, true
}

// name puts the name of a point beside it; false: there is no free place.
func (t *tradeoff) name(p Point, name string) bool {
	name = shorten(name, 170)
	x, y := t.x.px(p.Across.Value), t.y.px(p.Up.Value)
	at, ok := besides(x, y, name, t.area, t.taken)
	if !ok || name == "" {
		return false
	}
	t.taken = append(t.taken, at)
	if near := (box{at.x - 12, at.y - 12, at.w + 24, at.h + 24}); !near.meets(box{x, y, 0.1, 0.1}) {
		t.line(x, y, min(max(x, at.x), at.x+at.w), min(max(y, at.y), at.y+at.h), axis)
	}
	t.label(at.x, at.y+at.h-3, start, name, "")
	return true
}

// below writes a line below the picture.
func (t *tradeoff) below(what string, names []string, why string) {
	if len(names) == 0 {
		return
	}
	text := what + strings.Join(names, ", ")
	if why != "" {
		text += " (" + plain(why) + ")"
	}
	t.about += plain(text) + ". "
	t.label(4, t.height+11, start, shorten(plain(text), t.width-8), quiet)
	t.height += lineHeight + 2
}
