package runner

import (
	"slices"
	"time"

	"pgchaos/cluster/observe"
	"pgchaos/record"
	"pgchaos/report"
)

// restarted tells whether something explains that the server of a node was started again: a fault of that
// node, or of its links, that was over a minute before at most; or a promotion, for a manager starts former primaries again as
// standbys. That a command came before explains nothing, nor does a fault that spares servers.
func (l *stepLog) restarted(c observe.Change) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.events, func(m record.Event) bool {
		f, _ := m.Effects()
		switch over, known := l.overAt(m); {
		case m.Issued > c.At || m.Status == record.EventSkipped || known && over+report.AnswersWithin < c.Since:
			return false
		case f.Promotes || f.Moves:
			return true
		}
		return slices.Contains(m.Nodes, c.Node) && !f.OnlyMay() && (m.Fault && !f.SparesServers() || f.Links || f.Restarts || f.Starts || f.Ends || f.Freezes || f.Cuts)
	})
}

// during tells whether a server was started again while a fault of its node was under way of which nothing is known but that its
// command can do anything: the outage is then measured as that fault's.
func (l *stepLog) during(c observe.Change) bool {
	return l.any(func(m record.Event) bool {
		f, _ := m.Effects()
		return m.Fault && f.OnlyMay() && slices.Contains(m.Nodes, c.Node) && m.Issued <= c.At && (m.Status == "" || c.Since <= m.Ended)
	})
}

// overAt is when nothing of a step was in force any more; it is not known of one that is under way, or lasts. mu is held.
func (l *stepLog) overAt(m record.Event) (at time.Duration, known bool) {
	f, _ := m.Effects()
	if !f.Lasts && !f.Links && !f.Cuts && !f.Freezes {
		return max(m.Ended, m.Effective), m.Status != ""
	}
	return m.OverAt(l.events, func(back record.Event) (time.Duration, bool) {
		return back.Ended, back.Status == record.EventDone && back.Issued >= m.Issued
	})
}

// killed tells whether a step that kills processes of a server brought about that it recovered from a crash, or ended: the
// outage is that step's own.
func (l *stepLog) killed(node string, since, at time.Duration) bool {
	return l.any(func(m record.Event) bool {
		f, _ := m.Effects()
		return f.Kills && f.Provokes && slices.Contains(m.Nodes, node) && m.Issued <= at && (m.Status == "" || since <= m.Ended)
	})
}

// seeRestart puts it on the timeline that somebody else started a server again.
func (r *run) seeRestart(c observe.Change) {
	if r.steps.restarted(c) {
		return
	}
	m := r.incident("restarted", c.Node, c.Since, c.At, "")
	m.Fault = !r.steps.during(c)
	r.seen(m)
}
