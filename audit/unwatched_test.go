package audit

import (
	"strings"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
)

func writable(node string, at int, timeline uint32, started int) record.NodeState {
	s := primary(node, at, timeline, started)
	s.Asked, s.Writable = s.At, true
	return s
}

// TestUnwatchedNodes: while b is read to accept writes from 1.2 s to 4 s, what shows that a
// did not?
func TestUnwatchedNodes(t *testing.T) {
	type states = []record.NodeState
	type events = []record.Event
	a := func(at int) record.NodeState { return writable("a", at, 1, 1) }
	gone := func(at int) record.NodeState { return state("a", at, '-') }
	down := func(at int) record.NodeState { s := gone(at); s.Role = record.RoleDown; return s }
	standby := func(at int) record.NodeState { return state("a", at, 's') }
	readOnly := func(s record.NodeState) record.NodeState { s.Writable = false; return s }
	pause, kill := event("pause-a", "pause", "a", 1000, 1020), event("kill-a", "kill", "a", 1000, 1020)
	undo := event("undo-pause-a", "undo", "a", 3000, 3010)
	undo.Reverses = "pause-a"
	failedKill := kill
	failedKill.Status = record.EventFailed
	tests := []struct {
		name   string
		a      states
		events events
		want   string
	}{
		{"killed before", states{a(5), a(1000), gone(1010)}, events{kill}, ""},
		{"killed, and the kill was not verified", states{a(5), a(1000), gone(1010)}, events{failedKill}, "1.200-4.000"},
		{"found to be down", states{a(5), a(1000), gone(1010), down(1100)}, nil, ""},
		{"found to be down too late", states{a(5), a(1000), gone(1010), down(2000)}, nil, "1.200-2.000"},
		{"found to be down, and the same server afterwards", states{a(5), a(1000), down(1100), a(5000)}, nil, "1.190-1.200"},
		{"it went away, and nothing tells why", states{a(5), a(1000), gone(1010)}, nil, "1.200-4.000"},
		{"frozen to the end", states{a(5), a(1000), gone(1010)}, events{pause}, ""},
		{"resumed, and stopped before it was read", states{a(5), a(1000), gone(1010)}, events{pause, event("resume-a", "resume", "a", 3000, 3010), event("stop-a", "stop", "a", 3020, 3050)}, "3.000-3.050"},
		{"resumed by the reversal", states{a(5), a(1000), gone(1010)}, events{pause, undo}, "3.000-4.000"},
		{"cut off to the end", states{a(5), a(1000), gone(1010)}, events{event("disconnect-a", "disconnect", "a", 1000, 1020)}, ""},
		{"connected again", states{a(5), a(1000), gone(1010)}, events{event("disconnect-a", "disconnect", "a", 1000, 1020), event("connect-a", "connect", "a", 3000, 3010)}, "3.000-4.000"},
		{"started, and stopped before it was read", states{a(5), a(1000), gone(1010), down(1100), down(3500)}, events{kill, event("start-a", "start", "a", 3000, 3010), event("stop-a", "stop", "a", 3020, 3050)}, "3.000-3.050"},
		{"started beside the other", states{a(5), gone(1010), down(1100), writable("a", 3100, 1, 3), writable("a", 3900, 1, 3)}, events{kill, event("start-a", "start", "a", 3000, 3010)}, "3.000-3.100"},
		{"rejoined", states{a(5), gone(1010), down(1100), standby(3100)}, events{kill, event("rejoin-a", "rejoin", "a", 3000, 3200)}, ""},
		{"frozen, and rejoined", states{a(5), gone(1010), standby(3100)}, events{pause, event("rejoin-a", "rejoin", "a", 3000, 3200)}, ""},
		{"a standby, started again", states{standby(5), down(1500), standby(3000)}, events{event("stop-a", "stop", "a", 1400, 1500), event("start-a", "start", "a", 2000, 3000)}, ""},
		{"a standby all the while", states{standby(5), standby(4000)}, nil, ""},
		{"a standby that did not answer for a while", states{standby(5), gone(1500), standby(5000)}, nil, ""},
		{"a standby that never answered again", states{standby(5), standby(1490), gone(1500)}, nil, "1.490-4.000"},
		{"a standby that was found to be down", states{standby(5), gone(1500), down(3500)}, nil, ""},
		{"a standby that was promoted and killed before it was read", states{standby(5), standby(1990), gone(2100), down(3500)}, events{event("promote-a", "promote", "a", 2000, 2050), event("kill-a", "kill", "a", 2060, 2090)}, "2.000-2.090"},
		{"two that are read to accept writes: only when the other became one is not known", states{a(5), a(4000)}, nil, "1.190-1.200"},
		{"read-only all the while", states{a(5), a(1000), readOnly(a(1010)), readOnly(a(4000))}, nil, ""},
		{"read-only, and no more at the end", states{a(5), readOnly(a(1010)), readOnly(a(2000)), a(4000)}, nil, "2.000-4.000"},
		{"started anew between two readings", states{a(5), a(1300), writable("a", 3000, 1, 2)}, nil, "1.190-1.200 1.300-3.000"},
		{"never read", nil, nil, ""},
		{"a standby that was killed, found to be down just after its start, and is one again", states{standby(5), standby(2000), gone(2010), down(2100), down(3092), standby(3200)},
			events{event("kill-a", "kill", "a", 2005, 2030), event("start-a", "start", "a", 3081, 3190)}, ""},
		{"a standby that was killed, started, and killed again before it was read", states{standby(5), standby(2000), gone(2010), down(2100), down(3800)},
			events{event("kill-a", "kill", "a", 2005, 2030), event("start-a", "start", "a", 3081, 3190), event("kill-a-2", "kill", "a", 3195, 3200)}, ""},
		{"a standby that was started, and never answered again", states{standby(5), down(2100), gone(3100), gone(3900)},
			events{event("kill-a", "kill", "a", 2005, 2030), event("start-a", "start", "a", 3081, 3190)}, "3.081-4.000"},
		{"a standby that was restarted", states{standby(5), standby(2000), gone(2010), down(2020), standby(2200)}, events{event("restart-a", "restart", "a", 2005, 2190)}, ""},
		{"a standby that was frozen and resumed", states{standby(5), standby(2000), gone(2010), gone(3000), standby(3020)},
			events{event("pause-a", "pause", "a", 2005, 2030), event("resume-a", "resume", "a", 3010, 3015)}, ""},
		{"a standby that was frozen to the end", states{standby(5), standby(2000), gone(2010)}, events{event("pause-a", "pause", "a", 2005, 2030)}, ""},
		{"a standby that was silent for long before it was frozen", states{standby(5), standby(1500), gone(1510)}, events{event("pause-a", "pause", "a", 3005, 3030)}, "1.500-3.030"},
		{"a standby that was cut off, and connected before the end", states{standby(5), standby(2000), gone(2010)},
			events{event("disconnect-a", "disconnect", "a", 2005, 2030), event("connect-a", "connect", "a", 3500, 3510)}, "3.500-4.000"},
		{"a standby whose promotion was under way when it was read, and which was killed", states{standby(5), standby(2000), gone(2100), down(3500)},
			events{event("promote-a", "promote", "a", 1990, 2050), event("kill-a", "kill", "a", 2060, 2090)}, "2.000-2.090"},
		{"a standby that was read while it was being promoted", states{standby(5), standby(1990), standby(2010), writable("a", 2100, 3, 1), writable("a", 4000, 3, 1)},
			events{event("promote-a", "promote", "a", 2000, 2090)}, "2.010-2.100"},
		{"a standby that was promoted, and is one again by a rejoin, before it was read", states{standby(5), standby(1990), gone(2100), standby(3500)},
			events{event("promote-a", "promote", "a", 2000, 2050), event("kill-a", "kill", "a", 2060, 2090), event("rejoin-a", "rejoin", "a", 3000, 3400)}, "2.000-2.090"},
		{"frozen, rejoined, and read a while after that was done", states{a(5), a(1000), gone(1010), standby(3290)}, events{pause, event("rejoin-a", "rejoin", "a", 3000, 3200)}, ""},
		{"rejoined, and promoted and killed before it was read", states{a(5), gone(1010), down(1100), down(3700)}, events{kill, event("rejoin-a", "rejoin", "a", 3000, 3200),
			event("promote-a", "promote", "a", 3300, 3350), event("kill-a-2", "kill", "a", 3400, 3420)}, "3.300-3.420"},
		{"rejoined, read, and promoted by something else", states{a(5), gone(1010), down(1100), standby(3250), standby(3300), writable("a", 3400, 3, 3)}, events{kill, event("rejoin-a", "rejoin", "a", 3000, 3200)}, "3.300-3.400"},
		{"a former primary that was rejoined, and found to be down just after that began", states{a(5), a(1000), gone(1010), down(1100), down(3011), standby(3300)},
			events{kill, event("rejoin-a", "rejoin", "a", 3000, 3290)}, ""},
		{"a former primary that was made a standby by the user and started", states{a(5), a(1000), gone(1010), down(1100), down(3011), standby(3300)},
			events{kill, event("start-a", "start", "a", 3000, 3290)}, ""},
		{"a former primary that was started, was silent, and then found to be down", states{a(5), a(1000), gone(1010), down(1100), gone(3100), down(3500)},
			events{kill, event("start-a", "start", "a", 3000, 3290)}, "3.000-3.500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := states{state("b", 6, 's'), state("b", 1190, 's'), writable("b", 1200, 2, 1), writable("b", 4500, 2, 1)}
			var got []string
			for _, u := range UnwatchedNodes(map[string][]record.NodeState{"a": tt.a, "b": b}, tt.events, 4000*msec) {
				got = append(got, strings.NewReplacer(" s", "", " to ", "-").Replace(strings.Split(strings.Split(u.String(), " from ")[1], ",")[0]))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// TestUnwatchedInNoRunWithoutPromotion: b is the primary all the time. What happens to
// its standby a, or to b itself, leaves nothing open.
func TestUnwatchedInNoRunWithoutPromotion(t *testing.T) {
	type states = []record.NodeState
	type events = []record.Event
	gone := func(node string, at int) record.NodeState { return state(node, at, '-') }
	standby := func(at int) record.NodeState { return state("a", at, 's') }
	both := []record.Event{event("pause-b", "pause", "b", 2005, 2020), event("resume-b", "resume", "b", 3000, 3010)}
	for _, tt := range []struct {
		name   string
		a, b   states
		events events
	}{
		{"the primary is frozen and resumed", states{standby(5), standby(5000)}, states{writable("b", 5, 1, 1), writable("b", 2000, 1, 1), gone("b", 2100), writable("b", 3020, 1, 1), writable("b", 5000, 1, 1)}, both},
		{"the primary is restarted", states{standby(5), standby(5000)}, states{writable("b", 5, 1, 1), writable("b", 2000, 1, 1), gone("b", 2100), writable("b", 3020, 1, 2), writable("b", 5000, 1, 2)}, events{event("restart-b", "restart", "b", 2005, 3000)}},
		{"the primary is killed and started", states{standby(5), standby(5000)}, states{writable("b", 5, 1, 1), writable("b", 2000, 1, 1), gone("b", 2010), {Node: "b", At: 2100 * msec, Role: record.RoleDown}, {Node: "b", At: 3002 * msec, Role: record.RoleDown}, writable("b", 3200, 1, 2), writable("b", 5000, 1, 2)}, events{event("kill-b", "kill", "b", 2005, 2020), event("start-b", "start", "b", 3000, 3100)}},
		{"both are frozen, and the standby stays so", states{standby(5), standby(2000), gone("a", 2100), gone("a", 4900)}, states{writable("b", 5, 1, 1), writable("b", 5000, 1, 1)}, append(both, event("pause-a", "pause", "a", 2006, 2021))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := UnwatchedNodes(map[string][]record.NodeState{"a": tt.a, "b": tt.b}, tt.events, 4500*msec); len(got) > 0 {
				t.Error(got)
			}
		})
	}
}

// TestAcknowledgedBesideOneThatWasRead: the mixed proof of a split brain.
func TestAcknowledgedBesideOneThatWasRead(t *testing.T) {
	answer := func(sent, done int) []ledger.Entry {
		return []ledger.Entry{{Outcome: record.OK, Server: ledger.Server{Node: "a", Timeline: 1}, Sent: time.Duration(sent) * msec, Done: time.Duration(done) * msec}}
	}
	frozen := func(from, to int) []record.Event {
		return []record.Event{event("pause-a", "pause", "a", from-10, from), event("resume-a", "resume", "a", to, to+10)}
	}
	for _, tt := range []struct {
		name   string
		acks   []ledger.Entry
		b      []record.NodeState
		want   bool
		events []record.Event
	}{
		{"sent while the newer one was read to accept writes", []ledger.Entry{ack("a", 1, 10, 900), ack("a", 1, 20, 3000)}, nil, true, nil},
		{"sent before, and answered then", []ledger.Entry{{Outcome: record.OK, Server: ledger.Server{Node: "a", Timeline: 1}, Sent: 900 * msec, Done: 3000 * msec}}, nil, false, nil},
		{"answered after the last reading", []ledger.Entry{{Outcome: record.OK, Server: ledger.Server{Node: "a", Timeline: 1}, Sent: 3900 * msec, Done: 4100 * msec}}, nil, false, nil},
		{"before the newer one was a primary", []ledger.Entry{ack("a", 1, 10, 900)}, nil, false, nil},
		{"one reading proves nothing", []ledger.Entry{ack("a", 1, 20, 3000)}, []record.NodeState{writable("b", 1200, 2, 1)}, false, nil},
		{"the newer one itself", []ledger.Entry{ack("b", 2, 20, 3000)}, nil, false, nil},
		{"the same number, and a primary before", []ledger.Entry{ack("a", 1, 20, 3000)}, []record.NodeState{writable("b", 1200, 1, 1), writable("b", 4000, 1, 1)}, true, nil},
		{"sent before, and answered when it was resumed", answer(900, 3005), nil, true, frozen(950, 3000)},
		{"sent to a frozen one, and answered when it was resumed", answer(1000, 1305), nil, true, frozen(950, 1300)},
		{"sent before a short time in which it was frozen, and perhaps read late", answer(900, 1305), nil, false, frozen(950, 1300)},
		{"sent and answered before the newer one was read to accept writes", answer(900, 1105), nil, false, frozen(300, 1100)},
		{"answered when it was resumed, before the newer one was read", answer(300, 1205), nil, false, frozen(350, 1100)},
		{"answered while it was frozen, so read late", answer(900, 2000), nil, false, frozen(950, 3000)},
		{"frozen to the end", answer(900, 3005), nil, false, frozen(950, 3000)[:1]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := failover()
			e.States["b"] = append(e.States["b"][:1], writable("b", 1200, 2, 1), writable("b", 4000, 2, 1))
			e.Events = append(e.Events, tt.events...)
			if tt.b != nil {
				e.States["b"] = tt.b
			}
			e.Book = (&fakeBook{}).write("writes", tt.acks...)
			e.Nodes = []NodeHolding{node("b", rowsOf(1, 2)...).in(e.Table)}
			a, err := Table(e)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(a.SplitBrain) == 1 && a.SplitBrain[0].Read; got != tt.want {
				t.Errorf("%v", a.SplitBrain)
			}
		})
	}
}
