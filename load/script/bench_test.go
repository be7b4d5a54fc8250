package script

import (
	"syscall"
	"testing"
	"time"
)

// What a transaction of tpcb-like costs to make, sending aside: demanded are less than
// 300 ns. Processor time is reported as well, since it stays the same on a busy
// machine.
func BenchmarkTPCB(b *testing.B) {
	s, err := Builtin("tpcb-like")
	if err != nil {
		b.Fatal(err)
	}
	r := s.NewRun(0, 1, nil, 10)
	b.ReportAllocs()
	began := processorTime(b)
	for b.Loop() {
		if statements, err := transaction(r); err != nil || statements != 7 {
			b.Fatal(statements, err)
		}
	}
	b.ReportMetric(float64(processorTime(b)-began)/float64(b.N), "cpu-ns/op")
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func transaction(r *Run) (statements int, err error) {
	r.Begin()
	for {
		step, err := r.Next()
		if err != nil || step.Kind == Done {
			return statements, err
		}
		if step.Kind == SQL {
			statements++
		}
	}
}

func TestATransactionAllocatesNothing(t *testing.T) {
	s := parse(t, `\set a random(1, 100000 * :scale)
\set b random_gaussian(1, 1000, 2.5)
\set c random_zipfian(1, 1000, 1.1) + hash(:a) % 10
\set d permute(:a, 1000000) / 3.0
\if :a > 10 and not :b is null
\set e case when :a % 2 = 0 then greatest(:a, 3) else abs(-:b) end
\endif
insert into t values (:a, :b, :c, :d, :e);
select :a;
`)
	r := s.NewRun(0, 1, nil, 1)
	var buffer []byte
	if _, err := transaction(r); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := transaction(r); err != nil {
			t.Fatal(err)
		}
		buffer = r.AppendText(buffer[:0], 0)
	}); n > 0 {
		t.Errorf("%v allocations a transaction", n)
	}
}
