package check

import (
	"slices"
	"testing"
)

func TestUnreadNodesByReason(t *testing.T) {
	a := Audit{Nodes: []NodeAudit{
		{Node: "a", Read: true}, {Node: "b", Why: "reset"}, {Node: "c"}, {Node: "d", Why: "reset"}, {Node: "e", Why: "refused"},
	}}
	want := []string{"b, d were not read: reset", "c was not read: nobody said why", "e was not read: refused"}
	if got := a.Unread(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDamageIsSaidInBrief(t *testing.T) {
	for want, damage := range map[string][]string{
		"the ledger is damaged: block 3":              {"block 3"},
		"the ledger is damaged: block 3 (and 2 more)": {"block 3", "block 4", "block 5"},
	} {
		a := &auditor{Evidence: &Evidence{}, audit: Audit{Authority: "a", Damage: damage, Nodes: []NodeAudit{{Node: "a", Read: true}}}}
		if got := a.doubtful(); !slices.Equal(got, []string{want}) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestFirstWhy: why the first loss that nothing explains is one, which need not be the
// first loss, nor have a reason.
func TestFirstWhy(t *testing.T) {
	explained, silent, why := Run{Explained: true, Why: "explained"}, Run{}, Run{Why: "before the fork"}
	for _, c := range []struct {
		lost, weak []Run
		want       string
	}{
		{nil, nil, ""},
		{[]Run{explained}, nil, ""},
		{[]Run{explained, silent, why}, nil, ": before the fork"},
		{[]Run{explained, silent}, []Run{why}, ": before the fork"},
	} {
		a := Audit{Lost: Count{Runs: c.lost}, WeakLost: Count{Runs: c.weak}}
		if got := a.firstWhy(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
