package audit

import (
	"testing"

	"pgchaos/record"
)

func TestWeaker(t *testing.T) {
	demand := record.Demand{Standbys: 1, Names: []string{"b", "c"}, Commit: "on"}
	for _, tt := range []struct {
		name, commit, names string
		demand              record.Demand
		want                bool
	}{
		{"as demanded", "on", "ANY 1 (b, c)", demand, false},
		{"empty", "on", "", demand, true},
		{"a lower synchronous_commit", "local", "ANY 1 (b, c)", demand, true},
		{"not read", "", "", demand, false},
		{"nothing is demanded", "off", "", record.Demand{}, false},
		{"not to be parsed", "on", "ANY (", demand, true},
	} {
		if got := Weaker(record.NodeState{SyncCommit: tt.commit, SyncNames: tt.names}, tt.demand); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
