package runner

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/report"
)

// TestWhenThereWasNoPrimary: pictures of what readings show of two nodes, 500 ms a character: p accepts writes, s is a standby, - gives no answer, d is down.
func TestWhenThereWasNoPrimary(t *testing.T) {
	const end = 10 * time.Second
	roles := map[rune]record.Role{'p': record.RolePrimary, 's': record.RoleStandby, 'd': record.RoleDown}
	for _, tt := range []struct {
		name   string
		nodes  []string
		want   []time.Duration // from when to when, and when it was noticed, of each
		detail string
	}{
		{"all is well", []string{"pppppppppppppppppppp", "ssssssssssssssssssss"}, nil, ""},
		{"too short", []string{"ppppp--ppppppppppppp", "ssssssssssssssssssss"}, nil, ""},
		{"cut off, and back", []string{"ppppp-----pppppppppp", "ssssssssssssssssssss"}, []time.Duration{2000, 5000, 2500}, "a could not be reached"},
		{"its server ended", []string{"pppppdddddpppppppppp", "ssssssssssssssssssss"}, []time.Duration{2000, 5000, 2500}, "the server of a did not run"},
		{"and did not come back", []string{"pppppddddddddddddddd", "ssssssssssssssssssss"}, []time.Duration{2000, 10000, 2500}, "the server of a did not run"},
		{"another one was promoted", []string{"ppppp---------------", "ssssssssssspppppppppp"}, []time.Duration{2000, 5500, 2500}, "a could not be reached"},
		{"another one accepted writes all the while", []string{"ppppp-----pppppppppp", "sssppppppppppppppppp"}, nil, ""},
		{"a standby by now", []string{"pppppsssssssssssssss", "ssssssssssssssssssss"}, []time.Duration{2000, 10000, 2500}, "a was no primary any more"},
		{"twice", []string{"ppp-----pppp-----ppp", "ssssssssssssssssssss"}, []time.Duration{1000, 4000, 1500, 5500, 8500, 6000}, "a could not be reached"},
		{"there never was one", []string{"--------------------", "ssssssssssssssssssss"}, nil, ""},
		{"until the run was over", []string{"pppppppppppppppppppp--------", "ssssssssssssssssssss"}, nil, ""},
	} {
		var states []report.NodeHistory
		for i, picture := range tt.nodes {
			h := report.NodeHistory{Node: string(rune('a' + i))}
			var last rune
			for at, c := range picture {
				s := record.NodeState{Node: h.Node, At: time.Duration(at) * 500 * time.Millisecond, Reachable: c == 'p' || c == 's', Role: roles[c]}
				if n := len(h.States); n > 1 && c == last && h.States[n-1].Role == s.Role && h.States[n-2].Role == s.Role {
					h.States = h.States[:n-1] // a history has the first reading and the last one of what is alike
				}
				h.States, last = append(h.States, s), c
			}
			states = append(states, h)
		}
		var got []time.Duration
		for _, m := range withoutPrimary(states, end) {
			got = append(got, m.Issued/time.Millisecond, m.Ended/time.Millisecond, m.Effective/time.Millisecond)
			if m.Detail != tt.detail || !slices.Equal(m.Nodes, []string{"a"}) {
				t.Errorf("%s: %+v", tt.name, m)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// TestWhatExplainsThatThereWasNoPrimary, from 20 s to 25 s, of node a.
func TestWhatExplainsThatThereWasNoPrimary(t *testing.T) {
	const second = time.Second
	step := func(action, node string, at time.Duration, facts record.Facts) record.Event {
		return record.Event{Name: action + "-" + node, Action: action, Nodes: []string{node}, Status: record.EventDone, Issued: at, Effective: at, Ended: at, Facts: &facts}
	}
	fault := func(m record.Event) record.Event { m.Fault = true; return m }
	undo := step("undo", "a", 19*second, record.Facts{})
	undo.Reverses = "hook-a"
	promoted := step("promoted", "b", 25*second, record.Facts{Promotes: true})
	promoted.Status, promoted.Promotion = record.EventSeen, &record.Promotion{To: 2}
	seen := fault(step("unreachable", "a", 5*second, record.Facts{Sessions: true}))
	seen.Status = record.EventSeen
	command := record.Facts{Provokes: true}
	for _, tt := range []struct {
		name               string
		events             []record.Event
		unexplained, fault bool
	}{
		{"nothing", nil, true, true},
		{"a fault of its node", []record.Event{fault(step("pause", "a", 15*second, record.Facts{Freezes: true}))}, false, false},
		{"a fault of another node", []record.Event{fault(step("pause", "b", 15*second, record.Facts{Freezes: true}))}, true, true},
		{"a standby was promoted meanwhile", []record.Event{promoted}, false, false},
		{"the same a while before", []record.Event{seen}, true, true},
		{"a command, which may have done it", []record.Event{step("exec", "b", 15*second, command)}, true, true},
		{"a command that was a fault, and is over", []record.Event{fault(step("hook", "a", 15*second, command))}, true, true},
		{"a command that was a fault, and is in force", []record.Event{fault(step("hook", "a", 15*second, command)), func() record.Event { u := undo; u.Effective, u.Ended = 30*second, 30*second; return u }()}, true, false},
		{"a command that was a fault, and was taken back", []record.Event{fault(step("hook", "a", 15*second, command)), undo}, true, true},
	} {
		m := record.Event{Name: "unreachable-a-2", Action: "unreachable", Nodes: []string{"a"}, Status: record.EventSeen, Issued: 20 * second, Effective: 20100 * time.Millisecond, Ended: 25 * second}
		result := &report.Result{Duration: 60 * second, Timeline: tt.events, States: []report.NodeHistory{
			{Node: "a", States: []record.NodeState{{Node: "a", Reachable: true, Role: record.RolePrimary}}},
		}}
		if got := unexplained(result, m); got != tt.unexplained {
			t.Errorf("%s: unexplained: %v", tt.name, got)
		}
		if got := !result.DuringCommand(m); tt.unexplained && got != tt.fault {
			t.Errorf("%s: an outage of its own: %v", tt.name, got)
		}
	}
}
