package load

import (
	"math/bits"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The geometry of every histogram here: microseconds, up to an hour, three
// significant digits.
const (
	highest    = int64(time.Hour / time.Microsecond)
	digits     = 3
	subBits    = 11 // 2048 values stand for themselves; 1024 buckets to each doubling above
	bucketsLen = 21<<(subBits-1) + int(highest>>21) + 1
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, highest, digits) }

// latencies counts durations. It has the buckets of an HDR histogram, but 32-bit
// counts, and it knows which of them were touched: a client's shard is merged and
// cleared every second, and an HDR histogram would be walked through all its
// 188 KB for that.
type latencies struct {
	counts     []uint32
	low, high  int // the touched buckets; low > high when empty
	n          int64
	outOfRange int64
	min, max   time.Duration
	sum        time.Duration
}

func newLatencies() latencies { return latencies{counts: make([]uint32, bucketsLen), low: bucketsLen} }

// bucketOf is the index of a value in microseconds, 0 to highest.
func bucketOf(us int64) int {
	b := max(0, bits.Len64(uint64(us))-subBits)
	return b<<(subBits-1) + int(us>>b)
}

// valueOf is the least value in microseconds that lies in a bucket.
func valueOf(bucket int) int64 {
	b := max(0, bucket>>(subBits-1)-1)
	return int64(bucket-b<<(subBits-1)) << b
}

// micros rounds a duration to the histogram's unit and range.
func micros(d time.Duration) (us int64, outOfRange bool) {
	us = int64((max(d, 0) + time.Microsecond/2) / time.Microsecond)
	return min(us, highest), us > highest
}

// record counts one duration. What lies beyond the range is counted in the last
// bucket, so that percentiles stay right below it, and in outOfRange.
func (l *latencies) record(d time.Duration) {
	us, outOfRange := micros(d)
	if outOfRange {
		l.outOfRange++
	}
	i := bucketOf(us)
	l.counts[i]++
	l.low, l.high = min(l.low, i), max(l.high, i)
	if l.n == 0 || d < l.min {
		l.min = d
	}
	l.max = max(l.max, d)
	l.sum += d
	l.n++
}

// add takes the bucket counts of another over; nothing else, for the interval's
// percentile needs no more.
func (l *latencies) add(from *latencies) {
	for i := from.low; i <= from.high; i++ {
		l.counts[i] += from.counts[i]
	}
	l.low, l.high = min(l.low, from.low), max(l.high, from.high)
	l.n += from.n
}

// quantile is the duration that a share q of the counts do not exceed.
func (l *latencies) quantile(q float64) time.Duration {
	rank := max(1, int64(q*float64(l.n)+0.5))
	for i := l.low; i <= l.high; i++ {
		if rank -= int64(l.counts[i]); rank <= 0 {
			return time.Duration(valueOf(i+1)-1) * time.Microsecond
		}
	}
	return 0
}

func (l *latencies) clear() {
	if l.n == 0 {
		return
	}
	clear(l.counts[l.low : l.high+1])
	*l = latencies{counts: l.counts, low: bucketsLen}
}

// Dist is a distribution of durations. Everything but the Histogram is exact.
type Dist struct {
	Count      int64
	OutOfRange int64 // beyond the histogram's hour, and counted in its last bucket
	Min, Max   time.Duration
	Sum        time.Duration
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

// take moves what a shard counted into d.
func (d *Dist) take(l *latencies) {
	if l.n == 0 {
		return
	}
	for i := l.low; i <= l.high; i++ {
		if n := l.counts[i]; n > 0 {
			// Cannot fail: bucketOf never exceeds the range that this was made for.
			_ = d.Histogram.RecordValues(valueOf(i), int64(n))
		}
	}
	d.extremes(l.n, l.min, l.max)
	d.Count += l.n
	d.OutOfRange += l.outOfRange
	d.Sum += l.sum
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
}

// Merge adds another distribution.
func (d *Dist) Merge(from *Dist) {
	d.Histogram.Merge(from.Histogram)
	d.extremes(from.Count, from.Min, from.Max)
	d.Count += from.Count
	d.OutOfRange += from.OutOfRange
	d.Sum += from.Sum
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
