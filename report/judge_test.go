package report

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/record"
	"pgchaos/record/ledger"
	"pgchaos/verdict"
)

func TestMetric(t *testing.T) {
	unrecovered := func(r *Result) { r.Outages[1].Recovered = false }
	incomplete := func(r *Result) { r.Audits[0].Complete, r.Audits[0].Why = false, "b was not read" }
	alone := func(r *Result) { r.Audits[0].Nodes = r.Audits[0].Nodes[:1] }
	unnamed := func(r *Result) { r.Cluster.Unnamed = []string{"n9"} }
	tests := []struct {
		name   string
		expect string
		change func(*Result)
		want   string // "ATLEAST NUMBER", "true", or "? WHY"
	}{
		{"samples", "samples of writes == 0", nil, "14902"},
		{"ok", "ok of writes == 0", nil, "14804"},
		{"failed", "failed of writes == 0", nil, "98"},
		{"errors in a phase", "errors of writes during kill-pgmaster == 0", nil, "98"},
		{"error rate", "error_rate of writes during kill-pgmaster < 1%", nil, "0.019991840065"},
		{"throughput", "throughput of writes during baseline > 1/s", nil, "500"},
		{"what was achieved of a rate", "achieved_rate of writes >= 99%", func(r *Result) { r.Workloads[0].Total = Stats{Samples: 90, OK: 80, Failed: 10, Dropped: 10} }, "0.9"},
		{"achieved in a phase without arrivals", "achieved_rate of reads during kill-pgmaster >= 99%", func(r *Result) { r.Workloads[1].Rate = 5 }, "? no samples of reads during kill-pgmaster"},
		{"a closed loop achieves no rate", "achieved_rate of writes >= 99%", func(r *Result) { r.Workloads[0].Rate, r.Workloads[0].Model = 0, &Model{} }, "? it is a closed loop"},
		{"stages of rates are a rate", "achieved_rate of writes >= 99%", func(r *Result) { r.Workloads[0].Rate, r.Workloads[0].Model = 0, &Model{Arrivals: "poisson"} }, "1"},
		{"retries", "retries of writes == 0", func(r *Result) { r.Workloads[0].Total.Retries = 3 }, "3"},
		{"weak writes of a mix that inserts", "weak_writes == 0", func(r *Result) {
			r.Workloads[1].Writes, r.Workloads[0].Total.Weak, r.Workloads[1].Total.Weak = true, 2, 5
		}, "7"},
		{"a kept percentile", "p99 of reads < 1ms", nil, "0.000891"},
		{"average", "average of reads < 1ms", nil, "0.000494999"},
		{"median is the 50th percentile", "median of reads < 1ms", nil, "0.000494"},
		{"exact max", "max of writes < 1ms", nil, "0.012"},
		{"exact min", "min of writes < 1ms", nil, "0.0012"},
		{"a percentile read from the histogram", "p75 of reads < 1ms", nil, "0.000697"},
		{"service time is another distribution", "service_p99 of reads < 1ms", func(r *Result) { r.Workloads[1].Total.Service.P99 = 3 * time.Second }, "3"},
		{"a percentile of what succeeded", "p99 of reads < 1ms", func(r *Result) {
			r.Workloads[1].Total.Succeeded = &Times{Response: Dist{Count: 5, P99: 7 * time.Second}}
		}, "7"},
		{"a service time of what succeeded", "service_p99 of reads < 1ms", func(r *Result) {
			r.Workloads[1].Total.Succeeded = &Times{Service: Dist{Count: 5, P99: 6 * time.Second}}
		}, "6"},
		{"no percentile where nothing succeeded", "p99 of reads < 10s", func(r *Result) {
			s := &r.Workloads[1].Total
			s.Samples, s.Failed, s.OK, s.Weak = 36, 36, 0, 0
		}, "? none of the 36 operations of reads succeeded"},
		{"a percentile without a histogram", "p75 of reads < 1ms", func(r *Result) { r.Workloads[1].Total.Response.Histogram = "" }, "? none was kept"},
		{"a workload that was not there", "p99 of ghosts < 1ms", nil, "? no workload ghosts"},
		{"a phase that was not there", "p99 of writes during ghosts < 1ms", nil, "? no phase ghosts"},
		{"a phase without samples has no percentile", "p99 of reads during kill-pgmaster < 1ms", nil, "? no samples of reads during kill-pgmaster"},
		{"a phase without samples has no error rate", "error_rate of reads during kill-pgmaster < 1%", nil, "? no samples"},
		{"a phase without samples has no errors to count", "errors of reads during kill-pgmaster == 0", nil, "? no samples"},
		{"a phase without samples has nothing dropped", "dropped of reads during kill-pgmaster == 0", nil, "? no samples"},
		{"a phase without samples has no throughput", "throughput of reads during kill-pgmaster < 9/s", nil, "? no samples"},
		{"a phase without samples has 0 samples", "samples of reads during kill-pgmaster == 0", nil, "0"},
		{"dropped is known where all was dropped", "dropped of writes == 0", func(r *Result) { r.Workloads[0].Total = Stats{Dropped: 3} }, "3"},
		{"time without samples has no throughput", "throughput of writes < 9/s", func(r *Result) { r.Workloads[0].Total = Stats{Span: time.Second} }, "? no samples"},
		{"no time, no throughput", "throughput of writes < 9/s", func(r *Result) { r.Workloads[0].Total.Span = 0 }, "? no samples"},
		{"lost", "lost_writes == 0", func(r *Result) { r.Audits[0].Lost.N = 7 }, "7"},
		{"lost over two tables", "lost_writes == 0", func(r *Result) {
			r.Audits[0].Lost.N = 7
			r.Audits = append(r.Audits, audit.Audit{Complete: true, Acknowledged: 9, Lost: audit.Count{N: 2}})
		}, "9"},
		{"lost of an audit that is not complete", "lost_writes == 0", incomplete, "ATLEAST 0"},
		{"lost where nothing was acknowledged", "lost_writes == 0", func(r *Result) { r.Audits[0].Acknowledged = 0 }, "? none could be lost"},
		{"acknowledged does not rest on nodes", "acknowledged_writes == 0", incomplete, "14804"},
		{"missing rows", "missing_rows == 0", func(r *Result) { r.Audits[0].Nodes[0].Missing, r.Audits[0].Nodes[1].Missing = 2, 3 }, "5"},
		{"weak writes are the writers' alone", "weak_writes == 0", func(r *Result) { r.Workloads[0].Total.Weak, r.Workloads[1].Total.Weak = 2, 5 }, "2"},
		{"no audit", "lost_writes == 0", func(r *Result) { r.Audits = nil }, "? no table was audited"},
		{"not audited yet", "lost_writes == 0", func(r *Result) { r.Audits, r.Stage = nil, StageRan }, "? before its audit"},
		{"planned only", "samples of writes == 0", func(r *Result) { r.Stage = StagePlanned }, "? nothing was measured"},
		{"nodes equal", "nodes_equal", nil, "true"},
		{"nodes equal of what was read", "nodes_equal", incomplete, "ATLEAST true"},
		{"one node shows nothing of another", "nodes_equal", alone, "? only pgmaster was read: there was nothing to compare it with"},
		{"nor that it lacks nothing", "missing_rows == 0", alone, "? only pgmaster was read"},
		{"nor that no other has more", "extra_rows == 0", alone, "? only pgmaster was read"},
		{"standbys that nobody read", "nodes_equal", unnamed, "ATLEAST true"},
		{"they can lack rows", "missing_rows == 0", unnamed, "ATLEAST 0"},
		{"they have lost nothing", "lost_writes == 0", unnamed, "0"},
		{"one difference is enough", "nodes_equal", func(r *Result) { incomplete(r); r.Audits[0].Nodes[0].Different = 1 }, "false"},
		{"a standby that is behind is not different", "nodes_equal", lagging(3), "ATLEAST true"},
		{"nor does it lack what may still come", "missing_rows == 0", lagging(3), "ATLEAST 0"},
		{"a row too many is no lag", "nodes_equal", func(r *Result) { lagging(3)(r); r.Audits[0].Nodes[1].Extra = 1 }, "false"},
		{"nor is another value", "nodes_equal", func(r *Result) { lagging(3)(r); r.Audits[0].Nodes[1].Different = 1 }, "false"},
		{"a standby that is behind and lacks nothing is equal", "nodes_equal", lagging(0), "true"},
		{"rto is the worst", "write_rto < 1s", nil, "0.2"},
		{"rto is the worst, though it came first", "write_rto < 1s", func(r *Result) { r.Outages[0].RTO = time.Second }, "1"},
		{"rto is at least the worst where a fault met no load", "write_rto < 1s", func(r *Result) { r.Outages[0].Loaded = false }, "ATLEAST 0.2"},
		{"what was never sent is an error", "error_rate of writes < 1%", func(r *Result) {
			r.Workloads[0].Total = Stats{Samples: 50, OK: 45, Failed: 3, Unknown: 2, Dropped: 50}
		}, "0.55"},
		{"nothing was ever sent", "error_rate of writes < 1%", func(r *Result) { r.Workloads[0].Total = Stats{Dropped: 50} }, "1"},
		{"rto of one event", "write_rto during stop-pgslave < 1s", nil, "0"},
		{"rto of another workload", "write_rto of reads < 1s", nil, "? no fault"},
		{"rto without load", "read_rto < 1s", nil, "? no load at the fault"},
		{"rto of one that never recovered", "write_rto < 1s", unrecovered, "ATLEAST 0.2"},
		{"rto of a fault whose moment nobody knows", "write_rto < 1s", func(r *Result) {
			r.Outages[1].Noticed, r.Outages[1].Most = true, 600*time.Millisecond
		}, "ATLEAST 0.2 ATMOST 0.6"},
		{"and of none that did harm", "write_rto during stop-pgslave < 1s", func(r *Result) { r.Outages[0].Noticed = true }, "0"},
		{"rto where the longest is known, but another can be longer", "write_rto < 1s", func(r *Result) {
			r.Outages[0].Noticed, r.Outages[0].Most = true, 600*time.Millisecond
		}, "ATLEAST 0.2 ATMOST 0.6"},
		{"rto where one can be longer, and one never recovered", "write_rto < 1s", func(r *Result) {
			unrecovered(r)
			r.Outages[0].Noticed, r.Outages[0].Most = true, 600*time.Millisecond
		}, "ATLEAST 0.2"},
		{"rto of the other event is certain", "write_rto during stop-pgslave < 1s", unrecovered, "0"},
		{"the load died with pgchaos", "write_rto < 1s", afterwards(StagePlanned), "? before it had recorded its load"},
		{"so did what clients felt one by one", "client_rto_p99 < 1s", afterwards(StagePlanned), "? before it had recorded its load"},
		{"and its figures", "samples of writes == 0", afterwards(StagePlanned), "? before it had recorded its load"},
		{"but not the rows", "lost_writes == 0", afterwards(StagePlanned), "0"},
		{"only the audit died with pgchaos", "write_rto < 1s", afterwards(StageRan), "0.2"},
		{"rto of a workload that was not served before", "write_rto during crash < 1s", func(r *Result) { r.Outages[1].NotServed = true }, "? writes was not served when crash began"},
		{"rto where that is so of one", "write_rto < 1s", func(r *Result) { r.Outages[0].NotServed = true }, "ATLEAST 0.2"},
		{"downtime of all", "downtime < 1s", nil, "0.2"},
		{"downtime of one", "downtime of reads < 1s", nil, "0.007"},
		{"downtime in a phase", "downtime of writes during baseline < 1s", nil, "0.02"},
		{"downtime of a fault", "downtime during kill-pgmaster < 1s", nil, "0.2"},
		{"downtime without load", "downtime of reads during kill-pgmaster < 1s", nil, "? no load during kill-pgmaster"},
		{"downtime in a phase that never began", "downtime during kill-pgslave < 1s", nil, "? no phase kill-pgslave"},
		{"downtime that did not end", "downtime of writes < 1s", func(r *Result) { r.Downtimes[0].Open = true }, "ATLEAST 0.2"},
		{"downtime of an old file", "downtime of writes < 1s", func(r *Result) { r.Downtimes = nil }, "? does not hold downtimes"},
		{"downtime of a load that died with pgchaos", "downtime < 1s", afterwards(StagePlanned), "? before it had recorded its load"},
		{"up in", "up_in < 1s", nil, "1.13"},
		{"up in, not recorded", "up_in < 1s", func(r *Result) { r.Cluster.UpIn = 0 }, "? not recorded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := quorum(t)
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

// afterwards makes the result that of a run whose pgchaos came so far, and no further.
// lagging makes a node of the audit a standby that is behind.
func lagging(missing int64) func(*Result) {
	return func(r *Result) { r.Audits[0].Nodes[1].Behind, r.Audits[0].Nodes[1].Missing = true, missing }
}

func afterwards(stage Stage) func(*Result) {
	return func(r *Result) { r.Afterwards = &Afterwards{Stage: stage} }
}

func valueWords(e expect.Expectation, v expect.Value) string {
	if !v.Known {
		return "? " + v.Why
	}
	text := ""
	if v.AtLeast {
		text = "ATLEAST "
	}
	if e.Kind == expect.MetricTruth {
		if v.Bool {
			return text + "true"
		}
		return text + "false"
	}
	number := func(n float64) string {
		return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(n, 'f', 12, 64), "0"), ".")
	}
	text += number(v.Number)
	if v.Most > 0 {
		text += " ATMOST " + number(v.Most)
	}
	return text
}

// matches compares in full, or for an unknown value looks for the words.
func matches(got, want string) bool {
	if why, unknown := strings.CutPrefix(want, "? "); unknown {
		return strings.HasPrefix(got, "? ") && strings.Contains(got, why)
	}
	return got == want
}

// Every metric that can be expected must be found in a result that has all.
func TestMetricKnowsEveryName(t *testing.T) {
	r := watchedBy(t, recovered(explainedLoss(t)))
	r.Outages[2].Loaded = true
	watchedNodes(r)
	for _, m := range expect.Metrics() {
		e := expect.Expectation{Metric: m.Name, Kind: m.Kind}
		if m.On == expect.Must {
			e.Node = "b"
		}
		if m.Of == expect.Must {
			e.Workload = "writes"
		}
		if v := r.Metric(e); !v.Known {
			t.Errorf("%s is unknown: %s", m.Name, v.Why)
		} else if v.Text == "" {
			t.Errorf("%s is not put in words", m.Name)
		}
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name   string
		expect []string
		change func(*Result)
		want   verdict.Verdict
		reason string // in one of the reasons; "" for none at all
	}{
		{"all is well", []string{"lost_writes == 0", "nodes_equal"}, nil, verdict.Pass, ""},
		{"all is well and nothing was expected", nil, nil, verdict.Pass, ""},
		{"one expectation fails", []string{"nodes_equal", "lost_writes > 0"}, nil, verdict.Fail, ""},
		{"one expectation has no samples", []string{"nodes_equal", "p99 of reads during kill-pgmaster < 1s"}, nil, verdict.Inconclusive, ""},
		{"one fails and one has no samples", []string{"lost_writes > 0", "p99 of reads during kill-pgmaster < 1s"}, nil, verdict.Fail, ""},
		{"lost, and nobody spoke of it", []string{"nodes_equal"}, func(r *Result) { r.Audits[0].Lost.N = 7 }, verdict.Fail, "7 acknowledged writes were lost"},
		{"lost, as it was expected to be", []string{"lost_writes > 0"}, func(r *Result) { r.Audits[0].Lost.N = 7 }, verdict.Pass, ""},
		{"lost, and more than was allowed", []string{"lost_writes < 5"}, func(r *Result) { r.Audits[0].Lost.N = 7 }, verdict.Fail, ""},
		{"foreign rows, whatever is expected", []string{"foreign_rows > 0"}, func(r *Result) { r.Audits[0].Foreign.N = 1 }, verdict.Fail, "foreign"},
		{"a node was not read", nil, func(r *Result) { r.Audits[0].Complete, r.Audits[0].Why = false, "b was not read" }, verdict.Inconclusive, "b was not read"},
		{"nothing was acknowledged", nil, func(r *Result) { r.Audits[0].Acknowledged = 0 }, verdict.Inconclusive, "no write was acknowledged"},
		{"inserted and not audited", []string{"samples of writes > 0"}, func(r *Result) { r.Audits = nil }, verdict.Inconclusive, "no table was audited"},
		{"only read, and nothing expected", nil, func(r *Result) { r.Audits, r.Workloads = nil, r.Workloads[1:] }, verdict.Inconclusive, "nothing was expected"},
		{"only read, and the expectation holds", []string{"samples of reads > 0"}, func(r *Result) { r.Audits, r.Workloads = nil, r.Workloads[1:] }, verdict.Pass, ""},
		{"a fault failed", nil, func(r *Result) { r.Timeline[1].Status, r.Timeline[1].Error = record.EventFailed, "no such process" }, verdict.Inconclusive, "crash (kill) failed: no such process"},
		{"a fault was never verified", nil, func(r *Result) { r.Timeline[1].Effective = 0 }, verdict.Inconclusive, "never verified"},
		{"a part failed, and its step did not", nil, func(r *Result) { r.Timeline[1].Status, r.Timeline[1].PartOf = record.EventFailed, "x" }, verdict.Pass, ""},
		{"a step was skipped", nil, func(r *Result) { r.Timeline[1].Status = record.EventSkipped }, verdict.Inconclusive, "was skipped"},
		{"a step has no recorded end", nil, func(r *Result) { r.Timeline[1].Status = "" }, verdict.Inconclusive, "has no recorded end"},
		{"a verify did not hold", nil, func(r *Result) {
			r.Timeline[1].Action, r.Timeline[1].Status, r.Timeline[1].NotSo = "verify", record.EventFailed, true
		}, verdict.Fail, "did not hold"},
		{"a command's answer is false", nil, func(r *Result) {
			r.Timeline[1].Action, r.Timeline[1].Status, r.Timeline[1].NotSo = "exec", record.EventFailed, true
		}, verdict.Fail, "did not hold"},
		{"a statement could not be run", nil, func(r *Result) { r.Timeline[1].Action, r.Timeline[1].Status = "sql", record.EventFailed }, verdict.Inconclusive, "failed"},
		{"a statement returned something else", nil, func(r *Result) {
			r.Timeline[1].Action, r.Timeline[1].Status, r.Timeline[1].NotSo = "sql", record.EventFailed, true
		}, verdict.Fail, "did not hold"},
		{"a node exited by itself", nil, func(r *Result) { r.Timeline[1].Action, r.Timeline[1].Status = "exit", record.EventSeen }, verdict.Inconclusive, "pgmaster exited between 20.000 s and 20.013 s, which no step"},
		{"a node exited at a moment that is known", nil, func(r *Result) {
			r.Timeline[1].Action, r.Timeline[1].Status, r.Timeline[1].Effective = "exit", record.EventSeen, r.Timeline[1].Issued
		}, verdict.Inconclusive, "pgmaster exited at 20.000 s, which no step"},
		{"a node's server crashed and recovered", nil, func(r *Result) { r.Timeline[1].Action, r.Timeline[1].Status = "crash", record.EventSeen }, verdict.Inconclusive, "pgmaster recovered from a crash of one of its processes"},
		{"a node ran out of memory", nil, func(r *Result) { r.Timeline[1].Action, r.Timeline[1].Status = "out-of-memory", record.EventSeen }, verdict.Inconclusive, "pgmaster ran out of memory between"},
		{"a node crashed by what a step ran on it", nil, func(r *Result) {
			r.Timeline[0].Action, r.Timeline[0].Nodes = "exec", r.Timeline[1].Nodes
			r.Timeline[1].Action, r.Timeline[1].Status = "crash", record.EventSeen
		}, verdict.Pass, ""},
		{"a node crashed by what a step ran on it, after the node was last seen to be well", nil, func(r *Result) {
			r.Timeline[0].Action, r.Timeline[0].Nodes = "exec", r.Timeline[1].Nodes
			r.Timeline[1].Action, r.Timeline[1].Status, r.Timeline[1].Issued = "crash", record.EventSeen, r.Timeline[0].Issued-50*time.Millisecond
		}, verdict.Pass, ""},
		{"a node crashed after something ran on another", nil, func(r *Result) {
			r.Timeline[0].Action, r.Timeline[0].Nodes = "exec", []string{"pgslave"}
			r.Timeline[1].Action, r.Timeline[1].Status = "crash", record.EventSeen
		}, verdict.Inconclusive, "which no step of the timeline explains"},
		{"two nodes accepted writes", []string{"lost_writes == 0"}, func(r *Result) { r.SplitBrain = []string{"a (timeline 2)", "b (timeline 2)"} }, verdict.Fail, "split brain: a (timeline 2) and b (timeline 2)"},
		{"two nodes were read to accept writes", []string{"lost_writes == 0"}, func(r *Result) {
			r.TwoWritable = []audit.Rivals{{One: ledger.Server{Node: "a", Timeline: 1}, Other: ledger.Server{Node: "b", Timeline: 2}, From: time.Second, To: 2 * time.Second}}
		}, verdict.Fail, "split brain: a on timeline 1 and b on timeline 2 both accepted writes from 1.000 s to 2.000 s"},
		{"a standby had not caught up", []string{"lost_writes == 0"}, func(r *Result) { r.Settle = []SettleNote{{Node: "b", Error: "has not caught up"}} }, verdict.Inconclusive, "not settled: b has not caught up"},
		{"something was settled", nil, func(r *Result) { r.Settle = []SettleNote{{Node: "b", Done: "was terminated"}} }, verdict.Pass, ""},
		{"interrupted", nil, func(r *Result) { r.Interrupted = true }, verdict.Inconclusive, "interrupted"},
		{"interrupted before the load", nil, func(r *Result) { *r = Result{Interrupted: true} }, verdict.Inconclusive, "the run was interrupted before its load began"},
		{"interrupted, with steps to come", nil, func(r *Result) {
			r.Interrupted = true
			for i := range r.Timeline {
				r.Timeline[i].Status = record.EventSkipped
			}
		}, verdict.Inconclusive, "the run was interrupted\n4 steps of the timeline were skipped"},
		{"audited afterwards, and all is known", []string{"lost_writes == 0"}, afterwards(StageRan), verdict.Pass, ""},
		{"audited afterwards, and not all is known", []string{"lost_writes == 0"}, func(r *Result) {
			r.Afterwards = &Afterwards{Stage: StagePlanned, Unknown: []string{"the run's pgchaos was killed"}}
		}, verdict.Inconclusive, "the run's pgchaos was killed"},
		{"audited afterwards, and writes are lost", []string{"lost_writes == 0"}, func(r *Result) {
			r.Afterwards = &Afterwards{Stage: StagePlanned, Unknown: []string{"the run's pgchaos was killed"}}
			r.Audits[0].Lost.N = 7
		}, verdict.Fail, "the run's pgchaos was killed"},
		{"the run had errors of its own", nil, func(r *Result) { r.Errors = []string{"the probe died"} }, verdict.Inconclusive, "the probe died"},
		{"the ledger was full", []string{"lost_writes == 0"}, func(r *Result) { r.LedgerFile = &LedgerFile{Error: "no space left on device"} }, verdict.Inconclusive, "no space left on device"},
		{"the ledger is damaged", []string{"lost_writes == 0"}, func(r *Result) {
			r.LedgerFile = &LedgerFile{File: "ledger.bin", Damage: []string{"block 3: gone", "block 4: gone"}}
		}, verdict.Inconclusive, "ledger.bin is damaged: block 3: gone\nledger.bin is damaged: block 4: gone"},
		{"the ledger is whole", nil, func(r *Result) { r.LedgerFile = &LedgerFile{Bytes: 1 << 20} }, verdict.Pass, ""},
		{"planned only", nil, func(r *Result) { r.Stage, r.Audits = StagePlanned, nil }, verdict.Inconclusive, "nothing was measured"},
		{"not audited", nil, func(r *Result) { r.Stage, r.Audits = StageRan, nil }, verdict.Inconclusive, "before its audit"},
		{"an error before the load", nil, func(r *Result) { *r = Result{Errors: []string{"build the cluster: no"}} }, verdict.Inconclusive, "build the cluster: no"},
		{"nothing is known", nil, func(r *Result) { *r = Result{} }, verdict.Inconclusive, "not recorded how far"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := quorum(t)
			if tt.change != nil {
				tt.change(r)
			}
			for range 2 { // again, as `report` does with a kept result
				r.Judge(expectations(t, tt.expect...))
				reasons := strings.Join(r.Reasons, "\n")
				if r.Verdict != tt.want || !strings.Contains(reasons, tt.reason) || tt.reason == "" && reasons != "" {
					t.Errorf("verdict %v because %q, want %v because %q", r.Verdict, reasons, tt.want, tt.reason)
				}
				if len(r.Expectations) != len(tt.expect) {
					t.Errorf("%d judgements of %d expectations", len(r.Expectations), len(tt.expect))
				}
			}
		})
	}
}
