package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// primary is a state of a node that accepts writes, on a timeline, and of a server
// that was started at some second.
func primary(node string, at int, timeline uint32, started int) record.NodeState {
	s := state(node, at, 'p')
	s.Timeline, s.ServerStarted, s.SyncCommit = timeline, time.Unix(int64(started), 0), "on"
	return s
}

func event(name, action, node string, issued, effective int) record.Event {
	return record.Event{
		Name: name, Action: action, Nodes: []string{node}, Issued: time.Duration(issued) * msec, Effective: time.Duration(effective) * msec,
		Status: record.EventDone, Fault: slices.Contains([]string{"kill", "stop", "pause", "restart"}, action),
	}
}
