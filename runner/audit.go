package runner

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"pgchaos/check"
	"pgchaos/cluster/census"
	"pgchaos/history"
	"pgchaos/report"
)

// check settles the cluster, reads every node and holds it against the ledger.
func (r *run) check(ctx context.Context) error {
	s := r.site()
	r.Observer.Stage("settling: faults taken back, standbys catching up")
	authority := s.settle(ctx)
	r.Observer.Stage("auditing every row of every node")
	if err := s.auditAll(ctx, r.plan, r.loads.ledger.Writers(), authority); err != nil {
		return err
	}
	if r.interrupted(ctx) {
		return nil
	}
	r.finalStates(ctx)
	return r.write(report.StageChecked)
}

// auditAll audits every table that the experiment inserts into.
func (s *site) auditAll(ctx context.Context, p *Plan, ledger []*history.Writer, authority string) error {
	for _, table := range p.tables() {
		audit, err := s.audit(ctx, table, check.WritersOf(ledger, p.writersOf(table)...), authority)
		if err != nil {
			return fmt.Errorf("audit %s: %w", table.Name, err)
		}
		s.result.Audits = append(s.result.Audits, audit)
	}
	return nil
}

// audit reads one table on every node, each over a connection of its own, all at once.
func (s *site) audit(ctx context.Context, table check.Table, writers []*history.Writer, authority string) (check.Audit, error) {
	var nodes []check.NodeRows
	for _, n := range s.result.Cluster.Nodes {
		if why, ok := s.unbuilt[n.Name]; ok {
			nodes = append(nodes, check.NodeRows{Node: n.Name, Why: why})
			continue
		}
		conn, err := s.member(n.Name).Connect(ctx, "audit")
		if err != nil {
			nodes = append(nodes, check.NodeRows{Node: n.Name, Why: err.Error()})
			continue
		}
		defer func(conn *pgx.Conn) { closeConn(ctx, conn) }(conn)
		nodes = append(nodes, check.NodeRows{Node: n.Name, Rows: census.Rows(ctx, conn, table)})
	}
	return check.AuditTable(writers, table, authority, nodes)
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
