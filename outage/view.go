package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// View is what the nodes last said of themselves, by name.
type View map[string]record.NodeState

// Primary is the node that accepts writes, and of several the one on the newest
// timeline; "" for none.
func (v View) Primary() (primary string) {
	for _, s := range v {
		best := v[primary]
		if s.AcceptsWrites() && (primary == "" || s.Timeline > best.Timeline || s.Timeline == best.Timeline && s.Node < primary) {
			primary = s.Node
		}
	}
	return primary
}

// Redundant tells whether the primary has the standbys that the newest demand of it
// asks for. Where none was made of this node, it is the newest that was made of any;
// where nothing synchronous is demanded, it must be as many as before.
func (v View) Redundant(demands []record.Demand, at time.Duration, before int) bool {
	primary := v.Primary()
	if primary == "" {
		return false
	}
	streaming, synchronous := v.standbys(primary)
	if d := record.Demanded(demands, primary, at); d.Standbys > 0 {
		return synchronous >= d.Standbys
	}
	return streaming >= before
}

// Streaming is how many standbys stream from the primary.
func (v View) Streaming() int {
	streaming, _ := v.standbys(v.Primary())
	return streaming
}

// standbys counts the lines of a primary's pg_stat_replication that stream, and those
// of them that commits wait for. A standby that does not answer does not count: a
// frozen one stands there as streaming for another wal_sender_timeout.
func (v View) standbys(primary string) (streaming, synchronous int) {
	for _, s := range v[primary].Standbys {
		if own, watched := v[s.Name]; s.State != "streaming" || watched && !own.Reachable {
			continue
		}
		streaming++
		if s.SyncState == "sync" || s.SyncState == "quorum" {
			synchronous++
		}
	}
	return streaming, synchronous
}

// Joined tells whether a node is part of the cluster: the primary, or a standby that
// says that it streams and of which another node says so too. The standby alone says
// so also while it still catches up.
func (v View) Joined(node string) bool {
	s := v[node]
	if !s.Reachable || !s.Streaming {
		return v.Primary() == node
	}
	for _, upstream := range v {
		for _, line := range upstream.Standbys {
			if upstream.Reachable && line.Name == node && line.State == "streaming" {
				return true
			}
		}
	}
	return false
}

// accepting are the nodes that accept writes, by name.
func (v View) accepting() (nodes []string) {
	for _, s := range v {
		if s.AcceptsWrites() {
			nodes = append(nodes, s.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}
