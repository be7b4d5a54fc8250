package runner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/outage"
	"pgchaos/report/text"
	"pgchaos/verdict"
)

// delayed has a standby that remote_apply waits for, and one that lags by a second: by much more than a busy machine
// takes for a commit, so that there are always acknowledged writes which that standby does not have.
const delayed = `
name: short
cluster:
  nodes: {a: {}, b: {}, c: {settings: {recovery_min_apply_delay: 1s}}}
  synchronous: {commit: remote_apply, standbys: FIRST 1 (b, c)}
load:
  writes: {kind: insert, clients: 4, rate: 200/s}
  reads: {kind: read, target: each, clients: 2, rate: 200/s}
timeline:
  - {at: 3s, stop_load: writes}
expect: [lost_writes == 0, promised_stale_reads == 0, staleness_max of reads > 500ms, standby_forks == 0, ghost_reads == 0]
`

// TestStalenessIsMeasured: none on the primary and on the standby that was waited
// for, and the delay on the other one.
func TestStalenessIsMeasured(t *testing.T) {
	r, err := run(t, t.Context(), testProvider(t), delayed, observer{})
	if err != nil || r.Verdict != verdict.Pass {
		t.Errorf("verdict %s, %v, %v, %+v", r.Verdict, r.Reasons, err, r.Expectations)
	}
	reads := r.Workloads[1].Reads
	if len(reads.Nodes) != 3 {
		t.Fatalf("%+v", reads)
	}
	for i, n := range reads.Nodes {
		if n.Reads == 0 || n.Staleness.Count != n.Reads {
			t.Errorf("%s: %d reads, staleness of %d", n.Node, n.Reads, n.Staleness.Count)
		}
		if i < 2 && n.Stale != 0 {
			t.Errorf("%d stale reads on %s", n.Stale, n.Node)
		}
	}
	c := reads.Nodes[2]
	if p := c.Staleness; c.Stale == 0 || p.P99 < 500*time.Millisecond {
		t.Errorf("c: %d of %d reads were stale, by %v at the 99 percentile", c.Stale, c.Reads, p.P99)
	}
	if len(r.Forks) != 1 || r.Forks[0].Readings == 0 {
		t.Errorf("readings of heads: %+v", r.Forks)
	}
}

// tampered deletes and adds rows of a writer behind the tool's back, when it has
// stopped: the newest but one, the newest, and one that nobody has attempted. Another
// one goes on writing.
const tampered = `
name: short
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 1, rate: 20/s}
  others: {kind: insert, clients: 1, rate: 20/s}
  reads: {kind: read, target: each, clients: 2, rate: 100/s}
timeline:
  - {when: acknowledged of writes >= 15, within: 30s, stop_load: writes}
  - {wait: 300ms}
  - {name: hole, sql: {node: a, query: "delete from test_data where int_value = (select max(int_value) - 1 from test_data where int_value < 1099511627776)"}}
  - {wait: 700ms}
  - {name: newest, sql: {node: a, query: "delete from test_data where int_value = (select max(int_value) from test_data where int_value < 1099511627776)"}}
  - {wait: 700ms}
  - {name: foreign, sql: {node: a, query: "insert into test_data values (1000000000)"}}
  - {wait: 600ms}
  - {stop_load: others}
expect: [lost_writes == 2]
`

// TestTamperingIsSeenByReaders, each kind as what it is.
func TestTamperingIsSeenByReaders(t *testing.T) {
	r, err := run(t, t.Context(), testProvider(t), tampered, observer{})
	if err != nil || r.Verdict != verdict.Fail {
		t.Errorf("verdict %s, %v, %v", r.Verdict, r.Reasons, err)
	}
	reads := r.Workloads[2].Reads
	found := map[outage.ReadWhat]int64{}
	for _, f := range reads.Findings {
		found[f.What] = f.N
	}
	for _, what := range []outage.ReadWhat{outage.ReadHole, outage.ReadWentBack, outage.ReadStalePrimary, outage.ReadNever} {
		i := slices.IndexFunc(reads.Findings, func(f outage.ReadFinding) bool { return f.What == what })
		if i < 0 || !reads.Findings[i].Violation || len(reads.Findings[i].Examples) == 0 {
			t.Errorf("%s: not seen in %v", what, found)
		}
	}
	if r.Forks[0].WentBack.N == 0 || r.Forks[0].Standbys.N != 0 {
		t.Errorf("readings of heads: %+v", r.Forks[0])
	}
	if g := r.Audits[0].Ghosts; g == nil || *g == 0 {
		t.Errorf("rows that were read and then deleted: %+v", r.Audits[0])
	}
	var shown strings.Builder
	if err := text.Write(&shown, r, text.Options{Full: true}); err != nil || !strings.Contains(shown.String(), "reads: VIOLATION: ") {
		t.Errorf("%v\n%s", err, shown.String())
	}
}
