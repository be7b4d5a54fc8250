package audit

import (
	"math/bits"
	"slices"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// where is a set of nodes and of forks: bits of their indices.
type where struct{ nodes, forks uint64 }

func (w where) empty() bool { return w == where{} }

// write is one write and what is known of it.
type write struct {
	key      record.Key
	n        int64 // rows, for those without a key; otherwise 1
	workload string
	entry    ledger.Entry // zero for what was never attempted
	timeline uint32       // of the server, where its entry does not tell it
	weak     WeakReason
	loss     *verdictOf // of what is lost
	found    where
}

// rangeCollector counts writes of one kind, and joins neighbours into runs. Writes of a
// writer come in the order of their keys.
type rangeCollector struct {
	n, more   int64
	good, bad []collectedRange // explained; unexplained, or nothing to explain
	open      collectedRange
	has       bool
}

// collectedRange is a run, and where it is.
type collectedRange struct {
	Run
	found where
	lost  bool
}

// add counts a write. A run ends where anything that is said of it changes: each is a
// different course.
func (g *rangeCollector) add(w write) {
	g.n += w.n
	next := collectedRange{found: w.found, lost: w.loss != nil, Run: Run{
		Writer: w.key.Writer(), Workload: w.workload, First: w.key.Seq(), Last: w.key.Seq(), N: w.n, From: w.entry.Done, To: w.entry.Done,
		Node: w.entry.Server.Node, Timeline: w.timeline, FirstLSN: w.entry.LSN, LastLSN: w.entry.LSN, Weak: w.weak,
	}}
	if l := w.loss; l != nil {
		next.Explained, next.Cause, next.LostBy, next.Fork, next.Why = l.explained, l.cause, l.event.name, l.fork, l.why
	}
	if g.has && g.open.continues(&next) {
		g.open.Last, g.open.To = next.Last, max(g.open.To, next.To)
		g.open.N += next.N
		if next.LastLSN > 0 {
			g.open.LastLSN = next.LastLSN
		}
		return
	}
	g.flush()
	g.open, g.has = next, true
}

func (r *collectedRange) continues(next *collectedRange) bool {
	return r.Writer == next.Writer && r.Last+1 == next.First && r.Node == next.Node && r.Timeline == next.Timeline && r.Weak == next.Weak &&
		r.found == next.found && r.Explained == next.Explained && r.Cause == next.Cause && r.LostBy == next.LostBy && r.Fork == next.Fork
}

// flush keeps the open run, or counts it when there are enough of its kind.
func (g *rangeCollector) flush() {
	into := &g.bad
	if g.open.Explained {
		into = &g.good
	}
	switch {
	case !g.has:
	case len(*into) == MaxRuns:
		g.more++
	default:
		*into = append(*into, g.open)
	}
	g.has = false
}

// close is the count, the unexplained runs first.
func (g *rangeCollector) close(a *auditor) Count {
	g.flush()
	all := slices.Concat(g.bad, g.good)
	kept := all[:min(MaxRuns, len(all))]
	c := Count{N: g.n, More: g.more + int64(len(all)-len(kept))}
	for _, r := range kept {
		r.FoundOn, r.OnForks = a.names(r.found.nodes, a.nodes), a.names(r.found.forks, a.forks)
		if r.lost {
			r.MissingOn = a.names(a.readable()&^r.found.nodes, a.nodes)
		}
		c.Runs = append(c.Runs, r.Run)
	}
	return c
}

// names are those of the holders in a set.
func (a *auditor) names(set uint64, of []held) (names []string) {
	for ; set != 0; set &= set - 1 {
		if name := of[bits.TrailingZeros64(set)].name; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// readable are the nodes of which it is known what they do not hold.
func (a *auditor) readable() (set uint64) {
	for i, h := range a.nodes {
		if h.holding != nil && !h.holding.Truncated() {
			set |= 1 << i
		}
	}
	return set
}
