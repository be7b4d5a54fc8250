package runner

import (
	"strings"
	"testing"

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
