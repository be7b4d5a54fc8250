package audit

import (
	"time"

	"pgchaos/record"
)

const msec = time.Millisecond

// state is what a node said of itself at a moment, in milliseconds: its role by the
// first letter ("p", "s" for a standby that streams, "c" for one that does not, "-"
// for no answer).
func state(node string, at int, role byte) record.NodeState {
	s := record.NodeState{Node: node, At: time.Duration(at) * msec, Reachable: role != '-', Streaming: role == 's', Timeline: 1}
	switch role {
	case 'p':
		s.Role = record.RolePrimary
	case 's', 'c':
		s.Role = record.RoleStandby
	}
	return s
}
