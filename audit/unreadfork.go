package audit

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgchaos/record"
)

// UnreadFork is what a former primary may have had alone, and that nobody read: it came back as a standby, and no step
// made it one. An HA manager rewinds or clones a former primary within seconds.
type UnreadFork struct {
	Node     string        `json:"node"`
	Timeline uint32        `json:"timeline"`           // on which it was the primary
	Fork     record.LSN    `json:"fork_lsn,omitempty"` // where the authority's WAL left it
	Back     time.Duration `json:"back_ns"`            // when it was first read as a standby
}

// unreadForks are those of all former primaries, by node.
func (w *evidenceReader) unreadForks() (all []UnreadFork) {
	for _, node := range slices.Sorted(maps.Keys(w.e.States)) {
		var primary record.NodeState // its newest reading as one, since it was no standby
		for _, s := range w.e.States[node] {
			switch {
			case s.AcceptsWrites():
				primary = s
			case s.Reachable && s.Role == record.RoleStandby && primary.Node != "":
				at, left := w.e.Lineage.Left(primary.Timeline)
				if left && !w.madeStandby(node, primary.At, s.At) {
					all = append(all, UnreadFork{node, primary.Timeline, at, s.At})
				}
				primary = record.NodeState{}
			}
		}
	}
	return all
}

// madeStandby tells whether a step made a standby of a node between two moments, or what it had was read: whatever the
// step takes away is read before.
func (w *evidenceReader) madeStandby(node string, from, to time.Duration) bool {
	read := slices.ContainsFunc(w.e.Forks, func(f ForkHolding) bool { return f.Node == node && readAt(&f) >= from && f.Read <= to })
	return read || slices.ContainsFunc(w.e.Events, func(m record.Event) bool {
		over := max(m.Effective, m.Ended)
		return factsOf(m).Standby && slices.Contains(m.Nodes, node) && m.Status != record.EventSkipped && m.Issued <= to && (over == 0 || over >= from)
	})
}

// Words say what is not known for want of an unread fork, where so many acknowledged writes are lost.
func (u UnreadFork) Words(lost int64) string {
	unknown := "whether it held rows that no other node has is not known"
	if lost > 0 {
		unknown = "whether it held what is lost is not known"
	}
	return fmt.Sprintf("the fork of %s (timeline %d past %s) was not read: by %.3f s it was a standby, and no step had made it one; %s",
		u.Node, u.Timeline, u.Fork, u.Back.Seconds(), unknown)
}
