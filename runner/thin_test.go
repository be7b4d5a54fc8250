package runner

import (
	"testing"
	"time"

	"pgchaos/record"
)

// TestUsageOfALongRun: ten hours have no more samples than one, lose no peak, and no sample speaks for
// two phases.
func TestUsageOfALongRun(t *testing.T) {
	const hours = 10
	var all []record.ResourceSample
	for s := range hours * 3600 {
		for _, node := range []string{"a", "b"} {
			u := record.ResourceSample{Node: node, At: time.Duration(s) * time.Second, CPUPercent: 50, MemoryBytes: 10, Processes: 3}
			if s == 12345 && node == "b" {
				u.MemoryBytes, u.Processes = 99, 77
			}
			all = append(all, u)
		}
	}
	phases := []record.Phase{{Name: "baseline", End: 5 * time.Second}, {Name: "kill-a", Start: 5 * time.Second, End: hours * time.Hour}}
	thin := thinUsage(all, phases, hours*time.Hour)
	if n := len(thin); n > 2*3600+2*len(phases) || n < 2*3500 {
		t.Errorf("%d samples", n)
	}
	peaks, early := 0, 0
	for i, u := range thin {
		if u.CPUPercent != 50 || i > 0 && u.At < thin[i-1].At {
			t.Fatalf("%+v", u)
		}
		if u.MemoryBytes == 99 && u.Processes == 77 {
			peaks++
		}
		if u.At < 5*time.Second {
			early++
		}
	}
	if peaks != 1 || early != 2 {
		t.Errorf("%d peaks, %d samples of the first phase", peaks, early)
	}
	if n := len(thinUsage(all[:7200], phases, time.Hour)); n != 7200 {
		t.Errorf("of an hour: %d samples", n)
	}
}
