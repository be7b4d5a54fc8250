package local

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pgchaos/record"
)

// usage is what the call of Usage before found.
type usage struct {
	mu   sync.Mutex
	at   time.Time // zero before the first call
	main identity  // the main process then
	cpu  time.Duration
	in   total
	out  total
}

// total is a sum that never falls, though its summands vanish when processes end.
type total struct{ ended, current uint64 }

// next takes the newest reading; restarted tells that it counts from nothing.
func (t *total) next(reading uint64, restarted bool) uint64 {
	if restarted {
		t.ended, t.current = t.ended+t.current, 0
	}
	t.current = max(t.current, reading)
	return t.ended + t.current
}

// footprint is what one process holds in memory, in bytes. Shared memory and
// mapped files it has in common with others of its node.
type footprint struct{ private, shared, files uint64 }

// with is the footprint of two processes together: what is private adds up, what
// is shared is nearly the same for all, and the largest stands for it.
func (f footprint) with(other footprint) footprint {
	return footprint{f.private + other.private, max(f.shared, other.shared), max(f.files, other.files)}
}

func (f footprint) bytes() uint64 { return f.private + f.shared + f.files }

// ResourceSample adds up what the node's processes use.
//
// CPU and disk transfers of a child that has ended are in its parent's figures
// once that has waited for it, and so are not lost. Memory is the private memory
// of all processes, and the shared memory and mapped files once; what a backend
// still shares with the postmaster that forked it counts twice, about 2 MB each.
// (Without /proc resident sizes are added up, and shared buffers count for every
// backend.) Transfers are what was read from and written to block devices
// (read_bytes and write_bytes of proc_pid_io(5)), over all lives of the node; a
// write counts when it dirties the cache. There is no limit on memory, and what
// one process sends and receives the system does not count.
func (h *host) Usage(context.Context) (record.ResourceSample, error) {
	h.usage.mu.Lock()
	defer h.usage.mu.Unlock()
	members, err := h.members()
	if err != nil {
		return record.ResourceSample{}, fmt.Errorf("measure %s: %w", h.name, err)
	}
	result := record.ResourceSample{Node: h.name, Processes: len(live(members))}
	var cpu time.Duration
	var memory footprint
	var in, out uint64
	countable := true
	err = h.provider.owner.do(func() error {
		for _, p := range members {
			cpu += p.cpu
			i, o, err := transfersOf(p.pid)
			if in, out = in+i, out+o; errors.Is(err, errors.ErrUnsupported) {
				countable = false
			}
			if p.gone() {
				continue
			}
			held, _ := footprintOf(p.pid) // zero if it has ended since
			memory = memory.with(held)
		}
		return nil
	})
	if err != nil {
		return record.ResourceSample{}, fmt.Errorf("measure %s: %w", h.name, err)
	}
	result.MemoryBytes = memory.bytes()
	restarted := h.usage.follow(h.newest())
	result.CPUPercent = h.usage.percent(cpu, time.Now())
	if countable {
		readTotal, writeTotal := h.usage.in.next(in, restarted), h.usage.out.next(out, restarted)
		result.BlockIn, result.BlockOut = &readTotal, &writeTotal
	}
	return result, nil
}

// follow notes which main process is measured, and tells whether it is another
// than the time before, whose counters began anew.
func (u *usage) follow(m *mainProcess) (restarted bool) {
	var id identity
	if m != nil {
		id = m.identity
	}
	restarted = id != u.main
	if u.main = id; restarted {
		u.cpu = 0
	}
	return restarted
}

// percent is the processor time since the call before, 100 for one core all the
// time. The process table is not read in one instant: the time of a child that
// ends meanwhile may be in neither its own entry nor its parent's, and is then
// counted at the next call. So the sum is never let fall.
func (u *usage) percent(cpu time.Duration, now time.Time) float64 {
	used, elapsed, first := cpu-u.cpu, now.Sub(u.at), u.at.IsZero()
	u.cpu, u.at = max(u.cpu, cpu), now
	if first || elapsed <= 0 || used < 0 {
		return 0
	}
	return 100 * float64(used) / float64(elapsed)
}
