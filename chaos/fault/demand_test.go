package fault

import (
	"testing"

	"pgchaos/cluster"
)

// TestDemandAfterAPromotion: the old primary takes the place of the promoted node, so that as much is demanded as before.
func TestDemandAfterAPromotion(t *testing.T) {
	for _, tc := range []struct{ name, was, promoted, want string }{
		{"asynchronous", "", "b", ""},
		{"a quorum", "ANY 1 (b, c)", "b", "ANY 1 (a, c)"},
		{"in the same order", "FIRST 2 (c, b, d)", "b", "FIRST 2 (c, a, d)"},
		{"names without case", "ANY 1 (B, c)", "b", "ANY 1 (a, c)"},
		{"a plain list", "b, c", "c", "FIRST 1 (b, a)"},
		{"all standbys", "ANY 1 (*)", "b", "ANY 1 (*)"},
		{"all nodes are named already", "ANY 1 (a, b, c)", "b", "ANY 1 (a, b, c)"},
		{"one that nobody waited for", "ANY 1 (b, c)", "d", "ANY 1 (b, c)"},
	} {
		got, err := demandAfter(cluster.Synchronous{Commit: "remote_apply", Standbys: tc.was}, "a", tc.promoted)
		if err != nil || got.Standbys != tc.want || got.Commit != "remote_apply" {
			t.Errorf("%s: %+v, %v, want %s", tc.name, got, err, tc.want)
		}
	}
	if _, err := demandAfter(cluster.Synchronous{Standbys: "ANY ("}, "a", "b"); err == nil {
		t.Error("names that cannot be read are accepted")
	}
}

// TestEachIndexIsBuiltAnew: one that is not shows.
func TestEachIndexIsBuiltAnew(t *testing.T) {
	for _, tc := range []struct {
		before, after string
		right         bool
	}{
		{"1 2", "3 4", true},
		{"1 2", "3 2", false},
		{"1 2", "3", false},
		{"", "", false},
	} {
		if err := rebuilt(tc.before, tc.after); (err == nil) != tc.right {
			t.Errorf("%q, then %q: %v", tc.before, tc.after, err)
		}
	}
}

// TestSessionsAreNamed: the name is one of faults, names the step, and is not longer than PostgreSQL keeps.
func TestSessionsAreNamed(t *testing.T) {
	long := Env{Step: "a-name-of-a-step-that-is-longer-than-what-postgresql-keeps-of-an-application-name"}
	one, two := nameSessions(long), nameSessions(long)
	if len(one.App) > 63 || one.App == two.App || one.App[:len("pgchaos-fault-a-name-of-a-step")] != "pgchaos-fault-a-name-of-a-step" {
		t.Errorf("%q, %q", one.App, two.App)
	}
}
