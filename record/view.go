package record

import (
	"cmp"
	"iter"
	"maps"
	"math"
	"slices"
	"time"
)

// View is what the nodes last said of themselves, by name.
type View map[string]NodeState

// Primary is the primary: the node that accepts writes on the newest timeline, for a
// former primary that came back on its own is still on an older one. The zero state means
// that there is none, or that there are several: nodes that were promoted independently have
// timelines of the same number, and none of them may be chosen.
func Primary(states []NodeState) NodeState {
	if newest := onNewestTimeline(slices.Values(states)); len(newest) == 1 {
		return newest[0]
	}
	return NodeState{}
}

// Writable is the name of the node that serves writes; "" where none does. It is the Primary,
// or the first by name where two were promoted independently: clients can write then, so it is no
// outage, and they must all go to the same node.
func (v View) Writable() string {
	if newest := onNewestTimeline(maps.Values(v)); len(newest) > 0 {
		return newest[0].Node
	}
	return ""
}

// onNewestTimeline are the nodes that accept writes, of several timelines those on the newest, by name.
func onNewestTimeline(states iter.Seq[NodeState]) (newest []NodeState) {
	for s := range states {
		switch {
		case !s.AcceptsWrites() || len(newest) > 0 && s.Timeline < newest[0].Timeline:
		case len(newest) > 0 && s.Timeline == newest[0].Timeline:
			newest = append(newest, s)
		default:
			newest = []NodeState{s}
		}
	}
	slices.SortFunc(newest, func(a, b NodeState) int { return cmp.Compare(a.Node, b.Node) })
	return newest
}

// Redundant tells whether the primary has the standbys that the newest demand of it
// asks for. Where none was made of this node, it is the newest that was made of any;
// where nothing synchronous is demanded, it must be as many as before. Without a primary it is not known as long as a node
// that may run cannot be read.
func (v View) Redundant(demands []Demand, at time.Duration, before Count) Truth {
	primary := v.Writable()
	if primary == "" {
		if v.unreadBeside("") {
			return NotKnown
		}
		return False
	}
	streaming, synchronous := v.StandbysOf(primary)
	if d := Demanded(demands, primary, at); d.Standbys > 0 {
		return synchronous.reaches(Count{d.Standbys, d.Standbys})
	}
	return streaming.reaches(before)
}

// Streaming is how many standbys stream from the primary.
func (v View) Streaming() Count {
	streaming, _ := v.StandbysOf(v.Writable())
	return streaming
}

// StandbysOf counts the lines of a primary's pg_stat_replication that stream, and those
// of them that commits wait for. A standby that does not run, or says that it does not stream, does not count: one that
// is frozen, or was cut off and started again, stands there as streaming for another wal_sender_timeout. So of one that cannot be
// read nothing is known. Nor is it of a primary that cannot be read, and may run.
func (v View) StandbysOf(primary string) (streaming, synchronous Count) {
	p, watched := v[primary]
	if watched && p.Unread() {
		return Count{Most: math.MaxInt}, Count{Most: math.MaxInt}
	}
	for _, s := range p.Standbys {
		own, watched := v[s.Name]
		if s.State != "streaming" || watched && !own.Unread() && !own.Streaming {
			continue
		}
		certain := !watched || !own.Unread()
		streaming.add(certain)
		if s.SyncState == "sync" || s.SyncState == "quorum" {
			synchronous.add(certain)
		}
	}
	return streaming, synchronous
}

// Joined tells whether a node is part of the cluster: the primary, or a standby that
// says that it streams and of which another node says so too. The standby alone says
// so also while it still catches up.
func (v View) Joined(node string) Truth {
	s, watched := v[node]
	switch primary := v.Writable(); {
	case watched && primary == node:
		return True
	case s.Reachable && !s.Streaming, s.Role == RoleDown:
		return False
	case s.Reachable:
		return v.sendsTo(node)
	case primary != "" && v.sendsTo(node) == False:
		return False
	}
	return NotKnown // it may also be the primary
}

// sendsTo tells whether a node says that another one streams from it.
func (v View) sendsTo(node string) Truth {
	for _, upstream := range v {
		for _, line := range upstream.Standbys {
			if upstream.Reachable && line.Name == node && line.State == "streaming" {
				return True
			}
		}
	}
	if v.unreadBeside(node) {
		return NotKnown
	}
	return False
}

// unreadBeside tells whether another node may run, and could not be read.
func (v View) unreadBeside(node string) bool {
	for name, s := range v {
		if name != node && s.Unread() {
			return true
		}
	}
	return false
}

// Accepting are the nodes that accept writes, by name.
func (v View) Accepting() (nodes []string) {
	for _, s := range v {
		if s.AcceptsWrites() {
			nodes = append(nodes, s.Node)
		}
	}
	slices.Sort(nodes)
	return nodes
}
