package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgchaos/history"
	"pgchaos/history/ledger"
)

// witness tells of each server that acknowledged something what could explain a loss.
type witness struct {
	e        *Evidence
	stories  map[ledger.Server]*story
	regimes  map[string][]stretch
	measured bool  // the limits of all stories are known
	err      error // of reading the ledger for them
}

// story is what is known of one server: a node on one timeline.
type story struct {
	server ledger.Server
	weak   []weakSpan
	// demanded is set where its regime matters, and regimes is nil where that is not known.
	demanded bool
	regimes  []stretch

	away   []window // when its node did not serve
	stints []stint  // by time

	foreign bool   // the authority does not come from its timeline
	unsure  string // why nobody knows whether it does
	left    bool   // its timeline was left at fork
	fork    history.LSN
	event   event
	crashes []crash
	limits  []limit // where its WAL was left, and where crashes cut it off
}

// event is what a loss is put down to.
type event struct {
	name string
	at   time.Duration // when it took effect
}

func newWitness(e *Evidence) *witness {
	return &witness{e: e, stories: map[ledger.Server]*story{}, regimes: map[string][]stretch{}}
}

// of is the story of the server that answered.
func (w *witness) of(e *ledger.Entry) *story {
	server := e.Server
	if server.Timeline == 0 {
		server.Timeline = w.timeline(e)
	}
	s := w.stories[server]
	if s == nil {
		s = w.tell(server)
		w.stories[server] = s
	}
	return s
}

// timeline is that of the node as a primary while the write was under way, by its
// readings before, meanwhile, and the first one after; 0 where they do not tell. One as
// a standby ends what the node was before: no primary becomes one without a restart.
func (w *witness) timeline(e *ledger.Entry) (timeline uint32) {
	from, to := during(e)
	for _, s := range w.e.States[e.Server.Node] {
		switch {
		case s.Role == history.RoleStandby && s.At <= from:
			timeline = 0
		case s.Role == history.RoleStandby && timeline > 0:
			return timeline
		case s.Role != history.RolePrimary || s.Timeline == 0: // it says nothing
		case s.At <= from || timeline == 0:
			timeline = s.Timeline
		case timeline != s.Timeline && s.At <= to+unread:
			return 0
		}
	}
	return timeline
}

func (w *witness) tell(server ledger.Server) *story {
	s := &story{server: server}
	if server.Node == "" {
		s.unsure = "who acknowledged it is not recorded"
		return s
	}
	if _, known := w.regimes[server.Node]; !known {
		w.regimes[server.Node] = regimesOf(server.Node, w.e.States[server.Node], w.e.Marks, w.e.Started)
	}
	s.away = absences(server.Node, w.e.States[server.Node], w.e.Marks)
	s.regimes = w.regimes[server.Node]
	s.weak = weakSpans(server.Node, s.regimes, w.e.Demands)
	s.demanded = slices.ContainsFunc(w.e.Demands, func(d Demand) bool { return d.Standbys > 0 || d.Commit != "" })
	if server.Timeline == 0 {
		s.unsure = "on which timeline " + server.Node + " acknowledged it is not recorded"
		return s
	}
	s.foreign, s.unsure = w.descent(server)
	if s.fork, s.left = w.e.Lineage.Left(server.Timeline); s.left {
		s.event = w.eventOf(server)
		s.limitAt(s.fork, w.e.States[server.Node])
	}
	s.crashes = w.crashesOf(server)
	for _, c := range s.crashes {
		s.limitAt(c.redo, w.e.States[server.Node])
	}
	return s
}

// descent tells whether a server's timeline is foreign to the authority's.
func (w *witness) descent(server ledger.Server) (foreign bool, unsure string) {
	ours, ok := w.e.Lineage.UpTo(server.Timeline)
	if !ok {
		return true, ""
	}
	for _, f := range w.e.Forks {
		if then, ok := f.Lineage.UpTo(server.Timeline); ok && f.Node == server.Node {
			return !slices.Equal(then.Forks, ours.Forks), ""
		}
	}
	for _, n := range w.e.Nodes {
		// A node that was rebuilt has the authority's lineage, whatever it was before.
		if then, ok := n.Lineage.UpTo(server.Timeline); ok && n.Node == server.Node && !slices.Equal(then.Forks, ours.Forks) {
			return true, ""
		}
	}
	if server.Timeline == w.e.Lineage.Timeline {
		return server.Node != w.e.Authority, "" // one node alone is promoted to a timeline
	}
	for _, node := range slices.Sorted(maps.Keys(w.e.States)) {
		if node != server.Node && slices.ContainsFunc(w.e.States[node], func(s history.NodeState) bool {
			return accepts(s) && s.Timeline == server.Timeline
		}) {
			return false, fmt.Sprintf("%s and %s were both primaries on a timeline %d, and from which of them %s comes is not known",
				min(node, server.Node), max(node, server.Node), server.Timeline, w.e.Authority)
		}
	}
	return false, ""
}

// parted is from where on a foreign server's WAL is not the authority's; 0 where
// that is not known.
func (w *witness) parted(server ledger.Server) history.LSN {
	var own []history.Lineage
	for _, f := range w.e.Forks {
		if f.Node == server.Node {
			own = append(own, f.Lineage)
		}
	}
	for _, n := range w.e.Nodes {
		if n.Node == server.Node {
			own = append(own, n.Lineage)
		}
	}
	ours := w.e.Lineage
	for _, theirs := range own {
		if theirs.Timeline != server.Timeline {
			continue
		}
		if at, ok := ours.Parted(theirs); ok {
			return at
		}
		at, _ := theirs.Left(ours.Timeline) // it was promoted from the one on which the authority lives on
		return at
	}
	return 0
}

// eventOf is what took a server away whose timeline was left: the newest fault that
// befell its node before the promotion that left it, or else that promotion.
func (w *witness) eventOf(server ledger.Server) event {
	next := w.e.Lineage.Next(server.Timeline)
	node, at := w.promoted(next)
	promote := w.newest(at, func(m history.Mark) bool {
		return m.Action == "promote" && m.Status != history.MarkSkipped && (node == "" || slices.Contains(m.Nodes, node))
	})
	if promote != nil {
		at = promote.Issued
	}
	if fault := w.newest(at, func(m history.Mark) bool {
		return m.Fault && slices.Contains(m.Nodes, server.Node) && !w.takenBack(m, server.Node, at)
	}); fault != nil {
		return eventAt(fault)
	}
	if promote != nil {
		return eventAt(promote)
	}
	return event{fmt.Sprintf("the promotion to timeline %d", next), 0}
}

// promoted is who was first seen as a primary on a timeline, and when; "" and forever
// where nobody was.
func (w *witness) promoted(timeline uint32) (node string, at time.Duration) {
	at = forever
	if timeline == w.e.Lineage.Timeline {
		node = w.e.Authority
	}
	for name, states := range w.e.States {
		if timeline == w.e.Lineage.Timeline && name != w.e.Authority {
			continue
		}
		for _, s := range states {
			if accepts(s) && s.Timeline == timeline && s.At < at {
				node, at = name, s.At
			}
		}
	}
	return node, at
}

// newest is the newest mark of a kind that was issued up to some moment, or nil.
func (w *witness) newest(by time.Duration, is func(history.Mark) bool) (found *history.Mark) {
	for i, m := range w.e.Marks {
		if m.Issued <= by && (found == nil || m.Issued >= found.Issued) && is(m) {
			found = &w.e.Marks[i]
		}
	}
	return found
}

// takenBack tells whether a fault was over for a node by some moment.
func (w *witness) takenBack(fault history.Mark, node string, by time.Duration) bool {
	if fault.Action == "restart" { // it takes itself back
		return fault.Ended > 0 && fault.Ended <= by
	}
	return w.newest(by, func(m history.Mark) bool {
		again := slices.Contains([]string{"start", "resume", "connect", "rejoin", "clone"}, m.Action) && slices.Contains(m.Nodes, node)
		return m.Issued >= fault.Issued && m.Effective > 0 && m.Effective <= by && (again || m.Reverses == fault.Name)
	}) != nil
}

func eventAt(m *history.Mark) event {
	return event{m.Name, cmp.Or(m.Effective, m.Ended, m.Issued)}
}

// verdictOf is the explanation of one loss.
type verdictOf struct {
	explained bool
	cause     Cause
	event     event
	fork      history.LSN
	why       string
}

// loss is an acknowledged write that is absent, and the story of who acknowledged it.
type loss struct {
	entry ledger.Entry
	story *story
}

// explain says what lost a write.
func (w *witness) explain(l *loss) verdictOf {
	s := l.story
	switch {
	case s.unsure != "":
		return verdictOf{why: s.unsure}
	case s.foreign:
		e := event{name: "split brain"}
		if m := w.newest(max(l.entry.Sent, l.entry.Done), func(m history.Mark) bool {
			return m.Action == "promote" && m.Status != history.MarkSkipped && slices.Contains(m.Nodes, s.server.Node)
		}); m != nil {
			e = eventAt(m)
		}
		return verdictOf{explained: true, cause: CauseForeign, event: e, fork: w.parted(s.server)}
	}
	why := fmt.Sprintf("%s itself acknowledged it, on timeline %d, and was seen to lose no WAL", s.server.Node, s.server.Timeline)
	if s.left {
		b, before := w.committedBefore(l, s.fork)
		if !before {
			return verdictOf{explained: true, cause: CauseFork, event: s.event, fork: s.fork}
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
		case !wasOff(s.regimes, &l.entry):
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

// unexplained says in words why a write should be there although its timeline was left.
func (w *witness) unexplained(l *loss, b bound) string {
	s := l.story
	fork := fmt.Sprintf("the fork at %s where timeline %d left timeline %d", s.fork, w.e.Lineage.Next(s.server.Timeline), s.server.Timeline)
	if l.entry.LSN == 0 {
		return fmt.Sprintf("it was committed before %s: %s", fork, b.words(s.server.Node))
	}
	return fmt.Sprintf("its LSN %s lies before %s, and so does its commit: %s", l.entry.LSN, fork, b.words(s.server.Node))
}
