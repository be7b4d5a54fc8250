package report

import (
	"strings"
	"testing"
	"time"

	"pgchaos/audit"
	"pgchaos/record"
	"pgchaos/verdict"
)

// TestAWeakeningFromOutside fails the run where nothing came before it, and explains what is lost with it.
func TestAWeakeningFromOutside(t *testing.T) {
	w := record.Weakening{Was: record.SyncDemand{Commit: "on", Standbys: "ANY 1 (b)"}, Is: record.SyncDemand{Commit: "on"}, Demanded: "1 standby of b"}
	weakened := record.Event{
		Name: "weakened-a", Action: "weakened", Nodes: []string{"a"}, Status: record.EventSeen, Issued: 12200 * time.Millisecond, Effective: 12300 * time.Millisecond,
		Detail: w.Change() + "; demanded: " + w.Demanded, Weakening: &w,
	}
	kill := record.Event{Name: "kill-b", Action: "kill", Nodes: []string{"b"}, Fault: true, Status: record.EventDone, Issued: 10 * time.Second, Effective: 10100 * time.Millisecond, Ended: 10100 * time.Millisecond}
	promote := record.Event{Name: "promote-a", Action: "promote", Nodes: []string{"a"}, Status: record.EventDone, Issued: 11 * time.Second, Effective: 11 * time.Second, Ended: 11 * time.Second}
	const said = "the synchronous replication of a was weakened from outside pgchaos, between 12.200 s and 12.300 s: synchronous_standby_names became empty; demanded: 1 standby of b"
	for _, tt := range []struct {
		name   string
		before []record.Event
		until  time.Duration
		want   string
		fails  bool
	}{
		{"nothing was done", nil, 0, said + "; no step of the timeline explains it", true},
		{"it is over", nil, 20 * time.Second, said + "; as demanded again by 20.000 s; no step of the timeline explains it", true},
		{"a standby was killed", []record.Event{kill}, 0, said + "; 2.3 s after kill-b", false},
		{"a promotion came before", []record.Event{promote}, 0, said + "; 1.3 s after promote-a", false},
	} {
		own := w
		own.Until = tt.until
		weakened.Weakening = &own
		r := &Result{Timeline: append(tt.before, weakened), Duration: time.Minute}
		if got := r.WeakeningWords(weakened); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
		r.Judge(nil)
		if fails := r.Verdict == verdict.Fail; fails != tt.fails || fails && !strings.Contains(strings.Join(r.Reasons, "\n"), tt.want) {
			t.Errorf("%s: %s, %q", tt.name, r.Verdict, r.Reasons)
		}
	}
	weakened.Weakening = &w
	r := &Result{Timeline: []record.Event{weakened}}
	a := audit.Audit{
		Authority: "b", WeakLost: audit.Count{N: 3, Runs: []audit.Run{{LostBy: "kill-a", Node: "a"}}},
		RPO: []audit.RPO{{Event: "kill-a", Cause: audit.CauseFork, WeakLost: 3, From: 15 * time.Second, To: 15 * time.Second}},
	}
	const why = "acknowledged with less than was demanded (1 standby of b), after synchronous_standby_names became empty at 12.300 s (weakened-a); then b was promoted"
	if got := r.Losses(&a); len(got) != 1 || got[0].Why() != why {
		t.Errorf("%+v", got)
	}
	r.Timeline[0].Nodes = []string{"c"}
	if got := r.Losses(&a); got[0].Why() == why {
		t.Error("another node was weakened")
	}
}
