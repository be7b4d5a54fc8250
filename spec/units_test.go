package spec

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"10s": 10 * time.Second, "1m30s": 90 * time.Second, "250ms": 250 * time.Millisecond, "0": 0, "1.5h": 90 * time.Minute,
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q is %v, %v", text, d, err)
		}
		var again Duration
		if again.UnmarshalText([]byte(d.String())) != nil || again != d {
			t.Errorf("%v became %v", d, again)
		}
	}
	for _, text := range []string{"", "10", "-1s", "s", "1 s", "1d", "ten", "1e3s", "9999999h", "Inf", "NaN"} {
		if err := new(Duration).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a duration", text)
		}
	}
}

func TestRate(t *testing.T) {
	for text, want := range map[string]Rate{"500/s": 500, "30/m": 0.5, "2/ms": 2000, "0.5 / s": 0.5} {
		var r Rate
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%q is %v, %v", text, r, err)
		}
		var again Rate
		if again.UnmarshalText([]byte(r.String())) != nil || again != r {
			t.Errorf("%v became %v", r, again)
		}
	}
	for _, text := range []string{"", "500", "/s", "0/s", "-1/s", "NaN/s", "Inf/s", "1e3/s", "5/h", "5/s/s", "99999999999/s", "0x1p4/s"} {
		if err := new(Rate).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a rate", text)
		}
	}
}

func TestParseStandbys(t *testing.T) {
	for text, want := range map[string]Standbys{
		"":                         {},
		"  ":                       {},
		"*":                        {"FIRST", 1, []string{"*"}},
		"a":                        {"FIRST", 1, []string{"a"}},
		"a, b":                     {"FIRST", 1, []string{"a", "b"}},
		"ANY 1 (pgslave, new)":     {"ANY", 1, []string{"pgslave", "new"}},
		"any 2(a,b)":               {"ANY", 2, []string{"a", "b"}},
		"First 2 (a, b, c)":        {"FIRST", 2, []string{"a", "b", "c"}},
		"2 (a, b)":                 {"FIRST", 2, []string{"a", "b"}},
		`ANY 1 ("a-b", "c""d, e")`: {"ANY", 1, []string{"a-b", `c"d, e`}},
		"ANY 2 (*)":                {"ANY", 2, []string{"*"}},
		"any, first":               {"FIRST", 1, []string{"any", "first"}},
	} {
		got, err := ParseStandbys(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	for _, text := range []string{"ANY 1", "ANY (a)", "ANY 1 (a", "ANY 1 ()", "a,", ", a", "a b", "a-b", "ANY 0 (a)", "ANY 2 (a)",
		"ANY 1 (a, A)", "ANY 99999999999999999999 (a)", `"a`, `""`, "ANY 1 (a) b"} {
		if got, err := ParseStandbys(text); err == nil {
			t.Errorf("%q is %+v", text, got)
		}
	}
	s, _ := ParseStandbys("ANY 1 (PgSlave)")
	if !s.Has("pgslave") || s.Has("other") || s.All() || s.SyncState() != "quorum" {
		t.Error("a quorum of one is not understood")
	}
	if all, _ := ParseStandbys("*"); !all.Has("anybody") || !all.All() || all.SyncState() != "sync" {
		t.Error("* is not understood")
	}
	if (Standbys{}).SyncState() != "async" {
		t.Error("nothing is not asynchronous")
	}
}
