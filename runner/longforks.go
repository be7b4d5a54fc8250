package runner

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/internal/endsession"
	"pgchaos/internal/wait"
	"pgchaos/load/pgload"
	"pgchaos/outage"
	"pgchaos/record"
)

const (
	progressEvery   = 100 * time.Millisecond // how often the positions of all writers are read on each node
	progressRest    = 4                      // but a node rests for so many times what a reading took,
	progressLongest = time.Second            // if that is not longer
	progressTimeout = time.Second
	progressWriters = 256 // of more writers only so many are read, the same on all nodes
)

// progressReadings reads how far every writer is, on each node over a connection of its own,
// while a table is both written and read. Long forks are found in them.
type progressReadings struct {
	clock  record.Clock
	loads  *loadSet
	tables []*progressTable
	stop   context.CancelFunc
	wg     sync.WaitGroup
}

// progressTable is one table whose writers are read.
type progressTable struct {
	name   string
	reader *pgload.ProgressReader
	mu     sync.Mutex
	chain  *outage.Chain
}

// startProgressReadings reads until end is called.
func startProgressReadings(ctx context.Context, c *cluster.Cluster, loads *loadSet, p *Plan, clock record.Clock, guard func(func())) (*progressReadings, error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	v := &progressReadings{clock: clock, loads: loads, stop: stop}
	for _, t := range p.tables() {
		if t.Serial || !slices.ContainsFunc(loads.list, func(r *running) bool { return r.reads(t.Name) }) {
			continue
		}
		all := loads.progress.Writers(t.Name)
		writers := sample(all, progressWriters)
		reader, err := pgload.NewProgressReader(t.Name, writers)
		if err != nil {
			stop()
			return nil, err
		}
		v.tables = append(v.tables, &progressTable{name: t.Name, reader: reader, chain: outage.NewChain(t.Name, writers, len(all))})
	}
	if len(v.tables) > 0 {
		for _, n := range c.Nodes() {
			if n.Unread() {
				continue
			}
			v.wg.Go(func() { guard(func() { v.watch(ctx, n) }) })
		}
	}
	return v, nil
}

// sample is at most n of them, evenly.
func sample(all []int, n int) (some []int) {
	if len(all) <= n {
		return all
	}
	for i := range n {
		some = append(some, all[i*len(all)/n])
	}
	return some
}

// reads tells whether it is a workload that reads a table.
func (r *running) reads(table string) bool {
	return r.spec.ReadsFrom(table)
}

// busy tells whether a table is written and read at the moment.
func (v *progressReadings) busy(table string) bool {
	read, written := false, false
	for _, r := range v.loads.list {
		if r.active.Load() {
			read = read || r.spec.ReadsFrom(table)
			written = written || r.spec.Inserts(table)
		}
	}
	return read && written
}

// watch reads one node. Its connection does not keep the node from shutting down.
func (v *progressReadings) watch(ctx context.Context, n *cluster.Node) {
	var conn *pgx.Conn
	drop := func() {
		if conn != nil {
			endsession.AtOnce(conn)
			conn = nil
		}
	}
	defer drop()
	connection := 0
	for ctx.Err() == nil {
		began := v.clock.Now()
		var reading time.Duration
		for _, t := range v.tables {
			switch {
			case n.Absent() || n.Leaving():
				drop()
				continue
			case !v.busy(t.name):
				continue
			case conn == nil:
				var err error
				if conn, err = n.Connect(ctx, "progress"); err != nil {
					conn = nil
					continue // that it cannot be reached, others tell
				}
				connection++
			}
			asked := v.clock.Now()
			usable := v.read(ctx, t, n.Name(), conn, connection)
			reading += v.clock.Now() - asked
			if !usable {
				drop()
			}
		}
		_ = wait.For(ctx, max(began+progressEvery-v.clock.Now(), min(progressRest*reading, progressLongest))) // the loop ends with ctx
	}
}

// read takes one reading; false: the connection is of no use any more. A table that
// the node does not have yet is no reading either.
func (v *progressReadings) read(ctx context.Context, t *progressTable, node string, conn *pgx.Conn, connection int) bool {
	ctx, cancel := context.WithTimeout(ctx, progressTimeout)
	defer cancel()
	r := outage.ProgressReading{Node: node, Conn: connection, Before: v.clock.Now()}
	var err error
	if r.Newest, r.Standby, r.Timeline, err = t.reader.Read(ctx, conn); err != nil {
		return false
	}
	r.After = v.clock.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.chain.Add(r)
	return true
}

// end stops reading, and waits until nothing of it is left.
func (v *progressReadings) end() {
	v.stop()
	v.wg.Wait()
}

// forks are what was found, a table each. Not before end.
func (v *progressReadings) forks() (all []outage.Forks) {
	for _, t := range v.tables {
		all = append(all, t.chain.Forks())
	}
	return all
}
