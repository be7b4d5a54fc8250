package load

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgchaos/record"
)

// equal tells whether two sets of figures say the same, but for the rounding of the
// squares, which are added up in another order.
func (f *figures) equal(to *figures) bool {
	same := func(a, b *latencies) bool {
		x, y := a.dist(), b.dist()
		off := math.Abs(x.SumSquares - y.SumSquares)
		equal := x.Histogram.Equals(y.Histogram) && off <= 1e-12*y.SumSquares
		x.Histogram, y.Histogram, x.SumSquares, y.SumSquares = nil, nil, 0, 0
		return equal && x == y
	}
	return f.rest.apart == to.rest.apart && same(&f.rest.response, &to.rest.response) && same(f.rest.served(), to.rest.served()) &&
		f.outcomes == to.outcomes && f.retries == to.retries && f.retried == to.retried && f.out == to.out && f.in == to.in &&
		f.apart == to.apart && same(&f.response, &to.response) && same(f.served(), to.served())
}

// someOp ended in one of the first seconds, after any time.
func someOp(random *rand.Rand, seconds int) *record.Op {
	op := &record.Op{
		Done:    time.Duration(random.Int64N(int64(seconds) * int64(time.Second))),
		Outcome: []record.Outcome{record.OK, record.OK, record.OK, record.Weak, record.Failed, record.Unknown, record.Dropped}[random.IntN(7)],
		Retries: max(0, random.IntN(20)-17), Out: random.Int64N(100), In: random.Int64N(1000),
	}
	op.Due = op.Done - time.Duration(random.ExpFloat64()*float64(20*time.Millisecond))
	if op.Sent = op.Due; random.IntN(10) == 0 {
		op.Sent += (op.Done - op.Due) / 2
	}
	switch {
	case random.IntN(1000) == 0:
		op.Due -= 2 * time.Hour
	case op.Outcome == record.Dropped && random.IntN(2) == 0:
		op.Kind = kindOverflow
	}
	return op
}

// TestBucketsAddUp counts each operation in a bucket, and as well in its phase and its
// second at once: both ways lead to the same figures, in whatever order seconds and phases
// come, and whenever the sums are asked for.
func TestBucketsAddUp(t *testing.T) {
	const length, phases = 12, 3
	random := rand.New(rand.NewPCG(3, 3))
	var s seconds
	var byPhase, wantPhase [phases]figures
	var wantSecond [length]figures
	compare := func() {
		t.Helper()
		for number := range wantSecond {
			// Of a second the sums and what was sent are not kept.
			sum, want := s.sum(number, number+1), &wantSecond[number]
			want.join() // a second does not tell what succeeded apart
			if sum.outcomes != want.outcomes || sum.apart != want.apart ||
				!sum.response.dist().Histogram.Equals(want.response.dist().Histogram) || !sum.served().dist().Histogram.Equals(want.served().dist().Histogram) ||
				sum.response.max != want.response.max || sum.response.outOfRange != want.response.outOfRange {
				t.Fatalf("second %d: %v, want %v", number, sum.outcomes, want.outcomes)
			}
		}
		s.settle()
		for i := range wantPhase {
			if !byPhase[i].equal(&wantPhase[i]) {
				t.Fatalf("phase %d: %v, want %v", i, byPhase[i].outcomes, wantPhase[i].outcomes)
			}
		}
		for _, second := range s.all(1) {
			number := int(second.At / time.Second)
			want := &wantSecond[number]
			if second.Outcomes != want.outcomes || second.Response != want.response.encode() || second.Service != want.served().encode() {
				t.Fatalf("second %d: %+v", number, second)
			}
		}
	}
	for i := range 3000 {
		op, phase := someOp(random, length), random.IntN(phases)
		number := int(op.Done / time.Second)
		s.find(number, &byPhase[phase]).record(op)
		wantPhase[phase].record(op)
		wantSecond[number].record(op)
		if i%700 == 300 {
			compare()
		}
	}
	compare()
}
