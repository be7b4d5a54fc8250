package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// evidenceReader tells of each server that acknowledged something what could explain a loss.
type evidenceReader struct {
	e        *Evidence
	servers  map[life]*serverEvidence
	regimes  map[string][]stretch
	measured bool  // the limits of all evidence are known
	err      error // of reading the ledger for them
}

// life is a server up to when a step took from its node what that had alone. The same
// node can be promoted to a timeline of the same number once more, and is another server
// then.
type life struct {
	server ledger.Server
	fork   int // the index of what was read of it then; -1: its node has it still
}

// serverEvidence is what is known of one server: a node on one timeline.
type serverEvidence struct {
	server ledger.Server
	taken  *ForkHolding       // what was read before a step took it away; nil: its node has it still
	states []record.NodeState // of the node, up to then
	waits                     // of sessions that have the server's synchronous_commit
	own    map[string]*waits  // of those that have their own, by its value
	// demanded is set where its regime matters.
	demanded bool

	away   []window // when its node did not serve
	stints []stint  // by time
	beside []beside // newer servers
	frozen []window // when its node was frozen
	// elsewhere is set where the server is of another cluster than those that were read.
	elsewhere bool

	foreign bool   // the authority does not come from its timeline
	unsure  string // why nobody knows whether it does
	left    bool   // its timeline was left at fork
	fork    record.LSN
	event   lossEvent
	// succeeded is from when on the node whose promotion left it accepted writes; forever
	// where that is not known, or where it is its own node.
	succeeded time.Duration
	crashes   []crash
	limits    []limit // where its WAL was left, and where crashes cut it off
}

// waits are what commits waited for.
type waits struct {
	regimes []stretch // nil: not known
	weak    []weakSpan
}

// waitsOf are those of a workload's sessions, whose synchronous_commit is their own where
// commit is not empty. It stays with them whatever the server's becomes.
func (w *evidenceReader) waitsOf(s *serverEvidence, commit string) *waits {
	if commit == "" || s.regimes == nil {
		return &s.waits
	}
	if known := s.own[commit]; known != nil {
		return known
	}
	own := &waits{}
	for _, st := range s.regimes {
		regimes := make([]regime, len(st.regimes))
		for i, r := range st.regimes {
			regimes[i] = newRegime(commit, r.num, r.names)
		}
		st.regimes = regimes
		own.regimes = append(own.regimes, st)
	}
	own.weak = weakSpans(s.server.Node, own.regimes, w.e.Demands)
	if s.own == nil {
		s.own = map[string]*waits{}
	}
	s.own[commit] = own
	return own
}

func newEvidenceReader(e *Evidence) *evidenceReader {
	return &evidenceReader{e: e, servers: map[life]*serverEvidence{}, regimes: map[string][]stretch{}}
}

// of is the evidence on the server that answered.
func (w *evidenceReader) of(e *ledger.Entry) *serverEvidence {
	l := life{e.Server, w.takenBy(e.Server.Node, cmp.Or(e.Sent, e.Done))}
	if l.server.Timeline == 0 {
		l.server.Timeline = w.timeline(e)
	}
	s := w.servers[l]
	if s == nil {
		s = w.gather(l)
		w.servers[l] = s
	}
	return s
}

// elsewhere tells whether a system identifier is none of the audited nodes'. Where none of
// them has said its own, nothing is known to be of another cluster.
func (w *evidenceReader) elsewhere(system string) bool {
	known := false
	for _, states := range w.e.States {
		for _, s := range states {
			if s.SystemID == system {
				return false
			}
			known = known || s.SystemID != ""
		}
	}
	return known && system != ""
}

// tells whether a write belongs to evidence.
func (w *evidenceReader) tells(s *serverEvidence, e *ledger.Entry) bool {
	if s == nil || s.server != e.Server || e.Server.Timeline == 0 {
		return false
	}
	fork := w.takenBy(e.Server.Node, cmp.Or(e.Sent, e.Done))
	return fork < 0 && s.taken == nil || fork >= 0 && s.taken == &w.e.Forks[fork]
}

// takenBy is the first fork of a node that was read after some moment, by its index; -1
// for none.
func (w *evidenceReader) takenBy(node string, at time.Duration) int {
	first := -1
	for i := range w.e.Forks {
		f := &w.e.Forks[i]
		if f.Node == node && at < readAt(f) && (first < 0 || readAt(f) < readAt(&w.e.Forks[first])) {
			first = i
		}
	}
	return first
}

// readAt is when a fork was read; forever where that is not known.
func readAt(f *ForkHolding) time.Duration { return cmp.Or(f.Read, forever) }

// statesOf are the states of a node from the fork that was read before to when this one
// was, nil being none.
func (w *evidenceReader) statesOf(node string, taken *ForkHolding) (all []record.NodeState) {
	from, to := time.Duration(-1), forever
	if taken != nil {
		to = readAt(taken)
	}
	for i := range w.e.Forks {
		if f := &w.e.Forks[i]; f.Node == node && readAt(f) < to {
			from = max(from, f.Read)
		}
	}
	for _, s := range w.e.States[node] {
		if s.At > from && s.At <= to {
			all = append(all, s)
		}
	}
	return all
}

// timeline is that of the node as a primary while the write was under way, by its
// readings before, meanwhile, and the first one after; 0 where they do not tell. One as
// a standby ends what the node was before: no primary becomes one without a restart.
func (w *evidenceReader) timeline(e *ledger.Entry) (timeline uint32) {
	from, to := during(e)
	for _, s := range w.e.States[e.Server.Node] {
		switch {
		case s.Role == record.RoleStandby && s.At <= from:
			timeline = 0
		case s.Role == record.RoleStandby && timeline > 0:
			return timeline
		case s.Role != record.RolePrimary || s.Timeline == 0: // it says nothing
		case s.At <= from || timeline == 0:
			timeline = s.Timeline
		case timeline != s.Timeline && s.At <= to+unread:
			return 0
		}
	}
	return timeline
}

func (w *evidenceReader) gather(l life) *serverEvidence {
	server := l.server
	s := &serverEvidence{server: server}
	if l.fork >= 0 {
		s.taken = &w.e.Forks[l.fork]
	}
	s.states = w.statesOf(server.Node, s.taken)
	if s.elsewhere = w.elsewhere(server.SystemID); s.elsewhere {
		return s
	}
	s.demanded = slices.ContainsFunc(w.e.Demands, func(d record.Demand) bool { return d.Standbys > 0 || d.Commit != "" })
	if server.Node == "" {
		s.unsure = "who acknowledged it is not recorded"
		return s
	}
	s.away = absences(server.Node, w.e.States[server.Node], w.e.Events)
	w.govern(s)
	if server.Timeline == 0 {
		s.unsure = "on which timeline " + server.Node + " acknowledged it is not recorded"
		return s
	}
	s.beside, s.frozen = w.newerThan(s), freezes(server.Node, w.e.Events)
	s.foreign, s.unsure = w.descent(s)
	if s.fork, s.left = w.e.Lineage.Left(server.Timeline); s.left {
		s.event, s.succeeded = w.eventOf(server)
		s.limitAt(s.fork)
	}
	s.crashes = w.crashesOf(s)
	for _, c := range s.crashes {
		s.limitAt(c.redo)
	}
	return s
}

// govern notes what the commits of a server waited for.
func (w *evidenceReader) govern(s *serverEvidence) {
	node := s.server.Node
	if _, known := w.regimes[node]; !known {
		w.regimes[node] = regimesOf(node, w.e.States[node], w.e.Events, w.e.Started)
	}
	s.regimes = w.regimes[node]
	s.weak = weakSpans(node, s.regimes, w.e.Demands)
}

// verdictOf is the explanation of one loss.
type verdictOf struct {
	explained bool
	cause     Cause
	event     lossEvent
	fork      record.LSN
	why       string
}

// loss is an acknowledged write that is absent, and the evidence on who acknowledged it.
type loss struct {
	entry    ledger.Entry
	evidence *serverEvidence
	waits    *waits
}

// explain says what lost a write.
func (w *evidenceReader) explain(l *loss) verdictOf {
	s := l.evidence
	switch {
	case s.unsure != "":
		return verdictOf{why: s.unsure}
	case s.foreign:
		return verdictOf{explained: true, cause: CauseForeign, event: w.eventOfForeign(l), fork: w.parted(s)}
	}
	why := fmt.Sprintf("%s itself acknowledged it, on timeline %d, and was seen to lose no WAL", s.server.Node, s.server.Timeline)
	if s.left {
		b, before := w.committedBefore(l, s.fork)
		if !before {
			return w.pastFork(l)
		}
		why = w.unexplained(l, b)
	}
	for i := range s.crashes {
		c := &s.crashes[i]
		if l.entry.Sent >= c.seen {
			continue // it came afterwards
		}
		restart := fmt.Sprintf("%s %s by %.3f s", s.server.Node, c.words(), c.seen.Seconds())
		switch {
		case c.orderly != "":
			why = c.besides(l, why, restart+", but "+c.orderly+" had shut it down in good order")
		case !wasOff(l.waits.regimes, &l.entry):
			why = c.besides(l, why, restart+", but synchronous_commit was not off")
		case c.redo == 0:
			why = c.besides(l, why, restart+", and how far its WAL was recovered is not recorded")
		default:
			b, before := w.committedBefore(l, c.redo)
			if !before {
				return verdictOf{explained: true, cause: CauseCrash, event: c.event, fork: c.redo}
			}
			why = c.besides(l, why, fmt.Sprintf("%s, with its WAL up to %s, and it was committed before that: %s", restart, c.redo, b.words(s.server.Node)))
		}
	}
	return verdictOf{why: why}
}

// pastFork explains a loss past the fork. What was sent when the new primary accepted writes
// already was written beside it, and no replication would have brought it there: it is put
// down to the step that brought the old primary back, where there is one.
func (w *evidenceReader) pastFork(l *loss) verdictOf {
	s := l.evidence
	v := verdictOf{explained: true, cause: CauseFork, event: s.event, fork: s.fork}
	if l.entry.Sent < s.succeeded {
		return v
	}
	v.cause = CauseBeside
	if back := w.newest(l.entry.Done, func(m record.Event) bool { return m.Issued >= s.event.at && w.bringsBack(m, s.server.Node) }); back != nil {
		v.event = eventAt(back)
	}
	return v
}

// bringsBack tells whether an event can have let a former primary go on as one: its server is
// started, resumed or connected again, by a step or because a fault is taken back.
func (w *evidenceReader) bringsBack(m record.Event, node string) bool {
	if m.Status == record.EventSkipped || !slices.Contains(m.Nodes, node) {
		return false
	}
	if f := factsOf(m); m.Reverses == "" {
		return !f.Standby && (f.Starts || f.Thaws || f.Connects)
	}
	return slices.ContainsFunc(w.e.Events, func(fault record.Event) bool {
		f := factsOf(fault)
		return fault.Name == m.Reverses && (f.Ends || f.Freezes || f.Cuts)
	})
}

// unexplained says in words why a write should be there although its timeline was left.
func (w *evidenceReader) unexplained(l *loss, b bound) string {
	s := l.evidence
	fork := fmt.Sprintf("the fork at %s where timeline %d left timeline %d", s.fork, w.e.Lineage.Next(s.server.Timeline), s.server.Timeline)
	if l.entry.LSN == 0 {
		return fmt.Sprintf("it was committed before %s: %s", fork, b.words(s.server.Node))
	}
	return fmt.Sprintf("its LSN %s lies before %s, and so does its commit: %s", l.entry.LSN, fork, b.words(s.server.Node))
}
