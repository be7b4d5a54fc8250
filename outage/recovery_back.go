package outage

import (
	"slices"
	"time"

	"pgchaos/record"
)

// rejoined finds when all nodes of a fault were part of the cluster again, and which of them had to be.
func (w watched) rejoined(r *Recovery, own, until time.Duration) {
	of := func(nodes ...string) Stage {
		return w.back(r.Issued, own, until, func(v record.View, _ time.Duration) record.Truth { return joined(v, nodes) })
	}
	r.Rejoined = of(r.Nodes...)
	if r.Rejoined.State != StageReached && r.Rejoined.State != StageMissed {
		return
	}
	for _, n := range r.Nodes {
		switch of(n).State {
		case r.Rejoined.State:
			r.Missing = append(r.Missing, n)
		case StageNone:
			r.Kept = append(r.Kept, n)
		}
	}
}

// unread are the nodes that could not be read in [from, until), though nothing is known to have kept them from answering.
func (w watched) unread(from, until time.Duration) (nodes []string) {
	for node, s := range w.viewAt(from) {
		if s.Unread() {
			nodes = append(nodes, node)
		}
	}
	for _, s := range w.changes {
		if s.At >= from && s.At < until && s.Unread() {
			nodes = append(nodes, s.Node)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// joined tells whether all nodes are part of the cluster.
func joined(v record.View, nodes []string) record.Truth {
	all := record.True
	for _, n := range nodes {
		switch v.Joined(n) {
		case record.False:
			return record.False
		case record.NotKnown:
			all = record.NotKnown
		}
	}
	return all
}

// never stands for a moment that has not come.
const never = time.Duration(-1)

// unreadSpan is for how long something must not be known to matter: a node is read every 100 ms, and what comes and goes
// between two readings is seen of no node.
const unreadSpan = 200 * time.Millisecond

// comeback follows whether something is so that a fault can have taken away.
type comeback struct {
	gone  bool          // it was not so at some moment
	maybe time.Duration // from when on it is not known whether it is so, or is so again; never
	again time.Duration // when it was so again; never
	clear time.Duration // until when it was not known, where it was not known to be gone either; never
}

// see takes what is known from a moment on.
func (c *comeback) see(now record.Truth, at time.Duration) {
	switch {
	case now == record.False:
		c.gone, c.again, c.maybe = true, never, never // a success that does not last is none
	case now == record.NotKnown:
		if c.again < 0 && c.maybe < 0 {
			c.maybe = at
		}
	case !c.gone:
		if c.maybe >= 0 && at-c.maybe >= unreadSpan {
			c.clear = at
		}
		c.maybe = never
	case c.again < 0:
		c.again = at
	}
}

// stage is what came of it, from the fault on. What first goes missing at own or later is no part of it. What is not known to have been gone is not known to have been kept either,
// and a return can have come as early as nothing was known any more.
func (c *comeback) stage(from, own, until time.Duration) Stage {
	switch {
	case !c.gone && c.maybe >= 0 && min(own, until)-c.maybe >= unreadSpan:
		return Stage{}
	case !c.gone && c.clear >= 0:
		return Stage{State: StageReached, From: from, At: c.clear}
	case !c.gone:
		return Stage{State: StageNone}
	case c.again >= 0 && c.maybe >= 0 && c.again-c.maybe >= unreadSpan:
		return Stage{State: StageReached, From: c.maybe, At: c.again}
	case c.again >= 0:
		return reached(c.again)
	case c.maybe >= 0:
		return missed(c.maybe) // by when it certainly had not come
	}
	return missed(until)
}

// back is when something was so again, for good, that had not been at some moment
// from the fault on. It does not apply to what always was so, nor to what was so until own, when another fault was issued.
func (w watched) back(from, own, until time.Duration, so func(record.View, time.Duration) record.Truth) Stage {
	view := w.viewAt(from)
	c := comeback{again: never, maybe: never, clear: never}
	c.see(so(view, from), from)
	for _, s := range w.changes {
		if s.At <= from {
			continue
		}
		if s.At >= until || !c.gone && s.At >= own || c.again >= 0 && s.At >= c.again+minStall {
			break
		}
		view[s.Node] = s
		c.see(so(view, s.At), s.At)
	}
	return c.stage(from, own, until)
}
