package report

import (
	"testing"
	"time"

	"pgchaos/history"
)

func TestUsage(t *testing.T) {
	const s = time.Second
	r := &Result{
		Phases: []history.Phase{{Name: "baseline", End: 10 * s}, {Name: "kill", Start: 10 * s, End: 20 * s}, {Name: "quiet", Start: 20 * s, End: 30 * s}},
		Usage: []history.Usage{
			{Node: "a", At: 1 * s, CPUPercent: 999, MemoryBytes: 10, NetIn: bytesOf(100), NetOut: bytesOf(7), Processes: 3},
			{Node: "b", At: 2 * s, CPUPercent: 5},
			{Node: "a", At: 5 * s, CPUPercent: 10, MemoryBytes: 30, NetIn: bytesOf(150), NetOut: bytesOf(7), Processes: 9},
			{Node: "a", At: 6 * s, CPUPercent: 60, MemoryBytes: 20, MemoryLimit: bytesOf(99), NetIn: bytesOf(160), Processes: 5},
			{Node: "a", At: 15 * s, CPUPercent: 1, NetIn: bytesOf(40)}, // started again: its totals began at 0
		},
	}
	got := r.usage()
	if len(got) != 3 {
		t.Fatalf("%d rows, want a's two phases and b's one: %+v", len(got), got)
	}
	baseline, kill, other := got[0], got[1], got[2]
	if cpu := baseline.cpu / baseline.cpuTime.Seconds(); cpu != 20 { // 4 s at 10, 1 s at 60; the first sample speaks for no time
		t.Errorf("average CPU %v, want 20", cpu)
	}
	if baseline.memory != 30 || baseline.limit != 99 || baseline.processes != 9 {
		t.Errorf("greatest: %+v", baseline)
	}
	if traffic(baseline.netIn, baseline.netOut) != "60B / 0B" || traffic(baseline.blockIn, baseline.blockOut) != "-" {
		t.Errorf("traffic %s and %s", traffic(baseline.netIn, baseline.netOut), traffic(baseline.blockIn, baseline.blockOut))
	}
	if traffic(kill.netIn, kill.netOut) != "40B / -" {
		t.Errorf("traffic after a restart %s", traffic(kill.netIn, kill.netOut))
	}
	if other.node != "b" || other.cpuTime != 0 {
		t.Errorf("one sample has no average: %+v", other)
	}
}

func TestWords(t *testing.T) {
	for want, got := range map[string]string{
		"1,234,567": grouped(1234567), "-1,000": grouped(-1000), "999": grouped(999), "0": grouped(0),
		"0.42 ms": span(420 * time.Microsecond), "85 ms": span(85 * ms), "3.21 s": span(3210 * ms), "45.0 s": span(45 * time.Second), "3m5s": span(185 * time.Second),
		"0.09": millis(90 * time.Microsecond), "12.3": millis(12345 * time.Microsecond), "1,235": millis(1234500 * time.Microsecond),
		"<0.01%": percent(0.00001), "0.00%": percent(0), "100.00%": percent(1), ">99.99%": percent(0.99999), "1.50%": percent(0.015),
		"184.1MiB": binaryBytes(193043497), "556kB": decimalBytes(556000), "12B": decimalBytes(12),
		"1 node": count(1, "node", "nodes"), "0 nodes": count(0, "node", "nodes"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
