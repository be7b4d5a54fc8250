package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"pgchaos/load"
	"pgchaos/record"
	"pgchaos/record/ledger"
)

// noSession answers at once, and keeps its writes in the ledger as an insert does: what
// is left is the cost of recording, and of the loop around it.
type noSession struct {
	writer *ledger.Writer
	clock  record.Clock
	seq    int64
}

func (s *noSession) Do(_ context.Context, op *record.Op) time.Duration {
	s.seq = s.writer.Next(s.clock.Now())
	op.Outcome, op.Node, op.Out, op.In = record.OK, 1, 120, 60
	return 0
}

func (s *noSession) Settle(op *record.Op, _ bool) {
	s.writer.Record(s.seq, op.Outcome, 0, record.LSN(s.seq), op.Done)
}

func (s *noSession) Close() {}

// recording is what one operation costs beside its being sent, in CPU time of all
// goroutines together: the client's loop, its clock, the ledger, and the collector with
// its histograms.
func recording(ctx context.Context, b *bench) ([]row, error) {
	const operations = 20_000_000
	var costs spread
	var allocated float64
	for range b.rounds {
		cost, allocations, err := b.recordOnce(ctx, operations)
		if err != nil {
			return nil, err
		}
		costs = append(costs, float64(cost)/operations)
		allocated = max(allocated, allocations/operations)
		b.logf("%.0f ns of CPU an operation, %.6f allocations", float64(cost)/operations, allocations/operations)
	}
	return []row{
		measured("recording (histograms, outcome, ledger): CPU of all goroutines for an operation", "<= 150 ns", costs.text("%.0f")+" ns", costs.median() <= 150),
		measured("the same: allocations for an operation", "0", fmt.Sprintf("%.5f", allocated), allocated < 0.001),
	}, nil
}

// recordOnce returns the CPU time of so many operations of two clients, and the
// number of allocations.
func (b *bench) recordOnce(ctx context.Context, operations int) (cpu time.Duration, allocations float64, err error) {
	book, err := ledger.Create(filepath.Join(b.server.base, fmt.Sprintf("recording-%d.bin", time.Now().UnixNano())), "bench")
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	clock, ended := record.StartClock(), make(chan struct{})
	var writers [2]*ledger.Writer
	for i := range writers {
		if writers[i], err = book.AddWriter("bench"); err != nil {
			return 0, 0, err
		}
	}
	w := load.New(load.Config{
		Name: "recording", Clients: len(writers), Nodes: 1, Clock: clock, Iterations: operations, Ended: func() { close(ended) },
		Open: func(i int) load.Session { return &noSession{writer: writers[i], clock: clock} },
	})
	defer w.Close()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := cpuTime()
	w.Start()
	select {
	case <-ended:
	case <-ctx.Done():
		return 0, 0, ctx.Err()
	}
	w.Stop()
	cpu = cpuTime() - begun
	runtime.ReadMemStats(&after)
	return cpu, float64(after.Mallocs - before.Mallocs), nil
}

// cpuTime is the CPU time of this process so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
