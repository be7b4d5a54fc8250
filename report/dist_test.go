package report

import (
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
)

func TestNewDist(t *testing.T) {
	d := distOf(t, 1000, ms, 1000*ms)
	if d.Count != 1000 || d.Min != ms || d.Max != 1000*ms || d.Mean != 500500*time.Microsecond {
		t.Errorf("exact figures: %+v", d)
	}
	for p, want := range map[float64]time.Duration{50: 500 * ms, 75: 750 * ms, 90: 900 * ms, 95: 950 * ms, 99: 990 * ms, 99.9: 999 * ms, 99.95: 1000 * ms} {
		got, err := d.Percentile(p)
		if err != nil || got < want-ms || got > want+ms {
			t.Errorf("%g%%: %v, %v, want %v", p, got, err, want)
		}
	}
	h, err := d.Decode()
	if err != nil || h.TotalCount() != 1000 {
		t.Errorf("decoded: %v", err)
	}
}

func TestNewDistWithoutSamples(t *testing.T) {
	d, err := NewDist(hdrhistogram.New(1, 1000, 3), Exact{Min: ms})
	if diff := cmp.Diff(Dist{}, d); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	if _, err := d.Percentile(50); err == nil {
		t.Error("no samples have a median")
	}
	if _, err := d.Decode(); err == nil {
		t.Error("nothing was decoded")
	}
}

// What is out of range is slower than everything else, and must not vanish from
// the percentiles.
func TestNewDistOutOfRange(t *testing.T) {
	h := hdrhistogram.New(1, 1_000_000, 3)
	for range 90 {
		if err := h.RecordValue(1000); err != nil {
			t.Fatal(err)
		}
	}
	d, err := NewDist(h, Exact{Min: ms, Max: 2 * time.Hour, OutOfRange: 10})
	if err != nil {
		t.Fatal(err)
	}
	if d.Count != 100 || d.P50 != ms || d.P90 != ms || d.P95 != 2*time.Hour {
		t.Errorf("got %+v", d)
	}
	if p, err := d.Percentile(91); err != nil || p != 2*time.Hour {
		t.Errorf("91%%: %v, %v", p, err)
	}
}

// A histogram's own greatest value is the end of its bucket, above the exact one.
func TestPercentilesStayWithinTheExactBounds(t *testing.T) {
	h := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	exact := 12_345_678 * time.Microsecond
	if err := h.RecordValue(exact.Microseconds()); err != nil {
		t.Fatal(err)
	}
	d, err := NewDist(h, Exact{Min: exact, Max: exact})
	if err != nil || d.P50 != exact || d.P999 != exact {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestMerge(t *testing.T) {
	got, ok := merge([]Dist{distOf(t, 100, ms, 2*ms), {}, distOf(t, 100, 3*ms, 5*ms)})
	if !ok || got.Count != 200 || got.Min != ms || got.Max != 5*ms || got.Mean.Round(ms/100) != 2750*time.Microsecond {
		t.Errorf("%+v, %v", got, ok)
	}
	if _, ok := merge([]Dist{{Count: 1, Histogram: "rot"}}); ok {
		t.Error("rot was merged")
	}
}

// TestCurve: a curve ascends, has the percentiles that the distribution has, and ends where no sample lies beyond.
func TestCurve(t *testing.T) {
	d := distOf(t, 500, ms, 500*ms)
	percentiles, times, err := d.Curve()
	if err != nil || len(percentiles) != len(times) || percentiles[0] != 0 || times[0] != ms {
		t.Fatalf("%v, %v, %v", percentiles, times, err)
	}
	for i := 1; i < len(times); i++ {
		if percentiles[i] <= percentiles[i-1] || times[i] < times[i-1] {
			t.Errorf("%g%% is %s after %s", percentiles[i], times[i], times[i-1])
		}
	}
	if last := percentiles[len(percentiles)-1]; last < 99.7 || last > 99.8 {
		t.Errorf("500 samples end at %g%%", last)
	}
	if at90 := times[20]; at90 != d.P90 {
		t.Errorf("90%% is %s, not %s", at90, d.P90)
	}
	if percentiles, _, err := (Dist{}).Curve(); err != nil || percentiles != nil {
		t.Errorf("without samples: %v, %v", percentiles, err)
	}
	if _, _, err := (Dist{Count: 1, Histogram: "rot"}).Curve(); err == nil {
		t.Error("a histogram that cannot be read has a curve")
	}
}
