package outage

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// TestMissingAfterALaterFault: redundancy was complete until b is frozen, at 5 s for 2 s. Whether that counts for the fault at 1 s depends on
// whether that one was over.
func TestMissingAfterALaterFault(t *testing.T) {
	states := append(healthy(), state("b", 5600, 'd'), state("b", 7000, 's'))
	both := []record.Demand{{Node: "a", Standbys: 2}}
	of := func(action, node string, facts record.Facts, issued int) record.Event {
		m := event(action+"-"+node, action, node, issued, issued+10)
		m.Facts, m.Fault = &facts, true
		return m
	}
	undo := func(m record.Event, at int) record.Event {
		return record.Event{Name: "undo-" + m.Name, Action: "undo", Reverses: m.Name, Nodes: m.Nodes, Issued: time.Duration(at-10) * msec, Effective: time.Duration(at) * msec, Status: record.EventDone}
	}
	pause := of("pause", "b", record.Facts{Freezes: true}, 5000)
	terminate := of("terminate_backends", "a", record.Facts{Sessions: true}, 1000)
	cut := of("partition", "b", record.Facts{Links: true, Lasts: true}, 1000)
	frozen := of("pause", "c", record.Facts{Freezes: true}, 1000)
	resume := event("resume-c", "resume", "c", 1900, 2000)
	resume.Facts = &record.Facts{Thaws: true}
	frozenBoth := on([]string{"b", "c"}, frozen)
	resumeB := on([]string{"b"}, resume)
	ended, started := of("kill", "c", record.Facts{Ends: true, Kills: true}, 1900), event("start-c", "start", "c", 1950, 2000)
	started.Facts = &record.Facts{Starts: true}
	startedAnew := of("restart", "c", record.Facts{Restarts: true, Starts: true}, 1900)
	connect := event("connect-c", "connect", "c", 1900, 2000)
	connect.Facts = &record.Facts{Connects: true}
	failedResume := resume
	failedResume.Effective, failedResume.Status = 0, record.EventFailed
	resumeA := resume
	resumeA.Nodes = []string{"a"}
	seen := func(at int) record.Event {
		m := of("restarted", "b", record.Facts{Restarts: true}, at)
		m.Status, m.Effective = record.EventSeen, 7*time.Second
		return m
	}
	step := func(action string, facts record.Facts, status record.EventStatus) record.Event {
		m := of(action, "b", facts, 5000)
		m.Fault, m.Status = false, status
		return m
	}
	clone := record.Facts{Starts: true, Thaws: true, Connects: true, Standby: true}
	heldApply := of("apply_delay", "b", record.Facts{Lasts: true, Reloads: true, Keeps: true}, 1000)
	other := step("undo", record.Facts{Reloads: true}, record.EventDone)
	other.Reverses = "apply_delay-c"
	noEffect := pause
	noEffect.Effective = 0
	for _, c := range []struct {
		name   string
		events []record.Event
		want   Stage
	}{
		{"a fault that was over", []record.Event{terminate, pause}, none},
		{"one that is in force", []record.Event{cut, pause}, hit(7000)},
		{"one that was taken back", []record.Event{cut, undo(cut, 2000), pause}, none},
		{"one that was taken back, of which the effect may be noticed late", []record.Event{cut, undo(cut, 4001), pause}, hit(7000)},
		{"just long enough before", []record.Event{cut, undo(cut, 4000), pause}, none},
		{"one that another step has ended", []record.Event{frozen, resume, pause}, none},
		{"one that two steps have ended, each on one node", []record.Event{frozenBoth, resumeB, resume, pause}, none},
		{"one that a step has ended on one node of two", []record.Event{frozenBoth, resume, pause}, hit(7000)},
		{"a server that was frozen, was killed, and runs again", []record.Event{frozen, ended, started, pause}, none},
		{"a server that was frozen, and started anew", []record.Event{frozen, startedAnew, pause}, none},
		{"two faults that came after it", []record.Event{terminate, pause, of("kill", "c", record.Facts{Ends: true}, 8000)}, none},
		{"a step that was to end it, and failed", []record.Event{frozen, failedResume, pause}, hit(7000)},
		{"a node that was cut off, and connected again", []record.Event{of("disconnect", "c", record.Facts{Cuts: true}, 1000), connect, pause}, none},
		{"a node that was cut off, and whose server was started anew", []record.Event{of("disconnect", "c", record.Facts{Cuts: true}, 1000), startedAnew, pause}, hit(7000)},
		{"a step that has ended it on another node", []record.Event{frozen, resumeA, pause}, hit(7000)},
		{"one that can bring about anything", []record.Event{of("exec", "a", record.Facts{Provokes: true}, 1000), of("exec", "b", record.Facts{Provokes: true}, 5000)}, hit(7000)},
		{"one that can bring about anything, and then a node was taken away", []record.Event{of("exec", "a", record.Facts{Provokes: true}, 1000), pause}, none},
		{"a process that was killed, and then a node was taken away", []record.Event{of("kill_process", "b", record.Facts{Kills: true, Restarts: true, Starts: true, Provokes: true}, 1000), pause}, none},
		{"one that can bring about anything, and its node was missing already", []record.Event{of("exec", "b", record.Facts{Provokes: true}, 1000), of("kill", "c", record.Facts{Ends: true}, 6000)}, hit(7000)},
		{"one that can bring about anything, just before", []record.Event{of("exec", "a", record.Facts{Provokes: true}, 4001), pause}, hit(7000)},
		{"one that can bring about anything, and then somebody else did something", []record.Event{of("hook", "b", record.Facts{Provokes: true}, 1000), seen(5000)}, none},
		{"one that can bring about anything, while somebody else did something", []record.Event{of("hook", "b", record.Facts{Provokes: true}, 1000), seen(1005)}, hit(7000)},
		{"the next one takes no server away", []record.Event{terminate, of("long_query", "c", record.Facts{Sessions: true}, 5000)}, hit(7000)},
		{"the next one took no effect", []record.Event{terminate, noEffect}, hit(7000)},
		{"the next one is a moment later", []record.Event{terminate, of("kill", "b", record.Facts{Ends: true}, 2009), pause}, none},
		{"the next one only delays what a standby applies", []record.Event{terminate, of("apply_delay", "b", record.Facts{Lasts: true, Keeps: true}, 5000)}, hit(7000)},
		{"one that lasts, and keeps all standbys", []record.Event{heldApply, pause}, none},
		{"one that lasts, and befalls sessions", []record.Event{of("lock_table", "a", record.Facts{Lasts: true, Sessions: true}, 1000), pause}, none},
		{"one that keeps a standby from streaming", []record.Event{of("hold_wal", "c", record.Facts{Lasts: true, Reloads: true}, 1000), pause}, hit(7000)},
		{"then a step made the standby anew", []record.Event{terminate, step("clone", clone, record.EventDone)}, none},
		{"or failed to do so", []record.Event{terminate, step("clone", clone, record.EventFailed)}, none},
		{"such a step was skipped", []record.Event{terminate, step("clone", clone, record.EventSkipped)}, hit(7000)},
		{"then b was made to follow another node", []record.Event{terminate, step("follow", record.Facts{Reloads: true}, record.EventDone)}, none},
		{"then a setting was changed", []record.Event{terminate, step("configure", record.Facts{Reloads: true, Demands: true}, record.EventDone)}, none},
		{"then another step was taken back", []record.Event{terminate, other}, hit(7000)},
		{"then a step that takes nothing away", []record.Event{terminate, step("start", record.Facts{Starts: true}, record.EventDone)}, hit(7000)},
		{"half a second before, which takes no node away", []record.Event{of("terminate_backends", "a", record.Facts{Sessions: true}, 4500), pause}, none},
		{"half a second before, which nobody may be let in by", []record.Event{of("exhaust_connections", "a", record.Facts{Sessions: true, Refuses: true}, 4500), pause}, hit(7000)},
		{"nothing came after it", []record.Event{terminate}, hit(7000)},
	} {
		if got := Recoveries(Course{Events: c.events, States: slices.Clone(states), Demands: both, End: 9 * time.Second})[0]; got.Redundancy != c.want {
			t.Errorf("%s: %v, want %v", c.name, got.Redundancy, c.want)
		}
	}
	last := Recoveries(Course{Events: []record.Event{terminate, pause}, States: states, Demands: both, End: 9 * time.Second})[1]
	if last.Redundancy != hit(7000) || last.Rejoined != hit(7000) {
		t.Errorf("of the fault that took it away: %v", last)
	}
	// A step that makes c anew, when b is missing already: somebody must have what is missing then.
	stop := of("stop", "b", record.Facts{Ends: true}, 1000)
	cloneC := step("clone", clone, record.EventDone)
	cloneC.Nodes = []string{"c"}
	gone := append(healthy(), state("b", 1020, 'd'), state("c", 5100, 'd'), state("c", 7000, 's'))
	if r := Recoveries(Course{Events: []record.Event{stop, cloneC}, States: gone, Demands: both, End: 9 * time.Second})[0]; r.Redundancy != not(9000) {
		t.Errorf("of two standbys, of which neither was back: %v", r.Redundancy)
	}
	one := []record.Demand{{Node: "a", Standbys: 1}}
	if r := Recoveries(Course{Events: []record.Event{stop, cloneC}, States: gone, Demands: one, End: 9 * time.Second})[0]; r.Redundancy != hit(7000) {
		t.Errorf("of one standby that a step took away when the fault had taken the other: %v", r.Redundancy)
	}
	// A node, too.
	session := of("terminate_backends", "b", record.Facts{Sessions: true}, 1000)
	if r := Recoveries(Course{Events: []record.Event{session, pause}, States: states, Demands: both, End: 9 * time.Second})[0]; r.Rejoined != none {
		t.Errorf("b was there until it was frozen: %v", r.Rejoined)
	}
}
