package compare

import (
	"slices"
	"time"

	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
)

// killsOf are the times that a primary was taken away without warning, each with what it lost, by
// time; and what was lost by anything else.
func killsOf(r *report.Result) (kills, others []Kill) {
	for _, m := range r.Timeline {
		if isKill(r, m) {
			kills = append(kills, Kill{Step: m.Name, At: m.Issued})
		}
	}
	slices.SortStableFunc(kills, func(a, b Kill) int { return int(a.At - b.At) })
	unknown := lossesUnknown(r)
	for i := range r.Audits {
		for _, p := range r.Audits[i].RPO {
			if p.Lost+p.WeakLost == 0 {
				continue
			}
			k := find(kills, p.Event, p.To)
			if k == nil {
				if k = find(others, p.Event, p.To); k == nil {
					others = append(others, Kill{Step: p.Event, At: p.To, Known: true})
					k = &others[len(others)-1]
				}
			}
			k.Known = true
			k.Lost += p.Lost + p.WeakLost
			k.Weak += p.WeakLost
			k.Span = max(k.Span, p.Span())
		}
	}
	for i := range kills {
		k := &kills[i]
		switch {
		case k.Known: // it lost something, whatever is not known beside that
		case unknown != "":
			k.Why = unknown
		case !underWrites(r, k):
			k.Why = "no workload was writing when it came"
		default:
			k.Known = true
		}
	}
	return kills, others
}

// find is the kill of a name; of several of one name, the newest that came before what was lost.
func find(all []Kill, step string, lost time.Duration) (found *Kill) {
	for i := range all {
		if k := &all[i]; k.Step == step && (found == nil || k.At <= lost) {
			found = k
		}
	}
	return found
}

// lossesUnknown says why it cannot be known of a kill that it lost nothing; "": it can.
func lossesUnknown(r *report.Result) string {
	if stopped := r.Unfinished(); stopped != "" {
		return stopped
	}
	if len(r.Audits) == 0 {
		return "no table was audited"
	}
	for i := range r.Audits {
		a := &r.Audits[i]
		switch {
		case a.Weak == nil && a.Lost.N+a.WeakLost.N > 0:
			return "the result does not hold what each event lost"
		case !a.Complete:
			return report.Incomplete(a)
		case a.Unexplained > 0:
			return "some losses are not explained by any event"
		}
	}
	return ""
}

// underWrites tells whether a workload was writing, and was served, when the kill came.
func underWrites(r *report.Result, k *Kill) bool {
	return slices.ContainsFunc(r.Outages, func(o outage.Outage) bool {
		return o.Event == k.Step && o.Issued == k.At && o.Writes && o.Loaded && !o.NotServed
	})
}

// isKill tells whether an event took the primary away without warning: it ended its server without
// a shutdown, or it froze it or cut it off and another node was promoted meanwhile.
func isKill(r *report.Result, m record.Event) bool {
	if m.Status == record.EventSkipped || m.Reverses != "" || m.Effective <= 0 {
		return false
	}
	f, _ := m.Effects()
	ended := f.Kills || (f.Ends || f.Restarts) && (m.Mode == "immediate" || f.Incident != "")
	if !ended && !f.Freezes && !f.Cuts {
		return false
	}
	primary := primaryAt(r, m.Issued)
	return slices.Contains(m.Nodes, primary) && (ended || replaced(r, m, primary))
}

// replaced tells whether another node was promoted before the fault of a primary was over, and
// before another fault of that node came, which then counts instead.
func replaced(r *report.Result, fault record.Event, primary string) bool {
	for _, m := range r.Timeline {
		if m.Issued < fault.Effective || m.Status == record.EventSkipped {
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
func primaryAt(r *report.Result, at time.Duration) string {
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
