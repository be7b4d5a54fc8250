package runner

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgchaos/check"
	"pgchaos/cluster"
	"pgchaos/cluster/census"
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
	r.ghosts()
	if r.interrupted(ctx) {
		return nil
	}
	r.finalStates(ctx)
	return r.write(report.StageChecked)
}

// audit reads one table on every node, each over a connection of its own, all at once.
func (r *run) audit(ctx context.Context, table check.Table, authority *cluster.Node) (check.Audit, error) {
	var (
		nodes []check.NodeRows
		name  string
	)
	if authority != nil {
		name = authority.Name()
	}
	for _, n := range r.cluster.Nodes() {
		if n.Absent() {
			nodes = append(nodes, check.NodeRows{Node: n.Name(), Why: "it was never built"})
			continue
		}
		conn, err := n.Connect(ctx, "audit")
		if err != nil {
			nodes = append(nodes, check.NodeRows{Node: n.Name(), Why: err.Error()})
			continue
		}
		defer func(conn *pgx.Conn) { closeConn(ctx, conn) }(conn)
		nodes = append(nodes, check.NodeRows{Node: n.Name(), Rows: census.Rows(ctx, conn, table)})
	}
	return check.AuditTable(check.WritersOf(r.loads.ledger.Writers(), r.plan.writersOf(table)...), table, name, nodes)
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
