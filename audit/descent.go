package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgchaos/record"
)

// A promotion takes the next number that the server knows of. Two servers that were
// promoted without knowing of each other are so on timelines of one number, and where
// both had received the same WAL, their forks are the same, too. Then only the readings
// tell the two timelines apart.

// descent tells whether a server's timeline is foreign to the authority's.
func (w *evidenceReader) descent(s *serverEvidence) (foreign bool, unsure string) {
	server := s.server
	ours, ok := w.e.Lineage.UpTo(server.Timeline)
	if !ok {
		return true, ""
	}
	if then, known := w.lineageOf(s).UpTo(server.Timeline); known && !slices.Equal(then.Forks, ours.Forks) {
		return true, ""
	}
	if server.Timeline == w.e.Lineage.Timeline {
		return server.Node != w.e.Authority || w.promotedSince(s), "" // one node alone is promoted to a timeline
	}
	nodes := w.primariesOn(server.Timeline)
	nodes[server.Node] = struct{}{}
	if len(nodes) == 1 {
		return false, ""
	}
	source, known := w.source(server.Timeline)
	if !known {
		return false, fmt.Sprintf("%s were primaries on timelines of the number %d, and from which of them %s comes is not known",
			strings.Join(slices.Sorted(maps.Keys(nodes)), " and "), server.Timeline, w.e.Authority)
	}
	return !slices.ContainsFunc(s.states, func(st record.NodeState) bool { return st.Node == source.Node && st.At == source.At }), ""
}

// promotedSince tells whether the node of a server was promoted to a timeline of this
// number again, after a step had taken from it what it had: the readings then show a
// standby and a primary after it.
func (w *evidenceReader) promotedSince(s *serverEvidence) bool {
	if s.taken == nil {
		return false
	}
	standby := false
	for _, st := range w.e.States[s.server.Node] {
		switch {
		case st.At <= readAt(s.taken):
		case st.Role == record.RoleStandby:
			standby = true
		case standby && st.AcceptsWrites() && st.Timeline == s.server.Timeline:
			return true
		}
	}
	return false
}

// primariesOn are the nodes that were seen as primaries on a timeline of this number, and
// whose timeline may be the authority's.
func (w *evidenceReader) primariesOn(timeline uint32) map[string]struct{} {
	nodes := map[string]struct{}{}
	for node, states := range w.e.States {
		if slices.ContainsFunc(states, func(s record.NodeState) bool {
			return s.AcceptsWrites() && s.Timeline == timeline && !w.onOtherBranch(s)
		}) {
			nodes[node] = struct{}{}
		}
	}
	return nodes
}

// source is the reading of the primary of an earlier timeline from which the authority
// comes: the last one in which it streamed to the node that was promoted to the next
// timeline, be it through other standbys.
func (w *evidenceReader) source(timeline uint32) (primary record.NodeState, known bool) {
	next := w.e.Lineage.Next(timeline)
	if next == 0 {
		return primary, false
	}
	node, at := w.promoted(next)
	for range w.e.States { // a cascade has no more members than there are nodes
		up := w.upstream(node, at)
		switch {
		case up.Node == "":
			return up, false
		case up.AcceptsWrites():
			return up, up.Timeline == timeline
		}
		node = up.Node
	}
	return record.NodeState{}, false
}

// upstream is the last reading up to some moment of a node that streamed to another one.
func (w *evidenceReader) upstream(node string, by time.Duration) (last record.NodeState) {
	streams := func(s record.StandbyState) bool { return s.Name == node && s.State == "streaming" }
	for _, states := range w.e.States {
		for _, s := range states {
			if s.Reachable && s.At <= by && s.At >= last.At && slices.ContainsFunc(s.Standbys, streams) {
				last = s
			}
		}
	}
	return last
}

// lineageOf is the lineage of a server's node when that was read last before its past
// was taken away, or else at the end.
func (w *evidenceReader) lineageOf(s *serverEvidence) record.Lineage {
	if s.taken != nil {
		return s.taken.Lineage
	}
	return w.lineageAtEnd(s.server.Node)
}

func (w *evidenceReader) lineageAtEnd(node string) record.Lineage {
	for _, n := range w.e.Nodes {
		if n.Node == node {
			return n.Lineage
		}
	}
	return record.Lineage{}
}

// parted is from where on a foreign server's WAL is not the authority's; 0 where
// that is not known.
func (w *evidenceReader) parted(s *serverEvidence) record.LSN {
	own := w.lineageOf(s)
	if own.Timeline != s.server.Timeline {
		return 0
	}
	if at, ok := w.e.Lineage.Parted(own); ok {
		return at
	}
	if at, ok := own.Left(w.e.Lineage.Timeline); ok {
		return at // it was promoted from the one on which the authority lives on
	}
	if n := len(own.Forks); n > 0 {
		return own.Forks[n-1].At // both were promoted there, to timelines of one number
	}
	return 0
}

// eventOfForeign is what a loss of a foreign server is put down to. What it acknowledged
// before another node was promoted on the authority's line is lost by that promotion, or
// by the fault that came before it; what it acknowledged afterwards, by its own promotion.
func (w *evidenceReader) eventOfForeign(l *loss) lossEvent {
	node, acknowledged := l.evidence.server.Node, max(l.entry.Sent, l.entry.Done)
	for _, timeline := range w.e.Lineage.Timelines() {
		promoted, at := w.promoted(timeline)
		if promoted == "" || promoted == node {
			continue
		}
		if m := w.promotion(promoted, at); m != nil && cameAt(m) > acknowledged {
			return w.takenAway(node, cameAt(m), eventAt(m))
		}
	}
	if m := w.promotion(node, acknowledged); m != nil {
		return eventAt(m)
	}
	return lossEvent{name: "split brain"}
}
