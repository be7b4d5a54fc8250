package live

import (
	"fmt"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/runner"
)

// TestNodeHistory: a state lasts until the next one begins, each second has one point, and what is not known is no 0.
func TestNodeHistory(t *testing.T) {
	var m Model
	lag := int64(4096)
	node := func(role record.Role, timeline uint32, sync string) runner.NodeStatus {
		return runner.NodeStatus{Name: "b", Up: role != record.RoleDown, NodeSample: record.NodeSample{Role: role, Timeline: timeline, SyncState: sync, LagBytes: &lag, SyncWaiters: 2}}
	}
	for quarter := range 41 { // ten seconds
		at := time.Duration(quarter) * 250 * time.Millisecond
		s := node(record.RoleStandby, 1, "quorum")
		switch {
		case at >= 7*time.Second:
			s = node(record.RolePrimary, 2, "")
		case at >= 3*time.Second:
			s = node(record.RoleDown, 1, "")
		}
		m.Take(runner.Ticked{Status: runner.Status{Elapsed: at, Nodes: []runner.NodeStatus{s}}}, after(at))
	}
	n := m.NodeHistories[0]
	if got, want := fmt.Sprint(n.Roles), "[{0s standby 1 } {3s down 0 } {7s primary 2 }]"; got != want {
		t.Errorf("roles %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(n.Syncs), "[{0s  0 quorum} {3s  0 } {7s  0 primary}]"; got != want {
		t.Errorf("synchronous states %s, want %s", got, want)
	}
	points, complete := n.Since(0)
	if len(points) != 10 || !complete || len(n.Points()) != 10 {
		t.Fatalf("%d points", len(points))
	}
	for _, p := range points {
		down, primary := p.To >= 3*time.Second && p.To < 7*time.Second, p.To >= 7*time.Second
		if (p.LagBytes == nil) != down || (p.Waiters != nil) != primary || p.CPU != nil {
			t.Errorf("%+v", p)
		}
	}
	m.Take(runner.LoadStarted{At: begun}, begun)
	if len(m.NodeHistories) != 0 || m.Forgotten != 1 {
		t.Error("the run before is not forgotten")
	}
}

// TestStretchesAreBounded: of a node that changes all the time, the last states are kept.
func TestStretchesAreBounded(t *testing.T) {
	var n NodeHistory
	for i := range 10 * mostStretches {
		n.note(&runner.NodeStatus{Name: "b", Up: true, NodeSample: record.NodeSample{Role: record.RoleStandby, Timeline: uint32(1 + i)}}, time.Duration(i)*time.Second)
	}
	if last := n.Roles[len(n.Roles)-1]; len(n.Roles) != mostStretches || last.Timeline != 10*mostStretches {
		t.Errorf("%d states, the last is of timeline %d", len(n.Roles), last.Timeline)
	}
}

// TestMergedNodePoints have the greatest figures.
func TestMergedNodePoints(t *testing.T) {
	few, many := int64(1), int64(5)
	p := NodePoint{To: time.Second, LagBytes: &many}.with(NodePoint{From: time.Second, To: 2 * time.Second, LagBytes: &few})
	if p.From != 0 || p.To != 2*time.Second || *p.LagBytes != 5 || p.Waiters != nil {
		t.Errorf("%+v", p)
	}
	if p = (NodePoint{}).with(NodePoint{LagBytes: &few}); *p.LagBytes != 1 {
		t.Errorf("%+v", p)
	}
}
