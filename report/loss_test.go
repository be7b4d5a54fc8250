package report

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/audit"
	"pgchaos/outage"
	"pgchaos/record"
)

// primaryReading is a node as a primary.
func primaryReading(at time.Duration, timeline uint32, commit, names string) record.NodeState {
	return record.NodeState{At: at, Reachable: true, Role: record.RolePrimary, Timeline: timeline, SyncCommit: commit, SyncNames: names}
}

// standbyReading is a node as a standby.
func standbyReading(at time.Duration, streaming bool) record.NodeState {
	return record.NodeState{At: at, Reachable: true, Role: record.RoleStandby, Timeline: 1, Streaming: streaming}
}

// TestWhyWritesWereLost: the cause is said by what commits waited for on the server that
// acknowledged, and by how long the promoted standby had not been streaming.
func TestWhyWritesWereLost(t *testing.T) {
	const s = time.Second
	connected := []record.NodeState{standbyReading(0, true)}
	cutOff := []record.NodeState{standbyReading(0, true), standbyReading(4*s, false), {At: 5 * s}, standbyReading(6*s, false)}
	tests := []struct {
		name, commit, names string
		standby             []record.NodeState
		cause               audit.Cause
		want                string
	}{
		{"cut off", "on", "", cutOff, audit.CauseFork, "replication was asynchronous; b had been cut off for 3.0 s"},
		{"behind", "on", "", connected, audit.CauseFork, "replication was asynchronous"},
		{
			"back before the fault", "on", "", []record.NodeState{standbyReading(0, false), standbyReading(s, true)}, audit.CauseFork,
			"replication was asynchronous",
		},
		{
			"cut off by the fault itself", "on", "", []record.NodeState{standbyReading(0, true), standbyReading(6950*time.Millisecond, false)}, audit.CauseFork,
			"replication was asynchronous",
		},
		{"not read after it", "on", "", []record.NodeState{standbyReading(0, true), {At: 4 * s}}, audit.CauseFork, "replication was asynchronous"},
		{
			"stopped, and back", "on", "", []record.NodeState{standbyReading(0, true), {At: 2 * s, Role: record.RoleDown}, standbyReading(6500*time.Millisecond, false)}, audit.CauseFork,
			"replication was asynchronous; b had been cut off for 5.0 s",
		},
		{
			"stopped, and not back", "on", "", []record.NodeState{standbyReading(0, true), {At: 2 * s, Role: record.RoleDown}}, audit.CauseFork,
			"replication was asynchronous; b had been cut off for 5.0 s",
		},
		{"sessions that do not wait", "local", "b", connected, audit.CauseFork, "synchronous_commit was local: commits waited for no standby"},
		{"another standby", "on", "FIRST 1 (c)", connected, audit.CauseFork, "commits waited for priority FIRST 1 (c), and b is not among these"},
		{"another of the quorum", "on", "ANY 1 (b, c)", connected, audit.CauseFork, "commits waited for quorum ANY 1 (b, c), and b had not received these"},
		{"any standby", "remote_write", "*", connected, audit.CauseFork, "commits waited for priority FIRST 1 (*), and b had not received these"},
		{"nothing is known", "", "", connected, audit.CauseFork, "what commits waited for is not known"},
		{"a split brain", "on", "", connected, audit.CauseForeign, "a accepted writes beside b, whose rows count"},
		{"an old primary that came back", "on", "", connected, audit.CauseBeside, "a accepted writes beside b, whose rows count"},
		{"a crash without the WAL", "off", "", connected, audit.CauseCrash, "synchronous_commit was off: the server acknowledges before the WAL is on its disk"},
		{"a crash", "on", "", connected, audit.CauseCrash, "a recovered from its crash without the end of its WAL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Result{
				Timeline: []record.Event{{Name: "kill-a", Action: "kill", Nodes: []string{"a"}, Issued: 7 * s, Effective: 7100 * time.Millisecond}},
				States:   []NodeHistory{{Node: "a", States: []record.NodeState{primaryReading(0, 1, tt.commit, tt.names)}}, {Node: "b", States: tt.standby}},
			}
			a := &audit.Audit{
				Authority: "b", Lost: audit.Count{N: 3, Runs: []audit.Run{{LostBy: "kill-a", Node: "a", N: 3}}},
				RPO: []audit.RPO{{Event: "kill-a", Cause: tt.cause, Lost: 3, From: 5 * s, To: 7100 * time.Millisecond}, {Event: "nothing"}},
			}
			losses := r.Losses(a)
			if len(losses) != 1 || losses[0].Lost != 3 || losses[0].Why() != tt.want {
				t.Errorf("%+v\nwhy %q, want %q", losses, losses[0].Why(), tt.want)
			}
		})
	}
}

// TestWhyWeakWritesWereLost: these were never promised to be on a standby, whatever commits waited for.
func TestWhyWeakWritesWereLost(t *testing.T) {
	r := &Result{}
	losses := r.Losses(&audit.Audit{RPO: []audit.RPO{{Event: "kill-a", Cause: audit.CauseFork, WeakLost: 4}}})
	const want = "the wait for a standby had been cancelled, or fewer standbys than demanded had acknowledged them"
	if len(losses) != 1 || losses[0].Why() != want {
		t.Errorf("%+v", losses)
	}
}

// TestReplicationModes: the first mode and each change of its kind; other names alone are no change, nor is
// a former primary that is still read.
func TestReplicationModes(t *testing.T) {
	const s = time.Second
	r := &Result{States: []NodeHistory{
		{Node: "a", States: []record.NodeState{
			primaryReading(s, 1, "on", ""), primaryReading(2*s, 1, "on", "ANY 1 (b, c)"), primaryReading(9*s, 1, "local", ""),
		}},
		{Node: "b", States: []record.NodeState{
			standbyReading(0, true), primaryReading(5*s, 2, "on", ""), primaryReading(6*s, 2, "on", "ANY 1 (a, c)"), primaryReading(7*s, 2, "on", "ANY 1 (a)"),
		}},
	}}
	var got []string
	for _, m := range r.Replications() {
		got = append(got, m.Since.String()+" "+m.Node+" "+m.String())
	}
	want := []string{"0s a asynchronous", "2s a quorum ANY 1 (b, c)", "5s b asynchronous", "6s b quorum ANY 1 (a, c)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	r = &Result{Cluster: Cluster{Nodes: []ClusterNode{{Name: "a", Settings: map[string]string{"synchronous_commit": "local", "synchronous_standby_names": "2 (b, c)"}}}}}
	if modes := r.Replications(); len(modes) != 1 || modes[0].String() != "asynchronous by synchronous_commit local (FIRST 2 (b, c))" {
		t.Errorf("of the settings alone: %+v", modes)
	}
	if modes := (&Result{}).Replications(); len(modes) != 0 {
		t.Errorf("of an empty result: %+v", modes)
	}
}

// TestTheWorstOutageOfAFault: of several workloads the longest outage is shown, and one that was measured
// before one that was not.
func TestTheWorstOutageOfAFault(t *testing.T) {
	const s = time.Second
	of := func(workload string, writes, recovered bool, rto time.Duration) outage.Outage {
		return outage.Outage{Event: "kill-a", Workload: workload, Writes: writes, Loaded: true, Recovered: recovered, RTO: rto, Issued: s}
	}
	r := &Result{
		Timeline: []record.Event{{Name: "stop-b", Action: "stop", Fault: true, Issued: 3 * s}},
		Outages: []outage.Outage{
			{Event: "kill-a", Workload: "idle", Writes: true, Issued: s}, of("w1", true, true, 2*s), of("w2", true, false, s), of("r1", false, true, s), of("r2", false, true, 3*s),
			{Event: "kill-a", Workload: "idle too", Issued: s},
		},
		Recoveries: []outage.Recovery{{Event: "kill-a", Issued: s, Caveats: []string{"doubt"}, Redundancy: outage.Stage{State: outage.StageNone}}},
	}
	faults := r.Faults()
	if len(faults) != 2 || faults[1].Event != "stop-b" || faults[1].Write != nil {
		t.Fatalf("%+v", faults)
	}
	f := faults[0]
	if f.Write.Workload != "w2" || f.Read.Workload != "r2" || f.Redundancy.State != outage.StageNone || len(f.Caveats) != 1 {
		t.Errorf("%+v: writes %+v, reads %+v", f, f.Write, f.Read)
	}
}

// TestNodesOfSeveralTables: rows are added up, and the worst content counts; an unknown one hides behind no equal one.
func TestNodesOfSeveralTables(t *testing.T) {
	table := func(b audit.NodeAudit) audit.Audit {
		b.Node = "b"
		return audit.Audit{Authority: "a", Nodes: []audit.NodeAudit{{Node: "a", Read: true, Rows: 10, Equal: true}, b}}
	}
	equal := audit.NodeAudit{Read: true, Rows: 10, Equal: true}
	for name, tt := range map[string]struct {
		second audit.NodeAudit
		want   Content
	}{
		"equal":   {equal, ContentEqual},
		"differs": {audit.NodeAudit{Read: true, Rows: 9, Missing: 1}, ContentDiffers},
		"unread":  {audit.NodeAudit{Why: "refused"}, ContentUnread},
		"unknown": {audit.NodeAudit{Read: true, Rows: 10}, ContentUnknown},
	} {
		r := &Result{Audits: []audit.Audit{table(equal), table(tt.second), table(equal)}}
		nodes := r.NodesAtEnd()
		if len(nodes) != 2 || nodes[0].Rows != 30 || nodes[0].Content != ContentReference || nodes[1].Content != tt.want {
			t.Errorf("%s: %+v", name, nodes)
		}
	}
}

// TestCutOffByAStep: what could not be read of a standby that a step has frozen is known, and of any other is not.
func TestCutOffByAStep(t *testing.T) {
	const s = time.Second
	b := []record.NodeState{standbyReading(0, true), {At: 2 * s}}
	for i := range b {
		b[i].Node = "b"
	}
	r := &Result{States: []NodeHistory{{Node: "b", States: b}}}
	if got := r.cutOff("b", 7*s); got != 0 {
		t.Errorf("without a step: %v", got)
	}
	r.Timeline = []record.Event{{Name: "pause-b", Action: "pause", Nodes: []string{"b"}, Issued: 1900 * time.Millisecond, Effective: 1950 * time.Millisecond}}
	if got := r.cutOff("b", 7*s); got != 5*s {
		t.Errorf("frozen: %v", got)
	}
}
