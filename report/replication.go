package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/record"
	"pgchaos/standbynames"
)

// Replication is what the commits of a primary waited for.
type Replication struct {
	Node  string        // the primary; "" where only the configuration is known
	Since time.Duration // when it was first read; 0 at the start
	// Commit is synchronous_commit; "" is not known.
	Commit string
	// Standbys is synchronous_standby_names, read; with Num 0 no commit waits for a standby.
	Standbys standbynames.Names
}

// Asynchronous tells whether commits wait for no standby.
func (m Replication) Asynchronous() bool {
	return m.Standbys.Num == 0 || m.Commit == "off" || m.Commit == "local"
}

// String is the mode as PostgreSQL's documentation calls it: "asynchronous", "quorum ANY 1
// (a, b)", "priority FIRST 1 (a, b)".
func (m Replication) String() string {
	if m.Standbys.Num == 0 {
		return "asynchronous"
	}
	method, word := "priority", "FIRST"
	if m.Standbys.Any {
		method, word = "quorum", "ANY"
	}
	named := fmt.Sprintf("%s %d (%s)", word, m.Standbys.Num, strings.Join(m.Standbys.Names, ", "))
	if m.Asynchronous() {
		return fmt.Sprintf("asynchronous by synchronous_commit %s (%s)", m.Commit, named)
	}
	return method + " " + named
}

// sameKind tells whether two modes differ in no more than the names of the standbys.
func (m Replication) sameKind(other Replication) bool {
	return m.Commit == other.Commit && m.Standbys.Any == other.Standbys.Any && m.Standbys.Num == other.Standbys.Num
}

// replicationOf is the mode that a reading of a node shows.
func replicationOf(s record.NodeState) Replication {
	names, err := standbynames.Parse(s.SyncNames)
	if err != nil { // a server does not accept such a text, so that it waits for none
		names = standbynames.Names{}
	}
	return Replication{Node: s.Node, Since: s.At, Commit: s.SyncCommit, Standbys: names}
}

// Replications are the modes of the primary, by time: the first one, and each that differs
// from the one before in more than the names of the standbys. A primary on a timeline that
// another one has left does not count. It is empty where no mode is known.
func (r *Result) Replications() (all []Replication) {
	var newest uint32
	for _, s := range r.primaryReadings() {
		if s.Timeline < newest {
			continue
		}
		newest = s.Timeline
		m := replicationOf(s)
		if n := len(all); n == 0 || !all[n-1].sameKind(m) {
			all = append(all, m)
		}
	}
	if len(all) > 0 {
		all[0].Since = 0
		return all
	}
	for _, n := range r.Cluster.Nodes {
		if commit, ok := n.Settings["synchronous_commit"]; ok {
			s := record.NodeState{Node: n.Name, SyncCommit: commit, SyncNames: n.Settings["synchronous_standby_names"]}
			return []Replication{replicationOf(s)}
		}
	}
	return nil
}

// primaryReadings are the readings of nodes as primaries that say what commits wait for, by time.
func (r *Result) primaryReadings() (all []record.NodeState) {
	for _, n := range r.States {
		for _, s := range n.States {
			if s.Reachable && s.Role == record.RolePrimary && s.SyncCommit != "" {
				s.Node = n.Node
				all = append(all, s)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b record.NodeState) int { return cmp.Compare(a.At, b.At) })
	return all
}

// replicationAt is the mode of a node at a moment, by its newest reading as a primary until
// then; ok is false where there is none.
func (r *Result) replicationAt(node string, at time.Duration) (mode Replication, ok bool) {
	for _, s := range r.primaryReadings() {
		if s.Node == node && s.At <= at {
			mode, ok = replicationOf(s), true
		}
	}
	return mode, ok
}
