package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// stuckLeast is how long a standby must have received nothing, while the primary had WAL for it, before its line in pg_stat_replication,
// which goes on to say that it streams until wal_sender_timeout, proves nothing. Samples come every second, or a moment later.
const stuckLeast = 1900 * time.Millisecond

// stuckSpan is a time in which a standby received nothing.
type stuckSpan struct {
	node     string
	from, to time.Duration
}

// stuckIn are the times in which standbys received nothing for so long, as far as samples show it.
func stuckIn(all []record.NodeSeries) (spans []stuckSpan) {
	written := writtenBy(all)
	for _, series := range all {
		begin, last := 0, 0
		over := func(to time.Duration) {
			if from := series.Samples[begin].At; series.Samples[last].At-from >= stuckLeast {
				spans = append(spans, stuckSpan{series.Node, from, to})
			}
		}
		for i := range series.Samples {
			if i > 0 && !stoodStill(&series.Samples[last], &series.Samples[i], written) {
				over(series.Samples[i].At)
				begin = i
			}
			last = i
		}
		if len(series.Samples) > 0 {
			over(endless)
		}
	}
	return spans
}

// writtenBy are the samples of the primary, of several that on the newest timeline, by their moments. The samples of all nodes are of the same.
func writtenBy(all []record.NodeSeries) map[time.Duration]*record.NodeSample {
	primaries := map[time.Duration]*record.NodeSample{}
	for _, series := range all {
		for i := range series.Samples {
			s := &series.Samples[i]
			if other := primaries[s.At]; s.Role == record.RolePrimary && (other == nil || s.Timeline > other.Timeline) {
				primaries[s.At] = s
			}
		}
	}
	return primaries
}

// stoodStill tells whether a standby received nothing between two samples, while its primary wrote, or had written what it lacks. Where commits
// wait for a standby that is stuck, nothing more is written.
func stoodStill(a, b *record.NodeSample, written map[time.Duration]*record.NodeSample) bool {
	if a.Role != record.RoleStandby || b.Role != record.RoleStandby || a.Received == 0 || a.Received != b.Received {
		return false
	}
	lacks := func(s *record.NodeSample) bool {
		p := written[s.At]
		return p != nil && p.Timeline == s.Timeline && p.LSN > s.Received
	}
	return a.LagBytes != nil && b.LagBytes != nil && *b.LagBytes > *a.LagBytes || lacks(a) && lacks(b)
}

// doubted are the changes of which nothing is known of standbys while they were stuck. That one itself says that it does not stream is known.
func doubted(changes []record.NodeState, stuck []stuckSpan) []record.NodeState {
	for _, all := range stuck {
		for _, span := range all.connections(changes) {
			changes = alter(changes, span.node, span.from, span.to, func(s *record.NodeState) bool {
				doubt := s.Reachable && s.Streaming
				if doubt {
					s.Reachable, s.Streaming, s.Role = false, false, ""
				}
				return doubt
			})
		}
	}
	return changes
}

// connections are the parts of a time in which the standby went on to stream: a new connection must be stuck for as long itself.
func (of stuckSpan) connections(changes []record.NodeState) (parts []stuckSpan) {
	part, streams := of, true
	for _, s := range changes {
		if s.Node == of.node && s.Reachable && s.At <= of.from {
			streams = s.Streaming
		}
	}
	end := func(at time.Duration) {
		if part.to = at; streams && part.to-part.from >= stuckLeast {
			parts = append(parts, part)
		}
	}
	for _, s := range changes {
		if s.Node != of.node || !s.Reachable || s.At <= of.from || s.At >= of.to || s.Streaming == streams {
			continue
		}
		end(s.At)
		part.from, streams = s.At, s.Streaming
	}
	end(of.to)
	return parts
}

// redundancy is when the redundancy was back. A standby that was stuck is not known to have been any; where it alone makes it unknown whether
// redundancy was missing at all, nothing is said.
func (w watched) redundancy(r *Recovery, own, until time.Duration, streaming record.Count) {
	so := func(v record.View, at time.Duration) record.Truth { return v.Redundant(w.Demands, at, streaming) }
	r.Redundancy = w.back(r.Issued, own, until, so)
	doubt := watched{Course: w.Course, changes: w.doubted}.back(r.Issued, own, until, so)
	if doubt == r.Redundancy {
		return
	}
	if r.Redundancy = doubt; doubt.From > 0 && doubt.From == r.Issued {
		r.Redundancy = Stage{}
	}
	for _, span := range w.stuck {
		if span.from < until && span.to > r.Issued && !slices.Contains(r.Stuck, span.node) {
			r.Stuck = append(r.Stuck, span.node)
		}
	}
}
