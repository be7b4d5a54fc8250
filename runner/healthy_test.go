package runner

import (
	"strings"
	"testing"
	"time"

	"pgchaos/record"
)

// TestNotWell: what readings show that a healthy cluster does not have.
func TestNotWell(t *testing.T) {
	primary := record.NodeState{Node: "a", Reachable: true, Role: record.RolePrimary}
	second := record.NodeState{Node: "b", Reachable: true, Role: record.RolePrimary}
	streams := record.NodeState{Node: "b", Reachable: true, Role: record.RoleStandby, Streaming: true}
	behind := record.NodeState{Node: "c", Reachable: true, Role: record.RoleStandby}
	for name, tt := range map[string]struct {
		states []record.NodeState
		blind  bool // the role may not see who streams
		want   string
	}{
		"well":                     {states: []record.NodeState{primary, streams}},
		"alone":                    {states: []record.NodeState{primary}},
		"a standby that is not up": {states: []record.NodeState{primary, {Node: "b", Role: record.RoleDown}, streams}, want: "b is down"},
		"one without an answer":    {states: []record.NodeState{primary, {Node: "b", Error: "timeout"}}, want: "b could not be read: timeout"},
		"for no known reason":      {states: []record.NodeState{primary, {Node: "b"}}, want: "b could not be read: it gave no answer"},
		"the primary is gone":      {states: []record.NodeState{{Node: "a", Role: record.RoleDown}, streams}, want: "a is down; no node was the primary"},
		"it may be the primary":    {states: []record.NodeState{{Node: "a", Error: "timeout"}, streams}, want: "a could not be read: timeout"},
		"two primaries":            {states: []record.NodeState{primary, second}, want: "a and b were both primaries"},
		"no primary":               {states: []record.NodeState{streams, behind}, want: "c is a standby and does not stream; no node was the primary"},
		"nobody may see":           {states: []record.NodeState{primary, behind}, blind: true},
	} {
		if got := strings.Join(notWell(tt.states, !tt.blind), "; "); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	if seesStandbys([]record.NodeState{primary, behind, {Node: "a", Standbys: []record.StandbyState{{Name: ""}}}}) {
		t.Error("lines without a state are those of a role that may not see it")
	}
	if !seesStandbys([]record.NodeState{primary, streams}) || !seesStandbys([]record.NodeState{{Node: "a", Standbys: []record.StandbyState{{State: "catchup"}}}}) {
		t.Error("it sees a standby")
	}
}

// TestReadingsThatAreEnough: the newest readings show that the cluster is well only where each node has a new one.
func TestReadingsThatAreEnough(t *testing.T) {
	const now = 10 * time.Second
	read := func(node string, role record.Role, ago time.Duration) record.NodeState {
		return record.NodeState{Node: node, Reachable: true, Role: role, Streaming: role == record.RoleStandby, At: now - ago}
	}
	primary, standby := record.RolePrimary, record.RoleStandby
	for name, tt := range map[string]struct {
		latest []record.NodeState
		want   bool
	}{
		"all are new":                     {[]record.NodeState{read("a", primary, time.Second), read("b", standby, 0)}, true},
		"a standby hangs":                 {[]record.NodeState{read("a", primary, 0), read("b", standby, 1001*time.Millisecond)}, false},
		"a standby has not been read yet": {[]record.NodeState{read("a", primary, 0)}, false},
		"the primary hangs":               {[]record.NodeState{read("a", primary, 2*time.Second), read("b", standby, 0)}, false},
		"one is down":                     {[]record.NodeState{read("a", primary, 0), {Node: "b", Role: record.RoleDown, At: now}}, false},
	} {
		if got := showWell(tt.latest, now, 2, true); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
