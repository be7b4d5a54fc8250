package check

import (
	"cmp"
	"math"
	"slices"
	"time"

	"pgchaos/history"
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
func (f felt) recovered(r *Recovery, window, until, firstFault time.Duration) WorkloadRecovery {
	w := WorkloadRecovery{Workload: f.Workload, Writes: f.Writes}
	if w.Loaded = f.activeAt(r.Issued) && f.lastActive() > r.Effective; !w.Loaded {
		return w
	}
	w.FirstError = f.firstError(r.Issued, window)
	w.LastOldAck, w.FirstNewAck = f.acknowledgements(r, until)
	w.Throughput, w.Before = f.throughput(r, window)
	if first := w.FirstNewAck; first.State == StageReached && bucket(first.At) == bucket(w.Throughput.At) {
		w.Throughput.At = first.At // of one bucket, of which the one is known better
	}
	w.Clients = f.clientOutages(r.Issued, window, firstFault)
	if f.Spread {
		w.Nodes = f.nodeRecoveries(r, window, firstFault)
	}
	return w
}

// firstError is the first failure, exactly where a client noted it.
func (f felt) firstError(issued, window time.Duration) Stage {
	o := Outage{Issued: issued}
	first, _ := f.failures(&o, window)
	if first < 0 {
		return missed(min(window, f.lastActive()))
	}
	at := max(issued, start(first))
	if exact, ok := f.noted(first, false, func(e history.Episode) (time.Duration, bool) {
		return e.FirstError, e.FirstError >= issued
	}); ok {
		at = exact
	}
	return reached(at)
}

// noted is the earliest moment in a bucket that some client noted, or the latest.
func (f felt) noted(in int, latest bool, moment func(history.Episode) (time.Duration, bool)) (at time.Duration, ok bool) {
	for _, c := range f.Clients {
		for _, e := range c.Episodes {
			t, counts := moment(e)
			if counts && t > 0 && bucket(t) == in && (!ok || latest == (t > at)) {
				at, ok = t, true
			}
		}
	}
	return at, ok
}

// acknowledgements are the last from a node that the fault took away, be it one that
// nobody waited for any more, and the first from the new primary that somebody did. Where the node can serve the workload again, because it is
// the new primary too, or a standby, its longest silence comes after the last. A
// workload that is on several nodes was on the new primary before that was one: for
// it there is no first.
func (f felt) acknowledgements(r *Recovery, until time.Duration) (last, first Stage) {
	none := Stage{State: StageNone}
	if len(f.Nodes) == 0 {
		return Stage{}, Stage{}
	}
	last, first = none, none
	for i, n := range f.Nodes {
		if !slices.Contains(r.Nodes, n.Node) || !n.servedIn(r.Issued-recentSpan, r.Issued) {
			continue
		}
		old := felt{Activity: Activity{OK: n.answered(), Errors: n.Errors, Active: f.Active}, end: f.end}
		b := old.lastSuccess(until)
		if f.Spread || n.Node != r.Primary || r.NewPrimary == n.Node || r.Writable.State == StageNone {
			b = old.beforeSilence(r.Issued, until)
		}
		at := start(b)
		if exact, ok := f.noted(b, true, func(e history.Episode) (time.Duration, bool) { return e.LastOK, e.Before == i+1 }); ok {
			at = exact
		}
		if late, ok := n.late(b); ok && late < until {
			at = max(at, late)
		}
		if last.State == StageNone || at > last.At {
			last = reached(at)
		}
		if n.Node == r.Primary && !f.Spread {
			first = f.firstNew(r, b, until)
		}
	}
	return last, first
}

// firstNew is the first acknowledgement from the new primary; lastOld is the bucket of
// the old one's last.
func (f felt) firstNew(r *Recovery, lastOld int, until time.Duration) Stage {
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
	from := bucket(r.Issued)
	if !f.Writes {
		from = bucket(r.Writable.At) // what it answered as a standby is no primary's
	}
	if r.NewPrimary == r.Primary {
		from = lastOld + 1
	}
	fresh := felt{Activity: Activity{OK: f.Nodes[i].OK}}
	b := fresh.success(from)
	if b < 0 || start(b) >= until {
		return missed(min(until, f.lastActive()))
	}
	at := max(start(b), r.Issued)
	if exact, ok := f.noted(b, false, func(e history.Episode) (time.Duration, bool) {
		return e.FirstOK, e.After == i+1 && e.FirstOK >= r.Issued
	}); ok {
		at = exact
	}
	return reached(at)
}

// answered counts the acknowledgements by bucket, those too that came when nobody waited
// for them any more.
func (n NodeActivity) answered() []uint32 {
	if len(n.Late) == 0 {
		return n.OK
	}
	all := slices.Clone(n.OK)
	for _, at := range n.Late {
		if i := bucket(at); i < len(all) {
			all[i]++
		}
	}
	return all
}

// late is the last late acknowledgement in a bucket.
func (n NodeActivity) late(in int) (at time.Duration, ok bool) {
	i, ok := slices.BinarySearchFunc(n.Late, in, func(at time.Duration, in int) int { return cmp.Compare(bucket(at), in) })
	if !ok {
		return 0, false
	}
	return n.Late[i], true
}

// servedIn tells whether the node acknowledged something in [from, to).
func (n NodeActivity) servedIn(from, to time.Duration) bool {
	for i := bucket(max(0, from)); i < len(n.OK) && start(i) < to; i++ {
		if n.OK[i] > 0 {
			return true
		}
	}
	return false
}

// lastSuccess is the last bucket before a moment with a success, or 0.
func (f felt) lastSuccess(before time.Duration) int {
	for i := min(len(f.OK), bucket(before)+1) - 1; i > 0; i-- {
		if f.OK[i] > 0 && start(i) < before {
			return i
		}
	}
	return 0
}

// beforeSilence is the bucket of the success after which the longest time without
// one began. That the node had just served is known, so there is one.
func (f felt) beforeSilence(from, until time.Duration) int {
	last := f.lastSuccess(from + Bucket)
	longest, at := time.Duration(-1), last
	for i := last; i < len(f.OK) && start(i) < until; i++ {
		if f.OK[i] == 0 {
			continue
		}
		next := f.lastActive()
		if n := f.success(i + 1); n >= 0 {
			next = start(n)
		}
		next = min(next, until) // the silence after that is the next fault's
		if next-start(i) > longest {
			longest, at = next-start(i), i
		}
	}
	return at
}

// throughput is the first moment, from the fault taking effect on, from which on a
// window is served at 90 % of the rate before, and the next window too. A window that
// the next fault is issued in tells of that one, so a return must be seen before it. It
// does not apply where the rate never fell, and is unknown where there was no time or
// too little load to tell a rate.
func (f felt) throughput(r *Recovery, nextFault time.Duration) (Stage, float64) {
	from := max(0, r.Issued-beforeSpan)
	for _, a := range f.Active {
		if a.From <= r.Issued {
			from = max(from, a.From)
		}
	}
	first, issued := bucket(from+Bucket-1), bucket(r.Issued)
	if issued-first < bucket(steadySpan) {
		return Stage{}, 0
	}
	before := float64(f.served(first, issued)) / (start(issued) - start(first)).Seconds()
	if before == 0 {
		return Stage{}, 0
	}
	window := bucket(max(steadySpan, time.Duration(math.Ceil(leastCount/before*float64(time.Second)))))
	effective, end := bucket(r.Effective), min(bucket(f.lastActive()), bucket(nextFault))
	last := end - window
	if start(window) > longestWin || end <= effective {
		return Stage{}, before
	}
	share := func(from, to int) float64 { // of the rate before
		return float64(f.served(from, to)) / (before * (start(to) - start(from)).Seconds())
	}
	steady := func(i int) bool {
		after := min(i+2*window, end) // cut short by the next fault, or by the end of the load
		for p := range parts {
			if share(i+p*window/parts, i+(p+1)*window/parts) < 0.5 {
				return false
			}
		}
		return share(i, i+window) >= steadyShare && (after == i+window || share(i+window, after) >= steadyShare)
	}
	if effective <= last && steady(effective) {
		return Stage{State: StageNone}, before
	}
	for i := effective; i <= last; i++ {
		if f.OK[i] > 0 && steady(i) {
			return reached(start(i)), before
		}
	}
	// What began too late for a window of its own may have been the return.
	late := f.success(max(last+1, effective))
	switch {
	case late < 0 || late >= end:
		return missed(start(end)), before
	case late == effective:
		return Stage{}, before
	}
	return missed(start(late)), before
}

// served counts the successes in the buckets [from, to).
func (f felt) served(from, to int) (n int64) {
	for i := max(0, from); i < min(to, len(f.OK)); i++ {
		n += int64(f.OK[i])
	}
	return n
}

// nodeRecoveries are the outages of the nodes that served the workload when the fault
// was issued. One that became the primary, and is left alone for that, has none.
func (f felt) nodeRecoveries(r *Recovery, window, firstFault time.Duration) (all []NodeRecovery) {
	m := history.Mark{Name: r.Event, Issued: r.Issued, Effective: r.Effective}
	for _, n := range f.Nodes {
		if !n.servedIn(r.Issued-recentSpan, r.Issued) {
			continue
		}
		own := felt{Activity: Activity{OK: n.OK, Errors: n.Errors, Active: f.Active}, end: f.end}
		o := own.outage(m, window, own.healthyGap(firstFault, r.Issued))
		promoted := n.Node == r.NewPrimary && !o.Recovered
		if !promoted && (o.RTO > 0 || o.Errors > 0) {
			all = append(all, own.nodeRecovery(n.Node, o))
		}
	}
	return all
}

// nodeRecovery is the outage of a node of which this is the part.
func (f felt) nodeRecovery(node string, o Outage) NodeRecovery {
	r := NodeRecovery{Node: node, Errors: o.Errors, Recovered: o.Recovered, RTO: o.RTO}
	used := len(f.OK) - 1
	for f.OK[used] == 0 && f.Errors[used] == 0 { // it has served
		used--
	}
	if r.Left = !r.Recovered && start(used) < f.lastActive()-recentSpan; r.Left {
		r.RTO = max(0, start(used)-o.Effective)
	}
	return r
}
