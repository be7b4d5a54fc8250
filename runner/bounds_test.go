package runner

import (
	"strings"
	"testing"

	"pgchaos/record"
	"pgchaos/spec"
)

func TestBoundsOfAClusterOfOthers(t *testing.T) {
	of := &spec.Existing{MaxWAL: 1 << 20, MaxLag: 100 << 10}
	at := func(lsn, replay record.LSN, state string) record.NodeState {
		return record.NodeState{Node: "a", Reachable: true, Role: record.RolePrimary, LSN: lsn, Standbys: []record.StandbyState{{Name: "b", State: state, Replay: replay}}}
	}
	const wal, lag = "the run was stopped: a has written 2 MB of WAL since its beginning, and max_wal is 1MB", "the run was stopped: b is 200 kB behind a while no fault is in force, and max_lag is 100kB"
	cascading := func(replay record.LSN) record.NodeState { // b, from which c streams
		return record.NodeState{Node: "b", Reachable: true, Role: record.RoleStandby, Standbys: []record.StandbyState{{Name: "c", State: "streaming", Replay: replay}}}
	}
	for _, tc := range []struct {
		name string
		of   record.NodeState
		busy bool
		want string
		more []record.NodeState
	}{
		{"as much as it may", at(6000_000, 5900_000, "streaming"), false, "", nil},
		{"too much WAL", at(7000_000, 6950_000, "streaming"), true, wal, nil},
		{"too far behind", at(5200_000, 5000_000, "streaming"), false, lag, nil},
		{"too far behind, by a fault of the run", at(5200_000, 5000_000, "streaming"), true, "", nil},
		{"not up yet", at(5200_000, 5000_000, "catchup"), false, "", nil},
		{"a new primary that is behind the first one", at(4000_000, 4000_000, "streaming"), false, "", nil},
		{"a standby that is ahead of the reading", at(5200_000, 5200_001, "streaming"), false, "", nil},
		{"a primary that may not be asked", at(0, 5200_000, "streaming"), false, "", nil},
		{"no primary", record.NodeState{}, false, "", nil},
		{"too far behind, by way of another standby", at(5200_000, 5200_000, "streaming"), false, strings.Replace(lag, "b is", "c is", 1), []record.NodeState{cascading(5000_000)}},
		{"near enough, by way of another standby", at(5200_000, 5200_000, "streaming"), false, "", []record.NodeState{cascading(5150_000)}},
		{"a replay that is not known", at(5200_000, 0, "streaming"), false, "", nil},
	} {
		b := bounds{of: of}
		b.passed([]record.NodeState{at(5000_000, 5000_000, "streaming")}, true)
		if got := b.passed(append(tc.more, tc.of), !tc.busy); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestAStandbyThatAFaultHasLeftBehind may catch up. It may not fall back further, and once it has caught up it is as any other.
func TestAStandbyThatAFaultHasLeftBehind(t *testing.T) {
	b := bounds{of: &spec.Existing{MaxWAL: 1 << 30, MaxLag: 100 << 10}}
	for i, step := range []struct {
		lsn, replay record.LSN
		calm        bool
		stops       bool
	}{
		{5000_000, 5000_000, true, false},
		{5200_000, 5000_000, false, false}, // 200 kB, by a fault
		{5300_000, 5150_000, false, false},
		{5350_000, 5160_000, true, false}, // it is over
		{5350_000, 5150_000, true, false},
		{5350_001, 5150_000, true, true},
		{5350_000, 5300_000, true, false}, // it has caught up
		{5460_000, 5300_000, true, true},
	} {
		primary := record.NodeState{Node: "a", Reachable: true, Role: record.RolePrimary, LSN: step.lsn, Standbys: []record.StandbyState{{Name: "b", State: "streaming", Replay: step.replay}}}
		if got := b.passed([]record.NodeState{primary}, step.calm); (got != "") != step.stops {
			t.Errorf("step %d: %q", i, got)
		}
	}
}
