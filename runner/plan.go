package runner

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/expect"
	"pgchaos/load/pgload"
	"pgchaos/record"
	"pgchaos/rows"
	"pgchaos/spec"
	"pgchaos/standbynames"
)

// Plan is an experiment ready to run: everything that can be decided without
// starting anything has been.
type Plan struct {
	Experiment   *spec.Experiment
	Text         []byte // the resolved experiment, without secrets
	Seed         uint64
	Expectations []expect.Expectation
	Aborts       []expect.Abort
}

// NewPlan plans a decoded experiment. Seed 0 takes the experiment's.
func NewPlan(e *spec.Experiment, text []byte, seed uint64) (*Plan, error) {
	p := &Plan{Experiment: e, Text: text, Seed: seed}
	if seed == 0 {
		p.Seed = e.Seed
	}
	var err error
	if p.Expectations, err = e.Expectations(); err != nil {
		return nil, err
	}
	if p.Aborts, err = e.Aborts(); err != nil {
		return nil, err
	}
	return p, nil
}

// Check tells what of the load could not be sent: a script with an error in it, a
// parameter without a generator, a certificate that cannot be read. The files that the
// workloads name must be there, so that it is for who is about to run the plan.
func (p *Plan) Check() error {
	_, err := setupStatements(p.Experiment)
	errs := []error{err}
	for i := range p.Experiment.Load {
		r := newRunning(p, i, len(p.Experiment.Cluster.Nodes))
		cfg := pgConfig(p, &r.spec, r.groups)
		for _, name := range p.Experiment.Cluster.Nodes.Names() {
			cfg.Endpoints = append(cfg.Endpoints, pgload.Endpoint{Node: name, Host: "localhost", Port: 1})
		}
		errs = append(errs, pgload.Check(cfg))
	}
	return errors.Join(errs...)
}

// built is the number of nodes that are there from the beginning.
func (p *Plan) built() (n int) {
	for _, node := range p.Experiment.Cluster.Nodes {
		if !node.Absent {
			n++
		}
	}
	return n
}

// absent tells whether the file has a node be built by a step.
func (p *Plan) absent(node string) bool {
	return slices.ContainsFunc(p.Experiment.Cluster.Nodes, func(n spec.Node) bool { return n.Name == node && n.Absent })
}

func nodeCount(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

// configured is the regime that a step of the timeline put in force; nil where it is
// about none, or did not take effect.
func (p *Plan) configured(m record.Event) *spec.Synchronous {
	for i := range p.Experiment.Timeline {
		s := &p.Experiment.Timeline[i]
		if c, ok := s.Parameters().(*fault.Configure); ok && s.Name == m.Name && m.Status == record.EventDone {
			return c.Synchronous
		}
	}
	return nil
}

// demands are what the experiment demands of synchronous replication, and from when: the
// cluster's own regime, and those of the steps that have been done.
func (p *Plan) demands(events []record.Event) (all []record.Demand) {
	if s := p.Experiment.Cluster.Synchronous; s != nil {
		all = append(all, demandOf(s, p.Experiment.Cluster.Nodes[0].Name, 0))
	}
	for _, m := range events {
		all = append(all, p.demandsOf(m)...)
	}
	return all
}

// demandsOf are those that a step makes; none, if it is no such step.
func (p *Plan) demandsOf(m record.Event) (all []record.Demand) {
	s := p.configured(m)
	if d := m.Demanded; d != nil && m.Status == record.EventDone { // which a runbook chose
		s = &spec.Synchronous{Commit: d.Commit, Standbys: d.Standbys}
	}
	if s != nil {
		for _, node := range m.Nodes {
			all = append(all, demandOf(s, node, m.Effective))
		}
	}
	return all
}

// demandOf is what a regime demands of a node's standbys.
func demandOf(s *spec.Synchronous, node string, at time.Duration) record.Demand {
	standbys, _ := standbynames.Parse(s.Standbys) // the file was validated
	return record.Demand{At: at, Node: node, Standbys: standbys.Num, Names: standbys.Names, Commit: s.Commit}
}

// What pgchaos itself has open in a run: its own files, and for each node sessions, logs and what its processes are
// watched by.
const (
	filesOfRun  = 40
	filesOfNode = 12
)

// OpenFiles is how many clients a run has, and about how many open files it needs for them at least. Operations that are
// given up on keep a connection beside them.
func (p *Plan) OpenFiles() (clients, files int) {
	nodes := len(p.Experiment.Cluster.Nodes)
	files = filesOfRun + nodes*filesOfNode
	for i := range p.Experiment.Load {
		r := newRunning(p, i, nodes)
		clients += r.groups * r.spec.Clients
		own := r.spec.Clients
		if r.spec.Connections > 0 {
			own = min(own, r.spec.Connections)
		}
		files += r.groups * own
	}
	return clients, files
}

// clusterConfig is what the cluster package has to know.
func (p *Plan) clusterConfig(run string, log func(string, ...any)) cluster.Config {
	c := p.Experiment.Cluster
	cfg := cluster.Config{
		Run: run, Settings: c.Settings, Sync: c.Synchronous, Log: log, MaxClients: p.Experiment.MaxClients(),
	}
	for _, n := range c.Nodes {
		cfg.Nodes = append(cfg.Nodes, cluster.NodeConfig{Name: n.Name, Settings: n.Settings, Absent: n.Absent})
	}
	if c.Existing != nil {
		x, _ := Existing(p.Experiment, false) // which open has checked
		for _, n := range x.Nodes {
			i := slices.IndexFunc(cfg.Nodes, func(c cluster.NodeConfig) bool { return c.Name == n.Name })
			cfg.Nodes[i].DSN, cfg.Nodes[i].Standby = &n.DSN, n.Standby
		}
		for _, n := range x.Unread {
			i := slices.IndexFunc(cfg.Nodes, func(c cluster.NodeConfig) bool { return c.Name == n.Name })
			cfg.Nodes[i].Standby = n.Standby
		}
	}
	return cfg
}

// tables are the tables that insert workloads write to: those that the audit reads.
func (p *Plan) tables() (tables []rows.Table) {
	for i := range p.Experiment.Load {
		for _, w := range p.Experiment.Load[i].Works() {
			t := rows.Table{Name: w.Table, Serial: w.Key == "serial", Payload: w.Payload}
			if w.Kind == pgload.Insert && !slices.ContainsFunc(tables, func(o rows.Table) bool { return o.Name == t.Name }) {
				tables = append(tables, t)
			}
		}
	}
	return tables
}

// serial tells whether a table's rows are keyed by its sequence, which only its
// inserts say.
func (p *Plan) serial(table string) bool {
	for _, t := range p.tables() {
		if t.Name == table {
			return t.Serial
		}
	}
	return false
}

// writersOf are those who insert into a table, as the ledger names them.
func (p *Plan) writersOf(t rows.Table) (names []string) {
	for i := range p.Experiment.Load {
		names = append(names, writersIn(&p.Experiment.Load[i], t.Name)...)
	}
	return names
}

// writersIn are the writers of one workload that insert into a table; "" is any.
func writersIn(w *spec.Workload, table string) (names []string) {
	if w.Kind != pgload.Mix {
		if w.Inserts(table) {
			names = append(names, pgload.WriterName(w.Name, ""))
		}
		return names
	}
	for i := range w.Mix {
		if part := &w.Mix[i]; part.Inserts(table) {
			names = append(names, pgload.WriterName(w.Name, part.Name))
		}
	}
	return names
}

// commits are the writers whose sessions have a synchronous_commit of their own.
func (p *Plan) commits() map[string]string {
	own := map[string]string{}
	for i := range p.Experiment.Load {
		w := &p.Experiment.Load[i]
		for _, name := range writersIn(w, "") {
			if w.SynchronousCommit != "" {
				own[name] = w.SynchronousCommit
			}
		}
	}
	return own
}
