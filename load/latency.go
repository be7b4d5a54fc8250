package load

import (
	"math/bits"
	"time"

	"pgchaos/record"
)

// The geometry of every histogram here: microseconds, up to an hour, three
// significant digits.
const (
	highest    = int64(time.Hour / time.Microsecond)
	digits     = 3
	subBits    = 11 // 2048 values stand for themselves; 1024 buckets to each doubling above
	bucketsLen = 21<<(subBits-1) + int(highest>>21) + 1
)

// latencies counts durations. It has the buckets of an HDR histogram, and it knows
// which of them were touched: an HDR histogram would be walked through all its 188 KB
// to be cleared or merged. The zero value is empty, and takes its memory when the first
// duration comes.
type latencies struct {
	counts     []int64
	n          int64
	outOfRange int64
	min, max   time.Duration
	sum        time.Duration
	squares    float64 // the sum of the squares, in ns
}

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
	if l.n == 0 {
		l.begin(d)
	}
	l.counts[bucketOf(us)]++
	l.min, l.max = min(l.min, d), max(l.max, d)
	l.sum += d
	l.squares += float64(d) * float64(d)
	l.n++
}

// begin prepares for the first duration.
func (l *latencies) begin(d time.Duration) {
	if l.counts == nil {
		l.counts = make([]int64, bucketsLen)
	}
	l.min, l.max = d, d
}

// touched are the first and the last bucket that anything was counted in, where n > 0.
func (l *latencies) touched() (low, high int) {
	least, _ := micros(l.min)
	most, _ := micros(l.max)
	return bucketOf(least), bucketOf(most)
}

// add counts all that another has counted.
func (l *latencies) add(from *latencies) {
	if from.n == 0 {
		return
	}
	if l.n == 0 {
		l.begin(from.min)
	}
	low, high := from.touched()
	for i := low; i <= high; i++ {
		l.counts[i] += from.counts[i]
	}
	l.min, l.max = min(l.min, from.min), max(l.max, from.max)
	l.outOfRange += from.outOfRange
	l.sum += from.sum
	l.squares += from.squares
	l.n += from.n
}

// quantile is the duration that a share q of the counts do not exceed.
func (l *latencies) quantile(q float64) time.Duration {
	if l.n == 0 {
		return 0
	}
	rank := max(1, int64(q*float64(l.n)+0.5))
	low, high := l.touched()
	for i := low; i <= high; i++ {
		if rank -= l.counts[i]; rank <= 0 {
			return time.Duration(valueOf(i+1)-1) * time.Microsecond
		}
	}
	return 0
}

func (l *latencies) clear() {
	if l.n > 0 {
		low, high := l.touched()
		clear(l.counts[low : high+1])
	}
	*l = latencies{counts: l.counts}
}

// timing is the response and the service time of operations. As long as they are the
// same, which in a closed loop they nearly always are, one histogram stands for both.
type timing struct {
	response, service latencies
	apart             bool
}

// record counts an operation that has a response time. A dropped one has waited, but was not served.
func (t *timing) record(op *record.Op) {
	if !op.HasResponse() {
		return
	}
	if !t.apart && (op.Sent != op.Due || op.Outcome == record.Dropped) {
		t.part()
	}
	t.response.record(op.Response())
	if t.apart && op.Outcome != record.Dropped {
		t.service.record(op.Service())
	}
}

// part begins to keep the two apart.
func (t *timing) part() {
	t.apart = true
	t.service.add(&t.response)
}

func (t *timing) add(from *timing) {
	if from.apart && !t.apart {
		t.part()
	}
	t.response.add(&from.response)
	if t.apart {
		t.service.add(from.served())
	}
}

// served is the service time.
func (t *timing) served() *latencies {
	if t.apart {
		return &t.service
	}
	return &t.response
}

func (t *timing) clear() {
	t.response.clear()
	t.service.clear()
	t.apart = false
}
