package svg

import (
	"cmp"
	"fmt"
	"slices"
)

// Group is the runs of one variant.
type Group struct {
	Name   string
	Runs   []Run
	Median Measure
	Text   string // the figures in words
}

// Run is one run of a group.
type Run struct {
	Name    string
	Value   float64
	AtLeast bool // the value is a lower bound
}

const dotsHeight = 30.0

// Dots draws a dot for each run, a row for each group, with the median of the group and its interval. Values that are
// only lower bounds are triangles that point to where the true value is.
func Dots(title, unit string, groups []Group, o Options) string {
	p := &picture{title: plain(title)}
	p.width = o.width(720)
	left, right := min(namesWidth, p.width/4), p.width-min(textsWidth, p.width/3)
	var values []float64
	for _, g := range groups {
		for _, r := range g.Runs {
			if finite(r.Value) {
				values = append(values, r.Value)
			}
		}
		values = append(values, g.Median.ends()...)
	}
	// Values near 0 are shown with it, and others with their differences.
	from0 := len(values) > 0 && slices.Min(values) >= 0 && slices.Min(values) <= slices.Max(values)/2
	a := newAxis(unit, values, from0, left+8, right-8, 75)
	bottom := 4 + float64(len(groups))*dotsHeight
	a.drawBelow(p, 2, bottom)
	for i, g := range groups {
		name, y := cmp.Or(plain(g.Name), fmt.Sprint("variant ", i+1)), 4+(float64(i)+0.5)*dotsHeight
		p.label(2, y+4, start, shorten(name, left-6), "")
		p.label(right+10, y+4, start, shorten(plain(g.Text), p.width-right-12), "")
		p.dots(a, unit, g.Runs, y)
		if m := g.Median; m.known() {
			x := a.px(m.Value)
			a.whisker(p, m.Sure, y, ink.with(`stroke-width="1.2"`))
			p.line(x, y-11, x, y+11, ink.with(`stroke-width="2.2"`))
		}
		p.about += fmt.Sprintf("%s: %s. ", name, plain(g.Text))
	}
	p.height = bottom + axisHeight
	return p.String()
}

// dots draws the runs of a group around a line. Runs whose dots would lie over each other are moved up and down.
func (p *picture) dots(a valueAxis, unit string, runs []Run, y float64) {
	runs = slices.DeleteFunc(slices.Clone(runs), func(r Run) bool { return !finite(r.Value) })
	slices.SortStableFunc(runs, func(a, b Run) int { return cmp.Compare(a.Value, b.Value) })
	with := colour(0).with(`fill-opacity=".75"`)
	ends := map[float64]float64{}
	for _, r := range runs {
		x := a.px(r.Value)
		var moved float64
		for _, moved = range []float64{0, -6, 6, -11, 11} {
			if last, taken := ends[moved]; !taken || x-last >= 7 {
				break
			}
		}
		ends[moved] = x
		title := plain(r.Name) + ": "
		if r.AtLeast {
			p.shape(with, title+"at least "+valueText(unit, r.Value), x-3, y+moved-4, x+5, y+moved, x-3, y+moved+4)
			continue
		}
		p.circle(x, y+moved, 3.4, with, "fill", title+valueText(unit, r.Value))
	}
}
