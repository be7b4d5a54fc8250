package runner

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/jackc/pgx/v5"

	"pgchaos/audit"
	"pgchaos/cluster"
	"pgchaos/cluster/rowscan"
	"pgchaos/internal/endsession"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/rows"
)

// check settles the cluster, reads every node and holds it against the ledger. When
// ctx ends, nothing of it is kept: half an audit shows nothing.
func (r *run) check(ctx context.Context) error {
	noted := len(r.result.Settle)
	s := r.quiescer()
	r.stage("settling: faults taken back, standbys catching up")
	authority := s.settle(ctx)
	r.stage("auditing every row of every node")
	r.result.Timeline = r.events()
	evidence := audit.Evidence{
		Book: r.book, Events: r.result.Timeline, Demands: r.watch.Demands(), States: map[string][]record.NodeState{},
		Readers: r.loads.readers(), Started: r.result.Started,
	}
	for _, h := range r.histories() {
		evidence.States[h.Node] = h.States
	}
	if err := s.auditAll(ctx, r.plan, evidence, authority, r.forks.of); err != nil {
		return err
	}
	if ctx.Err() != nil {
		r.result.Audits, r.result.Settle = nil, r.result.Settle[:noted]
		return nil //nolint:nilerr // the user wants no audit; the result says that there was none
	}
	final := s.states(ctx) // so that the histories have it, too
	r.result.States = r.histories()
	r.unasked()
	r.result.Unwatched = audit.UnwatchedNodes(byNode(r.result.States), r.result.Timeline, r.result.Duration)
	s.finalStates(final, r.clock.Now())
	return r.write(report.StageChecked)
}

// auditAll audits every table that the experiment inserts into. The evidence is what
// the run has recorded; what the nodes hold is read here. Forks are what former primaries
// had alone, by table; it may be nil.
func (s *quiescer) auditAll(ctx context.Context, p *Plan, e audit.Evidence, authority string, forks func(table string) []audit.ForkHolding) error {
	e.Authority = authority
	lineages := s.lineages(ctx)
	e.Lineage = lineages[authority]
	for _, table := range p.tables() {
		e.Table, e.Workloads, e.Commits = table, p.writersOf(table), p.commits()
		if forks != nil {
			e.Forks = forks(table.Name)
		}
		e.Nodes = s.hold(ctx, table, lineages)
		audit, err := audit.Table(e)
		if err != nil {
			return fmt.Errorf("audit %s: %w", table.Name, err)
		}
		s.result.Audits = append(s.result.Audits, audit)
	}
	return nil
}

// byNode is what the nodes said of themselves, by their names.
func byNode(histories []report.NodeHistory) map[string][]record.NodeState {
	states := map[string][]record.NodeState{}
	for _, h := range histories {
		states[h.Node] = h.States
	}
	return states
}

// lineages are the timelines of the nodes that can be asked, and how they came about.
func (s *quiescer) lineages(ctx context.Context) map[string]record.Lineage {
	lineages := map[string]record.Lineage{}
	for _, n := range s.members {
		l, err := lineageOf(ctx, n)
		if err != nil {
			continue // a loss that it would explain stays unexplained, and a node that cannot be asked cannot be read
		}
		lineages[n.Name()] = l
	}
	return lineages
}

func lineageOf(ctx context.Context, n member) (record.Lineage, error) {
	if own, ok := n.(*cluster.Node); ok {
		return own.Lineage(ctx)
	}
	conn, err := n.Connect(ctx, "audit")
	if err != nil {
		return record.Lineage{}, err
	}
	defer endsession.Within(goodbye, conn)
	return cluster.Lineage(ctx, conn, n.Name())
}

// hold reads one table of every node, all at once.
func (s *quiescer) hold(ctx context.Context, table rows.Table, lineages map[string]record.Lineage) []audit.NodeHolding {
	nodes := make([]audit.NodeHolding, len(s.result.Cluster.Nodes))
	var wg sync.WaitGroup
	for i, n := range s.result.Cluster.Nodes {
		_, caughtUp := s.caughtUp[n.Name]
		_, behind := s.behind[n.Name]
		nodes[i] = audit.NodeHolding{Node: n.Name, Lineage: lineages[n.Name], CaughtUp: caughtUp, Behind: behind}
		if why, ok := s.notBuilt[n.Name]; ok {
			nodes[i].Why = why
			continue
		}
		wg.Go(func() { nodes[i].Holding, nodes[i].Why = read(ctx, s.member(n.Name), table) })
	}
	wg.Wait()
	return nodes
}

// read reads one table of one node, or says why that cannot be.
func read(ctx context.Context, n member, table rows.Table) (h *rows.Holding, why string) {
	defer func() {
		if value := recover(); value != nil {
			h, why = nil, fmt.Sprintf("panic: %v\n%s", value, debug.Stack())
		}
	}()
	connect := func(ctx context.Context) (*pgx.Conn, error) { return n.Connect(ctx, "audit") }
	h, err := rowscan.Scan(ctx, connect, table, rowscan.ScanOptions{})
	if err != nil {
		return nil, err.Error()
	}
	return h, ""
}
