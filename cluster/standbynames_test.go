package cluster

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/history"
)

func TestParseStandbyNames(t *testing.T) {
	for text, want := range map[string]standbyNames{
		"":                       {},
		"  ":                     {},
		"a":                      {num: 1, names: []string{"a"}},
		"a, B":                   {num: 1, names: []string{"a", "B"}},
		"*":                      {num: 1, names: []string{"*"}},
		"2 (a, b)":               {num: 2, names: []string{"a", "b"}},
		"FIRST 2 (a,b)":          {num: 2, names: []string{"a", "b"}},
		"any 1 (a, b)":           {any: true, num: 1, names: []string{"a", "b"}},
		`ANY 1 ("pg-a", "x""y")`: {any: true, num: 1, names: []string{"pg-a", `x"y`}},
		`"any"`:                  {num: 1, names: []string{"any"}},
		"first":                  {num: 1, names: []string{"first"}},
	} {
		got, err := parseStandbyNames(text)
		if err != nil || !cmp.Equal(got, want, cmp.AllowUnexported(standbyNames{})) {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, wrong := range []string{"a b", "a,", ",", "ANY (a)", "ANY 0 (a)", "ANY 1 a", "ANY 1 (a", "1 ()", "SOME 1 (a)", "pg-a", `"a`, "ANY 1 (a))"} {
		if got, err := parseStandbyNames(wrong); err == nil {
			t.Errorf("%q was read as %+v", wrong, got)
		}
	}
}

func FuzzParseStandbyNames(f *testing.F) {
	f.Add(`ANY 1 ("pg-a", b)`)
	f.Add("a, b")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := parseStandbyNames(text); err == nil && (s.num == 0) != (len(s.names) == 0) {
			t.Errorf("%q: %+v", text, s)
		}
	})
}

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
		names, err := parseStandbyNames(c.names)
		if err != nil {
			t.Fatal(err)
		}
		if _, missing := names.judge(c.standbys); (missing == "") != c.holds {
			t.Errorf("%s with %v: missing %q", c.names, c.standbys, missing)
		}
	}
}
