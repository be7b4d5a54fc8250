package runner

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pgchaos/audit"
	"pgchaos/cluster/observe"
	"pgchaos/record"
)

// reloadsWithin is how long after a statement or a command is over a server can still read its configuration for it.
const reloadsWithin = time.Second

// regimeLog is which primaries are weaker than demanded by nobody's step. It is safe for concurrent use.
type regimeLog struct {
	mu   sync.Mutex
	open map[string]record.Event // the weakening that is going on, by node
	// own: no workload writes with the synchronous_commit that sessions get from the server, so that it weakens nothing.
	own bool
}

// reloaded tells whether a step may have made a change of what commits wait for: one that could reload the configuration, and
// was under way, or one that started the server after a statement had changed what it then read.
func (l *stepLog) reloaded(c observe.Change) bool {
	stated := false
	return l.any(func(s record.Event) bool {
		f, _ := s.Effects()
		if !f.Demands && !f.Reloads && !f.Restarts && !f.Starts || !slices.Contains(s.Nodes, c.Node) || s.Issued > c.At || s.Status == record.EventSkipped {
			return false
		}
		stated = stated || f.Reloads && f.Provokes
		over := s.Status != "" && max(s.Ended, s.Effective)+reloadsWithin < c.Since
		return !over && (f.Demands || f.Reloads || stated)
	})
}

// see is what a change of a primary's settings means: the beginning of a time in which it is weaker than demanded, or
// the end of one. It is neither where no event is returned.
func (l *regimeLog) see(c observe.Change, d record.Demand, steps *stepLog) (event record.Event, begins, ends bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	weak := c.Is.AcceptsWrites() && l.weaker(c.Is, d)
	if m, open := l.open[c.Node]; open {
		if weak {
			return event, false, false
		}
		delete(l.open, c.Node)
		w := *m.Weakening
		w.Until = c.At
		m.Ended, m.Weakening = c.At, &w
		return m, false, true
	}
	if !weak || l.weaker(c.Was, d) || steps.reloaded(c) {
		return event, false, false
	}
	w := record.Weakening{Was: regimeOf(c.Was), Is: regimeOf(c.Is), Demanded: demandWords(d)}
	detail := w.Change() + "; demanded: " + w.Demanded
	if c.Is.CommitOfRole || c.Was.CommitOfRole {
		detail += "; the role or its database has it, and each session keeps what it began with"
	}
	return record.Event{
		Name: "weakened-" + c.Node, Action: "weakened", Nodes: []string{c.Node}, Status: record.EventSeen,
		Issued: c.Since, Effective: c.At, Ended: c.At, Detail: detail, Weakening: &w,
	}, true, false
}

// weaker tells whether commits of the load wait for less than is demanded. mu is held.
func (l *regimeLog) weaker(s record.NodeState, d record.Demand) bool {
	if l.own && s.SyncCommit != "" {
		s.SyncCommit = cmp.Or(d.Commit, s.SyncCommit)
	}
	return audit.Weaker(s, d)
}

// seeRegime puts a time of weak synchronous replication on the timeline that no step has made, and its end.
func (r *run) seeRegime(c observe.Change) {
	m, begins, ends := r.regimes.see(c, record.Demanded(r.watch.Demands(), c.Node, c.At), &r.steps)
	switch {
	case begins:
		m.Name = r.unused(m.Name)
		r.regimes.mu.Lock()
		if r.regimes.open == nil {
			r.regimes.open = map[string]record.Event{}
		}
		r.regimes.open[c.Node] = m
		r.regimes.mu.Unlock()
		r.seen(m)
	case ends:
		r.line.Amend(m)
		r.journal.end(m)
	}
}

// seeFirstRegimes puts a time of weak synchronous replication on the timeline that began before the first reading: somebody can weaken a cluster
// after it was examined. What pgchaos has built has the regime that the file gives it.
func (r *run) seeFirstRegimes(ctx context.Context) {
	if !r.cluster.Met() {
		return
	}
	r.regimes.mu.Lock()
	r.regimes.own = !anyCommitsAsGiven(r.plan.Experiment)
	r.regimes.mu.Unlock()
	if len(r.watch.Demands()) == 0 {
		return
	}
	for _, s := range r.watch.Fresh(ctx) {
		if s.AcceptsWrites() {
			r.seeRegime(observe.Change{Kind: observe.RegimeChanged, Node: s.Node, Since: s.Asked, At: s.At, Is: s})
		}
	}
}

func regimeOf(s record.NodeState) record.SyncDemand {
	return record.SyncDemand{Commit: s.SyncCommit, Standbys: s.SyncNames}
}

// demandWords say what is demanded: "1 standby of b, c, synchronous_commit on".
func demandWords(d record.Demand) string {
	var parts []string
	if d.Standbys > 0 {
		standbys := fmt.Sprintf("%d standbys", d.Standbys)
		if d.Standbys == 1 {
			standbys = "1 standby"
		}
		if len(d.Names) > 0 && !slices.Contains(d.Names, "*") {
			standbys += " of " + strings.Join(d.Names, ", ")
		}
		parts = append(parts, standbys)
	}
	if d.Commit != "" {
		parts = append(parts, "synchronous_commit "+d.Commit)
	}
	return strings.Join(parts, ", ")
}
