package runner

import (
	"context"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/rowscan"
	"pgchaos/record"
	"pgchaos/rows"
)

// FinalRead is what one node holds of what a run wrote.
type FinalRead struct {
	Node string
	At   time.Duration        // when its reading began, on the run's clock
	Keys iter.Seq[record.Key] // rows that are as they were written, by key
	Err  error                // why they are not known
}

// Nodes are the names of the cluster's nodes.
func (k *AttachedRun) Nodes() (names []string) {
	for _, n := range k.access.Nodes {
		names = append(names, n.Name)
	}
	return names
}

// FinalReads reads what each node holds now, one node after the other, all tables of
// the run together. It waits for nothing and changes nothing.
func (k *AttachedRun) FinalReads(ctx context.Context) iter.Seq[FinalRead] {
	return func(yield func(FinalRead) bool) {
		for _, n := range cluster.Attach(k.access, filepath.Join(k.dir, Passfile)) {
			read := FinalRead{Node: n.Name(), At: time.Since(k.result.Started)}
			read.Keys, read.Err = k.keys(ctx, n)
			if !yield(read) {
				return
			}
		}
	}
}

func (k *AttachedRun) keys(ctx context.Context, n member) (iter.Seq[record.Key], error) {
	var held []*rows.Holding
	for _, table := range k.plan.tables() {
		h, err := rowscan.Scan(ctx, func(ctx context.Context) (*pgx.Conn, error) { return n.Connect(ctx, "read") }, table, rowscan.ScanOptions{})
		if err != nil {
			return nil, err
		}
		held = append(held, h)
	}
	return func(yield func(record.Key) bool) {
		for _, h := range held {
			for _, writer := range slices.Sorted(maps.Keys(h.Written)) {
				for i := h.Written[writer].Iterator(); i.HasNext(); {
					if !yield(record.PackKey(writer, int64(i.Next()))) {
						return
					}
				}
			}
		}
	}, nil
}
