package runner

import (
	"testing"

	"pgchaos/record"
	"pgchaos/spec"
)

func TestBoundsOfAClusterOfOthers(t *testing.T) {
	of := &spec.Existing{MaxWAL: 1 << 20, MaxLag: 100 << 10}
	at := func(lsn, replay record.LSN, state string) record.NodeState {
		return record.NodeState{Node: "a", Reachable: true, LSN: lsn, Standbys: []record.StandbyState{{Name: "b", State: state, Replay: replay}}}
	}
	const wal, lag = "the run was stopped: a has written 2 MB of WAL since its beginning, and max_wal is 1MB", "the run was stopped: b is 200 kB behind a while no fault is in force, and max_lag is 100kB"
	for _, tc := range []struct {
		name string
		of   record.NodeState
		busy bool
		want string
	}{
		{"as much as it may", at(6000_000, 5900_000, "streaming"), false, ""},
		{"too much WAL", at(7000_000, 6950_000, "streaming"), true, wal},
		{"too far behind", at(5200_000, 5000_000, "streaming"), false, lag},
		{"too far behind, by a fault of the run", at(5200_000, 5000_000, "streaming"), true, ""},
		{"not up yet", at(5200_000, 5000_000, "catchup"), false, ""},
		{"no primary", record.NodeState{}, false, ""},
		{"a replay that is not known", at(5200_000, 0, "streaming"), false, ""},
	} {
		b := bounds{of: of}
		b.passed(at(5000_000, 5000_000, "streaming"), true)
		if got := b.passed(tc.of, !tc.busy); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
