package report

import (
	"testing"
	"time"

	"pgchaos/outage"
	"pgchaos/verdict"
)

// watchedBy adds to quorum what its readers saw, all of it information.
func watchedBy(t *testing.T, r *Result) *Result {
	t.Helper()
	stale := outage.ReadExample{At: 3210 * ms, Client: 2, Node: "pgslave", Writer: 3, Seen: 41, Next: 40, Acked: 44, AckedAt: 3205 * ms, AckedBy: "pgmaster", N: 7}
	fresh := distOf(t, 10_000, 0, 0)
	r.Workloads[1].Reads = &Reads{
		Own: 15_003,
		Nodes: []NodeReads{
			{Node: "pgslave", Reads: 20_000, Stale: 5000, Staleness: distOf(t, 20_000, 0, 300*ms), Behind: Behind{P50: 0, P99: 9, Max: 12}},
			{Node: "pgslavenew", Reads: 10_000, Staleness: fresh},
		},
		Findings: []outage.ReadFinding{
			{What: outage.ReadStale, N: 5000, Examples: []outage.ReadExample{stale}},
			{What: outage.ReadMissedOwn, N: 1, Examples: []outage.ReadExample{stale}},
			{What: outage.ReadBehind, N: 12, Examples: []outage.ReadExample{{At: 3300 * ms, Client: 1, Node: "pgslave", Writer: 3, Seen: 43, Before: 44, On: "pgslavenew"}}},
		},
	}
	r.Forks = []outage.Forks{{
		Table: "network.test_data", Readings: 870, Writers: 8, Of: 8,
		Primary: outage.ForkCount{N: 2, Examples: []outage.Fork{{
			Node: "pgslave", At: 4572 * ms, Other: "pgmaster", OtherAt: 4284 * ms, Behind: outage.Lead{Writer: 0, Here: 276, There: 275}, Ahead: outage.Lead{Writer: 2, Here: 266, There: 267},
		}}},
	}}
	return r
}

// betrayed adds one of everything that PostgreSQL promises does not happen.
func betrayed(t *testing.T, r *Result) *Result {
	t.Helper()
	r = watchedBy(t, r)
	s := r.Workloads[1].Reads
	x := outage.ReadExample{At: 3210 * ms, Client: 2, Node: "pgslave", Writer: 3, Seen: 41, Acked: 44, AckedAt: 3205 * ms, AckedBy: "pgmaster"}
	hole, back := x, x
	hole.Next, hole.Acked = 39, 40
	back.Acked, back.Before, back.On = 0, 42, "pgslave"
	nobody := outage.ReadExample{At: 3210 * ms, Node: "pgslave", Seen: 1_000_000}
	s.Findings = append(s.Findings,
		outage.ReadFinding{What: outage.ReadStaleApplied, Violation: true, N: 17, AtLeast: true, Examples: []outage.ReadExample{x}},
		outage.ReadFinding{What: outage.ReadStalePrimary, Violation: true, N: 1, Examples: []outage.ReadExample{x}},
		outage.ReadFinding{What: outage.ReadWentBack, Violation: true, N: 1, Examples: []outage.ReadExample{back}},
		outage.ReadFinding{What: outage.ReadHole, Violation: true, N: 2, Examples: []outage.ReadExample{hole}},
		outage.ReadFinding{What: outage.ReadNever, Violation: true, N: 4, Examples: []outage.ReadExample{nobody}})
	s.NotJudged, s.Nodes[0].AtLeast = 30, 300
	f := &r.Forks[0]
	f.Writers, f.Of = 256, 300
	f.WentBack = outage.ForkCount{N: 1, Examples: []outage.Fork{{Node: "pgslave", At: 5 * time.Second, Ahead: outage.Lead{Writer: 4, Here: 9, There: 10}}}}
	f.Standbys = outage.ForkCount{N: 1, Examples: f.Primary.Examples}
	r.Workloads[0].Reads = &Reads{Unchecked: "the keys of table t are serial, so that a read does not know whose row is the newest"}
	return r
}

func TestReadMetrics(t *testing.T) {
	reads := func(r *Result) *Reads { return r.Workloads[1].Reads }
	tests := []struct {
		expect string
		change func(*Result)
		want   string
	}{
		{"stale_reads of reads == 0", nil, "5000"},
		{"stale_reads == 0", nil, "5000"},
		{"stale_read_rate < 1%", nil, "0.166666666667"},
		{"staleness_p50 of reads < 1s", nil, "0.075007"},
		{"staleness_max of reads < 1s", nil, "0.3"},
		{"staleness_max of reads < 1s", func(r *Result) { reads(r).Nodes[0].AtLeast = 1 }, "ATLEAST 0.3"},
		{"staleness_p50 of reads < 1s", func(r *Result) { reads(r).Nodes[0].AtLeast = 1 }, "0.075007"},
		{"read_your_writes_misses == 0", nil, "1"},
		{"cross_node_regressions == 0", nil, "12"},
		{"hole_reads == 0", nil, "0"},
		{"hole_reads == 0", func(r *Result) { betrayed(t, r) }, "2"},
		{"promised_stale_reads == 0", func(r *Result) { betrayed(t, r) }, "ATLEAST 18"},
		{"promised_stale_reads == 0", func(r *Result) { reads(r).NotJudged = 1 }, "ATLEAST 0"},
		{"monotonic_violations == 0", func(r *Result) { betrayed(t, r) }, "1"},
		{"never_attempted_reads == 0", func(r *Result) { betrayed(t, r) }, "4"},
		{"long_forks == 0", nil, "2"},
		{"standby_forks == 0", nil, "0"},
		{"long_forks == 0", func(r *Result) { r.Forks[0].Readings = 0 }, "? not read"},
		{"stale_reads == 0", func(r *Result) { r.Workloads, r.Afterwards = nil, &Afterwards{} }, "? recorded its load"},
		{"long_forks == 0", func(r *Result) { r.Forks, r.Afterwards = nil, &Afterwards{} }, "? recorded its load"},
		{"stale_reads == 0", func(r *Result) { reads(r).Nodes = nil }, "? no read of reads was answered"},
		{"staleness_p99 == 0s", func(r *Result) { reads(r).Nodes[0].Reads, reads(r).Nodes[1].Reads = 0, 0 }, "? no read of reads was answered"},
		{"hole_reads == 0", func(r *Result) { reads(r).Unchecked = "serial" }, "? not checked: serial"},
		{"hole_reads of writes == 0", nil, "? no workload of kind read"},
		{"hole_reads == 0", func(r *Result) { r.Workloads[1].Reads = nil }, "? no workload of kind read"},
	}
	for _, tt := range tests {
		t.Run(tt.expect+" "+tt.want, func(t *testing.T) {
			r := watchedBy(t, quorum(t))
			if tt.change != nil {
				tt.change(r)
			}
			e := expectations(t, tt.expect)[0]
			if got := valueWords(e, r.Metric(e)); !matches(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestBrokenPromisesFailARun, whatever is expected; information does not.
func TestBrokenPromisesFailARun(t *testing.T) {
	r := watchedBy(t, quorum(t))
	r.Judge(expectations(t, "lost_writes == 0"))
	if r.Verdict != verdict.Pass {
		t.Errorf("information: %s because %v", r.Verdict, r.Reasons)
	}
	r = betrayed(t, quorum(t))
	r.Judge(expectations(t, "hole_reads > 0"))
	if r.Verdict != verdict.Fail || len(r.Reasons) != 7 {
		t.Errorf("%s because of %d: %v", r.Verdict, len(r.Reasons), r.Reasons)
	}
}
