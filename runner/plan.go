package runner

import (
	"fmt"
	"slices"

	"pgchaos/check"
	"pgchaos/cluster"
	"pgchaos/spec"
)

// Plan is an experiment ready to run: everything that can be decided without
// starting anything has been.
type Plan struct {
	Experiment   *spec.Experiment
	Text         []byte // the resolved experiment, without secrets
	Seed         uint64
	Expectations []check.Expectation
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
	return p, nil
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

func nodeCount(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

// clusterConfig is what the cluster package has to know.
func (p *Plan) clusterConfig(run string, log func(string, ...any)) cluster.Config {
	c := p.Experiment.Cluster
	cfg := cluster.Config{
		Run: run, Settings: c.Settings, Sync: synchronous(c.Synchronous), Log: log,
	}
	for _, n := range c.Nodes {
		cfg.Nodes = append(cfg.Nodes, cluster.NodeConfig{Name: n.Name, Settings: n.Settings, Absent: n.Absent})
	}
	for _, w := range p.Experiment.Load {
		cfg.MaxClients += w.Clients + w.MaxAbandoned
	}
	return cfg
}

// tables are the tables that insert workloads write to: those that the audit reads.
func (p *Plan) tables() (tables []check.Table) {
	for _, w := range p.Experiment.Load {
		t := check.Table{Name: w.Table, Serial: w.Key == "serial", Payload: w.Payload}
		if w.Kind == "insert" && !slices.ContainsFunc(tables, func(o check.Table) bool { return o.Name == t.Name }) {
			tables = append(tables, t)
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

// writersOf are the workloads that insert into a table.
func (p *Plan) writersOf(t check.Table) (workloads []string) {
	for _, w := range p.Experiment.Load {
		if w.Kind == "insert" && w.Table == t.Name {
			workloads = append(workloads, w.Name)
		}
	}
	return workloads
}
