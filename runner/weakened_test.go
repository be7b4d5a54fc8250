package runner

import (
	"testing"
	"time"

	"pgchaos/cluster/observe"
	"pgchaos/record"
)

// TestAWeakeningThatNoStepMade: only what no step did is an event, and its end is when it is as demanded again.
func TestAWeakeningThatNoStepMade(t *testing.T) {
	demand := record.Demand{Standbys: 1, Names: []string{"b"}, Commit: "on"}
	reading := func(at int, names string) record.NodeState {
		return record.NodeState{Node: "a", At: time.Duration(at) * time.Millisecond, Reachable: true, Role: record.RolePrimary, SyncCommit: "on", SyncNames: names}
	}
	change := func(at int, was, is string) observe.Change {
		c := observe.Change{Kind: observe.RegimeChanged, Node: "a", Was: reading(at-100, was), Is: reading(at, is)}
		c.Since, c.At = c.Was.At, c.Is.At
		return c
	}
	step := func(action string, issued, ended int) record.Event {
		m := record.Event{Name: action + "-a", Action: action, Nodes: []string{"a"}, Issued: time.Duration(issued) * time.Millisecond}
		if ended > 0 {
			m.Ended, m.Status = time.Duration(ended)*time.Millisecond, record.EventDone
		}
		return m
	}
	skipped := step("configure", 4900, 4950)
	skipped.Status = record.EventSkipped
	for _, tt := range []struct {
		name  string
		steps []record.Event
		c     observe.Change
		want  bool
	}{
		{"it became empty", nil, change(5000, "b", ""), true},
		{"it became stronger", nil, change(5000, "", "b"), false},
		{"it had been weak before", nil, change(5000, "c", ""), false},
		{"as strong", nil, change(5000, "b", "ANY 1 (b)"), false},
		{"a configure step is under way", []record.Event{step("configure", 4800, 0)}, change(5000, "b", ""), false},
		{"a statement was over a moment ago", []record.Event{step("sql", 3900, 4000)}, change(5000, "b", ""), false},
		{"a statement was over long ago", []record.Event{step("sql", 1000, 1100)}, change(5000, "b", ""), true},
		{"a step that was not begun", []record.Event{skipped}, change(5000, "b", ""), true},
		{"a step came later", []record.Event{step("configure", 5100, 0)}, change(5000, "b", ""), true},
		{"a restart read what a statement had set", []record.Event{step("sql", 1000, 1100), step("restart", 4800, 5000)}, change(5000, "b", ""), false},
		{"a restart read what somebody else had set", []record.Event{step("restart", 4800, 5000)}, change(5000, "b", ""), true},
		{"another kind of step", []record.Event{step("kill", 4900, 4950)}, change(5000, "b", ""), true},
	} {
		var l regimeLog
		var steps stepLog
		for _, m := range tt.steps {
			steps.begin(m)
			steps.end(m)
		}
		m, begins, ends := l.see(tt.c, demand, &steps)
		if begins != tt.want || ends {
			t.Errorf("%s: %v, %v", tt.name, begins, ends)
		}
		if begins && (m.Detail != "synchronous_standby_names became empty; demanded: 1 standby of b, synchronous_commit on" || m.Issued != tt.c.Since || m.Effective != tt.c.At) {
			t.Errorf("%s: %+v", tt.name, m)
		}
	}
	var l regimeLog
	m, _, _ := l.see(change(5000, "b", ""), demand, &stepLog{})
	l.open = map[string]record.Event{"a": m}
	if _, begins, ends := l.see(change(6000, "", "c"), demand, &stepLog{}); begins || ends {
		t.Error("weak in another way: it goes on")
	}
	if m, _, ends := l.see(change(7000, "c", "b"), demand, &stepLog{}); !ends || m.Weakening.Until != 7*time.Second || m.Ended != 7*time.Second || m.Effective != 5*time.Second {
		t.Errorf("as demanded again: %+v", m)
	}
	first := change(9000, "", "*")
	first.Was = record.NodeState{}
	if m, begins, _ := l.see(first, demand, &stepLog{}); !begins || m.Detail != "from the first reading on synchronous_standby_names is * and synchronous_commit on; demanded: 1 standby of b, synchronous_commit on" {
		t.Errorf("weak from the beginning on: %+v", m)
	}
	if _, begins, ends := l.see(change(8000, "b", "b"), record.Demand{}, &stepLog{}); begins || ends {
		t.Error("nothing is demanded")
	}
}

// TestAWeakCommitThatNothingUses: where all that writes has a synchronous_commit of its own, that of the server weakens nothing; a list of
// standbys that becomes empty still does.
func TestAWeakCommitThatNothingUses(t *testing.T) {
	demand := record.Demand{Standbys: 1, Names: []string{"b"}, Commit: "on"}
	change := func(was, is string) observe.Change {
		reading := func(at time.Duration, names string) record.NodeState {
			return record.NodeState{Node: "a", At: at, Reachable: true, Role: record.RolePrimary, SyncCommit: "off", SyncNames: names}
		}
		return observe.Change{Kind: observe.RegimeChanged, Node: "a", Since: 1, At: 2, Was: reading(1, was), Is: reading(2, is)}
	}
	first := change("", "b")
	first.Was = record.NodeState{}
	for _, tt := range []struct {
		name string
		own  bool
		c    observe.Change
		want bool
	}{
		{"used", false, first, true},
		{"not used", true, first, false},
		{"not used, and no standby any more", true, change("b", ""), true},
	} {
		l := regimeLog{own: tt.own}
		if m, begins, _ := l.see(tt.c, demand, &stepLog{}); begins != tt.want {
			t.Errorf("%s: %v, %+v", tt.name, begins, m)
		}
	}
}
