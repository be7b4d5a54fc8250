package compare

import (
	"slices"
	"time"

	"pgchaos/outage"
	"pgchaos/report"
)

// killsOf are the times that a primary was taken away without warning, each with what it lost, by
// time; and what was lost by anything else.
func killsOf(r *report.Result) (kills, others []Kill) {
	for _, m := range r.Kills() {
		kills = append(kills, Kill{Step: m.Name, At: m.Issued})
	}
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
			k.Span = max(k.Span, r.Audits[i].SpanOf(p.Event))
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
