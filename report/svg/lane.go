package svg

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"pgchaos/report/lanes"
)

// The usual heights of a lane.
const (
	lineAreaHeight = 130
	bandHeight     = 18
	leastBand      = 13
	axisHeight     = 20
)

// laneDrawing is one lane that is being drawn.
type laneDrawing struct {
	picture
	lane        lanes.Lane
	run         *lanes.Run
	marks       []lanes.Mark
	time        scale
	top, bottom float64 // of the area
	paints      []paint // of the series
	values      valueAxis
}

// Lane is one lane of a run as the text of an <svg> element. run has the faults that stand above the lane, and the time that
// all its lanes share; it may be nil. With o.From and o.To it is a close-up.
//
// Values that are not known are gaps in a line. The title of the lane is in <title>, and not drawn.
func Lane(l lanes.Lane, run *lanes.Run, o Options) string { return drawLane(l, run, o).String() }

func drawLane(l lanes.Lane, run *lanes.Run, o Options) *laneDrawing {
	if run == nil {
		run = &lanes.Run{}
	}
	d := &laneDrawing{lane: l, run: run, marks: o.Marks, paints: paints(run, l)}
	d.width = o.width(usualWidth)
	d.title = cmp.Or(plain(l.Title), plain(l.ID), "lane")
	d.times(o)
	d.about = d.describe()

	left, right := leftMargin, d.width-rightSide
	d.time.from, d.time.to, d.time.zero = left, right, left
	labels, rows := d.labels()
	if len(d.marks) > 0 {
		rows++ // the last is that of the letters
	}
	d.top = float64(rows)*lineHeight + 4
	usual := float64(lineAreaHeight)
	if len(l.Rows) > 0 {
		usual = float64(len(l.Rows)) * bandHeight
	}
	d.bottom = d.top + max(o.height(usual), float64(len(l.Rows))*leastBand)
	d.drawFaults(labels)
	d.drawMarks()
	d.drawTimeAxis()
	under := d.bottom + axisHeight
	if len(l.Rows) > 0 {
		d.drawBands()
	} else {
		shown := newLegend(d.entries(), left, right)
		d.drawLines()
		shown.draw(&d.picture, under)
		under += shown.height()
	}
	d.height = under + 2
	return d
}

// times finds the part of the time that is shown: the run, or all of whatever is longer.
func (d *laneDrawing) times(o Options) {
	from, to := o.From, o.To
	if finite(from) && finite(to) && to > from {
		d.time = scale{low: bounded(from), high: bounded(to)}
		return
	}
	from, to = 0, 0
	see := func(t float64) {
		if finite(t) {
			from, to = min(from, bounded(t)), max(to, bounded(t))
		}
	}
	see(d.run.Duration)
	for _, l := range append(slices.Clone(d.run.Lanes), d.lane) {
		for _, t := range l.Times {
			see(t)
		}
		for _, row := range l.Rows {
			for _, s := range row.Spans {
				see(s.From)
				see(s.To)
			}
		}
	}
	for _, f := range d.run.Faults {
		see(f.From)
		see(f.To)
	}
	if to <= from {
		to = from + 1
	}
	d.time = scale{low: from, high: to}
}

// shows tells whether some of a stretch of time is in the picture.
func (d *laneDrawing) shows(from, to float64) bool {
	to = max(from, to)
	return finite(from) && finite(to) && from <= d.time.high && to >= d.time.low
}

// mostDescribed bounds the faults that the description names.
const mostDescribed = 30

// describe is the description: what the lane says of itself, and the faults in it.
func (d *laneDrawing) describe() string {
	text := whole(d.lane.About)
	var faults []string
	more := 0
	for _, f := range d.run.Faults {
		switch {
		case !d.shows(f.From, f.To):
		case len(faults) == mostDescribed:
			more++
		default:
			faults = append(faults, faultText(f))
		}
	}
	if len(faults) == 0 {
		return text
	}
	if text != "" {
		text += " "
	}
	text += "Faults: " + strings.Join(faults, "; ")
	if more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text + "."
}

// faultText is a fault in words.
func faultText(f lanes.Fault) string {
	name := cmp.Or(plain(f.Label), plain(f.Step), "fault")
	if f.To <= f.From {
		return fmt.Sprintf("%s at %s s", name, digits(f.From, 0.01))
	}
	return fmt.Sprintf("%s from %s s to %s s", name, digits(f.From, 0.01), digits(f.To, 0.01))
}

// labels are the names above the picture, of the faults that are in it.
func (d *laneDrawing) labels() (labels []marked, rows int) {
	for _, f := range d.run.Faults {
		if !d.shows(f.From, f.To) {
			continue
		}
		labels = append(labels, marked{at: d.time.px(f.From), text: cmp.Or(plain(f.Label), plain(f.Step), "fault")})
	}
	return labels, spread(labels, leftMargin, d.width-rightSide)
}

// drawFaults draws the faults as bands behind all else, and their labels above the area.
func (d *laneDrawing) drawFaults(labels []marked) {
	edge, shade := warning.with(`stroke-dasharray="3 3"`), warning.with(`fill-opacity=".14"`)
	if len(d.lane.Rows) > 0 { // the colours of the bands are to stay what they are
		shade = warning.with(`fill-opacity=".06"`)
	}
	for _, f := range d.run.Faults {
		if !d.shows(f.From, f.To) {
			continue
		}
		x, until := d.time.px(f.From), d.time.px(max(f.From, f.To))
		d.rect(x, d.top, max(until-x, 1), d.bottom-d.top, shade, faultText(f))
		if f.From >= d.time.low {
			d.line(x, d.top, x, d.bottom, edge)
		}
		if f.To > f.From && f.To <= d.time.high {
			d.line(until, d.top, until, d.bottom, edge)
		}
	}
	for _, l := range labels {
		if l.shown == "" {
			continue
		}
		y := float64(l.row)*lineHeight + 2
		d.line(l.at, y+2, l.at, d.top, axis)
		d.label(l.x, y+lineHeight-4, start, l.shown, "")
	}
}

// drawMarks draws a line for each mark, with its letter above the area: beside the one before, where two are close.
func (d *laneDrawing) drawMarks() {
	free := d.time.from
	for i, m := range d.marks {
		if !d.shows(m.At, m.At) {
			continue
		}
		x, letter := d.time.px(m.At), Letter(i)
		d.line(x, d.top-3, x, d.bottom, ink.with(`stroke-opacity=".55" stroke-dasharray="1 3"`))
		at := max(x-textWidth(letter)/2, free)
		d.label(at, d.top-5, start, letter, "")
		free = at + textWidth(letter) + 2
	}
}

// Letter is what marks a moment on a lane: a, b, c and so on, and numbers after z.
func Letter(i int) string {
	if i < 26 {
		return string(rune('a' + i))
	}
	return strconv.Itoa(i + 1)
}

// drawTimeAxis draws the axis below the area.
func (d *laneDrawing) drawTimeAxis() {
	ticks, step := timeTicks(d.time.low, d.time.high, int((d.time.to-d.time.from)/90))
	a := valueAxis{scale: d.time, ticks: ticks}
	for _, t := range ticks {
		a.texts = append(a.texts, timeText(t, max(math.Abs(d.time.low), math.Abs(d.time.high)), step))
	}
	a.drawBelow(&d.picture, d.top, d.bottom)
}

// entries are the legend of the lines.
func (d *laneDrawing) entries() (entries []entry) {
	for i, s := range d.lane.Series {
		entries = append(entries, entry{cmp.Or(plain(s.Name), plain(s.Group), fmt.Sprint("line ", i+1)), d.paints[i]})
	}
	return entries
}

// paints is how the lines of a lane are drawn: their colours by their groups, which have the same in all lanes of a run; their
// dashes by their places.
func paints(run *lanes.Run, l lanes.Lane) (all []paint) {
	groups := map[string]int{}
	see := func(group string) {
		if _, has := groups[group]; !has {
			groups[group] = len(groups)
		}
	}
	for _, one := range append(slices.Clone(run.Lanes), l) {
		for _, s := range one.Series {
			see(s.Group)
		}
		for _, row := range one.Rows {
			see(row.Name)
		}
	}
	for i, s := range l.Series {
		all = append(all, colour(groups[s.Group]).with(`stroke-width="1.5"`+dash(i)))
	}
	return all
}

// value is a value of a series; ok is false where it is not known.
func (d *laneDrawing) value(s lanes.Series, i int) (v float64, ok bool) {
	if i >= len(s.Values) || s.Values[i] == nil || !finite(*s.Values[i]) {
		return 0, false
	}
	return *s.Values[i], true
}

// drawLines draws the vertical axis and a line for each series.
func (d *laneDrawing) drawLines() {
	low, high, some := math.Inf(1), math.Inf(-1), false
	d.eachPoint(func(_ int, _, v float64, known bool) {
		if known {
			some = true
			if !d.lane.Log || v > 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	})
	if !some {
		why := "no values"
		if len(d.lane.Series) > 0 {
			why = "no known values"
		}
		d.nothing(why, d.top, d.bottom)
		return
	}
	if low > high { // on a logarithmic scale, all are 0
		low, high = 1, 1
	}
	d.values = newValueAxis(d.lane.Unit, low, high, d.lane.Log, d.bottom, d.top)
	d.values.draw(&d.picture, leftMargin, d.width-rightSide)
	curves := make([]curve, len(d.lane.Series))
	d.eachPoint(func(i int, t, v float64, known bool) {
		if !known {
			curves[i].gap()
			return
		}
		curves[i].to(d.time.px(t), d.values.px(v))
	})
	for i := range curves {
		curves[i].draw(&d.picture, d.paints[i])
	}
}

// eachPoint goes through the points of all series within the time that is shown. Where a line crosses the edge of it, the
// point of the edge is one of them.
func (d *laneDrawing) eachPoint(see func(series int, t, v float64, known bool)) {
	for i, s := range d.lane.Series {
		var (
			beforeT, beforeV float64
			before           bool // the value before is known
		)
		crossing := func(edge, t, v float64) {
			see(i, edge, beforeV+(v-beforeV)*(edge-beforeT)/(t-beforeT), true)
		}
		for j, t := range d.lane.Times {
			if !finite(t) {
				continue
			}
			v, known := d.value(s, j)
			t, v = bounded(t), bounded(v)
			crosses := before && known && t > beforeT
			if crosses && beforeT < d.time.low && t > d.time.low {
				crossing(d.time.low, t, v)
			}
			if crosses && beforeT < d.time.high && t > d.time.high {
				crossing(d.time.high, t, v)
			}
			if t >= d.time.low && t <= d.time.high {
				see(i, t, v, known)
			}
			beforeT, beforeV, before = t, v, known
		}
	}
}

// drawBands draws a band for each row.
func (d *laneDrawing) drawBands() {
	h := (d.bottom - d.top) / float64(len(d.lane.Rows))
	for i, row := range d.lane.Rows {
		y := d.top + float64(i)*h
		d.label(leftMargin-6, y+h/2+4, end, shorten(plain(row.Name), leftMargin-8), "")
		for _, s := range row.Spans {
			if d.shows(s.From, s.To) && s.To > s.From {
				d.drawSpan(s, y+1, h-2)
			}
		}
	}
}

// drawSpan draws a stretch of a band with its label, where that fits.
func (d *laneDrawing) drawSpan(s lanes.Span, y, h float64) {
	x, until := d.time.px(s.From), d.time.px(s.To)
	w := max(until-x, 0.5)
	label := cmp.Or(plain(s.Label), plain(s.Class))
	title := fmt.Sprintf("%s from %s s to %s s", label, digits(s.From, 0.01), digits(s.To, 0.01))
	fill, border := classPaint(s.Class)
	d.rect(x, y, w, h, fill, title)
	for _, at := range []float64{y, y + h} {
		d.line(x, at, x+w, at, border)
	}
	if x > leftMargin {
		d.line(x, y, x, y+h, border)
	}
	if h >= fontSize {
		d.label(x+4, y+h/2+4, start, shorten(label, w-8), "")
	}
}

// classPaint is how a state is drawn: what serves strongly, what waits lightly, what is down empty with a broken edge.
func classPaint(class string) (fill, border paint) {
	solid := func(c paint, opacity string) (paint, paint) { return c.with(`fill-opacity="` + opacity + `"`), c }
	switch class {
	case "primary":
		return solid(colour(0), ".45")
	case "standby":
		return solid(colour(5), ".18")
	case "sync":
		return solid(colour(2), ".45")
	case "quorum":
		return solid(colour(2), ".3")
	case "potential":
		return solid(colour(1), ".22")
	case "async":
		return solid(colour(1), ".1")
	case "down":
		return bad.with(`fill-opacity=".06"`), bad.with(`stroke-dasharray="4 3"`)
	}
	// unknown, and any state that is not known here
	return ink.with(`fill-opacity=".03"`), axis.with(`stroke-dasharray="1 3"`)
}
