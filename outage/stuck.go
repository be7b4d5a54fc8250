package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// stuckLeast is how long a standby must have received nothing, while the primary wrote more and more, before its line in pg_stat_replication,
// which goes on to say that it streams until wal_sender_timeout, proves nothing. Samples come every second, or a moment later.
const stuckLeast = 1900 * time.Millisecond

// stuck are the standbys that received nothing for so long in [from, until), as far as samples show it, and from when on the first of them did.
func (w watched) stuck(from, until time.Duration) (nodes []string, since time.Duration) {
	for _, series := range w.Series {
		var begin, last *record.NodeSample
		for i := range series.Samples {
			s := &series.Samples[i]
			if s.At < from || s.At >= until {
				continue
			}
			if last == nil || !stoodStill(last, s) {
				begin = s
			}
			if last = s; s.At-begin.At < stuckLeast {
				continue
			}
			if nodes = append(nodes, series.Node); len(nodes) == 1 || begin.At < since {
				since = begin.At
			}
			break
		}
	}
	return nodes, since
}

// stoodStill tells whether a standby received nothing between two samples, while its primary wrote.
func stoodStill(a, b *record.NodeSample) bool {
	standby := a.Role == record.RoleStandby && b.Role == record.RoleStandby
	return standby && a.Received > 0 && a.Received == b.Received && a.LagBytes != nil && b.LagBytes != nil && *b.LagBytes > *a.LagBytes
}

// keptWithoutStuck looks once more at a redundancy that no reading showed to be missing: it is not known where it would have been without
// standbys that were stuck.
func (w watched) keptWithoutStuck(r *Recovery, until time.Duration, streaming record.Count) {
	nodes, since := w.stuck(r.Issued, until)
	if len(nodes) == 0 {
		return
	}
	view := w.viewAt(since)
	primary := view[view.Writable()]
	primary.Standbys = slices.DeleteFunc(slices.Clone(primary.Standbys), func(s record.StandbyState) bool { return slices.Contains(nodes, s.Name) })
	view[primary.Node] = primary
	if view.Redundant(w.Demands, since, streaming) != record.True {
		r.Redundancy, r.Stuck = Stage{}, nodes
	}
}
