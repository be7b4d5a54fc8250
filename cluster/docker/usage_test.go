package docker

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"pgchaos/record"
)

func TestUsageOf(t *testing.T) {
	var u counters
	stats := func(at time.Duration, cpu, sent, written uint64) *container.StatsResponse {
		s := &container.StatsResponse{Networks: map[string]container.NetworkStats{"eth0": {TxBytes: sent}}}
		s.Read = time.Unix(1000, 0).Add(at)
		s.CPUStats.CPUUsage.TotalUsage = cpu
		s.MemoryStats = container.MemoryStats{Usage: 100, Limit: 1000, Stats: map[string]uint64{"inactive_file": 30}}
		if written > 0 {
			s.BlkioStats.IoServiceBytesRecursive = []container.BlkioStatEntry{{Op: "Write", Value: written}, {Op: "read", Value: 1}}
		}
		return s
	}
	for _, step := range []struct {
		name    string
		s       *container.StatsResponse
		percent float64
		sent    uint64
		written uint64 // 0: unknown
	}{
		{"the first call has nothing to count from", stats(0, 5e9, 10, 0), 0, 10, 0},
		{"half a core; a kernel that begins to count blocks", stats(2*time.Second, 6e9, 20, 7), 50, 20, 7},
		{"a second life counts from nothing, the sums go on", stats(3*time.Second, 1e9, 5, 2), 100, 25, 9},
		{"no figures while it does not run", &container.StatsResponse{}, 0, 25, 9},
		{"a third life, with the time that it did not run", stats(8*time.Second, 1e9, 5, 2), 20, 30, 11},
	} {
		got := u.of("n", step.s)
		if got.CPUPercent != step.percent || *got.NetOut != step.sent {
			t.Errorf("%s: %v%%, %d bytes sent", step.name, got.CPUPercent, *got.NetOut)
		}
		if known := got.BlockOut != nil; known != (step.written > 0) || known && *got.BlockOut != step.written {
			t.Errorf("%s: blocks out %v", step.name, got.BlockOut)
		}
	}
	one := uint64(1)
	both := together(record.ResourceSample{CPUPercent: 1, Processes: 3, MemoryBytes: 7, NetIn: &one}, record.ResourceSample{CPUPercent: 2, Processes: 1, MemoryBytes: 5, NetIn: &one})
	if both.CPUPercent != 3 || *both.NetIn != 2 || both.Processes != 3 || both.MemoryBytes != 7 || both.BlockIn != nil {
		t.Errorf("both containers: %+v", both)
	}
	if got := memory(container.MemoryStats{Usage: 100, Stats: map[string]uint64{"total_inactive_file": 40, "inactive_file": 1}}); got != 60 {
		t.Errorf("memory by cgroup v1 is %d", got)
	}
	if got := u.of("n", stats(10*time.Second, 1e9, 5, 2)); got.MemoryBytes != 70 || *got.MemoryLimit != 1000 {
		t.Errorf("%+v", got)
	}
}
