package cluster

import (
	"testing"

	"pgchaos/record"
	"pgchaos/standbynames"
)

func TestJudge(t *testing.T) {
	in := func(name, state string) record.StandbyState {
		return record.StandbyState{Name: name, State: "streaming", SyncState: state}
	}
	backup := record.StandbyState{Name: "pg_basebackup", State: "backup", SyncState: "async"}
	for _, c := range []struct {
		names    string
		standbys []record.StandbyState
		holds    bool
	}{
		{"ANY 1 (a, b)", []record.StandbyState{in("a", "quorum"), in("b", "quorum"), in("c", "async"), backup}, true},
		{"ANY 1 (a, b)", []record.StandbyState{in("a", "quorum"), in("b", "potential")}, false},
		{"ANY 1 (a, b)", []record.StandbyState{in("a", "async")}, false},
		{"ANY 1 (a, b)", []record.StandbyState{in("a", "sync")}, false},
		{"ANY 1 (a, b)", nil, true}, // nobody is connected: nothing to wait for
		{"FIRST 1 (a, b)", []record.StandbyState{in("a", "sync"), in("b", "potential")}, true},
		{"FIRST 2 (a, b)", []record.StandbyState{in("a", "sync"), in("b", "potential")}, false},
		{"FIRST 1 (a, b)", []record.StandbyState{in("a", "quorum"), in("b", "quorum")}, false},
		{"", []record.StandbyState{in("a", "async")}, true},
		{"", []record.StandbyState{in("a", "sync")}, false},
		{"*", []record.StandbyState{in("a", "sync"), backup}, true},
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
