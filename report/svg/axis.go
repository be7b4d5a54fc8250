package svg

import (
	"math"
	"strconv"
	"strings"
)

// extreme bounds what is drawn, so that no calculation with it overflows.
const (
	extreme = 1e300
	tiny    = 1e-300
)

// bounded is a number that can be calculated with; NaN stays.
func bounded(v float64) float64 { return min(max(v, -extreme), extreme) }

// finite tells whether a value is a number.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// scale maps values to pixels.
type scale struct {
	low, high float64 // values, low < high; where log is set, above 0
	from, to  float64 // pixels: of low and of high
	log       bool
	// zero is where 0 and less are drawn on a logarithmic scale, apart from the rest; it is between none and from.
	zero float64
}

// px is the pixel of a value. Values out of the scale are at its ends.
func (s scale) px(v float64) float64 {
	if s.log && v <= 0 {
		return s.zero
	}
	v = min(max(bounded(v), s.low), s.high)
	var share float64
	if s.log {
		share = (math.Log10(v) - math.Log10(s.low)) / (math.Log10(s.high) - math.Log10(s.low))
	} else {
		// Halves, for the difference of two extremes is still a number then.
		share = (v/2 - s.low/2) / (s.high/2 - s.low/2)
	}
	if math.IsNaN(share) {
		share = 0
	}
	return s.from + min(max(share, 0), 1)*(s.to-s.from)
}

// round125 is the least of 1, 2 and 5, times a power of ten, that is at least x.
func round125(x float64) float64 {
	if !(x > tiny) {
		return tiny
	}
	x = min(x, extreme)
	e := int(math.Floor(math.Log10(x)))
	for _, m := range [...]float64{1, 2, 5, 10} {
		if r := m * math.Pow10(e); r >= x*(1-1e-9) {
			return r
		}
	}
	return math.Pow10(e + 1)
}

// linear is a scale around the values from low to high whose ends are round, with its ticks. Where from0 is set, it
// begins at 0, unless there are values below.
func linear(low, high float64, from0 bool, most int) (s scale, ticks []float64, step float64) {
	low, high = bounded(low), bounded(high)
	if from0 {
		low, high = min(low, 0), max(high, 0)
	}
	if !(high > low) {
		// The neighbours of an only value.
		around := max(math.Abs(low)/10, tiny)
		if low == 0 {
			around = 1
		}
		if high = bounded(low + around); !from0 {
			low = bounded(low - around)
		}
	}
	step = round125((high/2 - low/2) / float64(max(most, 1)) * 2)
	// Steps too small for the size of the numbers would not move them.
	step = max(step, round125(max(math.Abs(low), math.Abs(high))*1e-12))
	first, last := math.Floor(low/step+1e-9), math.Ceil(high/step-1e-9)
	for i := first; i <= last && len(ticks) < 64; i++ {
		ticks = append(ticks, i*step+0)
	}
	if len(ticks) < 2 {
		ticks = []float64{low, high}
	}
	return scale{low: min(ticks[0], low), high: max(ticks[len(ticks)-1], high)}, ticks, step
}

// logarithmic is a scale around positive values whose ends are 1, 2 or 5 times a power of ten, with its ticks.
func logarithmic(low, high float64, most int) (s scale, ticks []float64) {
	low, high = min(max(low, tiny), extreme), min(max(high, tiny), extreme)
	if !(high > low*1.0001) {
		low, high = max(low/2, tiny/10), high*2
	}
	decades := math.Log10(high) - math.Log10(low)
	every, mantissas := 1, []float64{1, 2, 5}
	if decades*3 > float64(most) {
		mantissas = mantissas[:1]
		every = max(1, int(math.Ceil(decades/float64(max(most, 1)))))
	}
	low, high = floor125(low), round125(high)
	for e := int(math.Floor(math.Log10(low))) - 1; e <= int(math.Ceil(math.Log10(high)))+1; e++ {
		for _, m := range mantissas {
			if t := m * math.Pow10(e); t >= low*(1-1e-9) && t <= high*(1+1e-9) && t > 0 && finite(t) && (every == 1 || e%every == 0) {
				ticks = append(ticks, t)
			}
		}
	}
	if len(ticks) < 2 {
		ticks = []float64{low, high}
	}
	return scale{low: low, high: high, log: true}, ticks
}

// floor125 is the greatest of 1, 2 and 5, times a power of ten, that is at most x.
func floor125(x float64) float64 {
	e := int(math.Floor(math.Log10(x)))
	for _, m := range [...]float64{5, 2, 1} {
		if r := m * math.Pow10(e); r <= x*(1+1e-9) && r > 0 {
			return r
		}
	}
	return x
}

// timeSteps are the steps between times on an axis from a second on, in seconds.
var timeSteps = [...]float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400}

// timeTicks are round times from low to high, at most about most of them.
func timeTicks(low, high float64, most int) (ticks []float64, step float64) {
	rough := (high - low) / float64(max(most, 1))
	step = round125(rough)
	if rough > 0.5 {
		for _, s := range timeSteps {
			if step = s; s >= rough*(1-1e-9) {
				break
			}
		}
		if step < rough {
			step = 86400 * round125(rough/86400)
		}
	}
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9 && len(ticks) < 64; i++ {
		ticks = append(ticks, i*step+0)
	}
	return ticks, step
}

// timeText is a moment on the run's clock, on an axis up to of with this step between its ticks.
func timeText(t, of, step float64) string {
	if of <= 180 || step < 1 || of > 1e9 {
		return digits(t, step) + " s"
	}
	sign := ""
	if t < 0 {
		sign = "-"
	}
	s, every := int64(math.Abs(t)+0.5), int64(step+0.5)
	two := func(n int64) string { return strconv.FormatInt(n/10, 10) + strconv.FormatInt(n%10, 10) }
	switch {
	case of < 7200 && every%60 == 0:
		return sign + strconv.FormatInt(s/60, 10) + " min"
	case of < 7200:
		return sign + strconv.FormatInt(s/60, 10) + ":" + two(s%60) + " min"
	case every%3600 == 0:
		return sign + strconv.FormatInt(s/3600, 10) + " h"
	case every%60 == 0:
		return sign + strconv.FormatInt(s/3600, 10) + ":" + two(s/60%60) + " h"
	}
	return sign + strconv.FormatInt(s/3600, 10) + ":" + two(s/60%60) + ":" + two(s%60) + " h"
}

// digits writes a number with as many decimals as a step has, its thousands in groups.
func digits(v, step float64) string {
	if size := math.Abs(v); size >= 1e9 || size > 0 && step < 1e-9 {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	decimals := 0
	if step > 0 {
		decimals = min(max(0, int(math.Ceil(-math.Log10(step)-1e-9))), 9)
	}
	text := strconv.FormatFloat(v+0, 'f', decimals, 64)
	whole, part, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if strings.Trim(whole+part, "0,") == "" {
		sign = ""
	}
	if part != "" {
		part = "." + part
	}
	return sign + whole + part
}

// tickText is a value on an axis, with its unit: that of a lane ("s", "B", "/s", "%", or none). of is the value by whose size
// the unit is chosen; step the distance to the next tick.
func tickText(unit string, v, of, step float64) string {
	of = math.Abs(of)
	by := func(factor float64, name string) string { return digits(v/factor, step/factor) + name }
	switch unit {
	case "s":
		switch {
		case of >= 1 || of == 0:
			return by(1, " s")
		case of >= 1e-3*(1-1e-9):
			return by(1e-3, " ms")
		}
		return by(1e-6, " µs")
	case "B":
		names := [...]string{" B", " kB", " MB", " GB", " TB"}
		i, factor := 0, 1.0
		for of >= 1000*factor*(1-1e-9) && i < len(names)-1 {
			i, factor = i+1, factor*1000
		}
		return by(factor, names[i])
	case "/s":
		return by(1, "/s")
	case "":
		return by(1, "")
	}
	return by(1, " "+plain(unit))
}

// valueText is a value in words, to three digits: the titles of what a pointer can rest on.
func valueText(unit string, v float64) string {
	if unit == "" && v == math.Trunc(v) { // a count
		return digits(v, 1)
	}
	if v == 0 {
		return tickText(unit, 0, 1, 1)
	}
	return tickText(unit, v, v, math.Pow10(int(math.Floor(math.Log10(math.Abs(bounded(v)))))-2))
}

// valueAxis is a vertical axis: its scale from bottom to top, and what stands at its ticks.
type valueAxis struct {
	scale
	ticks []float64
	texts []string
}

// newValueAxis is an axis for values of a unit from low to high, or of none where high < low.
func newValueAxis(unit string, low, high float64, log bool, bottom, top float64) valueAxis {
	most := min(max(1, int((bottom-top)/24)), 10)
	if log {
		low, high = max(low, tiny), max(high, tiny)
		s, ticks := logarithmic(low, high, most)
		a := valueAxis{scale: s, ticks: ticks}
		for _, t := range ticks {
			a.texts = append(a.texts, tickText(unit, t, t, t))
		}
		a.from, a.to, a.zero = bottom, top, bottom
		return a
	}
	s, ticks, step := linear(low, high, true, most)
	a := valueAxis{scale: s, ticks: ticks}
	for _, t := range ticks {
		a.texts = append(a.texts, tickText(unit, t, max(math.Abs(s.low), math.Abs(s.high)), step))
	}
	a.from, a.to, a.zero = bottom, top, bottom
	return a
}

// draw draws the lines of the axis from left to right and what stands at them.
func (a valueAxis) draw(p *picture, left, right float64) {
	last := math.Inf(1)
	for i, t := range a.ticks {
		y := a.px(t)
		p.line(left, y, right, y, grid)
		if last-y < fontSize { // only where the ticks are too many for the height
			continue
		}
		p.label(left-6, y+4, end, shorten(a.texts[i], left-8), quiet)
		last = y
	}
}
