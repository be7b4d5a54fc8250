package outage

import (
	"math"
	"slices"
	"time"

	"pgchaos/record"
)

// The throughput before a fault, and after it.
const (
	beforeSpan  = 10 * time.Second       // over at most so long it is measured before
	steadySpan  = 500 * time.Millisecond // for so long it must be back, and then not gone at once
	steadyShare = 0.9
	// leastCount is how many operations a window must expect, or one more or less would
	// decide: the window of a slow workload is as much longer.
	leastCount = 20
	longestWin = 10 * time.Second
	// Each of so many parts of a window must have half its share: a gap is a gap, though
	// a burst of what was sent late makes it good within the window.
	parts = 10
)

// recentSpan is how recently a node must have served a workload to count as serving
// it when a fault is issued.
const recentSpan = time.Second

// recovered is what the workload's clients saw of a fault: window is up to where
// failures are its doing, until the end of its aftermath.
func (f clientTimeline) recovered(r *Recovery, window window, until, firstFault time.Duration) WorkloadRecovery {
	w := WorkloadRecovery{Workload: f.Workload, Writes: f.Writes}
	if w.Loaded = f.activeAt(r.Issued) && f.lastActive() > r.Effective; !w.Loaded {
		return w
	}
	usual := f.usual(firstFault, r.Issued)
	if w.NotServed = !usual.served; w.NotServed {
		return w
	}
	if w.Shared = window.shared; len(w.Shared) > 0 {
		w.Next = window.next
	}
	w.FirstError = f.failed(r.Issued, window.until, usual)
	w.LastOldAck, w.FirstNewAck = f.acknowledgements(r, until)
	w.Throughput, w.Before = f.throughput(r, window.until)
	w.Clients = f.clientOutages(r.Issued, window.until, usual)
	if f.Spread {
		w.Nodes = f.nodeRecoveries(r, window.until, firstFault)
	}
	return w
}

// failed is the first failure.
func (f clientTimeline) failed(issued, window time.Duration, usual usual) Stage {
	o := Outage{Issued: issued}
	first, _ := f.failures(&o, window, usual)
	if first < 0 {
		return missed(min(window, f.lastActive()))
	}
	return reached(max(issued, f.firstError(first)))
}

// acknowledgements are the last from a node that the fault took away, also one that came
// when its client had given up, and the first from the new primary that a client waited
// for. Where the node can serve the workload again, because it is the new primary too, or
// a standby, its longest silence comes after the last. A workload that is on several
// nodes was on the new primary before that was one: for it there is no first.
func (f clientTimeline) acknowledgements(r *Recovery, until time.Duration) (last, first Stage) {
	none := Stage{State: StageNone}
	if len(f.Nodes) == 0 {
		return Stage{}, Stage{}
	}
	last, first = none, none
	for _, n := range f.Nodes {
		if !slices.Contains(r.Nodes, n.Node) || slices.Contains(r.Kept, n.Node) || !n.servedIn(r.Issued-recentSpan, r.Issued) {
			continue
		}
		old := clientTimeline{Activity: Activity{Slots: n.answered(), Active: f.Active}, end: f.end}
		at, _ := old.lastBefore(until) // it has served
		if f.Spread || n.Node != r.Primary || r.NewPrimary == n.Node || r.Writable.State == StageNone {
			at = old.beforeSilence(r.Issued, until)
		}
		if !r.SessionsOnly && (last.State == StageNone || at > last.At) {
			last = reached(at)
		}
		if n.Node == r.Primary && !f.Spread {
			first = f.firstNew(r, at, until)
		}
	}
	return last, first
}

// firstNew is the first acknowledgement from the new primary; lastOld is the old one's
// last.
func (f clientTimeline) firstNew(r *Recovery, lastOld, until time.Duration) Stage {
	switch {
	case r.Writable.State == StageNone:
		return Stage{State: StageNone} // the primary was not seen to be away, and there is no other
	case r.NewPrimary == "":
		return missed(min(until, f.lastActive()))
	}
	i := slices.IndexFunc(f.Nodes, func(n NodeActivity) bool { return n.Node == r.NewPrimary })
	if i < 0 {
		return Stage{}
	}
	from := r.Issued
	if !f.Writes {
		from = r.Writable.At // what it answered as a standby is no primary's
	}
	if r.NewPrimary == r.Primary {
		from = lastOld + time.Microsecond
	}
	at, ok := clientTimeline{Activity: Activity{Slots: f.Nodes[i].Slots}}.successFrom(from)
	if !ok || at >= until {
		return missed(min(until, f.lastActive()))
	}
	return reached(at)
}

// beforeSilence is the success after which the longest time without one began. That the
// node had just served is known, so there is one.
func (f clientTimeline) beforeSilence(from, until time.Duration) time.Duration {
	at, _ := f.lastBefore(from)
	longest := time.Duration(-1)
	for g := range f.gaps(at, until) {
		if length := min(g.to, until) - g.from; length > longest { // the silence after that is the next fault's
			longest, at = length, g.from
		}
	}
	return at
}

// throughput is the first moment, after the rate fell, from which on a window is served
// at 90 % of the rate before, and the next window too. Where it falls more than once before the fault has taken effect, the last
// fall counts: a manager that is asked for a switchover can take seconds until it begins. A window that
// the next fault is issued in tells of that one, so a return must be seen before it. It
// does not apply where the rate never fell, between the fault being issued and its
// effect or just after that, and is unknown where there was no time or
// too little load to tell a rate.
func (f clientTimeline) throughput(r *Recovery, nextFault time.Duration) (Stage, float64) {
	from := max(0, r.Issued-beforeSpan)
	for _, a := range f.Active {
		if a.From <= r.Issued {
			from = max(from, a.From)
		}
	}
	first, issued := slot(from+record.SlotLength-1), slot(r.Issued)
	if issued-first < slot(steadySpan) {
		return Stage{}, 0
	}
	before := f.served(first, issued) / (start(issued) - start(first)).Seconds()
	if before == 0 {
		return Stage{}, 0
	}
	window := slot(max(steadySpan, time.Duration(math.Ceil(leastCount/before*float64(time.Second)))))
	effective, end := slot(r.Effective), min(slot(f.lastActive()), slot(nextFault))
	last := end - window
	if start(window) > longestWin || end <= effective {
		return Stage{}, before
	}
	steady := func(i int) bool { return f.steady(i, window, end, before) }
	falls := func(from int) int { // where it falls from there on, before the fault has taken effect; or where it has not by then
		for from <= min(effective, last) && steady(from) {
			from++
		}
		return from
	}
	fell := falls(issued)
	if fell > effective {
		return Stage{State: StageNone}, before
	}
	for i := fell; i <= last; i++ {
		if f.Slots[i].OK == 0 || !steady(i) {
			continue
		}
		again := falls(i)
		if again > min(effective, last) {
			return reached(max(r.Issued, f.firstOK(i))), before
		}
		fell, i = again, again // what was before the fault took effect was no return from it
	}
	// What began too late for a window of its own may have been the return.
	late := f.success(max(last+1, fell))
	switch {
	case late < 0 || late >= end:
		return missed(start(end)), before
	case late == fell:
		return Stage{}, before
	}
	return missed(start(late)), before
}

// steady tells whether a window that begins at slot i, and the next one up to end, are served at 90 % of a rate.
func (f clientTimeline) steady(i, window, end int, rate float64) bool {
	share := func(from, to int) float64 { return f.served(from, to) / (rate * (start(to) - start(from)).Seconds()) }
	for p := range parts {
		if share(i+p*window/parts, i+(p+1)*window/parts) < 0.5 {
			return false
		}
	}
	after := min(i+2*window, end) // cut short by the next fault, or by the end of the load
	return share(i, i+window) >= steadyShare && (after == i+window || share(i+window, after) >= steadyShare)
}

// served counts the successes in the slots [from, to).
func (f clientTimeline) served(from, to int) float64 {
	ok, _ := f.count(from, to)
	return float64(ok)
}

// nodeRecoveries are the outages of the nodes that served the workload when the fault
// was issued. One that became the primary, and is left alone for that, has none.
func (f clientTimeline) nodeRecoveries(r *Recovery, window, firstFault time.Duration) (all []NodeRecovery) {
	m := record.Event{Name: r.Event, Issued: r.Issued, Effective: r.Effective}
	for _, n := range f.Nodes {
		if !n.servedIn(r.Issued-recentSpan, r.Issued) {
			continue
		}
		own := clientTimeline{Activity: Activity{Slots: n.Slots, Active: f.Active}, end: f.end, part: true, parts: f.parts}
		o := own.outage(m, window, own.usual(firstFault, r.Issued))
		promoted := n.Node == r.NewPrimary && !o.Recovered
		if !promoted && !o.NotServed && (o.RTO > 0 || o.Errors > 0) {
			all = append(all, own.nodeRecovery(n.Node, o))
		}
	}
	return all
}

// nodeRecovery is the outage of a node of which this is the part.
func (f clientTimeline) nodeRecovery(node string, o Outage) NodeRecovery {
	r := NodeRecovery{Node: node, Errors: o.Errors, Recovered: o.Recovered, RTO: o.RTO}
	i := len(f.Slots) - 1
	for f.Slots[i].OK == 0 && f.Slots[i].Errors == 0 { // it has served
		i--
	}
	used := max(f.lastOK(i), f.lastError(i))
	if r.Left = !r.Recovered && used < f.lastActive()-recentSpan; r.Left {
		r.RTO = max(0, used-max(o.Issued, o.Since))
	}
	return r
}
