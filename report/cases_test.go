package report

import (
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pgchaos/audit"
	"pgchaos/expect"
	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/record/ledger"
)

const ms = time.Millisecond

// distOf is n latencies spread evenly from one to another.
func distOf(t *testing.T, n int64, from, to time.Duration) Dist {
	t.Helper()
	h := hdrhistogram.New(1, time.Hour.Microseconds(), 3)
	var sum time.Duration
	for i := range n {
		v := from + (to-from)*time.Duration(i)/time.Duration(max(1, n-1))
		sum += v
		if err := h.RecordValue(v.Microseconds()); err != nil {
			t.Fatal(err)
		}
	}
	exact := Exact{}
	if n > 0 {
		exact = Exact{Min: from, Max: to, Mean: sum / time.Duration(n)}
	}
	d, err := NewDist(h, exact)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// statsOf is n operations over a time, some of them failed and some unanswered.
func statsOf(t *testing.T, n, failed int64, over, slowest time.Duration) Stats {
	t.Helper()
	d := distOf(t, n, slowest/10, slowest)
	return Stats{Samples: n, OK: n - failed, Failed: failed, Response: d, Service: d, Span: over}
}

// at is a planned time.
func at(d time.Duration) *time.Duration { return &d }

// bytesOf is a known number of bytes.
func bytesOf(n uint64) *uint64 { return &n }

// quorum is a run in which all went well.
func quorum(t *testing.T) *Result {
	t.Helper()
	r := &Result{
		Schema: Schema, Stage: StageChecked, Tool: "0.1.0", Run: "20260301-120000-quorum-kill", Name: "quorum-kill",
		Started: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Seed: 42, Command: []string{"run", "experiments/quorum-kill.yaml"}, Host: Host{OS: "linux/amd64", CPUs: 2},
		Duration: 30 * time.Second,
		Cluster: Cluster{
			Provider: "local", Postgres: "15.14", UpIn: 1130 * ms,
			Nodes: []ClusterNode{{Name: "pgmaster"}, {Name: "pgslave"}, {Name: "pgslavenew"}},
		},
		Phases: []record.Phase{
			{Name: "baseline", End: 10 * time.Second},
			{Name: "stop-pgslave", Start: 10 * time.Second, End: 20 * time.Second},
			{Name: "kill-pgmaster", Start: 20 * time.Second, End: 30 * time.Second},
		},
		Timeline: []record.Event{
			{Name: "stop-pgslave", Action: "stop", Nodes: []string{"pgslave"}, Planned: at(10 * time.Second), Issued: 10001 * ms, Effective: 10182 * ms, Status: record.EventDone, Fault: true, Detail: "fast shutdown"},
			{Name: "crash", Action: "kill", Nodes: []string{"pgmaster"}, Planned: at(20 * time.Second), Issued: 20000 * ms, Effective: 20013 * ms, Status: record.EventDone, Fault: true},
			{Name: "promote-pgslavenew", Action: "promote", Nodes: []string{"pgslavenew"}, Issued: 20014 * ms, Effective: 20185 * ms, Status: record.EventDone},
			{Name: "start-pgslave", Action: "start", Nodes: []string{"pgslave"}, Issued: 20190 * ms, Effective: 20531 * ms, Status: record.EventDone, Reverses: "stop-pgslave"},
		},
		Workloads: []Workload{
			{
				Name: "writes", Kind: "insert", Target: "primary", Clients: 8, Rate: 500,
				Total: statsOf(t, 14902, 98, 30*time.Second, 12*ms),
				Phases: []PhaseStats{
					{"baseline", statsOf(t, 5000, 0, 10*time.Second, 4*ms)},
					{"stop-pgslave", statsOf(t, 5000, 0, 10*time.Second, 6*ms)},
					{"kill-pgmaster", statsOf(t, 4902, 98, 10*time.Second, 12*ms)},
				},
				Errors: []ErrorCount{{Kind: "connection refused", Outcome: record.Failed, N: 98, Example: "dial tcp 127.0.0.1:5432: connect: connection refused"}},
			},
			{
				Name: "reads", Kind: "read", Target: "replicas", Clients: 4,
				Total:  statsOf(t, 30000, 0, 30*time.Second, 900*time.Microsecond),
				Phases: []PhaseStats{{"baseline", statsOf(t, 30000, 0, 10*time.Second, 900*time.Microsecond)}},
			},
		},
		Outages: []outage.Outage{
			{Event: "stop-pgslave", Workload: "writes", Writes: true, Loaded: true, Recovered: true, Issued: 10001 * ms, Effective: 10182 * ms, LongestGap: 30 * ms},
			{Event: "crash", Workload: "writes", Writes: true, Loaded: true, Recovered: true, Issued: 20000 * ms, Effective: 20013 * ms, Errors: 98, FirstFail: 20010 * ms, LastFail: 20190 * ms, RTO: 200 * ms, LongestGap: 200 * ms},
			{Event: "crash", Workload: "reads", Issued: 20000 * ms, Effective: 20013 * ms},
		},
		Downtimes: []outage.Downtime{
			{Workload: "writes", Loaded: true, From: 20005 * ms, To: 20205 * ms},
			{Workload: "writes", During: "baseline", Loaded: true, From: 3000 * ms, To: 3020 * ms},
			{Workload: "writes", During: "kill-pgmaster", Loaded: true, From: 20005 * ms, To: 20205 * ms},
			{Workload: "reads", Loaded: true, From: 1000 * ms, To: 1007 * ms},
			{Workload: "reads", During: "kill-pgmaster"},
		},
		Audits: []audit.Audit{{
			Table: "network.test_data", Authority: "pgslavenew", Complete: true, Acknowledged: 14804,
			Nodes: []audit.NodeAudit{
				{Node: "pgmaster", Read: true, Rows: 14804, Equal: true},
				{Node: "pgslave", Read: true, Rows: 14804, Equal: true},
				{Node: "pgslavenew", Read: true, Rows: 14804, Equal: true},
			},
		}},
		States: []NodeHistory{
			{Node: "pgmaster", States: []record.NodeState{{
				Node: "pgmaster", Reachable: true, Role: record.RolePrimary, Timeline: 1, SyncCommit: "on", SyncNames: "ANY 1 (pgslave, pgslavenew)",
			}}, Final: record.NodeState{Role: record.RoleStandby, Timeline: 2}},
			{Node: "pgslave", Final: record.NodeState{Role: record.RoleStandby, Timeline: 2}},
			{Node: "pgslavenew", Final: record.NodeState{Role: record.RolePrimary, Timeline: 2}},
		},
		Settle: []SettleNote{{Node: "pgmaster", Done: "rejoined by pg_rewind in 1.2 s"}},
	}
	for i := range 7 {
		for n, name := range []string{"pgmaster", "pgslave", "pgslavenew"} {
			r.Usage = append(r.Usage, record.ResourceSample{
				Node: name, At: time.Duration(i) * 5 * time.Second, CPUPercent: float64(10*i + n), MemoryBytes: uint64(40+n) << 20,
				BlockIn: bytesOf(uint64(i) * 4100), BlockOut: bytesOf(uint64(i) * 1_500_000), Processes: 9 + n,
			})
		}
	}
	return r
}

// expectations parses expectations.
func expectations(t *testing.T, texts ...string) (all []expect.Expectation) {
	t.Helper()
	for _, text := range texts {
		e, err := expect.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all = append(all, e)
	}
	return all
}

// lossy is a run of asynchronous replication that lost writes, and fails.
func lossy(t *testing.T) *Result {
	t.Helper()
	r := quorum(t)
	r.Name = "async-kill"
	a := &r.Audits[0]
	a.Lost = audit.Count{N: 430, Runs: []audit.Run{
		{Writer: 0, Workload: "writes", First: 2011, Last: 2013, From: 19870 * ms, To: 20004 * ms, Node: "pgmaster"},
		{Writer: 3, Workload: "writes", First: 1041, Last: 1467, From: 12901 * ms, To: 13451 * ms, Node: "pgmaster", FoundOn: []string{"pgmaster"}},
	}}
	a.Survived.N, a.Vanished.N = 3, 1
	a.Resurrected = audit.Count{N: 1, Runs: []audit.Run{{Writer: 2, Workload: "writes", First: 77, Last: 77, From: 900 * ms, To: 910 * ms, Node: "pgmaster", FoundOn: []string{"pgmaster", "pgslave"}}}}
	a.Foreign = audit.Count{N: 2, Runs: []audit.Run{{FoundOn: []string{"pgslave"}}}}
	a.Nodes[0] = audit.NodeAudit{Node: "pgmaster", Read: true, Rows: 15234, Extra: 430}
	a.Nodes[1] = audit.NodeAudit{Node: "pgslave", Read: true, Rows: 14804, Missing: 2, Extra: 2, Different: 1}
	w := &r.Workloads[0]
	w.Total.Unknown, w.Total.Dropped, w.Total.Weak, w.Late = 4, 12, 2, 3
	w.GaveUp, w.MostAbandoned = 4, 3
	w.Total.Service = distOf(t, 1000, ms, 2*ms)
	w.Errors = append(w.Errors,
		ErrorCount{Kind: "timeout", Outcome: record.Unknown, N: 4, Example: "connect to pgmaster: refused\nconnect to pgslave: " + strings.Repeat("a long story ", 20)},
		ErrorCount{Kind: "25006", Outcome: record.Failed, N: 1, Example: "ERROR: cannot execute INSERT in a read-only transaction (SQLSTATE 25006), which is what a client sees that has come to a standby"},
		ErrorCount{Kind: "dropped", Outcome: record.Dropped, N: 12, Example: "not sent"})
	r.Outages[1].Recovered, r.Outages[1].RTO = false, 10000*ms
	r.Timeline = append(r.Timeline, record.Event{
		Name: "pgslave", Action: "exit", Nodes: []string{"pgslave"}, Issued: 24200 * ms, Effective: 24200 * ms, Status: record.EventSeen, Detail: "was terminated by signal 11",
	})
	r.Logs = []LogExcerpt{{Node: "pgslave", File: "logs/pgslave.log", Lines: []string{
		"2026-03-01 12:00:24.200 UTC [4711] LOG:  server process (PID 4720) was terminated by signal 11: Segmentation fault",
		"2026-03-01 12:00:24.200 UTC [4711] DETAIL:  Failed process was running: COMMIT",
	}}}
	return r
}

// unread is a run whose old primary could not be read.
func unread(t *testing.T) *Result {
	t.Helper()
	r := quorum(t)
	a := &r.Audits[0]
	a.Complete, a.Why = false, "pgmaster was not read: connection refused"
	a.Nodes[0] = audit.NodeAudit{Node: "pgmaster", Why: "connection refused"}
	r.States[0].Final = record.NodeState{Node: "pgmaster", Error: "connection refused"}
	r.Settle = []SettleNote{{Node: "pgmaster", Error: "pg_ctl start: could not start server"}}
	r.Timeline[1].Status, r.Timeline[1].Effective, r.Timeline[1].Error = record.EventFailed, 0, "kill pgmaster: no such process"
	return r
}

// planned is what is left of a run whose pgchaos died before the load.
func planned(t *testing.T) *Result {
	t.Helper()
	q := quorum(t)
	return &Result{
		Schema: Schema, Stage: StagePlanned, Tool: q.Tool, Run: q.Run, Name: q.Name, Started: q.Started, Seed: q.Seed, Host: q.Host, Cluster: q.Cluster,
	}
}

// silent is a run in which nothing was ever sent.
func silent(t *testing.T) *Result {
	t.Helper()
	r := quorum(t)
	for i := range r.Workloads {
		w := &r.Workloads[i]
		w.Total, w.Phases, w.Errors = Stats{Span: 30 * time.Second}, nil, nil
	}
	r.Outages = nil
	r.Usage = nil
	a := &r.Audits[0]
	a.Acknowledged = 0
	for i := range a.Nodes {
		a.Nodes[i].Rows = 0
	}
	return r
}

// recovered adds what the faults of quorum were to cluster and clients, and one more
// of which little is known.
func recovered(r *Result) *Result {
	reached := func(at time.Duration) outage.Stage { return outage.Stage{State: outage.StageReached, At: at} }
	none := outage.Stage{State: outage.StageNone}
	least := func(d time.Duration) outage.Least { return outage.Least{For: d} }
	r.Recoveries = []outage.Recovery{
		{
			Event: "stop-pgslave", Nodes: []string{"pgslave"}, Primary: "pgmaster", Issued: 10001 * ms, Effective: 10182 * ms,
			Promotion: none, Writable: none, Redundancy: none, Rejoined: reached(20531 * ms),
			Workloads: []outage.WorkloadRecovery{
				{
					Workload: "writes", Writes: true, Loaded: true, FirstError: outage.Stage{State: outage.StageMissed, At: 20 * time.Second},
					LastOldAck: none, FirstNewAck: none, Throughput: none, Before: 500, Clients: outage.ClientOutages{Clients: 8},
				},
				{
					Workload: "reads", Loaded: true, FirstError: reached(10003 * ms), LastOldAck: reached(10002 * ms), FirstNewAck: none, Throughput: none, Before: 1000,
					Clients: outage.ClientOutages{Clients: 4, Hit: 2, P99: least(38 * ms), Max: least(38 * ms)},
					Nodes:   []outage.NodeRecovery{{Node: "pgslave", Errors: 2, RTO: 19999 * ms}},
				},
			},
		},
		{
			Event: "crash", Nodes: []string{"pgmaster"}, Primary: "pgmaster", Lost: true, NewPrimary: "pgslavenew", Issued: 20000 * ms, Effective: 20013 * ms,
			Promotion: reached(20014 * ms), Writable: reached(20185 * ms), Redundancy: reached(21850 * ms), Rejoined: outage.Stage{State: outage.StageMissed, At: 30 * time.Second},
			Workloads: []outage.WorkloadRecovery{
				{
					Workload: "writes", Writes: true, Loaded: true, FirstError: reached(20013 * ms), LastOldAck: reached(20010 * ms), FirstNewAck: reached(20239 * ms),
					Throughput: reached(20423 * ms), Before: 500,
					Clients: outage.ClientOutages{Clients: 8, Hit: 8, NeverBack: 1, Median: least(240 * ms), P99: outage.Least{For: 9987 * ms, AtLeast: true}, Max: outage.Least{For: 9987 * ms, AtLeast: true}},
				},
				{Workload: "reads"},
			},
		},
		{Event: "exit-pgslave", Nodes: []string{"pgslave"}, Primary: "pgslavenew", Issued: 24200 * ms, Effective: 24200 * ms, Promotion: none, Writable: none},
	}
	return r
}

// doubtful is a run of whose recoveries not all can be said: a crash that was noticed when
// clients were back, a fault that came soon after another, and two primaries at once.
func doubtful(t *testing.T) *Result {
	t.Helper()
	r := recovered(quorum(t))
	r.Name = "doubtful"
	r.Outages[0].Noticed, r.Outages[0].Most, r.Outages[0].Event = true, 150*ms, "crash-pgslave"
	r.Timeline[0].Name, r.Timeline[0].Action, r.Timeline[0].Status = "crash-pgslave", "crash", record.EventSeen
	crash, kill := &r.Recoveries[0], &r.Recoveries[1]
	crash.Event, crash.Next, crash.Noticed, crash.Caveats = "crash-pgslave", "crash", true, []string{"it happened at some moment between 10.001 s and 10.182 s"}
	reads := &crash.Workloads[1]
	reads.Throughput = outage.Stage{State: outage.StageMissed, At: 20 * time.Second}
	reads.Clients.NeverBack, reads.Clients.Max.AtLeast = 1, true
	reads.Nodes[0].Left, reads.Nodes[0].RTO = true, 20*ms
	r.Outages[2].Loaded, r.Outages[2].NotServed = true, true
	kill.Workloads = append(kill.Workloads, outage.WorkloadRecovery{Workload: "mixed", Loaded: true, NotServed: true})
	kill.Workloads[0].Clients.NotServed = 2
	kill.Workloads[0].LastOldAck.At, kill.Rejoined.At = 20518*ms, kill.Effective
	kill.Caveats = []string{
		"two primaries at once: pgmaster and pgslavenew both accepted writes, from 20.190 s to 20.700 s",
		"two primaries at once: writes was still acknowledged by pgmaster at 20.518 s, after pgslavenew had acknowledged at 20.239 s",
	}
	return r
}

// explainedLoss is a run whose losses are all put down to an event, by an audit that
// explains.
func explainedLoss(t *testing.T) *Result {
	t.Helper()
	r := quorum(t)
	r.Name = "async-kill"
	a := &r.Audits[0]
	lost := audit.Run{
		Writer: 3, Workload: "writes", First: 1041, Last: 1467, N: 427, From: 19301 * ms, To: 19851 * ms, Node: "pgmaster", Timeline: 1,
		FirstLSN: 0x3000148, LastLSN: 0x3009FF0, Explained: true, Cause: audit.CauseFork, LostBy: "crash", Fork: 0x3000100,
		MissingOn: []string{"pgslave", "pgslavenew"}, OnForks: []string{"pgmaster"}, Readers: 18,
	}
	other := lost
	other.Writer, other.First, other.Last, other.N, other.FirstLSN, other.OnForks, other.FoundOn, other.Readers = 4, 7, 9, 3, 0x3000200, nil, []string{"pgmaster"}, 0
	weak := other
	weak.Writer, weak.Last, weak.N, weak.To, weak.Weak, weak.LastLSN = 5, 7, 1, weak.From, audit.WeakRegime, weak.FirstLSN
	r.States[0].States[0].SyncNames = "" // asynchronous, and pgslavenew is cut off
	r.States[2].States = []record.NodeState{
		{Node: "pgslavenew", Reachable: true, Role: record.RoleStandby, Timeline: 1, Streaming: true},
		{Node: "pgslavenew", At: 17 * time.Second, Reachable: true, Role: record.RoleStandby, Timeline: 1},
	}
	bytes := int64(0x3009FF0 - 0x3000100)
	a.Lost = audit.Count{N: 430, Runs: []audit.Run{lost, other}}
	for i := range 11 { // more than are shown
		weak.First, weak.Last = int64(2*i+1), int64(2*i+1)
		a.WeakLost.Runs = append(a.WeakLost.Runs, weak)
	}
	a.WeakLost.N, a.WeakLost.More = 14, 3
	a.Weak = &audit.WeakAcks{Notice: 2, Regime: 15, Transition: 3, Stretches: []audit.WeakStretch{
		{Node: "pgslavenew", From: 20185 * ms, To: 30 * time.Second, N: 15, Demanded: 1, Commit: "local", DemandedCommit: "on"},
	}}
	a.RPO = []audit.RPO{{Event: "crash", Cause: audit.CauseFork, Lost: 430, WeakLost: 14, From: 19301 * ms, To: 20013 * ms, Fork: 0x3000100, Bytes: &bytes}}
	a.UnreadForks = []audit.UnreadFork{{Node: "pgslave", Timeline: 1, Fork: 0x3000100, Back: 21500 * ms}}
	a.Ghosts = new(int64)
	*a.Ghosts = 427
	a.Forks = []audit.ForkAudit{{Node: "pgmaster", Step: "rejoin-pgmaster", Timeline: 1, At: 25 * time.Second, Read: true, Rows: 15248}}
	return r
}

// unexplainedLoss is one with a loss that nothing accounts for, and two nodes that
// acknowledged at once.
func unexplainedLoss(t *testing.T) *Result {
	t.Helper()
	r := explainedLoss(t)
	a := &r.Audits[0]
	bad := a.Lost.Runs[1]
	bad.Explained, bad.Cause, bad.LostBy, bad.Fork, bad.Why = false, "", "", 0, "it was committed before 0/2FFFFFF on timeline 1, which was left at 0/3000100 only"
	a.Lost.Runs, a.Unexplained = []audit.Run{bad, a.Lost.Runs[0]}, 3
	a.RPO = append(a.RPO, audit.RPO{Event: "split brain", Cause: audit.CauseForeign, Lost: 1, From: 21 * time.Second, To: 21 * time.Second})
	a.SplitBrain = []audit.Overlap{{
		Older: ledger.Server{Node: "pgmaster", Timeline: 1}, Newer: ledger.Server{Node: "pgslavenew", Timeline: 2}, From: 20250 * ms, To: 21 * time.Second,
	}}
	a.Ghosts, a.UnreadForks = nil, nil
	return r
}
