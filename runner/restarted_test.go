package runner

import (
	"testing"
	"time"

	"pgchaos/cluster/observe"
	"pgchaos/record"
)

// TestWhoRestartedAServer: what a step explains must not count as somebody else's doing, and the reverse.
func TestWhoRestartedAServer(t *testing.T) {
	const second = time.Second
	step := func(action, node string, issued, ended time.Duration) record.Event {
		m := record.Event{Name: action, Action: action, Nodes: []string{node}, Issued: issued}
		if ended > 0 {
			m.Status, m.Effective, m.Ended = record.EventDone, ended, ended
		}
		return m
	}
	back := func(action, node string, ended time.Duration) record.Event {
		m := step("undo", node, ended, ended)
		m.Name, m.Reverses = "undo-"+action, action
		return m
	}
	moves := step("hook", "b", 90*second, 91*second)
	moves.Facts = &record.Facts{Provokes: true, Moves: true}
	ends := hook(90, 91)
	ends.Facts = &record.Facts{Provokes: true, Ends: true, Kills: true}
	fault := func(facts record.Facts, nodes ...string) record.Event {
		return record.Event{Name: "fault", Action: "fault", Nodes: nodes, Fault: true, Facts: &facts, Status: record.EventDone, Issued: 70 * second, Effective: 71 * second, Ended: 71 * second}
	}
	two := step("pause", "a", 10*second, 11*second)
	two.Nodes = []string{"a", "b"}
	links := record.Facts{Links: true, Lasts: true}
	for _, tt := range []struct {
		name   string
		events []record.Event
		want   bool
	}{
		{"a fault of sessions there, which takes no server away", []record.Event{fault(record.Facts{Sessions: true}, "a")}, false},
		{"a fault of sessions there that is in force", []record.Event{fault(record.Facts{Sessions: true, Lasts: true}, "a")}, false},
		{"it lets nobody in", []record.Event{fault(record.Facts{Sessions: true, Lasts: true, Refuses: true}, "a")}, true},
		{"links of it are cut", []record.Event{fault(links, "a", "b")}, true},
		{"links of others are cut", []record.Event{fault(links, "b", "c")}, false},
		{"no step", nil, false},
		{"a command there, half a minute before", []record.Event{step("exec", "a", 70*second, 71*second)}, false},
		{"a command there, under way", []record.Event{step("exec", "a", 99*second, 0)}, false},
		{"a hook there that has ended the server", []record.Event{ends}, true},
		{"a hook there of which only its command is known", []record.Event{hook(70, 71)}, false},
		{"a command on another node", []record.Event{step("exec", "b", 70*second, 71*second)}, false},
		{"a command afterwards", []record.Event{step("exec", "a", 103*second, 104*second)}, false},
		{"the node is frozen since long", []record.Event{step("pause", "a", 10*second, 11*second)}, true},
		{"the node was frozen, and that is over for long", []record.Event{step("pause", "a", 10*second, 11*second), back("pause", "a", 20*second)}, false},
		{"two nodes were frozen, and only the other one goes on", []record.Event{two, step("resume", "b", 19*second, 20*second)}, true},
		{"two nodes were frozen, and both go on since long", []record.Event{two, step("resume", "b", 19*second, 20*second), step("resume", "a", 21*second, 22*second)}, false},
		{"the node was frozen, and that is over since a moment", []record.Event{step("pause", "a", 10*second, 11*second), back("pause", "a", 95*second)}, true},
		{"the node was frozen, and another one was taken back", []record.Event{step("pause", "a", 10*second, 11*second), back("disconnect", "a", 20*second)}, true},
		{"a hook that moves the primary, on another node", []record.Event{moves}, true},
		{"a step that reads", []record.Event{step("verify", "a", 70*second, 71*second)}, false},
		{"another node was promoted", []record.Event{step("promoted", "b", 95*second, 95*second)}, true},
		{"another node was promoted long ago", []record.Event{step("promoted", "b", 10*second, 10*second)}, false},
	} {
		var l stepLog
		for _, m := range tt.events {
			l.see(m)
		}
		if got := l.restarted(observe.Change{Kind: observe.Restarted, Node: "a", Since: 100 * second, At: 102 * second}); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// hook is a fault of node a of which nothing is known but that its command can do anything. It is under way where it did not end.
func hook(issued, ended int) record.Event {
	m := record.Event{Name: "nothing-a", Action: "hook", Nodes: []string{"a"}, Fault: true, Issued: time.Duration(issued) * time.Second, Facts: &record.Facts{Provokes: true}}
	if ended > 0 {
		m.Status, m.Ended = record.EventDone, time.Duration(ended)*time.Second
	}
	return m
}

// TestWhoseOutageARestartIs: a command that was under way is measured as the fault that it is; one that was over is not charged with what came later.
func TestWhoseOutageARestartIs(t *testing.T) {
	exec := hook(99, 0)
	exec.Fault = false
	other := hook(99, 0)
	other.Nodes = []string{"b"}
	for _, tt := range []struct {
		name string
		m    record.Event
		want bool
	}{
		{"under way", hook(99, 0), true},
		{"ended in between", hook(99, 101), true},
		{"over before the server was last seen to run", hook(98, 99), false},
		{"issued afterwards", hook(103, 0), false},
		{"no fault, which has no outage of its own", exec, false},
		{"on another node", other, false},
	} {
		var l stepLog
		l.see(tt.m)
		if got := l.during(observe.Change{Kind: observe.Restarted, Node: "a", Since: 100 * time.Second, At: 102 * time.Second}); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestWhoCrashedAServer: the outage of a step that kills processes is its own.
func TestWhoCrashedAServer(t *testing.T) {
	kill := record.Event{Name: "kill-process-a", Action: "kill_process", Nodes: []string{"a"}, Issued: 2 * time.Second,
		Facts: &record.Facts{Kills: true, Restarts: true, Starts: true, Provokes: true}}
	var l stepLog
	l.begin(kill)
	for _, ended := range []bool{false, true} {
		if ended {
			kill.Status, kill.Ended = record.EventDone, 4*time.Second
			l.end(kill)
		}
		for _, c := range []struct {
			node      string
			since, at int // ms
			want      bool
		}{
			{"a", 1900, 3900, true}, {"a", 1000, 1900, false}, {"b", 1900, 3900, false}, {"a", 4100, 4500, !ended},
		} {
			if got := l.killed(c.node, time.Duration(c.since)*time.Millisecond, time.Duration(c.at)*time.Millisecond); got != c.want {
				t.Errorf("%+v, over: %v: %v", c, ended, got)
			}
		}
	}
}
