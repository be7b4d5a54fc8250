package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgchaos/cluster"
	"pgchaos/load/pgload"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/spec"
)

// prepareTables makes what the workloads work on, and finds which tables they are: the
// name in the file means what it means in a session of the workload, with its own search_path,
// role and database. From then on the plan has their full names, so that the load, its readers and the audit
// cannot mean different ones.
func (r *run) prepareTables(ctx context.Context, primary *cluster.Node) error {
	if len(r.plan.Experiment.Load) == 0 {
		return nil
	}
	system := primary.State(ctx).SystemID
	for i := range r.plan.Experiment.Load {
		w := &r.plan.Experiment.Load[i]
		found, err := pgload.Setup(ctx, setupConfig(r.plan, w, r.cluster), endpointOf(primary))
		if w.Route == pgload.URL && errors.Is(err, pgload.ErrNoServer) {
			// Its operations will say so, too; what else is in the file can still be run.
			r.note("", fmt.Sprintf("the tables of workload %s were not made: behind its url, %v", w.Name, err))
			continue
		}
		if err == nil {
			err = sameDatabase(w, found, primary.Credentials().Database, system)
		}
		if err != nil {
			return fmt.Errorf("workload %s: %w", w.Name, err)
		}
		for j, part := range w.Works() {
			if found.Tables[j] != "" {
				r.result.Tables = append(r.result.Tables, report.FoundTable{Workload: w.Name, Part: partName(w, part), Named: part.Table, Table: found.Tables[j]})
			}
		}
	}
	for _, text := range ambiguous(r.result.Tables) {
		r.note("", text)
	}
	var err error
	r.plan, err = r.plan.withTables(r.result.Tables)
	return err
}

// setupConfig is how the sessions of a workload connect.
func setupConfig(p *Plan, w *spec.Workload, c *cluster.Cluster) pgload.Config {
	cfg := pgConfig(p, w, 1)
	loginTo(&cfg, c)
	cfg.AppName, cfg.Marked = c.AppName("setup"), markedOf(c)
	return cfg
}

// loginTo is how the load's user gets into the cluster.
func loginTo(cfg *pgload.Config, c *cluster.Cluster) {
	n := c.Nodes()[0] // the same on every node
	creds := n.Credentials()
	cfg.User, cfg.Password, cfg.Database = creds.Load.Name, creds.Load.Password, creds.Database
	cfg.Cluster = n.Connection().Parameters(cluster.Vantage{From: cluster.FromClients})
}

func endpointOf(n *cluster.Node) pgload.Endpoint {
	at := n.ClientAddress()
	return pgload.Endpoint{Node: n.Name(), Host: at.Host, Port: at.Port}
}

// sameDatabase refuses a workload whose rows the audit would look for in another database.
// A server of another cluster is not audited at all.
func sameDatabase(w *spec.Workload, found pgload.Found, audited, system string) error {
	ours := w.Route != pgload.URL || found.SystemID != "" && found.SystemID == system
	if !ours || found.Database == audited || !w.Inserts("") && !w.ReadsFrom("") {
		return nil
	}
	return fmt.Errorf("its sessions are in the database %s, and pgchaos audits only %s: leave dbname out of its connection or url, or use kind sql or script, which are not audited", found.Database, audited)
}

// partName is the name of a part of a mix; "" for the whole workload.
func partName(w, part *spec.Workload) string {
	if part == w {
		return ""
	}
	for i := range w.Mix {
		if &w.Mix[i].Workload == part {
			return w.Mix[i].Name
		}
	}
	return ""
}

// ambiguous says which names of the file mean different tables to different workloads.
func ambiguous(found []report.FoundTable) (all []string) {
	meanings := map[string]map[string][]string{} // by the name in the file, by table: the workloads
	for _, f := range found {
		if meanings[f.Named] == nil {
			meanings[f.Named] = map[string][]string{}
		}
		meanings[f.Named][f.Table] = append(meanings[f.Named][f.Table], pgload.WriterName(f.Workload, f.Part))
	}
	for _, name := range slices.Sorted(maps.Keys(meanings)) {
		if len(meanings[name]) < 2 {
			continue
		}
		var texts []string
		for _, table := range slices.Sorted(maps.Keys(meanings[name])) {
			texts = append(texts, record.QuotedTable(table)+" to "+strings.Join(meanings[name][table], ", "))
		}
		all = append(all, fmt.Sprintf("the table name %s means different tables, by the search_path of the sessions: %s; each is audited as its own table", name, strings.Join(texts, ", and ")))
	}
	return all
}

// withTables is the plan with the tables that were found in place of the names in the file.
func (p *Plan) withTables(found []report.FoundTable) (*Plan, error) {
	plan, e := *p, *p.Experiment
	plan.Experiment = &e
	e.Load = slices.Clone(e.Load)
	forms := map[string]*spec.Workload{} // of the rows, by table
	for i := range e.Load {
		w := &e.Load[i]
		w.Mix = slices.Clone(w.Mix)
		for _, part := range w.Works() {
			name := partName(w, part)
			j := slices.IndexFunc(found, func(f report.FoundTable) bool { return f.Workload == w.Name && f.Part == name })
			if j < 0 {
				continue
			}
			part.Table = found[j].Table
			if part.Kind == pgload.Read {
				continue
			}
			// The file was checked by the names in it; these can be two names of one table.
			if o := forms[part.Table]; o != nil && (o.Kind != part.Kind || o.Key != part.Key || o.Payload != part.Payload || part.Kind == pgload.Update && o.Rows != part.Rows) {
				return nil, fmt.Errorf("workload %s: %s is the table %s, which another workload writes to under another name, with another kind, key or payload: make these the same, or give each its own table", w.Name, found[j].Named, record.QuotedTable(part.Table))
			}
			forms[part.Table] = part
		}
	}
	return &plan, nil
}
