package report

import (
	"slices"
	"time"

	"pgchaos/audit"
	"pgchaos/record"
)

// Kills are the events that took the primary away without warning, by time.
func (r *Result) Kills() (kills []record.Event) {
	for _, m := range r.Timeline {
		if r.isKill(m) {
			kills = append(kills, m)
		}
	}
	slices.SortStableFunc(kills, func(a, b record.Event) int { return int(a.Issued - b.Issued) })
	return kills
}

// KillsThatLost counts the kills that lost acknowledged writes of any table, of all there are.
func (r *Result) KillsThatLost() (lost, of int) {
	kills := r.Kills()
	for _, m := range kills {
		if slices.ContainsFunc(r.Audits, func(a audit.Audit) bool {
			return slices.ContainsFunc(a.RPO, func(p audit.RPO) bool { return p.Event == m.Name && p.Lost+p.WeakLost > 0 })
		}) {
			lost++
		}
	}
	return lost, len(kills)
}

// isKill tells whether an event took the primary away without warning: it ended its server without
// a shutdown, or it froze it, or cut it or links of it off, and another node was promoted meanwhile.
func (r *Result) isKill(m record.Event) bool {
	if m.Status == record.EventSkipped || m.Reverses != "" || m.Effective <= 0 {
		return false
	}
	f, _ := m.Effects()
	ended := f.Kills || (f.Ends || f.Restarts) && (m.Mode == "immediate" || f.Incident != "")
	if !ended && !f.Freezes && !f.Cuts && (!f.Links || !m.Fault) {
		return false
	}
	primary := r.primaryAt(m.Issued)
	return slices.Contains(m.Nodes, primary) && (ended || r.replaced(m, primary))
}

// replaced tells whether another node was promoted before the fault of a primary was over, and
// before another fault of that node came, which then counts instead.
func (r *Result) replaced(fault record.Event, primary string) bool {
	for _, m := range r.Timeline {
		at := m.Issued
		if m.Status == record.EventSeen {
			at = m.Effective
		}
		if at < fault.Effective || m.Status == record.EventSkipped {
			continue
		}
		f, _ := m.Effects()
		on := slices.Contains(m.Nodes, primary)
		switch {
		case f.Promotes && !on:
			return true
		case m.Reverses == fault.Name, on && (m.Fault || f.Thaws || f.Connects):
			return false
		}
	}
	return false
}

// primaryAt is the node that accepted writes at a moment, by the newest reading of each node or by
// the step that had promoted it since.
func (r *Result) primaryAt(at time.Duration) string {
	view := record.View{}
	for _, h := range r.States {
		for _, s := range h.States {
			if s.At <= at && (s.Reachable || s.Role == record.RoleDown) { // what was frozen or cut off is what it was
				view[h.Node] = s
			}
		}
	}
	primary := view.Writable()
	if len(view) == 0 && len(r.Cluster.Nodes) > 0 {
		primary = r.Cluster.Nodes[0].Name // the cluster is built so
	}
	for _, m := range r.Timeline {
		f, _ := m.Effects()
		if f.Promotes && m.Effective > 0 && m.Effective <= at && len(m.Nodes) > 0 && view[m.Nodes[0]].At < m.Effective {
			primary = m.Nodes[0]
		}
	}
	return primary
}
