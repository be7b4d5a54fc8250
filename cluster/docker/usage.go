package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"

	"pgchaos/record"
)

// usage is what the call of Usage before found, of each of the node's containers.
type usage struct {
	mu            sync.Mutex
	server, tools counters
}

// counters are what one container has used over all of its lives.
type counters struct {
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

// ResourceSample is what `docker stats` shows of the server's container, and beside it the
// processor time and the transfers of the container for commands: base backups and
// pg_rewind are the node's work, too. Memory and processes are the server's, or while
// it does not run the commands'. Memory is what a cgroup holds without the inactive
// part of the page cache; bytes are counted over all lives of the node.
func (h *host) Usage(ctx context.Context) (record.ResourceSample, error) {
	h.usage.mu.Lock()
	defer h.usage.mu.Unlock()
	var stats [2]container.StatsResponse
	for i, id := range []string{h.server, h.tools} {
		if err := h.stats(ctx, id, &stats[i]); err != nil {
			return record.ResourceSample{}, err
		}
	}
	server, tools := h.usage.server.of(h.name, &stats[0]), h.usage.tools.of(h.name, &stats[1])
	return together(server, tools), nil
}

func (h *host) stats(ctx context.Context, id string, into *container.StatsResponse) error {
	answer, err := h.provider.engine.ContainerStatsOneShot(ctx, id)
	if err != nil {
		return h.provider.engine.explain("measure "+h.name, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("measure %s: %w", h.name, err)
	}
	return nil
}

// together is the usage of a node.
func together(server, tools record.ResourceSample) record.ResourceSample {
	u := server
	u.CPUPercent += tools.CPUPercent
	for _, sum := range []struct{ into, more *uint64 }{
		{u.NetIn, tools.NetIn}, {u.NetOut, tools.NetOut}, {u.BlockIn, tools.BlockIn}, {u.BlockOut, tools.BlockOut},
	} {
		if sum.into != nil && sum.more != nil {
			*sum.into += *sum.more
		}
	}
	if server.Processes == 0 {
		u.MemoryBytes, u.MemoryLimit, u.Processes = tools.MemoryBytes, tools.MemoryLimit, tools.Processes
	}
	return u
}

// of reads the engine's figures of one container. One that does not run has used
// nothing since.
func (u *counters) of(name string, s *container.StatsResponse) record.ResourceSample {
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
	result := record.ResourceSample{
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

// percent is the processor time since the reading before, 100 for one core all the
// time. Of a container that does not run, the engine reads nothing, at no time.
func (u *counters) percent(cpu uint64, read time.Time) float64 {
	if read.IsZero() {
		u.cpu = 0 // another life follows
		return 0
	}
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
