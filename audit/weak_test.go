package audit

import (
	"reflect"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

// TestStretchesOfWeakAcknowledgements: one for each node and each time, up to its end or the last acknowledgement.
func TestStretchesOfWeakAcknowledgements(t *testing.T) {
	span := func(from, to time.Duration) *weakSpan {
		return &weakSpan{from: from, to: to, waited: regime{level: levelLocal}, demand: regime{level: 3, num: 1}}
	}
	done := func(at time.Duration) *ledger.Entry { return &ledger.Entry{Outcome: record.OK, Done: at} }
	var w WeakAcks
	w.stretch("a", span(time.Second, forever), done(2*time.Second))
	w.stretch("b", span(time.Second, forever), done(3*time.Second))
	w.stretch("a", span(time.Second, forever), done(4*time.Second))
	w.stretch("a", span(5*time.Second, 6*time.Second), done(5500*msec))
	of := func(node string, from, to time.Duration, n int64) WeakStretch {
		return WeakStretch{Node: node, From: from, To: to, N: n, Demanded: 1, Commit: "local", DemandedCommit: "on"}
	}
	want := []WeakStretch{of("a", time.Second, 4*time.Second, 2), of("b", time.Second, 3*time.Second, 1), of("a", 5*time.Second, 6*time.Second, 1)}
	if !reflect.DeepEqual(w.Stretches, want) {
		t.Errorf("got  %+v\nwant %+v", w.Stretches, want)
	}
}

// TestStretchesThatFollowEachOther are one where they are of one node and of the same waits.
func TestStretchesThatFollowEachOther(t *testing.T) {
	first := WeakStretch{Node: "a", From: 1, To: 2, N: 3, Standbys: 1, Demanded: 2, Commit: "on", DemandedCommit: "remote_apply"}
	next := func(change func(*WeakStretch)) WeakStretch {
		s := first
		s.From, s.To, s.N = 2, 5, 4
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		second WeakStretch
		joined bool
	}{
		"it follows":              {next(func(*WeakStretch) {}), true},
		"there is time between":   {next(func(s *WeakStretch) { s.From = 3 }), false},
		"another node":            {next(func(s *WeakStretch) { s.Node = "b" }), false},
		"other standbys":          {next(func(s *WeakStretch) { s.Standbys = 0 }), false},
		"standbys of other names": {next(func(s *WeakStretch) { s.Names = []string{"c"} }), false},
		"other names demanded":    {next(func(s *WeakStretch) { s.DemandedNames = []string{"c"} }), false},
		"another demand":          {next(func(s *WeakStretch) { s.Demanded = 3 }), false},
		"another commit":          {next(func(s *WeakStretch) { s.Commit = "local" }), false},
		"another commit demanded": {next(func(s *WeakStretch) { s.DemandedCommit = "on" }), false},
	} {
		w := WeakAcks{Stretches: []WeakStretch{c.second, first}}
		w.join()
		want := []WeakStretch{first, c.second}
		if c.joined {
			want = []WeakStretch{first}
			want[0].To, want[0].N = 5, 7
		}
		if !reflect.DeepEqual(w.Stretches, want) {
			t.Errorf("%s: %+v, want %+v", name, w.Stretches, want)
		}
	}
}

// TestWeakByRefusesAndLeavesOut: no verdict where a step is not known, nor about a server of another cluster.
func TestWeakByRefusesAndLeavesOut(t *testing.T) {
	if _, err := WeakBy(Evidence{Events: []record.Event{{Name: "x", Action: "explode"}}}); err == nil {
		t.Error("an unknown action is no error")
	}
	st := primary("a", 5, 1, 1)
	st.SystemID, st.SyncCommit = "7", "on"
	e := Evidence{
		States:  map[string][]record.NodeState{"a": {st}},
		Demands: []record.Demand{{Node: "a", Standbys: 1, Names: []string{"*"}, Commit: "on"}},
	}
	weak, err := WeakBy(e)
	if err != nil {
		t.Fatal(err)
	}
	for system, want := range map[string]WeakReason{"7": WeakRegime, "8": ""} {
		entry := &ledger.Entry{Outcome: record.OK, Sent: time.Second, Done: 1100 * msec, Server: ledger.Server{Node: "a", Timeline: 1, SystemID: system}}
		if got := weak("w", entry); got != want {
			t.Errorf("system %s: %q, want %q", system, got, want)
		}
	}
}
