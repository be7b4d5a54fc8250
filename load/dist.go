package load

import (
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, highest, digits) }

// Dist is a distribution of durations. Everything but the Histogram is exact.
type Dist struct {
	Count      int64
	OutOfRange int64 // beyond the histogram's hour, and counted in its last bucket
	Min, Max   time.Duration
	Sum        time.Duration
	SumSquares float64 // of nanoseconds
	// Histogram is in microseconds, 1 us to 1 h, with three significant digits;
	// its count is Count. It is nil where there cannot be any sample.
	Histogram *hdrhistogram.Histogram
}

// Mean is 0 without samples.
func (d Dist) Mean() time.Duration {
	if d.Count == 0 {
		return 0
	}
	return d.Sum / time.Duration(d.Count)
}

// StdDev is the standard deviation of the samples, taken for all there are (divided
// by their number, as JMeter does it); 0 without any.
func (d Dist) StdDev() time.Duration {
	if d.Count == 0 {
		return 0
	}
	n := float64(d.Count)
	mean := float64(d.Sum) / n
	return time.Duration(math.Sqrt(max(0, d.SumSquares/n-mean*mean)))
}

// Percentile is the duration that p % of the samples do not exceed, to three
// significant digits, but never beyond the exact extremes; 0 without samples.
func (d Dist) Percentile(p float64) time.Duration {
	if d.Count == 0 {
		return 0
	}
	v := time.Duration(d.Histogram.ValueAtPercentile(p)) * time.Microsecond
	if v >= time.Hour && d.OutOfRange > 0 {
		return d.Max // beyond the histogram nothing but the largest is known
	}
	return min(max(v, d.Min), d.Max)
}

// Encode gives the histogram in the HDR V2 format, compressed and in base64; ""
// without samples.
func (d Dist) Encode() (string, error) {
	if d.Count == 0 {
		return "", nil
	}
	text, err := d.Histogram.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return string(text), err
}

// dist hands out what was counted.
func (l *latencies) dist() Dist {
	d := Dist{
		Count: l.n, OutOfRange: l.outOfRange, Min: l.min, Max: l.max, Sum: l.sum, SumSquares: l.squares,
		Histogram: newHistogram(),
	}
	if l.n == 0 {
		return d
	}
	low, high := l.touched()
	for i := low; i <= high; i++ {
		if n := l.counts[i]; n > 0 {
			// Cannot fail: bucketOf never exceeds the range that this was made for.
			_ = d.Histogram.RecordValues(valueOf(i), n)
		}
	}
	return d
}

// NewDist returns a distribution without samples.
func NewDist() Dist { return Dist{Histogram: newHistogram()} }

// Record counts one duration.
func (d *Dist) Record(v time.Duration) { d.RecordN(v, 1) }

// RecordN counts one duration n times.
func (d *Dist) RecordN(v time.Duration, n int64) {
	if n == 0 {
		return
	}
	us, outOfRange := micros(v)
	if outOfRange {
		d.OutOfRange += n
	}
	_ = d.Histogram.RecordValues(us, n) // cannot fail: micros stays within the range
	d.extremes(n, v, v)
	d.Count += n
	d.Sum += v * time.Duration(n)
	d.SumSquares += float64(v) * float64(v) * float64(n)
}

// Merge adds another distribution.
func (d *Dist) Merge(from *Dist) {
	d.Histogram.Merge(from.Histogram)
	d.extremes(from.Count, from.Min, from.Max)
	d.Count += from.Count
	d.OutOfRange += from.OutOfRange
	d.Sum += from.Sum
	d.SumSquares += from.SumSquares
}

// extremes takes over the extremes of n further samples. d.Count does not count them yet.
func (d *Dist) extremes(n int64, least, most time.Duration) {
	if n == 0 {
		return
	}
	if d.Count == 0 || least < d.Min {
		d.Min = least
	}
	d.Max = max(d.Max, most)
}
