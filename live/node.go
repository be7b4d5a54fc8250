package live

import (
	"fmt"
	"strconv"
	"time"

	"pgchaos/internal/units"
	"pgchaos/record"
	"pgchaos/runner"
)

// Node is a node as a row of a table. An empty text is not known, or does not apply.
type Node struct {
	Name     string `json:"name"`
	State    State  `json:"state"`
	Timeline string `json:"timeline"`
	Lag      string `json:"lag"`
	Sync     string `json:"sync"` // async, potential, sync, quorum
	CPU      string `json:"cpu"`
	Memory   string `json:"memory"`
	// Waiters are commits of a primary that wait for its synchronous standbys.
	Waiters int `json:"waiters"`
}

// State is what a node is, in a word or two.
type State string

// The states of a node in a view.
const (
	Primary  State = "primary"
	Standby  State = "standby"
	Down     State = "down"
	Silent   State = "no answer" // it may run
	NotBuilt State = "not built"
)

// stateOf is a node's state.
func stateOf(n *runner.NodeStatus) State {
	switch {
	case n.Absent:
		return NotBuilt
	case n.Role == record.RoleDown:
		return Down
	case !n.Up:
		return Silent
	case n.Role == record.RolePrimary:
		return Primary
	case n.Role == record.RoleStandby:
		return Standby
	}
	return Silent
}

// Nodes are the nodes of the newest Status, in the order of the file.
func (m *Model) Nodes() []Node {
	nodes := make([]Node, len(m.Status.Nodes))
	for i := range m.Status.Nodes {
		nodes[i] = nodeOf(&m.Status.Nodes[i])
	}
	return nodes
}

func nodeOf(s *runner.NodeStatus) Node {
	n := Node{Name: s.Name, State: stateOf(s), Sync: s.SyncState, Lag: lagText(s.NodeSample), Waiters: s.SyncWaiters}
	if s.Timeline > 0 {
		n.Timeline = strconv.FormatUint(uint64(s.Timeline), 10)
	}
	if u := s.Usage; u != nil {
		n.CPU, n.Memory = fmt.Sprintf("%.0f%%", u.CPUPercent), units.Bytes(u.MemoryBytes)
	}
	return n
}

// lagText is how far a standby is behind: how much WAL it has not replayed, and for how long.
func lagText(s record.NodeSample) string {
	switch {
	case s.LagBytes == nil:
		return ""
	case *s.LagBytes == 0:
		return "0"
	case s.Lag == nil || *s.Lag < time.Millisecond:
		return units.Bytes(uint64(*s.LagBytes))
	}
	return units.Bytes(uint64(*s.LagBytes)) + " " + Latency(*s.Lag)
}
