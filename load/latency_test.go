package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// TestBucketsAreThoseOfHDR holds the buckets against the library's: a
// count moved from one to the other must not change its place.
func TestBucketsAreThoseOfHDR(t *testing.T) {
	values := make([]int64, 0, 120_000)
	values = append(values, 0, 1, 2, 1023, 1024, 2047, 2048, 2049, 4095, 4096, 65_535, 1_000_000, highest-1, highest)
	random := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		values = append(values, random.Int64N(1<<random.IntN(32))%(highest+1))
	}
	h := newHistogram()
	for _, v := range values {
		i := bucketOf(v)
		if i >= bucketsLen {
			t.Fatalf("%d us: bucket %d of %d", v, i, bucketsLen)
		}
		least := valueOf(i)
		if least > v || !h.ValuesAreEquivalent(least, v) || bucketOf(least) != i {
			t.Fatalf("%d us lies in bucket %d, which begins at %d us", v, i, least)
		}
	}
	if bucketOf(highest) != bucketsLen-1 {
		t.Errorf("the last bucket is %d, but there are %d", bucketOf(highest), bucketsLen)
	}
}

// TestPercentiles compares with an exact sort, for shapes that latencies have.
func TestPercentiles(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	shapes := map[string]func() time.Duration{
		"uniform": func() time.Duration { return time.Millisecond + time.Duration(random.Int64N(int64(time.Second))) },
		"exponential": func() time.Duration {
			return 2*time.Millisecond + time.Duration(random.ExpFloat64()*float64(20*time.Millisecond))
		},
		"two modes": func() time.Duration {
			return []time.Duration{3 * time.Millisecond, 5 * time.Second}[random.IntN(50)/49] + time.Duration(random.Int64N(int64(time.Millisecond)))
		},
	}
	for name, draw := range shapes {
		t.Run(name, func(t *testing.T) {
			var l, other latencies
			exact := make([]time.Duration, 200_000)
			var sum time.Duration
			for i := range exact {
				exact[i] = draw()
				sum += exact[i]
				if i%2 == 0 {
					l.record(exact[i])
				} else {
					other.record(exact[i])
				}
			}
			l.add(&other)
			d := l.dist()
			slices.Sort(exact)
			if d.Count != int64(len(exact)) || d.Histogram.TotalCount() != d.Count || d.Min != exact[0] || d.Max != exact[len(exact)-1] || d.Sum != sum {
				t.Errorf("count %d, min %v, max %v, sum %v are not exact", d.Count, d.Min, d.Max, d.Sum)
			}
			for _, p := range []float64{1, 25, 50, 90, 95, 99, 99.9, 99.99} {
				want := exact[int(p/100*float64(len(exact))+0.5)-1]
				got := d.Percentile(p)
				if off := float64(got-want) / float64(want); off > 0.001 || off < -0.001 {
					t.Errorf("p%v = %v, exactly %v: off by %.4f %%", p, got, want, off*100)
				}
			}
		})
	}
}

func TestDistAtItsLimits(t *testing.T) {
	var empty Dist
	if empty.Percentile(99) != 0 || empty.Mean() != 0 {
		t.Error("no samples, but figures")
	}
	if text, err := empty.Encode(); text != "" || err != nil {
		t.Errorf("no samples encode as %q, %v", text, err)
	}
	var l, other latencies
	for _, v := range []time.Duration{0, 100 * time.Nanosecond, 2 * time.Hour, 3 * time.Hour} {
		l.record(v)
	}
	other.record(4 * time.Hour)
	other.add(&l)
	d := other.dist()
	if d.Count != 5 || d.OutOfRange != 3 || d.Histogram.TotalCount() != 5 || d.Max != 4*time.Hour || d.Min != 0 {
		t.Errorf("beyond the range: %+v", d)
	}
	if d.Percentile(99) != 4*time.Hour || d.Percentile(20) > time.Microsecond {
		t.Errorf("p99 %v, p20 %v", d.Percentile(99), d.Percentile(20))
	}
	l.clear()
	if l.n != 0 || l.max != 0 || slices.IndexFunc(l.counts, func(n int64) bool { return n != 0 }) >= 0 {
		t.Error("clear leaves something behind")
	}
	text, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := hdrhistogram.Decode([]byte(text))
	if err != nil || !back.Equals(d.Histogram) {
		t.Errorf("decoded another histogram, %v", err)
	}
}
