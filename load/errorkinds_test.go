package load

import (
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/record"
)

// TestErrorsByKindAndTime: of each point of the series it is known which kinds of errors it has, in a warm-up, too.
func TestErrorsByKindAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var kind atomic.Value
		kind.Store("")
		s := &server{do: func(int, <-chan struct{}) result {
			time.Sleep(time.Millisecond)
			if kind := kind.Load().(string); kind != "" {
				return result{Outcome: record.Failed, Kind: kind}
			}
			return result{Outcome: record.OK}
		}}
		w := begin(s, Config{Clients: 4, Schedule: Constant(Steady(200)), Warmup: 500 * time.Millisecond})
		for _, next := range []string{"", "57P01", "25006", "", "57P01"} {
			kind.Store(next)
			time.Sleep(250 * time.Millisecond)
		}
		w.Stop()
		w.Close()
		rec := w.Record()
		sums := map[string]int64{}
		for _, p := range rec.Series {
			var n int64
			for kind, of := range p.Kinds {
				n += of
				sums[kind] += of
			}
			if n != p.Errors {
				t.Errorf("at %s %d errors are of a kind, and there are %d", p.At, n, p.Errors)
			}
		}
		if !reflect.DeepEqual(rec.Series[2].Kinds, map[string]int64{"57P01": 10}) || !reflect.DeepEqual(rec.Series[5].Kinds, map[string]int64{"25006": 20}) {
			t.Errorf("%+v", rec.Series)
		}
		if len(sums) != 2 || sums["25006"] != 50 || sums["57P01"] < 100 {
			t.Errorf("%v in all", sums)
		}
		if rec.Series[0].Kinds != nil {
			t.Errorf("without errors: %v", rec.Series[0].Kinds)
		}
	})
}

func TestCountOfErrorKinds(t *testing.T) {
	e := errorKinds{}
	for _, ms := range []int{1500, 1510, 250, 1450, 249, 1500, -3} { // not in the order of time
		e.count("57P01", time.Duration(ms)*time.Millisecond)
	}
	e.count("25006", 1999*time.Millisecond)
	if got, want := fmt.Sprint(e["57P01"]), "[{0 1} {2 2} {14 1} {15 3}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := e.within(time.Second, 2*time.Second), (map[string]int64{"57P01": 4, "25006": 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := e.within(400*time.Millisecond, time.Second); got != nil {
		t.Errorf("a time without errors has %v", got)
	}
	if got, want := e.steps(5), (map[int]map[string]int64{0: {"57P01": 3}, 2: {"57P01": 1}, 3: {"57P01": 3, "25006": 1}}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestErrorKindsAreBounded: a function that raises another SQLSTATE each time must not fill the memory.
func TestErrorKindsAreBounded(t *testing.T) {
	e := errorKinds{}
	for i := range 10_000 {
		e.count(fmt.Sprintf("U%04d", i), time.Duration(i)*time.Millisecond)
	}
	e.count("U0000", 0) // one that is known stays apart
	if len(e) != mostErrorKinds+1 || e["U0000"][0].n != 2 {
		t.Errorf("%d kinds, %v", len(e), e["U0000"])
	}
	var n int64
	for _, kinds := range e.steps(1) {
		for _, of := range kinds {
			n += of
		}
	}
	if n != 10_001 {
		t.Errorf("%d errors are left of 10,001", n)
	}
}

// TestCountingAKnownErrorAllocatesNothing beyond the table's growth, a step at a time.
func TestCountingAKnownErrorAllocatesNothing(t *testing.T) {
	e := errorKinds{}
	if n := testing.AllocsPerRun(5000, func() { e.count("57P01", time.Second) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
