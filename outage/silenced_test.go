package outage

import (
	"cmp"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// TestUnreadIsNotGone: pgchaos alone does not reach b, which streams all the time, or a, which is the primary all the time.
func TestUnreadIsNotGone(t *testing.T) {
	cut := func(node string) record.Event {
		m := event("reject-"+node, "reject", node, 1000, 1010)
		m.Fault, m.Facts = true, &record.Facts{Links: true, Lasts: true}
		return m
	}
	undo := func(m record.Event) record.Event {
		return record.Event{Name: "undo-" + m.Name, Action: "undo", Reverses: m.Name, Nodes: m.Nodes, Issued: 4000 * msec, Effective: 4010 * msec, Status: record.EventDone}
	}
	both := []record.Demand{{Node: "a", Standbys: 2}}
	b, a := cut("b"), cut("a")
	back := append(healthy(), state("b", 1005, '-'), state("b", 4020, 's'))
	r := Recoveries(Course{Events: []record.Event{b, undo(b)}, States: back, Demands: both, End: 9 * time.Second})[0]
	within := Stage{State: StageReached, From: 1000 * msec, At: 4020 * msec}
	if r.Redundancy != within || r.Rejoined != within {
		t.Errorf("of a standby: %v and %v", r.Redundancy, r.Rejoined)
	}
	if !slices.Equal(r.Unread, []string{"b"}) || !slices.Equal(r.Caveats, []string{"pgchaos could not read b for some of the time: a stage that depends on that is known only as a range, or not at all"}) {
		t.Errorf("not read: %v; %v", r.Unread, r.Caveats)
	}
	back = append(healthy(), state("a", 1005, '-'), state("a", 4020, 'p', streams("b", "quorum"), streams("c", "quorum")))
	r = Recoveries(Course{Events: []record.Event{a, undo(a)}, States: back, Demands: both, End: 9 * time.Second})[0]
	if r.Redundancy != within || r.Rejoined != within || r.Writable != none || r.NewPrimary != "" {
		t.Errorf("of the primary: %v, %v, %v %q", r.Redundancy, r.Rejoined, r.Writable, r.NewPrimary)
	}
	// What the primary says is known.
	gone := append(healthy(), state("b", 1005, '-'), state("a", 2000, 'p', streams("c", "quorum")), state("b", 4020, 's'), state("a", 4030, 'p', streams("b", "quorum"), streams("c", "quorum")))
	r = Recoveries(Course{Events: []record.Event{b, undo(b)}, States: gone, Demands: both, End: 9 * time.Second})[0]
	if r.Redundancy != hit(4030) || r.Rejoined != hit(4030) || r.Unread != nil {
		t.Errorf("of a standby that was gone: %v and %v", r.Redundancy, r.Rejoined)
	}
}

// TestMissing: of the nodes of a fault only those had to rejoin that were gone.
func TestMissing(t *testing.T) {
	both := on([]string{"a", "c"}, event("part", "partition", "a", 1000, 1010))
	both.Fault, both.Facts = true, &record.Facts{Links: true, Lasts: true}
	gone := append(healthy(), state("c", 2000, 'c'), state("a", 2010, 'p', streams("b", "quorum")))
	back := append(slices.Clone(gone), state("c", 3000, 's'), state("a", 3010, 'p', streams("b", "quorum"), streams("c", "quorum")))
	for _, c := range []struct {
		why    string
		states []record.NodeState
		want   Stage
		who    []string
		kept   []string
	}{
		{"none was", healthy(), none, nil, nil},
		{"c was, and is back", back, hit(3010), []string{"c"}, []string{"a"}},
		{"c was, and is not back", gone, not(9000), []string{"c"}, []string{"a"}},
		{"both were, and a is back", append(slices.Clone(gone), state("a", 2500, 'd'), state("a", 4000, 'p')), not(9000), []string{"c"}, nil},
	} {
		load := byNode(drawn("...................."), "aaaaaaaaaaaaaaaaaaaa")
		r := Recoveries(Course{Activity: []Activity{load}, Events: []record.Event{both}, States: c.states, End: 9 * time.Second})[0]
		if r.Rejoined != c.want || !slices.Equal(r.Missing, c.who) || !slices.Equal(r.Kept, c.kept) {
			t.Errorf("%s: %v of %v, want %v of %v; kept %v", c.why, r.Rejoined, r.Missing, c.want, c.who, r.Kept)
		}
		if last := r.Workloads[0].LastOldAck; (last.State == StageNone) != (len(c.kept) > 0) {
			t.Errorf("%s: the last reply: %v", c.why, last)
		}
	}
}

// TestSilencedNodes: what a step is known to have done to a server is known of a node that could not be read, as long as it lasts.
func TestSilencedNodes(t *testing.T) {
	of := func(name string, facts record.Facts, issued, effective int) record.Event {
		m := event(name, name, "b", issued, effective)
		m.Facts = &facts
		return m
	}
	pause, resume := of("pause", record.Facts{Freezes: true}, 1000, 1010), of("resume", record.Facts{Thaws: true}, 1100, 1110)
	late := of("start", record.Facts{Starts: true}, 1010, 0) // it failed
	late.Ended, late.Status = 1200*msec, record.EventFailed
	elsewhere := resume
	elsewhere.Nodes = []string{"c"}
	earlier := of("resume", record.Facts{Thaws: true}, 500, 510)
	for _, c := range []struct {
		why    string
		events []record.Event
		want   string // the node's state every 250 ms from 750 ms on: as in TestBackUnread
	}{
		{"nobody did anything", nil, "???????"},
		{"frozen for good", []record.Event{pause}, "?xxxxxx"},
		{"frozen for a while", []record.Event{pause, resume}, "?xxxxx?"},
		{"another node goes on", []record.Event{pause, elsewhere}, "?xxxxxx"},
		{"it went on before", []record.Event{earlier, pause}, "?xxxxxx"},
		{"ended", []record.Event{of("kill", record.Facts{Ends: true}, 1000, 1010)}, "?xxxxxx"},
		{"ended, and a start of it failed", []record.Event{of("kill", record.Facts{Ends: true}, 1000, 1005), late}, "?xxxxx?"},
		{"cut off", []record.Event{of("disconnect", record.Facts{Cuts: true}, 1000, 1010)}, "?xxxxxx"},
		{"restarted", []record.Event{of("restart", record.Facts{Restarts: true, Starts: true}, 1000, 1200)}, "?xxxxx?"},
		{"a link of it", []record.Event{of("partition", record.Facts{Links: true, Lasts: true}, 1000, 1010)}, "???????"},
		{"not frozen", []record.Event{of("pause", record.Facts{Freezes: true}, 1000, 0)}, "???????"},
	} {
		for _, every := range []time.Duration{250 * msec, time.Hour} { // a state that stays is not repeated
			var changes []record.NodeState
			for at := 750 * msec; at <= 2250*msec; at += every {
				changes = append(changes, state("b", int(at/msec), '-'))
			}
			w := watched{changes: silence(changes, c.events)}
			if !slices.IsSortedFunc(w.changes, byTime) {
				t.Errorf("%s: not by time", c.why)
			}
			got := ""
			for at := 750 * msec; at <= 2250*msec; at += 250 * msec {
				got += map[record.Role]string{"": "?", record.RoleDown: "x"}[w.viewAt(at)["b"].Role]
			}
			if got != c.want {
				t.Errorf("%s: %s, want %s", c.why, got, c.want)
			}
		}
	}
}

// TestAFailedReadingIsTheNextFaults: a was asked just before it was killed, and the reading failed because of that.
func TestAFailedReadingIsTheNextFaults(t *testing.T) {
	cut := on([]string{"a", "b", "c"}, event("cut", "partition", "a", 1000, 1010))
	cut.Fault, cut.Facts = true, &record.Facts{Links: true, Lasts: true}
	kill := on([]string{"a"}, fault("kill-a", 4000, 4010))
	noEffect := on([]string{"b"}, fault("kill-b", 4001, 0)) // took no effect
	asked := state("a", 3700, '-')
	for _, c := range []struct {
		why    string
		failed int
		ofCut  Stage // redundancy, and a primary
	}{
		{"because of the kill", 4005, none},
		{"before the kill", 3999, Stage{}},
		{"nobody knows when", 0, Stage{}},
	} {
		asked.Failed = time.Duration(c.failed) * msec
		states := append(healthy(), asked, state("a", 4100, 'd'))
		all := Recoveries(Course{Events: []record.Event{cut, kill, noEffect}, States: states, Demands: []record.Demand{{Node: "a", Standbys: 2}}, End: 9 * time.Second})
		if got := all[0]; got.Redundancy != c.ofCut || got.Writable != c.ofCut {
			t.Errorf("%s: of the cut %v, writable %v", c.why, got.Redundancy, got.Writable)
		}
		if got := all[1]; got.Redundancy != not(9000) || got.Writable != not(9000) {
			t.Errorf("%s: of the kill %v, writable %v", c.why, got.Redundancy, got.Writable)
		}
	}
}

// TestAFailedReadingIsNotOfBefore: what was known when the fault was issued is not the failed reading that it caused.
func TestAFailedReadingIsNotOfBefore(t *testing.T) {
	failed := state("b", 1990, '-')
	failed.Failed = failed.At + time.Second
	pause := event("pause-b", "pause", "b", 2000, 2010)
	w := newWatched(Course{Events: []record.Event{pause}, States: append(healthy(), failed)})
	if before, after := w.viewAt(pause.Issued)["b"], w.viewAt(pause.Issued + 1)["b"]; !before.Reachable || after.Role != record.RoleDown {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// TestAFailedReadingIsNoOthersDoing: b was asked just after a fault of it had been issued. What another node, or b, suffers while it is waited
// for the answer explains nothing.
func TestAFailedReadingIsNoOthersDoing(t *testing.T) {
	pause := event("pause-b", "pause", "b", 2000, 2010)
	for _, next := range []record.Event{event("kill-a", "kill", "a", 2500, 2510), event("kill-b", "kill", "b", 2500, 2510), event("kill-a", "kill", "a", 3500, 3510)} {
		for _, asked := range []int{1990, 2020} {
			failed := state("b", asked, '-')
			failed.Failed = failed.At + time.Second
			r := Recoveries(Course{
				Events: []record.Event{pause, next}, States: append(healthy(), failed), Demands: []record.Demand{{Node: "a", Standbys: 2}}, End: 9 * time.Second,
			})[0]
			until := 9000
			if next.Nodes[0] == "a" {
				until = int(next.Issued / msec)
			}
			if r.Redundancy != not(until) || r.Rejoined != not(until) {
				t.Errorf("asked at %d ms, %s at %v: %v, %v", asked, next.Name, next.Issued, r.Redundancy, r.Rejoined)
			}
		}
	}
	both := []record.Demand{{Node: "a", Standbys: 2}}
	failed := state("b", 2020, '-')
	failed.Failed = 5 * time.Second
	crash, kill := event("crash-b", "crash", "b", 2000, 2010), event("kill-b", "kill", "b", 3100, 3110)
	crash.Fault = true
	if r := Recoveries(Course{Events: []record.Event{crash, kill}, States: append(healthy(), failed), Demands: both, End: 9 * time.Second})[0]; r.Redundancy.State == StageNone {
		t.Errorf("of the crash, with a kill while the reading was under way: %v", r.Redundancy)
	}
	cut, killA := event("cut", "partition", "b", 500, 510), event("kill-a", "kill", "a", 2500, 2510)
	cut.Fault, cut.Facts = true, &record.Facts{Links: true, Lasts: true}
	if r := Recoveries(Course{Events: []record.Event{cut, killA}, States: append(healthy(), failed), Demands: both, End: 9 * time.Second})[0]; r.Redundancy != (Stage{}) {
		t.Errorf("of the cut, with a kill of another node: %v", r.Redundancy)
	}
}

// TestSilencedUntilItIsRead: what a step did to a server is over where somebody else has started it, and on each node on its own.
func TestSilencedUntilItIsRead(t *testing.T) {
	listed := [][3]string{streams("b", "quorum"), streams("c", "quorum")}
	kill := event("kill-b", "kill", "b", 1000, 1010)
	later := event("terminate-backends-a", "terminate_backends", "a", 4000, 4010)
	later.Fault, later.Facts = true, &record.Facts{Sessions: true}
	states := append(healthy(), state("b", 1020, 'd'), state("a", 1030, 'p', listed[1]), state("b", 2000, 's'), state("a", 2010, 'p', listed...),
		state("b", 4100, '-'), state("b", 7100, 's'))
	both := []record.Demand{{Node: "a", Standbys: 2}}
	all := Recoveries(Course{Events: []record.Event{kill, later}, States: states, Demands: both, End: 9 * time.Second})
	if got, want := all[1].Redundancy, (Stage{State: StageReached, From: 4 * time.Second, At: 7100 * msec}); got != want || all[0].Redundancy != hit(2010) {
		t.Errorf("started by somebody else: %v, want %v; of the kill %v", got, want, all[0].Redundancy)
	}
	freeze := on([]string{"b", "c"}, event("freeze", "pause", "b", 1000, 1010))
	states = append(healthy(), state("b", 1020, '-'), state("c", 1020, '-'), state("b", 2100, 's'), state("c", 7100, 's'))
	r := Recoveries(Course{Events: []record.Event{freeze, event("resume-b", "resume", "b", 2000, 2010), event("resume-c", "resume", "c", 7000, 7010)}, States: states, Demands: both, End: 9 * time.Second})[0]
	if r.Redundancy != hit(7100) || r.Rejoined != hit(7100) || r.Unread != nil {
		t.Errorf("one of two goes on: %v, %v, not read %v", r.Redundancy, r.Rejoined, r.Unread)
	}
}

// TestSilencedWhileAStepBringsItBack: a rejoin from 1.5 s to 4 s starts the former primary at 2 s, ends it, and starts it again.
func TestSilencedWhileAStepBringsItBack(t *testing.T) {
	kill, rejoin := on([]string{"a"}, fault("kill-a", 1000, 1010)), on([]string{"a"}, event("rejoin-a", "rejoin", "a", 1500, 4000))
	rejoin.Facts = &record.Facts{Starts: true, Standby: true}
	states := append(healthy(), state("a", 1010, '-'), state("b", 1200, 'p'), state("c", 1300, 'c'), state("c", 1400, 's'), state("b", 1500, 'p', streams("c", "quorum")),
		state("a", 2000, 'c'), state("a", 2200, '-'), state("b", 3100, 'p', streams("a", "quorum"), streams("c", "quorum")), state("a", 3500, 's'))
	r := Recoveries(Course{Events: []record.Event{kill, promote(1020), rejoin}, States: states, Demands: []record.Demand{{Node: "a", Standbys: 2}, {Node: "b", Standbys: 2}}, End: 9 * time.Second})[0]
	if r.Redundancy != hit(3500) || r.Rejoined != hit(3500) || r.Unread != nil {
		t.Errorf("%+v", r)
	}
}

// TestStatesNodeByNode: in what order states come, those of each node by time, changes nothing.
func TestStatesNodeByNode(t *testing.T) {
	kill := on([]string{"a"}, fault("kill-a", 1000, 1010))
	states := append(healthy(), state("a", 1010, 'd'), state("b", 1200, 'p'), state("c", 1300, 'c'), state("c", 1400, 's'), state("b", 1500, 'p', streams("c", "quorum")))
	byNode := slices.Clone(states)
	slices.SortStableFunc(byNode, func(a, b record.NodeState) int { return cmp.Compare(a.Node, b.Node) })
	c := Course{Events: []record.Event{kill, promote(1020)}, States: states, Demands: []record.Demand{{Node: "a", Standbys: 1}}, End: 5 * time.Second}
	want := Recoveries(c)
	c.States = byNode
	if got := Recoveries(c); !reflect.DeepEqual(got, want) || got[0].Redundancy != hit(1500) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestFailedAfter: of which fault a failed reading of b at 2.6 s is, which had failed by 3.6 s.
func TestFailedAfter(t *testing.T) {
	of := func(nodes []string, issued, effective int) record.Event {
		return on(nodes, fault("kill", issued, effective))
	}
	failed := state("b", 2600, '-')
	failed.Failed = 3600 * msec
	b := []string{"b"}
	for _, c := range []struct {
		why    string
		faults []record.Event
		want   time.Duration
	}{
		{"none", nil, 2600 * msec},
		{"one that came then", []record.Event{of(b, 3000, 3010)}, 3*time.Second + 1},
		{"one of another node", []record.Event{of([]string{"c"}, 3000, 3010)}, 2600 * msec},
		{"one of nobody knows which node", []record.Event{of(nil, 3000, 3010)}, 3*time.Second + 1},
		{"one without effect, and one that came then", []record.Event{of(b, 2000, 0), of(b, 3000, 3010)}, 3*time.Second + 1},
		{"one just before it, which explains it", []record.Event{of(b, 2000, 2010), of(b, 3000, 3010)}, 2600 * msec},
		{"one long before it", []record.Event{of(b, 1600, 1610), of(b, 3000, 3010)}, 3*time.Second + 1},
		{"one after it had failed", []record.Event{of(b, 3600, 3610)}, 2600 * msec},
	} {
		if got := failedAfter([]record.NodeState{failed}, c.faults)[0].At; got != c.want {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}

// TestGoesOn: what two readings have to have in common.
func TestGoesOn(t *testing.T) {
	before := state("b", 1000, 's')
	before.ServerStarted, before.CheckpointerStarted = time.Unix(1, 0), time.Unix(1, 0)
	for why, change := range map[string]func(*record.NodeState){
		"":               func(*record.NodeState) {},
		"another server": func(s *record.NodeState) { s.ServerStarted = time.Unix(2, 0) },
		"a crash":        func(s *record.NodeState) { s.CheckpointerStarted = time.Unix(2, 0) },
		"a role":         func(s *record.NodeState) { s.Role = record.RolePrimary },
		"a timeline":     func(s *record.NodeState) { s.Timeline++ },
		"no connection":  func(s *record.NodeState) { s.Streaming = false },
	} {
		now := before
		change(&now)
		if goesOn(before, now) != (why == "") {
			t.Errorf("after %q: %v", why, why != "")
		}
	}
}

// TestReadWhileTheFaultWasIssued: b answers until it is killed, which takes a while. It is gone from then on.
func TestReadWhileTheFaultWasIssued(t *testing.T) {
	kill := event("kill-b", "kill", "b", 1000, 1600)
	states := append(healthy(), state("b", 1150, 's'), state("b", 1700, '-'))
	r := Recoveries(Course{Events: []record.Event{kill}, States: states, Demands: []record.Demand{{Node: "a", Standbys: 2}}, End: 5 * time.Second})[0]
	if r.Redundancy != not(5000) || r.Rejoined != not(5000) || r.Unread != nil {
		t.Errorf("%v, %v, not read %v", r.Redundancy, r.Rejoined, r.Unread)
	}
}

// TestALostReading: for how long b was not read, and what it was before and after. The fault was long before.
func TestALostReading(t *testing.T) {
	at := func(role byte, at, started int) record.NodeState {
		s := state("b", at, role)
		if started > 0 {
			s.ServerStarted = time.Unix(int64(started), 0)
		}
		return s
	}
	session := event("terminate-backends-a", "terminate_backends", "a", 1000, 1010)
	session.Fault, session.Facts = true, &record.Facts{Sessions: true}
	between := func(to int) Stage {
		return Stage{State: StageReached, From: time.Second, At: time.Duration(to) * msec}
	}
	crashed, newer := at('s', 6000, 1), at('s', 6000, 1)
	crashed.CheckpointerStarted, newer.Timeline = time.Unix(9, 0), 2
	was := at('s', 6, 1)
	was.CheckpointerStarted = time.Unix(1, 0)
	for _, c := range []struct {
		why string
		b   []record.NodeState
		a   []record.NodeState // besides what the primary says all the time
		of  Stage
	}{
		{"one", []record.NodeState{was, at('-', 5000, 0), at('s', 6000, 1)}, nil, none},
		{"two in a row", []record.NodeState{was, at('-', 5000, 0), at('-', 5500, 0), at('s', 6000, 1)}, nil, none},
		{"for just so long", []record.NodeState{was, at('-', 5000, 0), at('s', 6899, 1)}, nil, none},
		{"for longer", []record.NodeState{was, at('-', 5000, 0), at('s', 6900, 1)}, nil, between(6900)},
		{"two in a row for longer", []record.NodeState{was, at('-', 5000, 0), at('-', 6500, 0), at('s', 6900, 1)}, nil, between(6900)},
		{"one, and one again", []record.NodeState{was, at('-', 5000, 0), at('s', 6000, 1), at('-', 7000, 0), at('s', 8000, 1)}, nil, none},
		{"another server", []record.NodeState{was, at('-', 5000, 0), at('s', 6000, 2)}, nil, between(6000)},
		{"whether it is another server is not known", []record.NodeState{at('s', 6, 0), at('-', 5000, 0), at('s', 6000, 0)}, nil, between(6000)},
		{"it recovered from a crash", []record.NodeState{was, at('-', 5000, 0), crashed}, nil, between(6000)},
		{"another timeline", []record.NodeState{was, at('-', 5000, 0), newer}, nil, between(6000)},
		{"it does not stream then", []record.NodeState{was, at('-', 5000, 0), at('c', 6000, 1)}, nil, not(9000)},
		{"it did not stream before", []record.NodeState{at('c', 6, 1), at('-', 5000, 0), at('s', 6000, 1)}, nil, Stage{State: StageReached, From: 5 * time.Second, At: 6 * time.Second}},
		{"it was down in between", []record.NodeState{was, at('d', 5000, 0), at('-', 5500, 0), at('s', 6000, 1)}, nil, Stage{State: StageReached, From: 5500 * msec, At: 6 * time.Second}},
		{"the primary does not list it for a while", []record.NodeState{was, at('-', 5000, 0), at('s', 6000, 1)},
			[]record.NodeState{state("a", 5200, 'p', streams("c", "quorum")), state("a", 5700, 'p', streams("b", "quorum"), streams("c", "quorum"))}, hit(5700)},
	} {
		states := append(append([]record.NodeState{healthy()[0], healthy()[2]}, c.b...), c.a...)
		r := Recoveries(Course{Events: []record.Event{session}, States: states, Demands: []record.Demand{{Node: "a", Standbys: 2}}, End: 9 * time.Second})[0]
		if r.Redundancy != c.of {
			t.Errorf("%s: %v, want %v", c.why, r.Redundancy, c.of)
		}
	}
}

// TestAReadingIsNotLostWhileAFaultCanBeTheReason: b was frozen by a command of the user's, of which nothing is known. The reading comes back
// with the end of that.
func TestAReadingIsNotLostWhileAFaultCanBeTheReason(t *testing.T) {
	hook := func(facts record.Facts, issued int, nodes ...string) record.Event {
		m := on(nodes, event("freeze", "hook", "b", issued, issued+10))
		m.Fault, m.Facts = true, &facts
		return m
	}
	undo := func(at int) record.Event {
		return record.Event{Name: "undo-freeze", Action: "undo", Reverses: "freeze", Nodes: []string{"b"}, Issued: time.Duration(at-10) * msec, Effective: time.Duration(at) * msec, Ended: time.Duration(at) * msec, Status: record.EventDone}
	}
	at := func(role byte, at int) record.NodeState {
		s := state("b", at, role)
		if role == 's' {
			s.ServerStarted = time.Unix(1, 0)
		}
		return s
	}
	provokes := record.Facts{Provokes: true}
	failedUndo, skipped, session := undo(1040), hook(provokes, 2000, "b"), hook(record.Facts{Sessions: true}, 1000, "b")
	failedUndo.Effective, failedUndo.Status = 0, record.EventFailed
	skipped.Effective, skipped.Status = 0, record.EventSkipped
	within := func(from int) Stage {
		return Stage{State: StageReached, From: time.Duration(from) * msec, At: 3550 * msec}
	}
	for _, c := range []struct {
		why    string
		events []record.Event
		of     Stage
	}{
		{"a command", []record.Event{hook(provokes, 2000, "b"), undo(3510)}, within(2000)},
		{"on no node in particular", []record.Event{hook(provokes, 2000), undo(3510)}, within(2000)},
		{"on another node", []record.Event{hook(provokes, 2000, "c"), undo(3510)}, none},
		{"it is never taken back", []record.Event{hook(provokes, 1041, "b")}, within(1041)},
		{"it is never taken back, and the node was well after it", []record.Event{hook(provokes, 1040, "b")}, none},
		{"it was taken back just before", []record.Event{hook(provokes, 1000, "b"), undo(1051)}, within(1000)},
		{"it was taken back before", []record.Event{hook(provokes, 1000, "b"), undo(1050)}, none},
		{"it was to be taken back before, which failed", []record.Event{hook(provokes, 1000, "b"), failedUndo}, within(1000)},
		{"it came later", []record.Event{session, hook(provokes, 5000, "b")}, none},
		{"it was skipped", []record.Event{session, skipped}, none},
		{"links", []record.Event{hook(record.Facts{Links: true, Lasts: true}, 2000, "b"), undo(3510)}, within(2000)},
		{"what keeps it from streaming", []record.Event{hook(record.Facts{Lasts: true, Reloads: true}, 2000, "b"), undo(3510)}, within(2000)},
		{"sessions", []record.Event{hook(record.Facts{Sessions: true, Lasts: true}, 2000, "b"), undo(3510)}, none},
		{"it was restarted before", []record.Event{hook(record.Facts{Restarts: true, Starts: true}, 1000, "b")}, none},
	} {
		states := append([]record.NodeState{healthy()[0], healthy()[2]}, at('s', 6), at('-', 2050), at('s', 3550))
		r := Recoveries(Course{Events: c.events, States: states, Demands: []record.Demand{{Node: "a", Standbys: 2}}, End: 9 * time.Second})[0]
		if r.Redundancy != c.of {
			t.Errorf("%s: %v, want %v", c.why, r.Redundancy, c.of)
		}
	}
}

// TestAFailedReadingIsNoHarmlessFaultsDoing: b is frozen while a reading of it is under way. A fault of b just before that takes no node away
// explains nothing.
func TestAFailedReadingIsNoHarmlessFaultsDoing(t *testing.T) {
	of := func(name string, facts record.Facts, issued, effective int) record.Event {
		m := event(name, name, "b", issued, effective)
		m.Fault, m.Facts = true, &facts
		return m
	}
	pause, resume := of("pause", record.Facts{Freezes: true}, 2600, 2650), event("resume", "resume", "b", 6000, 6010)
	failed := state("b", 2590, '-')
	failed.Failed = 3590 * msec
	states := append(healthy(), failed, state("b", 6100, 's'))
	for _, c := range []struct {
		first       record.Event
		pause, then Stage // of the pause, and of the first
	}{
		{of("long_query", record.Facts{Sessions: true, Lasts: true}, 2000, 2010), hit(6100), none},
		{of("apply_delay", record.Facts{Lasts: true, Reloads: true, Keeps: true}, 2000, 2010), hit(6100), none},
		{of("exhaust_connections", record.Facts{Lasts: true, Sessions: true, Refuses: true}, 2000, 2010), none, hit(6100)}, // it can be the reason
		{of("hook", record.Facts{Provokes: true}, 2000, 2010), none, hit(6100)},
	} {
		all := Recoveries(Course{Events: []record.Event{c.first, pause, resume}, States: states, End: 9 * time.Second})
		if all[1].Redundancy != c.pause || all[0].Redundancy != c.then {
			t.Errorf("%s: of the pause %v, want %v; of itself %v, want %v", c.first.Name, all[1].Redundancy, c.pause, all[0].Redundancy, c.then)
		}
	}
	// It dates no reading that was under way.
	long := of("long_query", record.Facts{Sessions: true, Lasts: true}, 3000, 3010)
	if at := Silenced(states, []record.Event{long})[3].At; at != failed.At {
		t.Errorf("dated %v", at)
	}
}
