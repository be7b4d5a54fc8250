package runner

import (
	"cmp"
	"slices"
	"time"

	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
)

// unreachedLeast is how long no node of a cluster that was met may accept writes before that is noted. A reading that gets no answer
// takes a second, and the load of a busy machine can stand still for about as long.
const unreachedLeast = 2 * time.Second

// seeUnreached puts it on the timeline that a cluster had no primary to reach for a while, where the clients of the load had none either,
// and nothing explains it.
func (r *run) seeUnreached(activity []outage.Activity) {
	if !r.cluster.Met() {
		return
	}
	firstFault, ok := r.result.FirstFault(0)
	if !ok {
		firstFault = r.result.Duration
	}
	for _, m := range withoutPrimary(r.result.States, r.result.Duration) {
		if r.stoodStill(m) || outage.Unserved(activity, m.Issued, m.Ended, firstFault, r.result.Duration) < unreachedLeast || !unexplained(r.result, m) {
			continue
		}
		m.Name, firstFault = r.unused("unreachable-"+m.Nodes[0]), min(firstFault, m.Issued)
		m.Fault = !r.result.DuringCommand(m)
		r.seen(m)
	}
}

// unexplained tells whether neither a fault nor a promotion is the reason why a cluster had no primary. That a command came before is none.
func unexplained(result *report.Result, m record.Event) bool {
	return (result.CauseOf(m) == nil || result.Unclear(m)) && !slices.ContainsFunc(result.Timeline, func(p record.Event) bool {
		return p.Promotion != nil && p.Effective >= m.Issued && p.Effective <= m.Ended
	})
}

// stoodStill tells whether pgchaos itself did not run at some moment of an event.
func (r *run) stoodStill(m record.Event) bool {
	return r.result.Generator != nil && slices.ContainsFunc(r.result.Generator.StoodStill, func(s report.Standstill) bool {
		return s.From <= m.Ended && s.To >= m.Issued
	})
}

// withoutPrimary are the times up to the end of the load in which no node was read that accepted writes, although one was before.
func withoutPrimary(states []report.NodeHistory, end time.Duration) (all []record.Event) {
	type term struct { // of a primary, as far as readings show it
		from, to time.Duration
		next     record.NodeState // the reading after it
		node     string
	}
	var terms []term
	for _, h := range states {
		for i, s := range h.States {
			if !s.AcceptsWrites() || s.At >= end {
				continue
			}
			t := term{from: s.At, to: end, node: h.Node}
			if i+1 < len(h.States) {
				t.next, t.to = h.States[i+1], readAsPrimary(h.States, i)
			}
			terms = append(terms, t)
		}
	}
	slices.SortStableFunc(terms, func(a, b term) int { return cmp.Compare(a.from, b.from) })
	for i := range terms {
		if i > 0 && terms[i-1].to > terms[i].to {
			terms[i].to, terms[i].node, terms[i].next = terms[i-1].to, terms[i-1].node, terms[i-1].next // the longest so far
		}
		again := end
		if i+1 < len(terms) {
			again = min(again, terms[i+1].from)
		}
		t := terms[i]
		if again-t.to < unreachedLeast {
			continue
		}
		m := record.Event{
			Action: "unreachable", Nodes: []string{t.node}, Status: record.EventSeen, Issued: t.to, Effective: min(max(t.to, t.next.At), again), Ended: again,
			Detail: t.node + " could not be reached",
		}
		switch {
		case t.next.Reachable:
			m.Detail = t.node + " was no primary any more"
		case t.next.Role == record.RoleDown:
			m.Detail = "the server of " + t.node + " did not run"
		}
		all = append(all, m)
	}
	return all
}
