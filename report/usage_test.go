package report

import (
	"testing"
	"time"

	"pgchaos/record"
)

func TestUsage(t *testing.T) {
	const s = time.Second
	r := &Result{
		Phases: []record.Phase{{Name: "baseline", End: 10 * s}, {Name: "kill", Start: 10 * s, End: 20 * s}, {Name: "quiet", Start: 20 * s, End: 30 * s}},
		Usage: []record.ResourceSample{
			{Node: "a", At: 1 * s, CPUPercent: 999, MemoryBytes: 10, NetIn: bytesOf(100), NetOut: bytesOf(7), Processes: 3},
			{Node: "b", At: 2 * s, CPUPercent: 5},
			{Node: "a", At: 5 * s, CPUPercent: 10, MemoryBytes: 30, NetIn: bytesOf(150), NetOut: bytesOf(7), Processes: 9},
			{Node: "a", At: 6 * s, CPUPercent: 60, MemoryBytes: 20, MemoryLimit: bytesOf(99), NetIn: bytesOf(160), Processes: 5},
			{Node: "a", At: 15 * s, CPUPercent: 1, NetIn: bytesOf(40)}, // started again: its totals began at 0
		},
	}
	got := r.UseByPhase()
	if len(got) != 3 {
		t.Fatalf("%d rows, want a's two phases and b's one: %+v", len(got), got)
	}
	baseline, kill, other := got[0], got[1], got[2]
	if cpu := baseline.CPU / baseline.CPUTime.Seconds(); cpu != 20 { // 4 s at 10, 1 s at 60; the first sample speaks for no time
		t.Errorf("average CPU %v, want 20", cpu)
	}
	if baseline.Memory != 30 || baseline.Limit != 99 || baseline.Processes != 9 {
		t.Errorf("greatest: %+v", baseline)
	}
	if baseline.NetIn != (Transfer{60, true}) || baseline.NetOut != (Transfer{0, true}) || baseline.BlockIn.Known || baseline.BlockOut.Known {
		t.Errorf("transfers %+v", baseline)
	}
	if kill.NetIn != (Transfer{40, true}) || kill.NetOut.Known {
		t.Errorf("transfers after a restart %+v", kill)
	}
	if other.Node != "b" || other.CPUTime != 0 {
		t.Errorf("one sample has no average: %+v", other)
	}
}
