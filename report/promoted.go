package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/audit"
	"pgchaos/internal/units"
	"pgchaos/record"
)

// AnswersWithin is how long after a fault is over it can still be the reason for what a cluster does by itself: an HA
// manager acts on what it knew up to a lease (30 s) and a round or two ago.
const AnswersWithin = time.Minute

// CauseOf is the event that may have made the cluster promote a node: the newest fault of its primary or of that node
// which was in force or had just been over; where there is none, the newest command of a step. Of a weakening it is any fault, or a
// promotion. Of a server that was started again it is a command on its node: after a fault nobody notes that at all. Nil: there is none, and nobody was to change anything.
func (r *Result) CauseOf(seen record.Event) (cause *record.Event) {
	for i := range r.Timeline {
		m := &r.Timeline[i]
		if m.Weakening != nil || m.Promotion != nil && seen.Promotion != nil || unreached(*m) && unreached(seen) || m.Status == record.EventSkipped || m.Issued > seen.Effective {
			continue
		}
		if cause != nil && !likelier(m, cause) {
			continue
		}
		if r.mayMove(m, seen) && seen.Issued <= r.overAt(m)+AnswersWithin {
			cause = m
		}
	}
	return cause
}

// likelier tells whether an event is rather the cause than another one: a fault rather than a command that can do anything, and then the newer one.
func likelier(m, other *record.Event) bool {
	if may := onlyMay(*m); may != onlyMay(*other) {
		return !may
	}
	return m.Issued >= other.Issued
}

// Unclear tells whether a promotion, a weakening, a restart or the want of a primary that was seen is only known to come after a command that may have done
// it, and not to be the answer to a fault.
func (r *Result) Unclear(seen record.Event) bool {
	if seen.Promotion == nil && seen.Weakening == nil && !startedAgain(seen) && !unreached(seen) {
		return false
	}
	cause := r.CauseOf(seen)
	return cause != nil && onlyMay(*cause)
}

// startedAgain tells whether somebody else was seen to have started a server again.
func startedAgain(m record.Event) bool {
	return m.Status == record.EventSeen && m.Action == "restarted"
}

// unreached tells whether a cluster was seen to have no primary that anybody could reach.
func unreached(m record.Event) bool {
	return m.Status == record.EventSeen && m.Action == "unreachable"
}

// onlyMay tells whether all that is known of an event is that its command can do anything.
func onlyMay(cause record.Event) bool {
	f, _ := cause.Effects()
	return f.OnlyMay()
}

// DuringCommand tells whether something was seen while a fault was in force of which nothing is known but that its command can do anything: the
// outage is measured as that fault's.
func (r *Result) DuringCommand(seen record.Event) bool {
	return slices.ContainsFunc(r.Timeline, func(m record.Event) bool {
		return m.Fault && m.Status != record.EventSeen && onlyMay(m) && m.Issued <= seen.Effective && r.overAt(&m) >= seen.Issued
	})
}

// mayMove tells whether an event may have moved the primary to the node that was then promoted, or weakened or restarted one.
func (r *Result) mayMove(m *record.Event, seen record.Event) bool {
	f, _ := m.Effects()
	switch {
	case m.Reverses != "":
		return false
	case startedAgain(seen):
		return f.Provokes && slices.ContainsFunc(m.Nodes, func(node string) bool { return slices.Contains(seen.Nodes, node) })
	case f.Promotes:
		return seen.Weakening != nil
	case f.Provokes && !f.Lasts: // a command can do it from anywhere
		return true
	case (!m.Fault || f.SparesServers()) && !f.Provokes && !f.Ends && !f.Freezes && !f.Cuts && !f.Restarts && !f.Links:
		return false
	case len(m.Nodes) == 0 || f.Links || seen.Weakening != nil:
		return true
	}
	return slices.Contains(m.Nodes, r.primaryAt(m.Issued)) || slices.ContainsFunc(m.Nodes, func(node string) bool { return slices.Contains(seen.Nodes, node) })
}

// overAt is when nothing of an event was left: it was taken back, a later step ended its effect, or its node answered
// again. What lasts for ever is over at the end of the run.
func (r *Result) overAt(m *record.Event) time.Duration {
	f, _ := m.Effects()
	if !f.Ends && !f.Freezes && !f.Cuts && !f.Lasts && !f.Links {
		over := max(m.Issued, m.Effective, m.Ended)
		for _, back := range r.Timeline {
			if back.Reverses == m.Name { // the command that takes it back is its own
				over = max(over, back.Effective, back.Ended)
			}
		}
		return over
	}
	over, ok := m.OverAt(append(slices.Clone(r.Timeline), r.startedBySomebody(m)...), func(back record.Event) (time.Duration, bool) {
		return back.Effective, back.Effective > 0 && back.Status != record.EventSkipped
	})
	if !ok {
		return r.Duration
	}
	return min(over, r.Duration)
}

// startedBySomebody are the starts of the servers that an event has ended, as readings show them: somebody else can have done that.
func (r *Result) startedBySomebody(m *record.Event) (starts []record.Event) {
	if f, _ := m.Effects(); !f.Ends || m.Effective == 0 {
		return nil
	}
	for _, h := range r.States {
		if up := slices.IndexFunc(h.States, func(s record.NodeState) bool { return s.Reachable && s.At > m.Effective }); up >= 0 {
			at := h.States[up].At
			starts = append(starts, record.Event{Nodes: []string{h.Node}, Facts: &record.Facts{Starts: true}, Issued: at, Effective: at})
		}
	}
	return starts
}

// PromotionWords say that a node was promoted by nobody's step, and what it was the answer to, if that is known.
func (r *Result) PromotionWords(m record.Event) string {
	who := strings.Join(m.Nodes, ", ")
	const how = "was promoted from outside pgchaos, by the cluster's own manager or by hand"
	cause := r.CauseOf(m)
	if cause == nil {
		return fmt.Sprintf("failover without a fault: %s %s, %s (%s), and no step of the timeline explains it", who, how, incidentTime(m), m.Detail)
	}
	after := tenths(max(0, m.Effective-cause.Issued)) + " after " + cause.Name
	if onlyMay(*cause) {
		return fmt.Sprintf("%s %s, %s, which may have done it (%s)", who, how, after, m.Detail)
	}
	return fmt.Sprintf("%s %s, %s (%s)", who, how, after, m.Detail)
}

// WeakeningWords say how the synchronous replication of a primary was weakened, for how long, and after what, if that is known.
func (r *Result) WeakeningWords(m record.Event) string {
	text := fmt.Sprintf("the synchronous replication of %s was weakened from outside pgchaos, %s: %s", strings.Join(m.Nodes, ", "), incidentTime(m), m.Detail)
	if m.Weakening.Until > 0 {
		text += "; as demanded again by " + units.Seconds(m.Weakening.Until)
	}
	switch cause := r.CauseOf(m); {
	case cause == nil:
		return text + "; no step of the timeline explains it"
	case onlyMay(*cause):
		return fmt.Sprintf("%s; %s after %s, which may have done it", text, tenths(max(0, m.Effective-cause.Issued)), cause.Name)
	default:
		return fmt.Sprintf("%s; %s after %s", text, tenths(max(0, m.Effective-cause.Issued)), cause.Name)
	}
}

// unreachedWords say from when to when a cluster had no primary, and why.
func unreachedWords(m record.Event) string {
	return fmt.Sprintf("no node accepted writes from %s to %s: %s", units.Seconds(m.Issued), units.Seconds(m.Ended), m.Detail)
}

// UnclearWords say what was seen, and which command may have done it.
func (r *Result) UnclearWords(m record.Event) string {
	switch cause := r.CauseOf(m); {
	case m.Promotion != nil:
		return r.PromotionWords(m)
	case m.Weakening != nil:
		return r.WeakeningWords(m)
	case unreached(m):
		return fmt.Sprintf("%s, %s after %s, which may have done it", unreachedWords(m), tenths(max(0, m.Effective-cause.Issued)), cause.Name)
	default:
		return fmt.Sprintf("the server of %s was started again %s, %s after %s, which may have done it",
			strings.Join(m.Nodes, ", "), incidentTime(m), tenths(max(0, m.Effective-cause.Issued)), cause.Name)
	}
}

// weakenedAt is the newest weakening of one of some nodes under which what an event lost may have been acknowledged; nil:
// none. When the first weak acknowledgement came that was lost is not kept.
func (r *Result) weakenedAt(nodes []string, lost audit.RPO) (found *record.Event) {
	for i := range r.Timeline {
		m := &r.Timeline[i]
		if m.Weakening == nil || m.Issued > lost.To || !slices.ContainsFunc(m.Nodes, func(n string) bool { return slices.Contains(nodes, n) }) {
			continue
		}
		if until := m.Weakening.Until; until == 0 || until >= lost.From || lost.Lost == 0 {
			found = m
		}
	}
	return found
}
