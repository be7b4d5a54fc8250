package existing

import (
	"cmp"
	"fmt"
	"strings"

	"pgchaos/audit"
	"pgchaos/cluster"
	observed "pgchaos/record"
	"pgchaos/standbynames"
)

// synchronous compares the primary's setting with what the file demands.
func (e *Examination) synchronous(x cluster.Existing) {
	p := e.primary()
	if p == nil {
		return
	}
	demanded := x.Sync != nil && x.Sync.Standbys != ""
	switch {
	case demanded && p.SyncNames == "":
		e.add(Bad, p.Name, "set it on the cluster, or leave synchronous out of the file", "its synchronous_standby_names is empty, and the file demands %q", x.Sync.Standbys)
	case demanded && weaker(demandOf(x).Commit, e.byNode(p.SyncNames, x), x):
		e.add(Bad, p.Name, "set it on the cluster, demand less in the file, or write as the standby of a node the name by which it stands there", "its synchronous_standby_names is %q, and the file demands more: %q", p.SyncNames, x.Sync.Standbys)
	case demanded:
		e.add(Good, p.Name, "", "its synchronous_standby_names is %q, and the file demands %q", p.SyncNames, x.Sync.Standbys)
		if x.Commits {
			e.commits(fmt.Sprintf("the role %s has", x.Nodes[0].DSN.User.Name), p.SyncCommit, x)
		}
	case p.SyncNames != "":
		e.add(Unknown, p.Name, "write cluster: {synchronous: {standbys: ...}}", "its synchronous_standby_names is %q, and the file demands nothing: a regime that becomes weaker will not be seen", p.SyncNames)
	default:
		e.add(Good, p.Name, "", "replication is asynchronous, as in the file")
	}
}

// commits wants sessions of the load to wait as the file demands. Who has another synchronous_commit than the server can be a role, a database
// or a connection.
func (e *Examination) commits(who, commit string, x cluster.Existing) {
	if x.Sync != nil && x.Sync.Standbys != "" && weaker(commit, x.Sync.Standbys, x) {
		e.add(Bad, "", "set it on the cluster (also alter role ... set), demand less in the file, or give the workload a synchronous_commit of its own",
			"%s synchronous_commit = %s, and the file demands %s: its commits would not wait as demanded", who, commit, demandOf(x).Commit)
	}
}

// weaker tells whether commits wait for less than the file demands, as the audit of a run sees it: for fewer standbys, for other ones, or not for
// as much of them.
func weaker(commit, standbys string, x cluster.Existing) bool {
	return audit.Weaker(observed.NodeState{SyncCommit: commit, SyncNames: standbys}, demandOf(x))
}

// demandOf is what the file demands.
func demandOf(x cluster.Existing) observed.Demand {
	standbys, _ := standbynames.Parse(x.Sync.Standbys) // the file was validated
	return observed.Demand{Standbys: standbys.Num, Names: standbys.Names, Commit: cmp.Or(x.Sync.Commit, "on")}
}

// byNode is a list of standbys with the nodes' names in the place of the application_names by which they stream.
func (e *Examination) byNode(names string, x cluster.Existing) string {
	list, err := standbynames.Parse(names)
	if err != nil {
		return names
	}
	for i, name := range list.Names {
		var nodes []string
		for j, n := range x.Nodes {
			if s := e.Nodes[j]; strings.EqualFold(cmp.Or(n.Standby, s.Streams.Name, n.Name), name) && (s.Standby || n.Standby != "") {
				nodes = append(nodes, n.Name)
			}
		}
		for _, n := range x.Unread {
			if n.Standby != "" && strings.EqualFold(n.Standby, name) {
				nodes = append(nodes, n.Name)
			}
		}
		if len(nodes) == 1 {
			list.Names[i] = nodes[0]
		}
	}
	return list.String()
}
