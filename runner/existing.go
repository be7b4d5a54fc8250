package runner

import (
	"fmt"
	"maps"
	"slices"

	"pgchaos/chaos/fault"
	"pgchaos/cluster"
	"pgchaos/load/pgload"
	"pgchaos/spec"
)

// Existing is the cluster that an experiment meets. Risk tells that it may break, whatever speaks against it.
func Existing(e *spec.Experiment, risk bool) (cluster.Existing, error) {
	c := &e.Cluster
	x := cluster.Existing{Exec: c.Existing.Exec, Sync: c.Synchronous, Risk: risk, Clients: c.Existing.Clients, MinFree: uint64(c.Existing.MinFree), Commits: anyCommitsAsGiven(e), CatchUp: barrierTimeout}
	for i := range e.Load {
		w := &e.Load[i]
		x.Sessions += mostSessions(w)
		_, own := w.Connection["default_transaction_read_only"]
		x.Writes = x.Writes || !own && !w.OnlyReads()
		x.Prepares = x.Prepares || x.Clients != "" && w.URL == x.Clients && w.Protocol != pgload.Simple
	}
	for _, h := range c.Existing.Hooks {
		if h.Proof == fault.ProofDown {
			x.Ends = append(x.Ends, h.Name)
		}
	}
	for _, s := range e.Once() {
		for _, r := range s.Kind().Rights {
			r.Step = s.FileName()
			x.Rights = append(x.Rights, r)
		}
		if m, ok := s.Parameters().(*fault.ManagerSwitchover); ok && m.To == "" {
			x.Chooses = append(x.Chooses, s.FileName())
		}
	}
	if m := c.Existing.Manager; m != nil {
		x.Manager = cluster.ManagerAddress{Patroni: m.Patroni, PgAutoFailover: m.PgAutoFailover, TLS: cluster.ManagerTLS{CACert: m.CACert, CertFile: m.CertFile, KeyFile: m.KeyFile}}
	}
	for _, n := range c.Existing.Nodes {
		if n.Unread {
			x.Unread = append(x.Unread, cluster.ExistingNode{Name: n.Name, Standby: n.Standby})
			continue
		}
		dsn, err := cluster.ParseDSN(n.DSN)
		if err != nil {
			return x, usageError(fmt.Errorf("cluster.existing.nodes.%s.dsn: %w", n.Name, err))
		}
		x.Nodes = append(x.Nodes, cluster.ExistingNode{Name: n.Name, Standby: n.Standby, Host: n.Host, DSN: dsn})
	}
	for i := range e.Load {
		ways, err := waysOf(e, &e.Load[i], x)
		if err != nil {
			return x, usageError(fmt.Errorf("workload %s: %w", e.Load[i].Name, err))
		}
		x.Ways = append(x.Ways, ways...)
	}
	return x, nil
}

// waysOf are where a workload's sessions go by a url or a connection of its own; none, where they go by the nodes' connection strings or by
// clients as they stand. They are made as the load makes them, so that both mean the same database.
func waysOf(e *spec.Experiment, w *spec.Workload, x cluster.Existing) (all []cluster.Way, err error) {
	where := "load." + w.Name + ".connection"
	switch {
	case w.URL != "" && w.URL != x.Clients:
		where = "load." + w.Name + ".url"
	case len(w.Connection) == 0 || len(x.Nodes) == 0:
		return nil, nil
	}
	cfg := pgConfig(&Plan{Experiment: e}, w, 1)
	dsn := x.Nodes[0].DSN
	cfg.User, cfg.Password, cfg.Database, cfg.Cluster = dsn.User.Name, dsn.User.Password, dsn.Database, dsn.Settings()
	cfg.AppName = cluster.OwnApp + "doctor"
	servers, err := cfg.Servers(pgload.Endpoint{Node: x.Nodes[0].Name, Host: dsn.Address.Host, Port: dsn.Address.Port})
	for _, s := range servers {
		all = append(all, cluster.Way{Where: where, Config: s, Commits: commitsAsGiven(w)})
	}
	return all, err
}

// commitsAsGiven tells whether a workload writes, with the synchronous_commit that its sessions get from the server.
func commitsAsGiven(w *spec.Workload) bool { return w.SynchronousCommit == "" && !w.OnlyReads() }

// anyCommitsAsGiven tells whether one of an experiment does.
func anyCommitsAsGiven(e *spec.Experiment) bool {
	for i := range e.Load {
		if commitsAsGiven(&e.Load[i]) {
			return true
		}
	}
	return false
}

// markedOf is where alone the load may do something; nil: in any database, for the cluster was built for it.
func markedOf(c *cluster.Cluster) *pgload.Marked {
	if !c.Met() {
		return nil
	}
	return &pgload.Marked{SystemID: c.SystemID(), Database: c.Nodes()[0].Credentials().Database, Schema: c.Schema()}
}

// inSchema is the plan with the workloads' tables in a schema of the run's own. What names no table finds it by its
// search_path.
func (p *Plan) inSchema(schema string) *Plan {
	plan, e := *p, *p.Experiment
	plan.Experiment = &e
	e.Load = slices.Clone(e.Load)
	for i := range e.Load {
		w := &e.Load[i]
		w.Mix = slices.Clone(w.Mix)
		for _, part := range w.Works() {
			if part.Table != "" {
				part.Table = schema + "." + part.Table
				continue
			}
			w.Connection = maps.Clone(w.Connection)
			if w.Connection == nil {
				w.Connection = map[string]string{}
			}
			w.Connection["search_path"] = schema
		}
	}
	return &plan
}

// buildingText begins what is said while the cluster is built, or met.
func (r *run) buildingText() string {
	if r.plan.Experiment.Cluster.Existing != nil {
		return "looking at the cluster: "
	}
	return "building the cluster: "
}

// mostSessions is how many a workload has at most.
func mostSessions(w *spec.Workload) int {
	if w.Connections > 0 {
		return w.Connections
	}
	most := w.Clients
	for _, stage := range w.Stages {
		most = max(most, stage.Clients)
	}
	return most
}
