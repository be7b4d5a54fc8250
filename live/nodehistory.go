package live

import (
	"cmp"
	"time"

	"pgchaos/record"
	"pgchaos/runner"
)

// NodeHistory is a node by time.
type NodeHistory struct {
	Name string
	// Roles and Syncs are what the node was, and its synchronous state, without gaps: each lasts until the next one begins.
	Roles, Syncs []Stretch
	history      history[NodePoint]
}

// Stretch is a state from a moment on.
type Stretch struct {
	From  time.Duration
	State State // of Roles
	// Timeline is the node's, where Roles know it.
	Timeline uint32
	Sync     string // of Syncs: primary, async, potential, sync, quorum; "": not connected, or not known
}

// NodePoint is a node at the end of a second or, where several have been merged, the greatest of each figure in them. Nil is not known.
type NodePoint struct {
	From, To time.Duration
	LagBytes *int64
	Lag      *time.Duration
	Waiters  *int     // of a primary
	CPU      *float64 // in percent of one core
	Memory   *uint64
}

func (p NodePoint) stretch() (from, to time.Duration) { return p.From, p.To }

func (p NodePoint) with(next NodePoint) NodePoint {
	return NodePoint{
		From: p.From, To: next.To, LagBytes: greater(p.LagBytes, next.LagBytes), Lag: greater(p.Lag, next.Lag),
		Waiters: greater(p.Waiters, next.Waiters), CPU: greater(p.CPU, next.CPU), Memory: greater(p.Memory, next.Memory),
	}
}

// greater is the greater of two values, as far as they are known.
func greater[T cmp.Ordered](a, b *T) *T {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// mostStretches bounds the states of a node that are kept: the last ones.
const mostStretches = 200

// Points are the node's points of the whole run.
func (n *NodeHistory) Points() []NodePoint { return n.history.whole }

// Since is what Workload.Since is.
func (n *NodeHistory) Since(at time.Duration) (points []NodePoint, complete bool) {
	return n.history.since(at)
}

// node finds a node by its name, or begins it.
func (m *Model) node(name string) *NodeHistory {
	for _, n := range m.NodeHistories {
		if n.Name == name {
			return n
		}
	}
	n := &NodeHistory{Name: name}
	m.NodeHistories = append(m.NodeHistories, n)
	return n
}

// note adds what a status says of a node.
func (n *NodeHistory) note(s *runner.NodeStatus, elapsed time.Duration) {
	role := Stretch{From: elapsed, State: stateOf(s), Timeline: s.Timeline}
	if role.State != Primary && role.State != Standby {
		role.Timeline = 0 // that is of its last answer
	}
	sync := Stretch{From: elapsed, Sync: s.SyncState}
	if role.State == Primary {
		sync.Sync = string(Primary)
	}
	n.Roles, n.Syncs = become(n.Roles, role), become(n.Syncs, sync)

	second := elapsed.Truncate(time.Second)
	if second == 0 {
		return
	}
	p := NodePoint{From: second - time.Second, To: second}
	if s.Up {
		p.LagBytes, p.Lag = s.LagBytes, s.Lag
	}
	if s.Up && s.Role == record.RolePrimary {
		waiters := s.SyncWaiters
		p.Waiters = &waiters
	}
	if u := s.Usage; u != nil {
		p.CPU, p.Memory = &u.CPUPercent, &u.MemoryBytes
	}
	n.history.add(p)
}

// become adds a state, unless it goes on.
func become(all []Stretch, next Stretch) []Stretch {
	if n := len(all); n > 0 {
		last := all[n-1]
		last.From = next.From
		if last == next {
			return all
		}
	}
	if all = append(all, next); len(all) > mostStretches {
		all = append(all[:0], all[1:]...)
	}
	return all
}
