package load

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"pgchaos/record"
)

// totals is all that was recorded and collected. Workload.mu guards it.
type totals struct {
	// warm is when the warm-up ends: what is due before is in warmup, and in no phase
	// and no part.
	warm     time.Duration
	warmup   figures
	phases   []*phaseTotals // by from
	parts    []figures      // by number; empty where the workload is no mix
	late     latencies      // how late what a client had been waiting for was sent
	errors   map[errorKey]*ErrorCount
	activity [][]record.Slot // by node (0: unknown), then by the slot of the run's clock
	dropped  []uint32        // what was never sent, by SeriesStep
	// brokenOff are the operations that Close broke off, by SeriesStep: they are in no activity, which tells when a node served.
	brokenOff []uint32
	slowest   []time.Duration // the greatest response time, by SeriesStep
	seconds   seconds
	active    []Interval
	live      Live
	// allErrors and allDropped are Live.AllErrors and AllDropped.
	allErrors, allDropped int64
	// acknowledged is what was acknowledged since the first start, in the warm-up too.
	acknowledged int64
	// kinds are the errors by their kind and by time, the warm-up included.
	kinds errorKinds
	// lateAcks are by node (0: unknown): see Record.LateAcks.
	lateAcks [][]time.Duration
}

// phaseTotals is what was due in one phase.
type phaseTotals struct {
	name string
	from time.Duration
	figures
}

// figures are of a set of operations, as long as more can come.
type figures struct {
	outcomes         [record.Outcomes]int64
	retries, retried int64
	out, in          int64
	timing                  // of what was acknowledged
	rest             timing // of everything else
}

func (f *figures) record(op *record.Op) {
	f.outcomes[op.Outcome]++
	if op.Retries > 0 {
		f.retries += int64(op.Retries)
		f.retried++
	}
	f.out += op.Out
	f.in += op.In
	if op.Outcome.Acknowledged() {
		f.timing.record(op)
		return
	}
	f.rest.record(op)
}

// join puts the times of everything together, in the place of those of what was
// acknowledged.
func (f *figures) join() {
	f.timing.add(&f.rest)
	f.rest.clear()
}

func (f *figures) add(from *figures) {
	for outcome, n := range from.outcomes {
		f.outcomes[outcome] += n
	}
	f.retries += from.retries
	f.retried += from.retried
	f.out += from.out
	f.in += from.in
	f.timing.add(&from.timing)
	f.rest.add(&from.rest)
}

// clear forgets everything, but keeps the histograms' memory.
func (f *figures) clear() {
	f.timing.clear()
	f.rest.clear()
	*f = figures{timing: f.timing, rest: f.rest}
}

func newTotals(nodes, parts int) totals {
	return totals{
		phases: []*phaseTotals{{}}, parts: make([]figures, parts),
		errors: map[errorKey]*ErrorCount{}, kinds: errorKinds{}, activity: make([][]record.Slot, nodes+1), lateAcks: make([][]time.Duration, nodes+1),
	}
}

// addPhase appends a phase. Phases do not go back in time.
func (t *totals) addPhase(name string, at time.Duration) {
	at = max(at, t.phases[len(t.phases)-1].from)
	t.phases = append(t.phases, &phaseTotals{name: name, from: at})
}

// phaseOf are the figures of the phase in which something was due, or of the warm-up.
func (t *totals) phaseOf(due time.Duration) *figures {
	if due < t.warm {
		return &t.warmup
	}
	if last := t.phases[len(t.phases)-1]; due >= last.from {
		return &last.figures
	}
	after := sort.Search(len(t.phases), func(i int) bool { return t.phases[i].from > due })
	return &t.phases[max(0, after-1)].figures
}

// answeredLate notes when a node acknowledged what had been given up on: of each
// record.SlotLength the last one.
func (t *totals) answeredLate(op *record.Op) {
	node := op.Node
	if node < 0 || node >= len(t.lateAcks) {
		node = 0
	}
	of := t.lateAcks[node]
	i, found := slices.BinarySearchFunc(of, op.Done, func(at, done time.Duration) int { return cmp.Compare(at/record.SlotLength, done/record.SlotLength) })
	if found {
		of[i] = max(of[i], op.Done)
		return
	}
	t.lateAcks[node] = slices.Insert(of, i, op.Done)
}

// record counts one operation everywhere.
func (t *totals) record(s *sample, brokenOff bool) {
	op := &s.op
	switch {
	case op.Outcome == record.Dropped:
		*entry(&t.dropped, op.Done/SeriesStep)++
		t.allDropped++
	case brokenOff:
		*entry(&t.brokenOff, op.Done/SeriesStep)++
	default:
		entry(&t.activity[op.Node], op.Done/record.SlotLength).Add(op.Outcome, op.Done)
	}
	if op.Outcome.Acknowledged() {
		t.acknowledged++
	}
	if op.HasResponse() {
		most := entry(&t.slowest, op.Done/SeriesStep)
		*most = max(*most, op.Response())
	}
	phase := t.phaseOf(op.Due)
	second := max(0, int(op.Done/time.Second))
	t.seconds.find(second, phase).record(op)
	if op.Outcome == record.Failed || op.Outcome == record.Unknown {
		t.kinds.count(op.Kind, op.Done)
		t.allErrors++
	}
	if phase == &t.warmup {
		return
	}
	if uint(op.Part) < uint(len(t.parts)) {
		t.parts[op.Part].record(op)
	}
	if s.late >= 0 {
		t.late.record(s.late)
	}
	if op.Outcome != record.OK {
		t.countError(op)
	}
}

// entry is an entry of a table over time, which grows as far as needed.
func entry[T any](table *[]T, i time.Duration) *T {
	for i = max(i, 0); len(*table) <= int(i); {
		*table = append(*table, *new(T))
	}
	return &(*table)[i]
}

// everywhere is the activity of all nodes together, at least until end.
func (t *totals) everywhere(end time.Duration) []record.Slot {
	n := int(end/record.SlotLength) + 1
	for _, slots := range t.activity {
		n = max(n, len(slots))
	}
	sum := make([]record.Slot, n)
	for _, slots := range t.activity {
		for i, s := range slots {
			sum[i].Merge(s)
		}
	}
	return sum
}

// errorKey is what makes a kind of error.
type errorKey struct {
	kind    string
	outcome record.Outcome
}

func (t *totals) countError(op *record.Op) {
	if op.Outcome == record.Dropped {
		return
	}
	key := errorKey{op.Kind, op.Outcome}
	e := t.errors[key]
	if e == nil {
		e = &ErrorCount{Kind: op.Kind, Outcome: op.Outcome}
		if op.Err != nil {
			e.Example = op.Err.Error()
		}
		t.errors[key] = e
	}
	e.N++
}

func (t *totals) errorCounts() []ErrorCount {
	counts := make([]ErrorCount, 0, len(t.errors))
	for _, e := range t.errors {
		counts = append(counts, *e)
	}
	slices.SortFunc(counts, func(a, b ErrorCount) int {
		return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Outcome, b.Outcome))
	})
	return counts
}

// tellLive makes the status line of the last complete second, of a run that began at
// start.
func (t *totals) tellLive(start, now time.Duration) {
	number := int(now/time.Second) - 1
	end := time.Duration(number+1) * time.Second
	if end <= start || end == t.live.At {
		return
	}
	t.live = Live{At: end}
	sum := t.seconds.sum(number, number+1)
	t.live.Throughput = float64(samples(sum.outcomes)) / min(time.Second, end-start).Seconds()
	t.live.P50, t.live.P99 = sum.response.quantile(0.5), sum.response.quantile(0.99)
	t.live.Errors = sum.outcomes[record.Failed] + sum.outcomes[record.Unknown]
	t.live.Dropped = sum.outcomes[record.Dropped]
	t.live.Kinds = t.kinds.within(end-time.Second, end)
}
