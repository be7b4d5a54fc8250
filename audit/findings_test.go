package audit

import (
	"slices"
	"strings"
	"testing"

	"pgchaos/verdict"
)

func TestUnreadNodesByReason(t *testing.T) {
	a := Audit{Nodes: []NodeAudit{
		{Node: "a", Read: true}, {Node: "b", Why: "reset"}, {Node: "c"}, {Node: "d", Why: "reset"}, {Node: "e", Why: "refused"},
	}}
	want := []string{"b, d were not read: reset", "c was not read: the reason is not recorded", "e was not read: refused"}
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

// TestAStandbyThatHasReplayedAllMustBeEqual: what it lacks no lag explains, whatever is
// expected. Of one that was not seen to have caught up nothing is concluded here.
func TestAStandbyThatHasReplayedAllMustBeEqual(t *testing.T) {
	for _, tt := range []struct {
		name string
		n    NodeAudit
		want bool
	}{
		{"equal", NodeAudit{Read: true, CaughtUp: true, Equal: true}, false},
		{"missing", NodeAudit{Read: true, CaughtUp: true, Missing: 1}, true},
		{"extra", NodeAudit{Read: true, CaughtUp: true, Extra: 1}, true},
		{"different", NodeAudit{Read: true, CaughtUp: true, Different: 1}, true},
		{"it had not caught up", NodeAudit{Read: true, Missing: 1, Extra: 1, Different: 1}, false},
		{"whether it is equal is not known", NodeAudit{Read: true, CaughtUp: true}, false},
		{"it was not read", NodeAudit{CaughtUp: true, Missing: 1}, false},
	} {
		tt.n.Node = "b"
		a := Audit{Table: "t", Authority: "a", Acknowledged: 9, Complete: true, Nodes: []NodeAudit{{Node: "a", Read: true, Equal: true}, tt.n}}
		all := a.Findings()
		if found := len(all) == 1 && all[0].Verdict == verdict.Fail && strings.Contains(all[0].Reason, "b had replayed all that a wrote, and differs from it"); found != tt.want || !found && len(all) > 0 {
			t.Errorf("%s: %v", tt.name, all)
		}
	}
}

// TestBehindIsNotDifferent: a standby that had not replayed all may lack rows, and no more.
func TestBehindIsNotDifferent(t *testing.T) {
	for _, tt := range []struct {
		name            string
		n               NodeAudit
		behind, differs bool
	}{
		{"nothing lacks", NodeAudit{Behind: true}, false, false},
		{"rows lack that may still come", NodeAudit{Behind: true, Missing: 1}, true, false},
		{"rows that the primary does not have", NodeAudit{Behind: true, Missing: 1, Extra: 1}, false, true},
		{"another value", NodeAudit{Behind: true, Missing: 1, Different: 1}, false, true},
		{"it is not behind", NodeAudit{Missing: 1}, false, true},
	} {
		if behind, differs := tt.n.LagsBehind(), tt.n.Differs(); behind != tt.behind || differs != tt.differs {
			t.Errorf("%s: behind %v, differs %v", tt.name, behind, differs)
		}
	}
}

// TestAnAuditTellsWhoHadCaughtUp: as the evidence says.
func TestAnAuditTellsWhoHadCaughtUp(t *testing.T) {
	e := failover()
	e.Book = (&fakeBook{}).write("writes", ack("b", 2, 120, 1500), ack("b", 2, 130, 1600))
	e.Nodes = []NodeHolding{node("b", rowsOf(1, 2)...).in(e.Table), node("c", rowsOf(1)...).in(e.Table)}
	e.Nodes[1].CaughtUp = true
	e.Nodes = append(e.Nodes, node("d", rowsOf(1)...).in(e.Table))
	e.Nodes[2].Behind = true
	a, err := Table(e)
	if err != nil {
		t.Fatal(err)
	}
	if n := a.Nodes[1]; !n.CaughtUp || n.Missing != 1 || len(a.Findings()) != 1 {
		t.Errorf("%+v, %v", n, a.Findings())
	}
	if n := a.Nodes[2]; !n.LagsBehind() || a.Nodes[1].Behind {
		t.Errorf("%+v, %+v", a.Nodes[1], n)
	}
}
