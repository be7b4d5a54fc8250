package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/jackc/pgx/v5"

	"pgchaos/check"
	"pgchaos/cluster"
	"pgchaos/cluster/census"
	"pgchaos/history"
	"pgchaos/history/ledger"
	"pgchaos/report"
)

// check settles the cluster, reads every node and holds it against the ledger.
func (r *run) check(ctx context.Context) error {
	authority := r.settle(ctx)
	r.Observer.Stage("auditing every row of every node")
	for _, table := range r.plan.tables() {
		audit, err := r.audit(ctx, table, authority)
		if err != nil {
			return fmt.Errorf("audit %s: %w", table.Name, err)
		}
		r.result.Audits = append(r.result.Audits, audit)
	}
	if r.interrupted(ctx) {
		return nil
	}
	r.finalStates(ctx)
	return r.write(report.StageChecked)
}

// audit reads one table on every node, all at once, and holds it against the ledger.
func (r *run) audit(ctx context.Context, table check.Table, authority *cluster.Node) (check.Audit, error) {
	e := check.Evidence{
		Table: table, Workloads: r.plan.writersOf(table), Marks: r.line.Marks(), Demands: r.watch.demands(), States: map[string][]history.NodeState{},
	}
	if authority != nil {
		e.Authority = authority.Name()
	}
	for _, h := range r.watch.histories(r.cluster) {
		e.States[h.Node] = h.States
	}
	book, err := r.book()
	if err != nil {
		return check.Audit{}, err
	}
	defer func() { _ = book.Close() }() // it was only read
	e.Book = book
	e.Nodes = make([]check.NodeHolding, len(r.cluster.Nodes()))
	var wg sync.WaitGroup
	for i, n := range r.cluster.Nodes() {
		wg.Go(func() { e.Nodes[i] = hold(ctx, n, table) })
	}
	wg.Wait()
	return check.AuditTable(e)
}

// hold reads one table of one node.
func hold(ctx context.Context, n *cluster.Node, table check.Table) check.NodeHolding {
	h := check.NodeHolding{Node: n.Name()}
	if n.Absent() {
		h.Why = "it was never built"
		return h
	}
	connect := func(ctx context.Context) (*pgx.Conn, error) { return n.Connect(ctx, "audit") }
	holding, err := census.Scan(ctx, connect, table, census.ScanOptions{})
	if err != nil {
		h.Why = err.Error()
		return h
	}
	h.Holding = holding
	return h
}

// book writes the ledger in memory to a file, for the audit to read.
//
// TODO: remove, and read the file that the load writes while it runs.
func (r *run) book() (_ *ledger.Book, err error) {
	dir, err := os.MkdirTemp("", "pgchaos-ledger-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }() // an open file stays readable
	path := filepath.Join(dir, "ledger")
	l, err := ledger.Create(path, r.Run)
	if err != nil {
		return nil, err
	}
	for _, w := range r.loads.ledger.Writers() {
		into, err := l.AddWriter(w.Workload)
		if err != nil {
			return nil, err
		}
		for seq := range w.Issued {
			known, _ := w.Lookup(seq + 1)
			into.Record(into.Next(known.From), known.Outcome, l.AddServer(ledger.Server{Node: known.Node}), 0, known.To)
		}
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return ledger.Open(path)
}

// finalStates keeps what every node says of itself at the audit.
func (r *run) finalStates(ctx context.Context) {
	r.watch.end()
	r.result.States = r.watch.histories(r.cluster)
	for i := range r.result.States {
		n := r.cluster.Node(r.result.States[i].Node)
		if n.Absent() {
			continue
		}
		st := n.State(ctx)
		st.At = r.clock.Now()
		r.result.States[i].Final = st
	}
}
