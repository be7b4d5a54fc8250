package audit

import (
	"time"

	"pgchaos/record"
)

const msec = time.Millisecond

// state is what a node said of itself at a moment, in milliseconds: its role by the
// first letter ("p", "s" for a standby that streams, "c" for one that does not, "-"
// for no answer), and a primary's standbys, each "name:sync_state" or "name:state:sync_state".
func state(node string, at int, role byte, standbys ...[3]string) record.NodeState {
	s := record.NodeState{Node: node, At: time.Duration(at) * msec, Reachable: role != '-', Streaming: role == 's', Timeline: 1}
	switch role {
	case 'p':
		s.Role = record.RolePrimary
	case 's', 'c':
		s.Role = record.RoleStandby
	}
	for _, line := range standbys {
		s.Standbys = append(s.Standbys, record.StandbyState{Name: line[0], State: line[1], SyncState: line[2]})
	}
	return s
}
