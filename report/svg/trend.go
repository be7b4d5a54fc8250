package svg

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// Night is one night of a history.
type Night struct {
	At      time.Time
	Known   bool
	Value   float64
	AtLeast bool
	// State is what the nights up to this one say: suspect, regression or better; "": nothing.
	State string
	Text  string // what to show where a pointer rests on it; of a night without a value, why
}

// Step is a moment from which on another level was accepted.
type Step struct {
	At   time.Time
	Text string
}

// Level is the median of some nights.
type Level struct {
	From, To time.Time
	Value    float64
}

// Trend draws the nights of a metric over time, with the suspicions and the regressions among them, the steps
// that were accepted, and the medians that were compared. Nights without a value are crosses at the lower edge.
func Trend(title, unit string, nights []Night, steps []Step, levels []Level, o Options) string {
	t := &trend{unit: unit}
	t.title, t.width = plain(title), o.width(720)
	for _, n := range nights {
		n.Known = n.Known && finite(n.Value)
		t.nights = append(t.nights, n)
	}
	slices.SortStableFunc(t.nights, func(a, b Night) int { return a.At.Compare(b.At) })
	t.steps, t.levels = steps, slices.DeleteFunc(slices.Clone(levels), func(l Level) bool { return !finite(l.Value) })
	t.draw(o)
	return t.String()
}

// trend is such a picture that is being drawn.
type trend struct {
	picture
	unit   string
	nights []Night
	steps  []Step
	levels []Level
	time   scale
}

// seconds is a moment as a number.
func seconds(at time.Time) float64 { return float64(at.Unix()) }

func (t *trend) draw(o Options) {
	left, right := leftMargin, t.width-rightSide
	t.time = t.times(left+8, right-8)
	var labels []marked
	for _, s := range t.steps {
		labels = append(labels, marked{at: t.time.px(seconds(s.At)), text: plain(s.Text)})
	}
	rows := spread(labels, left, right)
	top := float64(rows)*lineHeight + 4
	bottom := top + o.height(150)
	var values []float64
	for _, n := range t.nights {
		if n.Known {
			values = append(values, n.Value)
		}
	}
	for _, l := range t.levels {
		values = append(values, l.Value)
	}
	y := newAxis(t.unit, values, true, bottom-8, top+6, 26)
	y.draw(&t.picture, left, right)
	t.drawDates(top, bottom)
	for _, l := range labels {
		t.line(l.at, float64(l.row)*lineHeight+4, l.at, bottom, ink.with(`stroke-opacity=".6" stroke-dasharray="5 3"`))
		t.label(l.x, float64(l.row)*lineHeight+13, start, l.shown, "")
	}
	for _, l := range t.levels {
		at := y.px(l.Value)
		t.line(t.time.px(seconds(l.From)), at, max(t.time.px(seconds(l.To)), t.time.px(seconds(l.From))+4), at, ink.with(`stroke-width="1.6" stroke-dasharray="7 3"`))
	}
	t.drawNights(y, bottom)
	t.height = bottom + axisHeight
	t.drawKey()
}

// times is the scale of the days.
func (t *trend) times(left, right float64) scale {
	low, high := math.Inf(1), math.Inf(-1)
	see := func(at time.Time) { low, high = min(low, seconds(at)), max(high, seconds(at)) }
	for _, n := range t.nights {
		see(n.At)
	}
	for _, s := range t.steps {
		see(s.At)
	}
	for _, l := range t.levels {
		see(l.From)
		see(l.To)
	}
	if low > high {
		low, high = 0, 1
	}
	if low == high {
		low, high = low-86400, high+86400
	}
	return scale{low: low, high: high, from: left, to: right}
}

// drawDates draws the axis of the days, in UTC.
func (t *trend) drawDates(top, bottom float64) {
	const hour = 3600.0
	rough := (t.time.high - t.time.low) / max((t.time.to-t.time.from)/100, 1)
	step := 365 * 24 * hour * max(1, math.Ceil(rough/(365*24*hour)))
	for _, s := range []float64{hour, 3 * hour, 6 * hour, 12 * hour, 24 * hour, 48 * hour, 7 * 24 * hour, 14 * 24 * hour, 28 * 24 * hour, 91 * 24 * hour, 182 * 24 * hour} {
		if s >= rough {
			step = s
			break
		}
	}
	layout := time.DateOnly
	if step < 24*hour {
		layout = "01-02 15:04"
	}
	last := math.Inf(-1)
	for i, n := math.Ceil(t.time.low/step), 0; i*step <= t.time.high && n < 64; i, n = i+1, n+1 {
		x := t.time.px(i * step)
		text := time.Unix(int64(i*step), 0).UTC().Format(layout)
		t.line(x, top, x, bottom, grid)
		half := textWidth(text) / 2
		at := max(min(x, t.width-half-1), half+1)
		if at-half < last+6 {
			continue
		}
		t.label(at, bottom+15, middle, text, quiet)
		last = at + half
	}
	t.line(leftMargin, bottom, t.width-rightSide, bottom, axis)
}

// drawNights draws the values: a thin line, and a mark for each night.
func (t *trend) drawNights(y valueAxis, bottom float64) {
	var line curve
	for _, n := range t.nights {
		if !n.Known {
			line.gap()
			continue
		}
		line.to(t.time.px(seconds(n.At)), y.px(n.Value))
	}
	line.draw(&t.picture, colour(0).with(`stroke-opacity=".5"`))
	for _, n := range t.nights {
		x := t.time.px(seconds(n.At))
		if !n.Known {
			for _, slope := range []float64{3, -3} {
				t.line(x-3, bottom-5-slope, x+3, bottom-5+slope, axis)
			}
			t.rect(x-4, bottom-9, 8, 8, ink.with(`fill-opacity="0"`), n.Text)
			continue
		}
		at := y.px(n.Value)
		if n.AtLeast {
			t.line(x, at, x, at-9, axis)
			t.line(x-3, at-6, x, at-9, axis)
			t.line(x+3, at-6, x, at-9, axis)
		}
		t.place(x, at, n.State, n.Text+": "+nightText(t.unit, n))
	}
}

// drawKey says below the picture what the marks mean that are in it, and describes it.
func (t *trend) drawKey() {
	count := map[string]int{}
	missing := 0
	for _, n := range t.nights {
		if !n.Known {
			missing++
			continue
		}
		count[n.State]++
	}
	t.about = fmt.Sprintf("%d nights", len(t.nights))
	x, y := leftMargin, t.height+8
	say := func(text string, mark func(x float64)) {
		text = shorten(text, t.width-leftMargin-12)
		w := 12 + textWidth(text)
		if x+w > t.width && x > leftMargin {
			x, y = leftMargin, y+lineHeight
		}
		mark(x)
		t.label(x+10, y+4, start, text, quiet)
		x += w + 14
		t.about += "; " + text
	}
	for _, of := range []string{"regression", "suspect", "better"} {
		if n := count[of]; n > 0 {
			say(fmt.Sprintf("%s (%d)", of, n), func(x float64) { t.place(x, y, of, "") })
		}
	}
	if missing > 0 {
		say(fmt.Sprintf("no value (%d)", missing), func(x float64) {
			t.line(x-3, y-3, x+3, y+3, axis)
			t.line(x-3, y+3, x+3, y-3, axis)
		})
	}
	if len(t.levels) > 0 {
		say("medians that were compared", func(x float64) { t.line(x-8, y, x+6, y, ink.with(`stroke-width="1.6" stroke-dasharray="7 3"`)) })
	}
	for _, s := range t.steps {
		t.about += fmt.Sprintf("; %s: %s", s.At.UTC().Format(time.DateOnly), cmp.Or(plain(s.Text), "a step"))
	}
	t.about += "."
	t.height = y + lineHeight - 4
}

// nightText is the value of a night in words.
func nightText(unit string, n Night) string {
	text := valueText(unit, n.Value)
	if n.AtLeast {
		text = "at least " + text
	}
	if n.State != "" {
		text += " (" + n.State + ")"
	}
	return text
}
