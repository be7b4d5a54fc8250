package report

import (
	"strings"
	"testing"
	"time"

	"pgchaos/expect"
	"pgchaos/record"
	"pgchaos/verdict"
)

// TestUnsound: what clients met is judged only where the load was sustained before the
// first fault, pgchaos ran, and the timeline did not break off. What the audit found is
// judged all the same.
func TestUnsound(t *testing.T) {
	ofWrites := func(change func(b *Baseline)) func(*Result) {
		return func(r *Result) { change(r.Workloads[0].Baseline) }
	}
	still := func(from, to time.Duration) func(*Result) {
		return func(r *Result) { r.Generator = &Generator{StoodStill: []Standstill{{From: from, To: to}}} }
	}
	const sustained = "the load was not sustained before the first fault: "
	for _, tt := range []struct {
		name   string
		change func(*Result)
		expect string
		want   string // "": it is judged
	}{
		{"as it should be", nil, "write_rto < 10s", ""},
		{"errors", ofWrites(func(b *Baseline) { b.OK, b.Errors = 3100, 1900 }), "write_rto < 10s", sustained + "writes: error_rate 38 %, more than the 5 % allowed"},
		{"errors, and a loss", ofWrites(func(b *Baseline) { b.Errors = 1900 }), "lost_writes == 0", ""},
		{"errors, and an RPO", ofWrites(func(b *Baseline) { b.Errors = 1900 }), "rpo_seconds < 1s", ""},
		{"errors, and equal nodes", ofWrites(func(b *Baseline) { b.Errors = 1900 }), "nodes_equal", ""},
		{"errors, and the baseline itself", ofWrites(func(b *Baseline) { b.Errors = 1900 }), "error_rate of writes during baseline < 1%", ""},
		{"errors, and a phase after the fault", ofWrites(func(b *Baseline) { b.Errors = 1900 }), "p99 of writes during stop-pgslave < 2s", sustained + "writes: error_rate"},
		{"errors, and the whole run", ofWrites(func(b *Baseline) { b.Errors = 1900 }), "p99 of writes < 2s", sustained},
		{"errors of writes, and reads", ofWrites(func(b *Baseline) { b.Errors = 1900 }), "throughput of reads > 1/s", ""},
		{"errors of writes, and the outage of reads", ofWrites(func(b *Baseline) { b.Errors = 1900 }), "read_rto < 1s", ""},
		{"errors that the file allows", func(r *Result) { r.Workloads[0].Baseline.Errors, r.BaselineBounds.ErrorRate = 1900, 0.4 }, "write_rto < 10s", ""},
		{"slow", ofWrites(func(b *Baseline) { b.Median = 5 * time.Second }), "write_rto < 10s", sustained + "writes: median 5 s, more than the 1 s allowed"},
		{"slow at times", ofWrites(func(b *Baseline) { b.P95 = 3 * time.Second }), "client_rto_max < 10s", sustained + "writes: p95 3 s, more than the 2 s allowed"},
		{"slow by a little", ofWrites(func(b *Baseline) { b.Median = 1004 * time.Millisecond }), "write_rto < 10s", sustained + "writes: median 1.004 s, more than the 1 s allowed"},
		{"errors, one more than allowed", ofWrites(func(b *Baseline) { b.OK, b.Errors = 94_999, 5_001 }), "write_rto < 10s", sustained + "writes: error_rate 5.001 %, more than the 5 % allowed"},
		{"not as many as asked for", ofWrites(func(b *Baseline) { b.OK = 3000 }), "throughput_rto < 10s", sustained + "writes: 60 % of the arrivals were served, less than the 90 % required"},
		{"one of two arrivals still under way", ofWrites(func(b *Baseline) { b.Due, b.OK = 2, 1 }), "write_rto < 10s", ""},
		{"nothing succeeded", ofWrites(func(b *Baseline) { b.OK, b.Errors = 0, 50 }), "write_rto < 10s", sustained + "writes: no operation succeeded in 10.0 s"},
		{"no time before the fault", ofWrites(func(b *Baseline) { *b = Baseline{} }), "write_rto < 10s", "no operation succeeded"},
		{"a file of before", func(r *Result) { r.Workloads[0].Baseline, r.BaselineBounds = nil, nil }, "write_rto < 10s", ""},

		{"a standstill in the outage", still(20*time.Second, 22*time.Second), "write_rto < 10s", "pgchaos itself stood still from 20.000 s to 22.000 s"},
		{"a standstill after another fault", still(20*time.Second, 22*time.Second), "write_rto during stop-pgslave < 10s", ""},
		{"a standstill before the faults", still(2*time.Second, 3*time.Second), "write_rto < 10s", ""},
		{"a standstill in what the throughput is held against", still(2*time.Second, 3*time.Second), "throughput_rto < 10s", "pgchaos itself stood still"},
		{"a standstill in a phase", still(2*time.Second, 3*time.Second), "p99 of writes during baseline < 10s", "pgchaos itself stood still"},
		{"a standstill in another phase", still(2*time.Second, 3*time.Second), "p99 of writes during stop-pgslave < 10s", ""},
		{"a standstill, and a loss", still(2*time.Second, 3*time.Second), "lost_writes == 0", ""},
		{"a machine that slept", func(r *Result) {
			r.Generator = &Generator{StoodStill: []Standstill{{From: 21 * time.Second, To: 21 * time.Second, Slept: time.Hour}}}
		}, "write_rto < 10s", "the machine of pgchaos was suspended for 1h0m0s at 21.000 s"},

		{"all the CPU that there is", func(r *Result) { r.Generator = &Generator{Cores: 2, Allowed: 1.5, Before: 1.45} }, "p99 of writes < 10s",
			"pgchaos itself was the bottleneck: it took 1.45 of the 1.50 cores that it may use"},
		{"a core of two", func(r *Result) { r.Generator = &Generator{Cores: 2, Allowed: 2, Before: 1.2, Busiest: 1.3} }, "p99 of writes < 10s", ""},

		{"a step failed", func(r *Result) { r.Timeline[1].Status = record.EventFailed }, "write_rto < 10s", "crash failed at 20.000 s"},
		{"a step failed later", func(r *Result) { r.Timeline[1].Status = record.EventFailed }, "p99 of writes during stop-pgslave < 10s", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := quorum(t)
			r.BaselineBounds = &BaselineBounds{AchievedRate: 0.9, ErrorRate: 0.05, Median: time.Second, P95: 2 * time.Second}
			r.Workloads[0].Baseline = &Baseline{To: 10 * time.Second, Due: 5000, OK: 4990, Median: 4 * ms, P95: 9 * ms}
			if tt.change != nil {
				tt.change(r)
			}
			e, err := expect.Parse(tt.expect)
			if err != nil {
				t.Fatal(err)
			}
			got := r.unsound(e)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			r.Judge([]expect.Expectation{e})
			if j := r.Expectations[0]; tt.want != "" && (j.Verdict != verdict.Inconclusive || r.Verdict == verdict.Pass) {
				t.Errorf("judged %v, the run %v", j, r.Verdict)
			}
		})
	}
}

// TestLoadThatNeverWorked: what a load measured that failed by its own fault says nothing
// about the servers.
func TestLoadThatNeverWorked(t *testing.T) {
	wrong := func(kind string, n int64, example string) func(*Result) {
		return func(r *Result) {
			w := &r.Workloads[1]
			w.Total.OK, w.Total.Failed = w.Total.OK-n, n
			w.Errors = []ErrorCount{{Kind: kind, Outcome: record.Failed, N: n, Example: example}}
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*Result)
		want   string // in a reason; "": the run passes
	}{
		{"as it should be", nil, ""},
		{"a table that is not there", wrong("42P01", 30000, `relation "orderz" does not exist`),
			`reads: not one of 30,000 operations succeeded: relation "orderz" does not exist; the table does not exist where the load looks for it`},
		{"a server that was never there", wrong("connection refused", 30000, "connection refused"), "reads: not one of 30,000 operations succeeded: connection refused; no server listens there: correct the url, or look whether the server runs"},
		{"no permission, at times", wrong("42501", 300, "permission denied for table t"), "300 operations failed by an error of the load itself: permission denied for table t; the load's user lacks"},
		{"another mistake, at times", wrong("42804", 300, "type mismatch"), "type mismatch; correct the statement"},
		{"a script that means its errors", wrong("42P01", 299, "table t does not exist"), ""},
		{"one socket too many", wrong("too many open files", 1, "socket: too many open files"), "raise the limit (ulimit -n)"},
		{"no local port", wrong("no free local port", 1, "dial tcp: cannot assign requested address"), "ip_local_port_range"},
		{"what a fault does", wrong("connection refused", 20000, "connection refused"), ""},
		{"a part of a mix", func(r *Result) { r.Workloads[1].Parts = []PartStats{{"orders", Stats{Samples: 9, Failed: 9}}} }, "reads: not one of 9 operations of its part orders succeeded"},
		{"never started", func(r *Result) { r.Workloads[1].Total = Stats{} }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := quorum(t)
			if tt.change != nil {
				tt.change(r)
			}
			r.Judge(nil)
			reasons := strings.Join(r.Reasons, "\n")
			if want := map[bool]verdict.Verdict{true: verdict.Pass, false: verdict.Inconclusive}[tt.want == ""]; r.Verdict != want || !strings.Contains(reasons, tt.want) {
				t.Errorf("%v: %s", r.Verdict, reasons)
			}
		})
	}
}
