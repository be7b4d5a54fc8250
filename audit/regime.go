package audit

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/standbynames"
)

// regime is what a commit waits for.
type regime struct {
	level int      // of commitLevels, local at most where no standby is named
	num   int      // standbys waited for
	names []string // in lower case, as PostgreSQL compares them; "*" is any
}

// commitLevels are the values of synchronous_commit, the weakest first.
var commitLevels = [...]string{"off", "local", "remote_write", "on", "remote_apply"}

const (
	levelOff   = 0
	levelLocal = 1
)

func newRegime(commit string, num int, names []string) regime {
	r := regime{level: slices.Index(commitLevels[:], commit), num: num}
	if r.level < 0 {
		r.level = slices.Index(commitLevels[:], "on") // PostgreSQL's default
	}
	if num == 0 {
		r.level = min(r.level, levelLocal)
	}
	for _, name := range names {
		r.names = append(r.names, strings.ToLower(name))
	}
	return r
}

func (r regime) equal(other regime) bool {
	return r.level == other.level && r.num == other.num && slices.Equal(r.names, other.names)
}

// weaker tells whether r promises less than is demanded. In the worst case it waits
// for those of its standbys first that the demand does not name.
func (r regime) weaker(demand regime) bool {
	if r.level < demand.level {
		return true
	}
	if demand.level <= levelLocal {
		return false
	}
	certain := r.num
	if !slices.Contains(demand.names, "*") && len(demand.names) > 0 {
		for _, name := range r.names {
			switch {
			case name == "*":
				return true
			case !slices.Contains(demand.names, name):
				certain--
			}
		}
	}
	return certain < demand.num
}

// unread is how long before a change the newest reading with the old value can have
// been, where only changes are kept: a full reading comes every 100 ms.
const unread = 200 * time.Millisecond

// forever is the end of what does not end.
const forever = time.Duration(math.MaxInt64)

// stretch is a time in which a node's regime was one, or, around a change, one of two.
type stretch struct {
	from, to time.Duration
	life     time.Duration // when the server that had the regime was started
	regimes  []regime
}

// either is what may be in force where one of two lists of regimes is.
func either(some, others []regime) []regime {
	all := slices.Clone(some)
	for _, r := range others {
		if !slices.ContainsFunc(all, r.equal) {
			all = append(all, r)
		}
	}
	return all
}

// regimesOf is a node's regime over all time: the first one also before it was read,
// the last one for ever. Around each change is a band in which either may have been in
// force: from the newest reading with the old value, or from when the step was issued
// that made the change, to when that step had seen the new value in a new session, or
// else to the first reading with it. It is nil for a node that was never read. Zero is
// the wall time of offset 0, by which it is known when a server was started.
//
// Where a role or the database has the setting, a session keeps what it began with. Which of a workload's sessions began when is not recorded: from
// such a change on either value may be in force, until the server is started anew, or has ended all sessions to recover from a crash.
//
// A server reads its configuration anew when it is started. What shows after a restart
// has no band, so: the server before had the old value to its end, unless a step was
// under way that could have had it reload.
func regimesOf(node string, states []record.NodeState, events []record.Event, zero time.Time) (all []stretch) {
	var before record.NodeState    // the last reading that counts
	var newest, life time.Duration // until when it was read, at most; when its server was started
	known := false
	var kept []string // the synchronous_commit of sessions that may have begun with another one
	for i, s := range states {
		if !s.Reachable || s.SyncCommit == "" {
			continue
		}
		// One that cannot be read promises nothing: Parse then returns no names.
		standbys, _ := standbynames.Parse(s.SyncNames)
		now := newRegime(s.SyncCommit, standbys.Num, standbys.Names)
		old := max(cmp.Or(before.Asked, before.At), newest-unread)
		born, reborn := began(before, s, zero)
		if reborn {
			born = min(max(born, old), s.At) // another clock may give a wrong time, but it was between
		}
		switch {
		case reborn, s.CrashedSince(before):
			kept = nil
		case known && (before.CommitOfRole || s.CommitOfRole) && s.SyncCommit != before.SyncCommit:
			kept = append(kept, before.SyncCommit)
		}
		in := []regime{now}
		for _, commit := range kept {
			in = either(in, []regime{newRegime(commit, standbys.Num, standbys.Names)})
		}
		switch {
		case !known:
			all, known = append(all, stretch{0, forever, 0, []regime{now}}), true
		case !slices.EqualFunc(in, all[len(all)-1].regimes, regime.equal):
			last := &all[len(all)-1]
			from, to := change(node, old, s.At, events)
			next := life
			if reborn {
				from, to, next = reloaded(node, old, born, events), born, born
			}
			from = max(from, last.from)
			to = max(to, from)
			last.to = from
			if from < to {
				all = append(all, stretch{from, to, life, either(last.regimes, in)})
			}
			all = append(all, stretch{to, forever, next, in})
		}
		if reborn {
			life = born
		}
		before = s
		// It was read until something else was kept.
		newest = forever
		if i+1 < len(states) {
			newest = states[i+1].At
		}
	}
	return all
}

// began is when the server was started that a reading is of, if the one before was of
// another; ok is false also where that is not known.
func began(before, now record.NodeState, zero time.Time) (at time.Duration, ok bool) {
	if zero.IsZero() || before.ServerStarted.IsZero() || now.ServerStarted.IsZero() || now.ServerStarted.Equal(before.ServerStarted) {
		return 0, false
	}
	return now.ServerStarted.Sub(zero), true
}

// reloaded is from when on a server may have had its next one's configuration, which
// was started at born: from where a step was under way, after the newest reading
// without it, that could have made it reload; else not before.
func reloaded(node string, old, born time.Duration, events []record.Event) time.Duration {
	from := born
	for _, m := range events {
		over := max(m.Effective, m.Ended)
		if over == 0 { // it was never known to end
			over = forever
		}
		if factsOf(m).Reloads && slices.Contains(m.Nodes, node) && m.Status != record.EventSkipped && over >= old-unread {
			from = min(from, max(old, m.Issued))
		}
	}
	return from
}

// change is the band around a change that was seen between two readings.
func change(node string, old, seen time.Duration, events []record.Event) (from, to time.Duration) {
	from, to = old, seen
	for _, m := range events {
		if factsOf(m).Demands && slices.Contains(m.Nodes, node) && m.Effective > 0 && m.Issued < seen && m.Effective >= old-unread {
			from, to = min(max(old, m.Issued), m.Effective), m.Effective
		}
	}
	return from, to
}

// weakSpan is a time in which a node's acknowledgements were weak, up to before to.
type weakSpan struct {
	from, to   time.Duration
	life       time.Duration // when the server that acknowledged was started
	transition bool          // they may have been as demanded
	waited     regime        // the strongest that was in force and too weak, and what was demanded instead
	demand     regime
}

// weakSpans are the times in which a regime was weaker than demanded.
func weakSpans(node string, regimes []stretch, demands []record.Demand) (weak []weakSpan) {
	cuts := []time.Duration{0, forever}
	for _, d := range demands {
		cuts = append(cuts, d.At)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	for _, s := range regimes {
		for i := range len(cuts) - 1 {
			from, to := max(s.from, cuts[i]), min(s.to, cuts[i+1])
			d := record.Demanded(demands, node, cuts[i])
			if from >= to || d.Standbys == 0 && d.Commit == "" {
				continue
			}
			demand := newRegime(d.Commit, d.Standbys, d.Names)
			tooWeak := slices.DeleteFunc(slices.Clone(s.regimes), func(r regime) bool { return !r.weaker(demand) })
			if len(tooWeak) > 0 {
				waited := slices.MaxFunc(tooWeak, func(a, b regime) int { return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.num, b.num)) })
				weak = append(weak, weakSpan{from, to, s.life, len(tooWeak) < len(s.regimes), waited, demand})
			}
		}
	}
	return weak
}

// during is when an acknowledged write was under way.
func during(e *ledger.Entry) (from, to time.Duration) {
	if e.Sent == 0 {
		return e.Done, e.Done
	}
	return e.Sent, max(e.Sent, e.Done)
}

// weakness says whether an acknowledgement is weak by one of the spans: a commit waits
// for its standbys at some moment between its being sent and its answer. What was sent
// before a server was started, another one has answered, however late that was read.
func weakness(spans []weakSpan, e *ledger.Entry) WeakReason {
	switch s := weakBy(spans, e); {
	case s == nil:
		return ""
	case s.transition:
		return WeakTransition
	}
	return WeakRegime
}

// weakBy is the span that makes an acknowledgement weak, a certain one if there is one;
// nil: there is none.
func weakBy(spans []weakSpan, e *ledger.Entry) (by *weakSpan) {
	from, to := during(e)
	for i := range spans {
		s := &spans[i]
		if s.from > to || s.to <= from || from < s.life {
			continue
		}
		if !s.transition {
			return s
		}
		by = s
	}
	return by
}

// wasOff tells whether synchronous_commit was off at some moment of a write.
func wasOff(regimes []stretch, e *ledger.Entry) bool {
	from, to := during(e)
	return slices.ContainsFunc(regimes, func(s stretch) bool {
		return s.from <= to && s.to > from && from >= s.life && slices.ContainsFunc(s.regimes, func(r regime) bool { return r.level == levelOff })
	})
}
