package cluster

import (
	"testing"

	"pgchaos/history"
	"pgchaos/standbynames"
)

func TestJudge(t *testing.T) {
	in := func(name, state string) history.StandbyState {
		return history.StandbyState{Name: name, State: "streaming", SyncState: state}
	}
	backup := history.StandbyState{Name: "pg_basebackup", State: "backup", SyncState: "async"}
	for _, c := range []struct {
		names    string
		standbys []history.StandbyState
		holds    bool
	}{
		{"ANY 1 (a, b)", []history.StandbyState{in("a", "quorum"), in("b", "quorum"), in("c", "async"), backup}, true},
		{"ANY 1 (a, b)", []history.StandbyState{in("a", "quorum"), in("b", "potential")}, false},
		{"ANY 1 (a, b)", []history.StandbyState{in("a", "async")}, false},
		{"ANY 1 (a, b)", []history.StandbyState{in("a", "sync")}, false},
		{"ANY 1 (a, b)", nil, true}, // nobody is connected: nothing to wait for
		{"FIRST 1 (a, b)", []history.StandbyState{in("a", "sync"), in("b", "potential")}, true},
		{"FIRST 2 (a, b)", []history.StandbyState{in("a", "sync"), in("b", "potential")}, false},
		{"FIRST 1 (a, b)", []history.StandbyState{in("a", "quorum"), in("b", "quorum")}, false},
		{"", []history.StandbyState{in("a", "async")}, true},
		{"", []history.StandbyState{in("a", "sync")}, false},
		{"*", []history.StandbyState{in("a", "sync"), backup}, true},
	} {
		names, err := standbynames.Parse(c.names)
		if err != nil {
			t.Fatal(err)
		}
		if _, missing := judge(names, c.standbys); (missing == "") != c.holds {
			t.Errorf("%s with %v: missing %q", c.names, c.standbys, missing)
		}
	}
}
