package pgload

import (
	"reflect"
	"testing"
	"time"
)

// TestStalenessByTime: each client adds a step when the next one begins, and the last at the end.
func TestStalenessByTime(t *testing.T) {
	const second, ms = time.Second, time.Millisecond
	s := &staleness{}
	a, b := &reader{byTime: s}, &reader{byTime: s}
	ofA, ofB := &nodeReads{}, &nodeReads{}
	a.note(ofA, 2, 100*ms, 0)
	a.note(ofA, 2, 900*ms, 30*ms)
	b.note(ofB, 2, 500*ms, 50*ms)
	a.note(ofA, 2, 3200*ms, 0)
	if got := s.of(2); !reflect.DeepEqual(got, []StaleStep{{Reads: 2, Most: 30 * ms}}) {
		t.Errorf("before the end: %v", got)
	}
	a.passOn(ofA, 2)
	b.passOn(ofB, 2)
	b.passOn(ofB, 2)
	if got := s.of(2); !reflect.DeepEqual(got, []StaleStep{{Reads: 3, Most: 50 * ms}, {At: 3 * second, Reads: 1}}) {
		t.Errorf("at the end: %v", got)
	}
	if got := s.of(1); got != nil {
		t.Errorf("a node that nobody read has %v", got)
	}
}

// TestStalenessOfALongRun: the steps become longer, and keep the greatest figure.
func TestStalenessOfALongRun(t *testing.T) {
	s := &staleness{}
	const hours = 5
	for i := range hours * 3600 {
		one := StaleStep{At: time.Duration(i) * time.Second, Reads: 1}
		if i == 7001 {
			one.Most = time.Minute
		}
		s.add(1, one)
	}
	got := s.of(1)
	if len(got) > mostStaleSteps || len(got) < mostStaleSteps/2 {
		t.Fatalf("%d steps", len(got))
	}
	var reads int64
	for i, one := range got {
		reads += one.Reads
		if peak := one.At <= 7001*time.Second && 7001*time.Second < one.At+8*time.Second; peak != (one.Most == time.Minute) {
			t.Errorf("step %d at %s: %s", i, one.At, one.Most)
		}
	}
	if reads != hours*3600 {
		t.Errorf("%d reads", reads)
	}
}
