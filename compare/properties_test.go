package compare

import (
	"math"
	"math/rand/v2"
	"testing"
)

// way is a kind of comparison.
type way struct {
	name    string
	compare func(m Metric, b, o []Figure) Finding
}

func ways() []way {
	return []way{
		{"paired", func(m Metric, b, o []Figure) Finding { return m.Paired(b, o, DefaultTolerance) }},
		{"unpaired", func(m Metric, b, o []Figure) Finding { return m.Unpaired(b, o, DefaultTolerance) }},
	}
}

// series makes rounds of a metric, now and then with a time that had not ended, and with equal values.
func series(r *rand.Rand, m Metric, n int) (b, o []Figure) {
	b, o = noise{round: 0.1, run: 0.05 * float64(r.IntN(3)), slow: 0.1, slower: 0.3}.rounds(r, n, []float64{0.7, 0.97, 1, 1.05, 1.4}[r.IntN(5)])
	for _, f := range [][]Figure{b, o} {
		for i := range f {
			if m.Scale == AsDifference {
				f[i].Value = math.Round(1000*f[i].Value) / 10
			}
			if m.Ranks && !m.Event && r.IntN(8) == 0 {
				f[i].AtLeast = true
			}
			if r.IntN(15) == 0 {
				f[i] = Figure{}
			}
		}
	}
	return b, o
}

var compared = []string{"p99 of writes", "throughput of writes", "error_rate of writes", "write_rto", "lost_writes"}

func eachSeries(t *testing.T, check func(t *testing.T, r *rand.Rand, m Metric, way func(m Metric, b, o []Figure) Finding, b, o []Figure)) {
	t.Helper()
	r := rand.New(rand.NewPCG(12, 13))
	for _, w := range ways() {
		for _, metricName := range compared {
			t.Run(w.name+" "+metricName, func(t *testing.T) {
				m := metric(t, metricName)
				for range 40 {
					b, o := series(r, m, 4+r.IntN(8))
					check(t, r, m, w.compare, b, o)
				}
			})
		}
	}
}

// like tells whether two numbers are the same but for rounding.
func like(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*max(1e-3, math.Abs(a), math.Abs(b))
}

func sameFinding(a, b Finding) bool {
	return a.Change == b.Change && a.Estimate.Known == b.Estimate.Known && a.Estimate.AtLeast == b.Estimate.AtLeast && a.More == b.More &&
		like(a.Estimate.Value, b.Estimate.Value) && like(a.Estimate.Interval.Low, b.Estimate.Interval.Low) && like(a.Estimate.Interval.High, b.Estimate.Interval.High) && like(a.P, b.P)
}

// TestSwap: with the variants swapped, better is worse, and the interval is the reciprocal or the negative.
func TestSwap(t *testing.T) {
	swapped := map[Change]Change{NotKnown: NotKnown, Same: Same, Better: Worse, Worse: Better}
	eachSeries(t, func(t *testing.T, _ *rand.Rand, m Metric, way func(m Metric, b, o []Figure) Finding, b, o []Figure) {
		f, g := way(m, b, o), way(m, o, b)
		back := func(x float64) float64 { return -x }
		if m.Scale == AsRatio {
			back = func(x float64) float64 { return 1 / x }
		}
		if g.Change != swapped[f.Change] || g.Estimate.Known != f.Estimate.Known || g.More != f.More || !like(f.Tolerance, g.Tolerance) {
			t.Fatalf("%+v\n%+v", f, g)
		}
		if f.Estimate.Known && (!like(g.Estimate.Interval.Low, back(f.Estimate.Interval.High)) || !like(g.Estimate.Interval.High, back(f.Estimate.Interval.Low))) {
			t.Fatalf("%+v\n%+v", f.Estimate, g.Estimate)
		}
		if f.Estimate.Known && !f.Estimate.AtLeast && !f.Estimate.AtMost && !like(g.Estimate.Value, back(f.Estimate.Value)) {
			t.Fatalf("%+v\n%+v", f.Estimate, g.Estimate)
		}
	})
}

// TestUnits: seconds or milliseconds, the ratio is the same.
func TestUnits(t *testing.T) {
	eachSeries(t, func(t *testing.T, _ *rand.Rand, m Metric, way func(m Metric, b, o []Figure) Finding, b, o []Figure) {
		if m.Scale != AsRatio {
			return
		}
		times := func(f []Figure) (to []Figure) {
			for _, x := range f {
				x.Value *= 1000
				to = append(to, x)
			}
			return to
		}
		if f, g := way(m, b, o), way(m, times(b), times(o)); !sameFinding(f, g) {
			t.Fatalf("%+v\n%+v", f, g)
		}
	})
}

// TestOrder: the order of the rounds means nothing, and without pairs the order of the runs means nothing.
func TestOrder(t *testing.T) {
	eachSeries(t, func(t *testing.T, r *rand.Rand, m Metric, way func(m Metric, b, o []Figure) Finding, b, o []Figure) {
		order := r.Perm(len(b))
		if f, g := way(m, b, o), way(m, reordered(b, order), reordered(o, order)); !sameFinding(f, g) {
			t.Fatalf("%+v\n%+v", f, g)
		}
		if f, g := m.Unpaired(b, o, DefaultTolerance), m.Unpaired(reordered(b, order), o, DefaultTolerance); !sameFinding(f, g) {
			t.Fatalf("unpaired: %+v\n%+v", f, g)
		}
	})
}

// TestWhateverEndsLater: whenever the times that had not ended do end, the interval that comes out then lies within the
// one that is shown now, and what is known now is not contradicted.
func TestWhateverEndsLater(t *testing.T) {
	m := metric(t, "write_rto")
	r := rand.New(rand.NewPCG(14, 15))
	for _, w := range ways() {
		way := w.compare
		t.Run(w.name, func(t *testing.T) {
			decided := 0
			for range 300 {
				b, o := series(r, m, 6+r.IntN(5))
				f := way(m, b, o)
				endedB, endedO := ended(r, b), ended(r, o)
				g := way(m, endedB, endedO)
				if !f.Estimate.Known {
					continue
				}
				if !g.Estimate.Known || g.Estimate.Interval.Low < f.Estimate.Interval.Low-1e-9 || g.Estimate.Interval.High > f.Estimate.Interval.High+1e-9 {
					t.Fatalf("now %+v\nthen %+v", f.Estimate, g.Estimate)
				}
				if f.Estimate.AtLeast && g.Estimate.Value < f.Estimate.Value-1e-9 || f.Estimate.AtMost && g.Estimate.Value > f.Estimate.Value+1e-9 {
					t.Fatalf("now %+v\nthen %+v", f.Estimate, g.Estimate)
				}
				if before, after := Summarize(o), Summarize(endedO); after.Median < before.Median-1e-9 || !before.AtLeast && !like(before.Median, after.Median) {
					t.Fatalf("now %+v\nthen %+v", before, after)
				}
				if f.Change != NotKnown && g.Change != NotKnown {
					decided++
					if g.Change != f.Change {
						t.Fatalf("now %+v\nthen %+v", f, g)
					}
				}
			}
			if decided == 0 {
				t.Error("no series decided anything")
			}
		})
	}
}

// reordered are the figures in another order.
func reordered(f []Figure, order []int) (to []Figure) {
	for _, from := range order {
		to = append(to, f[from])
	}
	return to
}

// ended gives every time that had not ended an end, at once or later.
func ended(r *rand.Rand, figures []Figure) (to []Figure) {
	for _, x := range figures {
		if x.AtLeast {
			x.Value, x.AtLeast = x.Value+math.Round(100*r.ExpFloat64()*float64(r.IntN(4)))/10, false
		}
		to = append(to, x)
	}
	return to
}
