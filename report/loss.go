package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/audit"
	"pgchaos/internal/units"
	"pgchaos/outage"
	"pgchaos/record"
)

// Loss is what one event lost of one table, and what allowed it.
type Loss struct {
	Event    string
	Lost     int64         // acknowledged in full
	WeakLost int64         // acknowledged weakly
	From     time.Duration // when the first was acknowledged
	To       time.Duration // when the event took effect, or the last was acknowledged
	Nodes    []string      // the servers that acknowledged them; none where that is not kept
	Cause    audit.Cause
	// Mode is what commits of the first of Nodes waited for; without a Commit it is not known.
	Mode Replication
	// Primary is the node whose rows count, CutOff how long it had not been streaming from
	// the others when the event came; 0: it was streaming, or that is not known.
	Primary string
	CutOff  time.Duration
	// Weakened is the weakening from outside under which Nodes acknowledged them; nil: there was none.
	Weakened *record.Event
}

// Losses are what the events of a table's audit lost, the earliest first.
func (r *Result) Losses(a *audit.Audit) (all []Loss) {
	for _, p := range a.RPO {
		if p.Lost+p.WeakLost == 0 {
			continue
		}
		l := Loss{Event: p.Event, Lost: p.Lost, WeakLost: p.WeakLost, From: p.From, To: p.To, Cause: p.Cause, Primary: a.Authority}
		for _, c := range []*audit.Count{&a.Lost, &a.WeakLost} {
			for _, run := range c.Runs {
				if run.LostBy == p.Event && run.Node != "" && !slices.Contains(l.Nodes, run.Node) {
					l.Nodes = append(l.Nodes, run.Node)
				}
			}
		}
		if len(l.Nodes) > 0 {
			l.Mode, _ = r.replicationAt(l.Nodes[0], p.From)
		}
		l.Weakened = r.weakenedAt(l.Nodes, p)
		l.CutOff = r.cutOff(a.Authority, r.issued(p.Event, p.To))
		all = append(all, l)
	}
	return all
}

// issued is when the step of an event was issued; otherwise where there is no such step.
func (r *Result) issued(event string, otherwise time.Duration) time.Duration {
	i := slices.IndexFunc(r.Timeline, func(m record.Event) bool { return m.Name == event })
	if i < 0 {
		return otherwise
	}
	return r.Timeline[i].Issued
}

// leastCutOff is from when on a standby counts as cut off: it is read every 100 ms.
const leastCutOff = 100 * time.Millisecond

// cutOff is how long a standby had not been streaming at a moment: one that did not run, or was frozen, did not stream.
func (r *Result) cutOff(node string, at time.Duration) time.Duration {
	i := slices.IndexFunc(r.States, func(h NodeHistory) bool { return h.Node == node })
	if i < 0 {
		return 0
	}
	since := at
	for _, s := range outage.Silenced(r.States[i].States, r.Timeline) {
		switch {
		case s.At > at:
		case s.Unread(): // it may be streaming all the same
		case s.Streaming || s.Role != record.RoleStandby && s.Role != record.RoleDown:
			since = at
		default:
			since = min(since, s.At)
		}
	}
	if at-since < leastCutOff {
		return 0
	}
	return at - since
}

// Why says in words what allowed the loss.
func (l Loss) Why() string {
	by := cmp.Or(strings.Join(l.Nodes, ", "), "another server")
	switch {
	case l.Cause == audit.CauseForeign, l.Cause == audit.CauseBeside:
		return fmt.Sprintf("%s accepted writes beside %s, whose rows count", by, l.Primary)
	case l.Cause == audit.CauseCrash && l.Mode.Commit == "off":
		return "synchronous_commit was off: the server acknowledges before the WAL is on its disk"
	case l.Cause == audit.CauseCrash:
		return fmt.Sprintf("%s recovered from its crash without the end of its WAL", by)
	case l.Weakened != nil:
		return l.and(fmt.Sprintf("acknowledged with less than was demanded (%s), after %s at %s (%s); then %s was promoted",
			l.Weakened.Weakening.Demanded, l.Weakened.Weakening.Change(), units.Seconds(l.Weakened.Effective), l.Weakened.Name, l.Primary))
	case l.Lost == 0:
		return l.and("the wait for a standby had been cancelled, or fewer standbys than demanded had acknowledged them")
	case l.Mode.Commit == "":
		return l.and("what commits waited for is not known")
	case l.Mode.Asynchronous() && l.Mode.Standbys.Num > 0:
		return l.and("synchronous_commit was " + l.Mode.Commit + ": commits waited for no standby")
	case l.Mode.Asynchronous():
		return l.and("replication was asynchronous")
	case !l.Mode.Standbys.Has(l.Primary):
		return fmt.Sprintf("commits waited for %s, and %s is not among these", l.Mode, l.Primary)
	}
	return l.and(fmt.Sprintf("commits waited for %s, and %s had not received these", l.Mode, l.Primary))
}

// and adds how long the new primary had been cut off.
func (l Loss) and(why string) string {
	if l.CutOff == 0 {
		return why
	}
	return fmt.Sprintf("%s; %s had been cut off for %s", why, l.Primary, tenths(l.CutOff))
}

// tenths is a length of time for a sentence, "3.0 s".
func tenths(d time.Duration) string {
	if d < time.Second {
		return units.Span(d)
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// StepsAround names the steps that a time of weak acknowledgements lies between: the promotion
// of its node, or the last step on it before, and the first that configured the node after
// that. "" where there is none.
func (r *Result) StepsAround(s audit.WeakStretch) (after, before string) {
	for _, m := range r.Timeline {
		on := slices.Contains(m.Nodes, s.Node)
		switch {
		case on && promotes(m) && m.Issued <= s.To, on && m.Issued <= s.From:
			after = m.Name
		case before == "" && on && after != "" && m.Action == "configure":
			before = m.Name
		}
	}
	return after, before
}

// Promoted tells whether a step promoted a node.
func (r *Result) Promoted(node string) bool {
	return slices.ContainsFunc(r.Timeline, func(m record.Event) bool { return m.Action == "promote" && slices.Contains(m.Nodes, node) })
}

// UnreadForks say what the audit of a table does not know because a former primary's own rows could not be read.
func UnreadForks(a *audit.Audit) (all []string) {
	for _, u := range a.UnreadForks {
		all = append(all, u.Words(a.Lost.N+a.WeakLost.N))
	}
	return all
}

// LossCauses are what explains the acknowledged writes that were lost, each once; "" among them: something that nothing explains.
func (r *Result) LossCauses() (all []string) {
	for i := range r.Audits {
		for _, lost := range []*audit.Count{&r.Audits[i].Lost, &r.Audits[i].WeakLost} {
			for _, run := range lost.Runs {
				all = append(all, string(run.Cause))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
