package load

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"pgchaos/history"
)

// totals is all that was recorded and collected. Workload.mu guards it.
type totals struct {
	paced    bool
	phases   []*phaseTotals // by from
	activity [][]cell       // by node (0: unknown), then by bucket of the run's clock
	active   []Interval
	late     [][]time.Duration // by node (0: unknown): see Record.LateAcks
	// second is what was recorded since began, for the status line.
	second  latencies
	began   time.Duration
	errors  int64
	dropped int64
	live    Live
}

// phaseTotals is what was due in one phase.
type phaseTotals struct {
	name     string
	from     time.Duration
	outcomes [history.Outcomes]int64
	response Dist
	service  Dist // unused in a closed loop
}

func (t *totals) init(paced bool, nodes int) {
	t.activity = make([][]cell, nodes+1)
	t.late = make([][]time.Duration, nodes+1)
	t.paced = paced
	t.second = newLatencies()
	t.phases = []*phaseTotals{t.newPhase("", 0)}
}

func (t *totals) newPhase(name string, from time.Duration) *phaseTotals {
	p := &phaseTotals{name: name, from: from, response: NewDist()}
	if t.paced {
		p.service = NewDist()
	}
	return p
}

// addPhase appends a phase. Phases do not go back in time.
func (t *totals) addPhase(name string, at time.Duration) {
	at = max(at, t.phases[len(t.phases)-1].from)
	t.phases = append(t.phases, t.newPhase(name, at))
}

// phaseOf is the phase in which something was due.
func (t *totals) phaseOf(due time.Duration) int {
	after := sort.Search(len(t.phases), func(i int) bool { return t.phases[i].from > due })
	return max(0, after-1)
}

// present is the phase of this moment: operations due in [from, to) belong to it.
func (t *totals) present(now time.Duration) (phase int, from, to time.Duration) {
	phase = t.phaseOf(now)
	to = running
	if phase+1 < len(t.phases) {
		to = t.phases[phase+1].from
	}
	return phase, t.phases[phase].from, to
}

// book records one operation where no shard can.
func (t *totals) book(op *history.Op) {
	p := t.phases[t.phaseOf(op.Due)]
	p.outcomes[op.Outcome]++
	t.at(op.Node, int(op.Done/Bucket)).count(op.Outcome)
	switch op.Outcome {
	case history.Dropped:
		t.dropped++
	case history.Failed, history.Unknown:
		t.errors++
	}
	p.response.Record(op.Response())
	t.second.record(op.Response())
	if t.paced && op.Outcome != history.Dropped {
		p.service.Record(op.Service())
	}
}

// answeredLate notes when a node acknowledged what had been given up on: of each Bucket
// the last one.
func (t *totals) answeredLate(op *history.Op) {
	node := op.Node
	if node < 0 || node >= len(t.late) {
		node = 0
	}
	of := t.late[node]
	i, found := slices.BinarySearchFunc(of, op.Done, func(at, done time.Duration) int { return cmp.Compare(at/Bucket, done/Bucket) })
	if found {
		of[i] = max(of[i], op.Done)
		return
	}
	t.late[node] = slices.Insert(of, i, op.Done)
}

// take adds what a shard holds.
func (t *totals) take(s *shard) {
	p := t.phases[s.phase]
	for outcome, n := range s.outcomes {
		p.outcomes[outcome] += n
	}
	t.errors += s.outcomes[history.Failed] + s.outcomes[history.Unknown]
	t.dropped += s.outcomes[history.Dropped]
	p.response.take(&s.response)
	t.second.add(&s.response)
	if t.paced {
		p.service.take(&s.service)
	}
	for i, c := range s.activity {
		if c != (cell{}) {
			sum := t.at(i/shardSpan, s.base+i%shardSpan)
			sum.ok += c.ok
			sum.errors += c.errors
			sum.dropped += c.dropped
		}
	}
}

// at is a node's cell of one bucket of time; the table grows as far as needed.
func (t *totals) at(node, bucket int) *cell {
	bucket = max(bucket, 0)
	for len(t.activity[node]) <= bucket {
		t.activity[node] = append(t.activity[node], cell{})
	}
	return &t.activity[node][bucket]
}

// everywhere is the activity of all nodes together.
func (t *totals) everywhere() (sum []cell) {
	for _, cells := range t.activity {
		sum = append(sum, make([]cell, max(0, len(cells)-len(sum)))...)
		for i, c := range cells {
			sum[i].ok += c.ok
			sum[i].errors += c.errors
			sum[i].dropped += c.dropped
		}
	}
	return sum
}

// endSecond makes the status line of what was recorded since the last one.
func (t *totals) endSecond(now time.Duration) {
	if span := now - t.began; span > 0 {
		t.live = Live{
			At: now, Throughput: float64(t.second.n-t.dropped) / span.Seconds(), P99: t.second.quantile(0.99),
			Errors: t.errors, Dropped: t.dropped,
		}
	}
	t.restartSecond(now)
}

func (t *totals) restartSecond(now time.Duration) {
	t.second.clear()
	t.began, t.errors, t.dropped = now, 0, 0
}
