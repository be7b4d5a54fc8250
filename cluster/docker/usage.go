package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"pgchaos/history"
)

// usage is what the call of Usage before found.
type usage struct {
	mu                     sync.Mutex
	at                     time.Time // of the reading before; zero before the first
	cpu                    uint64    // nanoseconds
	netIn, netOut, in, out total
	blocks                 bool // the engine counts transfers of blocks
}

// total is a sum that never falls, though the engine counts every life of a
// container from nothing.
type total struct{ ended, current uint64 }

func (t *total) next(reading uint64) uint64 {
	if reading < t.current {
		t.ended, t.current = t.ended+t.current, 0
	}
	t.current = reading
	return t.ended + t.current
}

// Usage is what `docker stats` shows of the server's container. Memory is what its
// cgroup holds without the inactive part of the page cache; bytes are counted over
// all lives of the node.
func (h *host) Usage(ctx context.Context) (history.Usage, error) {
	h.usage.mu.Lock()
	defer h.usage.mu.Unlock()
	e := h.provider.engine
	answer, err := e.ContainerStatsOneShot(ctx, h.server)
	if err != nil {
		return history.Usage{}, e.explain("measure "+h.name, err)
	}
	defer func() { _ = answer.Body.Close() }()
	var s container.StatsResponse
	if err := json.NewDecoder(answer.Body).Decode(&s); err != nil {
		return history.Usage{}, fmt.Errorf("measure %s: %w", h.name, err)
	}
	return h.usage.of(h.name, &s), nil
}

// of reads the engine's figures. A container that does not run has none.
func (u *usage) of(name string, s *container.StatsResponse) history.Usage {
	var netIn, netOut, blockIn, blockOut uint64
	for _, n := range s.Networks {
		netIn, netOut = netIn+n.RxBytes, netOut+n.TxBytes
	}
	for _, entry := range s.BlkioStats.IoServiceBytesRecursive {
		switch strings.ToLower(entry.Op) {
		case "read":
			blockIn += entry.Value
		case "write":
			blockOut += entry.Value
		}
	}
	result := history.Usage{
		Node: name, CPUPercent: u.percent(s.CPUStats.CPUUsage.TotalUsage, s.Read),
		MemoryBytes: memory(s.MemoryStats), Processes: int(s.PidsStats.Current),
	}
	if limit := s.MemoryStats.Limit; limit != 0 {
		result.MemoryLimit = &limit
	}
	for _, sum := range []struct {
		into    **uint64
		of      *total
		reading uint64
	}{
		{&result.NetIn, &u.netIn, netIn}, {&result.NetOut, &u.netOut, netOut},
		{&result.BlockIn, &u.in, blockIn}, {&result.BlockOut, &u.out, blockOut},
	} {
		value := sum.of.next(sum.reading)
		*sum.into = &value
	}
	// A kernel without the controller says nothing, which is not nothing.
	if u.blocks = u.blocks || len(s.BlkioStats.IoServiceBytesRecursive) > 0; !u.blocks {
		result.BlockIn, result.BlockOut = nil, nil
	}
	return result
}

// percent is the processor time since the call before, 100 for one core all the time.
func (u *usage) percent(cpu uint64, read time.Time) float64 {
	before, at := u.cpu, u.at
	u.cpu, u.at = cpu, read
	if at.IsZero() || !read.After(at) {
		return 0
	}
	if cpu < before { // another life
		before = 0
	}
	return 100 * float64(cpu-before) / float64(read.Sub(at))
}

// memory is what the docker command shows: the page cache that can be dropped at
// once is not counted (inactive_file; total_inactive_file with cgroup v1).
func memory(m container.MemoryStats) uint64 {
	inactive, ok := m.Stats["total_inactive_file"]
	if !ok {
		inactive = m.Stats["inactive_file"]
	}
	if inactive < m.Usage {
		return m.Usage - inactive
	}
	return m.Usage
}
