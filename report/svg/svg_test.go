package svg

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgchaos/internal/race"
	"pgchaos/report/lanes"
)

// line is a lane with one series.
func line(log bool, times []float64, values []*float64) (lanes.Lane, *lanes.Run) {
	l := lanes.Lane{ID: "x", Title: "x", Unit: "s", Log: log, Times: times, Series: []lanes.Series{{Name: "a", Values: values}}}
	return l, &lanes.Run{Duration: times[len(times)-1], Lanes: []lanes.Lane{l}}
}

// TestPeaksSurvive: of an hour in steps of 100 ms, each point that is far from its neighbours is in the picture, and the path stays small.
func TestPeaksSurvive(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range race.Rounds(20, 4) {
		var times []float64
		var values []*float64
		for i := range 36000 {
			times, values = append(times, float64(i)/10), append(values, ptr(0.001*(1+r.Float64())))
		}
		high, low := r.IntN(36000), r.IntN(36000)
		*values[high], *values[low] = 3, 0.000002
		l, run := line(true, times, values)
		d := drawLane(l, run, Options{})
		f := fine(t, d.String())
		if len(f.paths) != 1 {
			t.Fatalf("%d lines", len(f.paths))
		}
		for _, peak := range []struct{ at, v float64 }{{times[high], 3}, {times[low], 0.000002}} {
			want := [2]float64{math.Round(d.time.px(peak.at)), math.Round(d.values.px(peak.v))}
			if !contains(f.paths[0], want) {
				t.Errorf("the value %g at %g s is not drawn at %g", peak.v, peak.at, want)
			}
		}
		if size := len(d.String()); size > 20_000 {
			t.Errorf("%d bytes", size)
		}
	}
}

func contains(points [][2]float64, want [2]float64) bool {
	for _, p := range points {
		if p == want {
			return true
		}
	}
	return false
}

// TestUnknownIsAGap: a line has as many parts as there are stretches of known values, each of them ends where its values end, and
// nothing is drawn at 0.
func TestUnknownIsAGap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var times []float64
		var values []*float64
		stretches, known := 0, false
		for i := range 60 {
			times, values = append(times, float64(i)), append(values, nil)
			now := r.IntN(3) > 0
			if now {
				values[i] = ptr(100 + r.Float64())
			}
			if now && !known {
				stretches++
			}
			known = now
		}
		l, run := line(false, times, values)
		d := drawLane(l, run, Options{})
		f := fine(t, d.String())
		if len(f.paths) != stretches {
			t.Fatalf("%d parts, and %d stretches of values", len(f.paths), stretches)
		}
		for _, part := range f.paths {
			for _, p := range part {
				if p[1] > d.values.px(99) {
					t.Fatalf("a point at %g, far below the values", p)
				}
			}
		}
	}
}

// TestNothingIsNoZero: where no value is known, that is written, and no line is drawn.
func TestNothingIsNoZero(t *testing.T) {
	nan := math.NaN()
	for name, of := range map[string]struct {
		series []lanes.Series
		want   string
	}{
		"no series":   {nil, "no values"},
		"all unknown": {[]lanes.Series{{Name: "a", Values: []*float64{nil, nil}}}, "no known values"},
		"no numbers":  {[]lanes.Series{{Name: "a", Values: []*float64{&nan}}}, "no known values"},
		"too short":   {[]lanes.Series{{Name: "a"}}, "no known values"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fine(t, Lane(lanes.Lane{ID: "lag", Times: []float64{0, 1}, Series: of.series}, nil, Options{}))
			if len(f.paths) != 0 || !f.has(of.want) {
				t.Errorf("%d lines; %q is missing", len(f.paths), of.want)
			}
		})
	}
}

// TestCloseUpEndsAtItsEdges: a line that crosses the edge of the time that is shown is drawn up to the edge.
func TestCloseUpEndsAtItsEdges(t *testing.T) {
	l, run := line(false, []float64{0, 10, 20, 30}, []*float64{ptr(0), ptr(10), ptr(20), ptr(30)})
	d := drawLane(l, run, Options{From: 5, To: 25})
	f := fine(t, d.String())
	if len(f.paths) != 1 || len(f.paths[0]) != 4 {
		t.Fatalf("drawn: %v", f.paths)
	}
	for i, want := range []float64{5, 10, 20, 25} {
		p := f.paths[0][i]
		if p[0] != math.Round(d.time.px(want)) || p[1] != math.Round(d.values.px(want)) {
			t.Errorf("point %d at %g, want the value %g", i, p, want)
		}
	}
	// A close-up between two points shows the part of the line between them.
	if f := fine(t, Lane(l, run, Options{From: 12, To: 13})); len(f.paths) != 1 || len(f.paths[0]) != 2 {
		t.Errorf("between two points: %v", f.paths)
	}
}

// TestLanesShareOneTimeAxis: the same second is at the same place in every lane of a run.
func TestLanesShareOneTimeAxis(t *testing.T) {
	run := minute()
	run.Lanes[4].Times[599] = 70 // a lane that is longer than the run
	for _, l := range run.Lanes {
		d := drawLane(l, run, Options{})
		if d.time != drawLane(run.Lanes[0], run, Options{}).time || d.time.high != 70 {
			t.Errorf("%s: %+v", l.ID, d.time)
		}
	}
}

// TestFaultsAreNamed: each fault is a band at its time, its name stands above, and the description has both.
func TestFaultsAreNamed(t *testing.T) {
	run := minute()
	for _, l := range run.Lanes {
		f := fine(t, Lane(l, run, Options{}))
		for _, fault := range run.Faults {
			if !f.has(fault.Label) || !strings.Contains(f.desc, fault.Label) {
				t.Errorf("%s: %q is missing", l.ID, fault.Label)
			}
		}
		if f.has("a") {
			t.Errorf("%s: a stage stands in the picture of the whole run", l.ID)
		}
	}
	f := fine(t, Lane(run.Lanes[0], run, Options{From: 18, To: 28, Marks: run.Faults[0].Stages}))
	for _, label := range []string{"kill primary (pgmaster)", "a", "b", "c"} {
		if !f.has(label) {
			t.Errorf("the close-up lacks %q", label)
		}
	}
	if f.has("delay of 20 ms on pgslavenew") {
		t.Error("the close-up names a fault of another time")
	}
	if f := fine(t, Lane(run.Lanes[0], run, Options{From: 22, To: 28, Marks: run.Faults[0].Stages})); f.has("a") || !f.has("b") {
		t.Error("a close-up shows the marks of its time alone, with their letters")
	}
}

// TestColoursAreReadable holds each colour against white and against a dark page: WCAG asks 3 to 1 of graphics.
func TestColoursAreReadable(t *testing.T) {
	luminance := func(colour string) float64 {
		var rgb [3]int
		if _, err := fmt.Sscanf(colour, "#%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2]); err != nil {
			t.Fatalf("%s: %v", colour, err)
		}
		var l float64
		for i, part := range []float64{0.2126, 0.7152, 0.0722} {
			c := float64(rgb[i]) / 255
			if c <= 0.03928 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			l += part * c
		}
		return l
	}
	for _, colour := range append(palette[:], good.fallback, bad.fallback, warning.fallback) {
		for _, page := range []string{"#ffffff", "#16181d"} {
			a, b := luminance(colour), luminance(page)
			if contrast := (max(a, b) + 0.05) / (min(a, b) + 0.05); contrast < 3 {
				t.Errorf("%s on %s: %.2f", colour, page, contrast)
			}
		}
	}
}

// TestColoursFollowGroups: lines of one workload have one colour, and no two lines of a lane look the same without colours.
func TestColoursFollowGroups(t *testing.T) {
	run := minute()
	all := paints(run, run.Lanes[1])
	if all[0].name != all[1].name || all[2].name != all[3].name || all[0].name == all[2].name {
		t.Errorf("colours: %+v", all)
	}
	for i := range all {
		for j := range i {
			if all[i].more == all[j].more {
				t.Errorf("lines %d and %d have the same dashes", i, j)
			}
		}
	}
}

// TestColoursAreThoseOfOtherLanes: a node has its colour also where others are missing.
func TestColoursAreThoseOfOtherLanes(t *testing.T) {
	few := lanes.Lane{ID: "lag", Series: []lanes.Series{{Name: "c", Group: "c"}}}
	run := &lanes.Run{Lanes: []lanes.Lane{
		{ID: "throughput", Series: []lanes.Series{{Name: "writes", Group: "writes"}}}, {ID: "roles", Rows: []lanes.Row{{Name: "a"}, {Name: "b"}, {Name: "c"}}}, few,
	}}
	if got, want := paints(run, few)[0].name, colour(3).name; got != want {
		t.Errorf("colour %s, want %s", got, want)
	}
}

// TestTicksAreRound: 1, 2 or 5 times a power of ten apart, inside the axis, and not too many.
func TestTicksAreRound(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20_000 {
		low := (r.Float64() - 0.3) * math.Pow10(r.IntN(20)-10)
		high := low + r.Float64()*math.Pow10(r.IntN(20)-10)
		s, ticks, step := linear(low, high, r.IntN(2) == 0, 1+r.IntN(10))
		if s.low > low || s.high < high || !(s.low < s.high) || len(ticks) < 2 || len(ticks) > 14 {
			t.Fatalf("linear %g to %g: %+v, %g", low, high, s, ticks)
		}
		if mantissa := step / math.Pow10(int(math.Floor(math.Log10(step)+1e-9))); math.Abs(mantissa-1) > 1e-6 && math.Abs(mantissa-2) > 1e-6 && math.Abs(mantissa-5) > 1e-6 {
			t.Fatalf("linear %g to %g: a step of %g", low, high, step)
		}
		if low > 0 {
			s, ticks := logarithmic(low, high, 1+r.IntN(10))
			if s.low > low*1.0001 || s.high < high*0.9999 || len(ticks) < 2 || len(ticks) > 14 {
				t.Fatalf("logarithmic %g to %g: %+v, %g", low, high, s, ticks)
			}
		}
		from := r.Float64() * 100
		until := from + math.Pow(10, r.Float64()*7-2)
		if ticks, step := timeTicks(from, until, 9); len(ticks) > 10 || len(ticks) < 1 || ticks[0] < from-step*1e-6 {
			t.Fatalf("times %g to %g: %g", from, until, ticks)
		}
	}
}

func TestTexts(t *testing.T) {
	for _, row := range []struct{ got, want string }{
		{tickText("s", 0.005, 0.01, 0.001), "5 ms"}, {tickText("s", 0.0005, 0.0005, 0.0005), "500 µs"}, {tickText("s", 1.5, 2, 0.5), "1.5 s"},
		{tickText("s", 0, 2, 0.5), "0.0 s"}, {tickText("B", 2e6, 2e6, 1e6), "2 MB"}, {tickText("B", 500, 500, 100), "500 B"}, {tickText("B", 1500, 2000, 500), "1.5 kB"},
		{tickText("/s", 12000, 12000, 2000), "12,000/s"}, {tickText("%", 50, 100, 10), "50 %"}, {tickText("", 3, 5, 1), "3"},
		{valueText("s", 0.0042), "4.20 ms"}, {valueText("s", 0), "0 s"}, {valueText("s", 12.345), "12.3 s"}, {valueText("", 1234), "1,234"},
		{timeText(90, 100, 10), "90 s"}, {timeText(120, 600, 60), "2 min"}, {timeText(90, 600, 30), "1:30 min"}, {timeText(7200, 10000, 3600), "2 h"},
		{timeText(5400, 10000, 1800), "1:30 h"}, {timeText(20.2, 3600, 0.1), "20.2 s"},
		{percentText(0), "0 %"}, {percentText(math.Log10(2)), "50 %"}, {percentText(1), "90 %"}, {percentText(3), "99.9 %"}, {percentText(4), "99.99 %"},
		{digits(-0.0001, 1), "0"}, {digits(-1234567, 1), "-1,234,567"}, {digits(1e12, 1), "1e+12"},
	} {
		if row.got != row.want {
			t.Errorf("%q, not %q", row.got, row.want)
		}
	}
}

// TestZeroStandsApart: a logarithmic axis has no 0, and yet shows it.
func TestZeroStandsApart(t *testing.T) {
	a := newAxis("", []float64{0, 3, 12, 4000}, true, 300, 20, 30)
	if !a.log || a.texts[0] != "0" || a.px(0) != 300 || a.px(3) > 300-zeroGap || a.px(4000) < 20 {
		t.Errorf("%+v: 0 at %g, 3 at %g, 4000 at %g", a, a.px(0), a.px(3), a.px(4000))
	}
	if a := newAxis("", []float64{0, 3, 12}, true, 300, 20, 30); a.log {
		t.Error("values that are near each other are on a logarithmic axis")
	}
}

// TestCountsAreWhole: an axis of counts has no tick between two of them.
func TestCountsAreWhole(t *testing.T) {
	for _, values := range [][]float64{{0, 0}, {0, 1}, {0, 3, 2}, {0, 7}} {
		for i, text := range newAxis("", values, true, 300, 20, 30).texts {
			if strings.Contains(text, ".") {
				t.Errorf("%v: tick %d is %s", values, i, text)
			}
		}
	}
}

// TestNamesOfPoints: whatever the points are, no name lies over another; and every variant is named somewhere.
func TestNamesOfPoints(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		var points []Point
		for i := range 1 + r.IntN(12) {
			p := Point{Name: fmt.Sprintf("variant-%d", i), Across: Measure{Value: 1 + r.Float64()/10, Known: r.IntN(8) > 0}, Up: Measure{Value: float64(r.IntN(3)), Known: true}}
			if r.IntN(2) == 0 {
				p.Across.Sure = known(p.Across.Value-0.02, p.Across.Value+0.02)
			}
			points = append(points, p)
		}
		f := fine(t, Tradeoff(Axes{Title: "x", Across: "p99", AcrossUnit: "s", Up: "lost writes"}, points, Options{}))
		for _, p := range points {
			if !strings.Contains(f.desc, p.Name) {
				t.Errorf("%s is in no text", p.Name)
			}
		}
	}
}

// TestHostileTexts: names stay text, and are short.
func TestHostileTexts(t *testing.T) {
	for name, svg := range pictures() {
		if !strings.Contains(name, "hostile") {
			continue
		}
		if strings.Contains(svg, "<script") || strings.ContainsAny(svg, "\x00\x1b\u202e") || len(svg) > 20_000 {
			t.Errorf("%s: %d bytes: %q", name, len(svg), svg)
		}
	}
}

func FuzzLane(f *testing.F) {
	f.Add("Throughput", "writes", []byte("0123456789abcdef0123456789abcdef"), true, 0.0, 0.0, 960, 0, uint8(3))
	f.Add(hostile, hostile, []byte{255, 255, 255, 255, 255, 255, 239, 127, 0, 0, 0, 0, 0, 0, 0, 128}, false, -1e308, 1e308, 1, 1, uint8(40))
	f.Fuzz(func(t *testing.T, title, name string, data []byte, log bool, from, to float64, width, height int, faults uint8) {
		next := func() float64 {
			if len(data) < 8 {
				return float64(len(data))
			}
			v := math.Float64frombits(binary.LittleEndian.Uint64(data))
			data = data[8:]
			return v
		}
		l := lanes.Lane{ID: name, Title: title, Unit: name, Log: log, About: title}
		if len(name)%2 == 0 {
			l.Unit = "s"
		}
		run := &lanes.Run{Duration: next()}
		for range faults % 50 {
			run.Faults = append(run.Faults, lanes.Fault{Label: name, From: next(), To: next(), Stages: []lanes.Mark{{At: next(), Label: title}}})
		}
		s := lanes.Series{Name: name, Group: title}
		for len(data) >= 8 && len(l.Times) < 200 {
			l.Times = append(l.Times, next())
			if v := next(); v != 0 {
				s.Values = append(s.Values, &v)
			} else {
				s.Values = append(s.Values, nil)
			}
		}
		l.Series = []lanes.Series{s, {Name: title}}
		o := Options{Width: width, Height: height, From: from, To: to, Marks: []lanes.Mark{{At: next(), Label: title}, {At: from}, {At: to}}}
		fine(t, Lane(l, run, o))
		band := lanes.Lane{Title: title, Rows: []lanes.Row{{Name: name}}}
		last := 0.0
		for _, at := range l.Times {
			if at > last {
				band.Rows[0].Spans = append(band.Rows[0].Spans, lanes.Span{From: last, To: at, Label: name, Class: title})
				last = at
			}
		}
		fine(t, Lane(band, run, o))
		fine(t, Percentiles([]Curve{{name, l.Times, l.Times}, {title, []float64{0, 50, 99, 100, from}, []float64{to, from, 1, 2, 3}}}, o))
	})
}

func FuzzComparison(f *testing.F) {
	f.Add("p99 of writes", 1.0, 2.0, 0.05, int64(3), 720, true)
	f.Add(hostile, math.Inf(-1), 1e308, math.NaN(), int64(-1<<62), 0, false)
	f.Fuzz(func(t *testing.T, name string, a, b, c float64, at int64, width int, known bool) {
		o := Options{Width: width}
		measure := Measure{Value: a, Known: known, AtLeast: at%2 == 0, Sure: Interval{min(a, b), max(a, b), known}, Range: Interval{min(b, c), max(b, c), true}}
		changes := []Change{
			{Group: name, Name: name, Text: name, Known: known, Value: a, Sure: Interval{min(b, a), max(b, a), known}, Tolerance: c, Verdict: "worse"},
			{Name: name, Known: true, Value: b, Sure: Interval{math.Inf(-1), math.Inf(1), true}, Tolerance: 0.05, Verdict: name},
		}
		fine(t, Ratios(name, changes, o))
		fine(t, Differences(name, "s", changes, o))
		fine(t, Dots(name, "B", []Group{{name, []Run{{name, a, known}, {name, b, false}, {name, c, true}}, measure, name}, {}}, o))
		fine(t, Tradeoff(Axes{Title: name, Across: name, Up: name, UpUnit: "s"}, []Point{{name, measure, measure}, {name, Measure{Value: c, Known: true}, measure}, {}}, o))
		from := time.Unix(at%(1<<40), 0)
		fine(t, Trend(name, "s", []Night{{At: from, Known: known, Value: a, Text: name}, {At: from.Add(time.Hour), Known: true, Value: b, State: name}, {At: time.Unix(int64(width), 0), Value: c}},
			[]Step{{from, name}, {from.Add(time.Minute), name}}, []Level{{from, from.Add(-time.Hour), c}}, o))
	})
}
