package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
	"pgchaos/verdict"
)

// TestAPromotionFromOutside is the answer to a fault where one came before, and otherwise a finding that fails the run. Node a was the
// primary, b was promoted at 340 s.
func TestAPromotionFromOutside(t *testing.T) {
	at := func(seconds float64) time.Duration { return time.Duration((300 + seconds) * float64(time.Second)) }
	promoted := record.Event{
		Name: "promoted-b", Action: "promoted", Nodes: []string{"b"}, Issued: at(39.9), Effective: at(40), Ended: at(40), Status: record.EventSeen,
		Detail: "timeline 1 to 2, fork at 0/3000148", Promotion: &record.Promotion{From: 1, To: 2, Fork: 0x3000148},
	}
	step := func(action, node string, issued float64) record.Event {
		m := record.Event{Name: action + "-" + node, Action: action, Nodes: []string{node}, Issued: at(issued), Effective: at(issued + 0.1), Ended: at(issued + 0.1), Status: record.EventDone}
		f, _ := m.Effects()
		m.Fault = f.Ends || f.Freezes || f.Cuts || f.Restarts
		return m
	}
	undo := func(of record.Event, when float64) record.Event {
		return record.Event{Name: "undo-" + of.Name, Action: "undo", Reverses: of.Name, Nodes: of.Nodes, Issued: at(when), Effective: at(when + 0.1), Ended: at(when + 0.1), Status: record.EventDone}
	}
	skipped := step("kill", "a", 30)
	skipped.Status, skipped.Effective = record.EventSkipped, 0
	links := step("delay", "c", 20)
	links.Facts = &record.Facts{Links: true, Lasts: true}
	ended := step("hook", "a", 28)
	ended.Facts = &record.Facts{Provokes: true, Ends: true, Kills: true}
	exit := step("exit", "a", 39)
	exit.Status, exit.Fault = record.EventSeen, true
	sessions := func(facts record.Facts) record.Event {
		m := step("sessions", "a", 38)
		m.Fault, m.Facts = true, &facts
		return m
	}
	frozen := step("pause", "a", -100)
	frozen.Name, frozen.Nodes = "freeze", []string{"a", "c"}
	killed := frozen
	killed.Action = "kill"
	const none = "failover without a fault: b was promoted from outside pgchaos, by the cluster's own manager or by hand, between 339.900 s and 340.000 s"
	for _, tt := range []struct {
		name   string
		events []record.Event
		back   float64 // when a is read again; 0: never
		want   string
	}{
		{"nothing was done", nil, 0, none},
		{"the primary was killed", []record.Event{step("kill", "a", 28)}, 0, "12.0 s after kill-a"},
		{"of two faults the newer one", []record.Event{step("pause", "a", 20), step("kill", "a", 28)}, 0, "12.0 s after kill-a"},
		{"a step that was not begun", []record.Event{skipped}, 0, none},
		{"a fault that came later", []record.Event{step("kill", "a", 41)}, 0, none},
		{"a standby was killed, and not the one that was promoted", []record.Event{step("kill", "c", 28)}, 0, none},
		{"the standby that was promoted had been cut off", []record.Event{step("disconnect", "b", 28)}, 0, "12.0 s after disconnect-b"},
		{"a link was slow", []record.Event{links}, 0, "20.0 s after delay-c"},
		{"the primary is frozen, for long", []record.Event{step("pause", "a", -100)}, 0, "140.0 s after pause-a"},
		{"the primary was frozen, and that is over since a moment", []record.Event{step("pause", "a", 2), undo(step("pause", "a", 2), 10)}, 0, "38.0 s after pause-a"},
		{"the primary was frozen, long ago", []record.Event{step("pause", "a", -100), undo(step("pause", "a", -100), -60)}, 0, none},
		{"the primary was killed long ago, and somebody started it again", []record.Event{step("kill", "a", -100)}, -90, none},
		{"two nodes were frozen long ago, and only the other one goes on", []record.Event{frozen, step("resume", "c", -60)}, 0, "140.0 s after freeze"},
		{"two nodes were frozen, and both go on since long", []record.Event{frozen, step("resume", "c", -90), step("resume", "a", -80)}, 0, none},
		{"two nodes were killed long ago, and only the other one was started again", []record.Event{killed, step("start", "c", -60)}, 0, "140.0 s after freeze"},
		{"the primary was killed long ago, and is down since", []record.Event{step("kill", "a", -100)}, 0, "140.0 s after kill-a"},
		{"a command of a step, on any node", []record.Event{step("exec", "c", 38)}, 0, "2.0 s after exec-c, which may have done it"},
		{"a command after the primary was killed", []record.Event{step("kill", "a", 28), step("exec", "c", 38)}, 0, "12.0 s after kill-a ("},
		{"a command after another one", []record.Event{step("exec", "a", 28), step("exec", "c", 38)}, 0, "2.0 s after exec-c, which may have done it"},
		{"a command of a step that has ended the primary", []record.Event{ended}, 0, "12.0 s after hook-a ("},
		{"a command of a step, long ago", []record.Event{step("exec", "c", -100)}, 0, none},
		{"a harmless step", []record.Event{step("backup", "a", 38)}, 0, none},
		{"sessions of the primary were ended", []record.Event{sessions(record.Facts{Sessions: true})}, 0, none},
		{"sessions of the primary are blocked", []record.Event{sessions(record.Facts{Sessions: true, Lasts: true})}, 0, none},
		{"the primary lets nobody in", []record.Event{sessions(record.Facts{Sessions: true, Lasts: true, Refuses: true})}, 0, "2.0 s after sessions-a ("},
		{"the server exited by itself", []record.Event{exit}, 0, "1.0 s after exit-a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Result{Timeline: append(tt.events, promoted), Duration: at(60), Cluster: Cluster{Nodes: []ClusterNode{{Name: "a"}, {Name: "b"}, {Name: "c"}}}}
			h := NodeHistory{Node: "a", States: []record.NodeState{{Node: "a", At: at(-200), Reachable: true, Role: record.RolePrimary, Timeline: 1}}}
			if tt.back != 0 {
				h.States = append(h.States, record.NodeState{Node: "a", At: at(tt.back), Reachable: true, Role: record.RolePrimary, Timeline: 1})
			}
			r.States = []NodeHistory{h}
			if got := r.PromotionWords(promoted); !strings.Contains(got, tt.want) || !strings.Contains(got, "(timeline 1 to 2, fork at 0/3000148)") {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if got, want := r.Unclear(promoted), strings.Contains(tt.want, "which may have done it"); got != want {
				t.Errorf("unclear: %v", got)
			}
			r.Judge(nil)
			said := strings.Contains(strings.Join(r.Reasons, "\n"), "failover without a fault")
			if alone := tt.want == none; said != alone || alone && r.Verdict != verdict.Fail {
				t.Errorf("%s: %q", r.Verdict, r.Reasons)
			}
		})
	}
}

// TestAKillThatSomebodyElseAnswered counts as one, although the promotion was noticed in a reading that had begun before.
func TestAKillThatSomebodyElseAnswered(t *testing.T) {
	pause := record.Event{Name: "pause-a", Action: "pause", Nodes: []string{"a"}, Fault: true, Status: record.EventDone, Issued: time.Second, Effective: 1100 * time.Millisecond}
	promoted := record.Event{Name: "promoted-b", Action: "promoted", Nodes: []string{"b"}, Status: record.EventSeen, Issued: 1050 * time.Millisecond, Effective: 1200 * time.Millisecond}
	r := &Result{Timeline: []record.Event{pause, promoted}, Cluster: Cluster{Nodes: []ClusterNode{{Name: "a"}, {Name: "b"}}}}
	if n := len(r.Kills()); n != 1 {
		t.Errorf("%d kills", n)
	}
}

// TestWhatIsOnlyNotKnownHidesNoFailure: the headline of a run that failed is why it failed.
func TestWhatIsOnlyNotKnownHidesNoFailure(t *testing.T) {
	promoted := record.Event{
		Name: "promoted-b", Action: "promoted", Nodes: []string{"b"}, Issued: time.Second, Effective: time.Second, Ended: time.Second, Status: record.EventSeen,
		Promotion: &record.Promotion{To: 2},
	}
	r := &Result{Timeline: []record.Event{promoted}, Settle: []SettleNote{{Node: "c", Error: "it does not stream"}}, Stopped: "the disk is full"}
	r.Judge(nil)
	if got := r.Headline(); r.Verdict != verdict.Fail || !strings.HasPrefix(got, "failover without a fault") {
		t.Errorf("%s: %q", r.Verdict, got)
	}
	if got := r.Reasons; len(got) < 3 || got[len(got)-1] != "not settled: c it does not stream" || !slices.Contains(got, "the disk is full") {
		t.Errorf("the others are there, in their order: %q", got)
	}
}
