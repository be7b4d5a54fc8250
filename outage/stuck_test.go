package outage

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// TestAStandbyThatIsStuck: its line says that it streams, which proves nothing while it receives nothing. The fault is at 1 s.
func TestAStandbyThatIsStuck(t *testing.T) {
	type sample struct {
		received record.LSN
		behind   int64 // -1: not known
	}
	series := func(node string, samples ...sample) record.NodeSeries {
		s := record.NodeSeries{Node: node, Step: time.Second}
		for i, one := range samples {
			n := record.NodeSample{At: time.Duration(i+1) * time.Second, Role: record.RoleStandby, Received: one.received}
			if one.behind >= 0 {
				n.LagBytes = &one.behind
			}
			s.Samples = append(s.Samples, n)
		}
		return s
	}
	well := []sample{{100, 0}, {200, 0}, {300, 5}, {400, 0}, {500, 0}}
	stuck := []sample{{100, 0}, {200, 0}, {200, 100}, {200, 200}, {500, 0}}
	one, two := []record.Demand{{Node: "a", Standbys: 1}}, []record.Demand{{Node: "a", Standbys: 2}}
	for _, tt := range []struct {
		name    string
		b, c    []sample
		demands []record.Demand
		want    Stage
		nodes   []string
	}{
		{"both receive", well, well, two, none, nil},
		{"one is stuck", stuck, well, two, Stage{}, []string{"b"}},
		{"one is stuck, and one is demanded", stuck, well, one, none, nil},
		{"both are stuck, and one is demanded", stuck, stuck, one, Stage{}, []string{"b", "c"}},
		{"one is stuck, and none is demanded, but two streamed before", stuck, well, nil, Stage{}, []string{"b"}},
		{"the primary wrote nothing", []sample{{100, 0}, {100, 0}, {100, 0}, {100, 0}}, well, two, none, nil},
		{"it only does not replay", []sample{{100, 0}, {200, 100}, {300, 200}, {400, 300}}, well, two, none, nil},
		{"it waits for the demanded standbys, and so writes no more", []sample{{100, 50}, {100, 50}, {100, 50}, {100, 50}}, well, two, none, nil},
		{"for a second only", []sample{{100, 0}, {200, 0}, {200, 100}, {400, 0}}, well, two, none, nil},
		{"how far it is behind is not known", []sample{{100, -1}, {100, -1}, {100, -1}, {100, -1}}, well, two, none, nil},
	} {
		m := on([]string{"b"}, fault("cut-b", 1000, 1010))
		got := Recoveries(Course{
			Events: []record.Event{m}, States: healthy(), Demands: tt.demands, Series: []record.NodeSeries{series("b", tt.b...), series("c", tt.c...)}, End: 9 * time.Second,
		})[0]
		if got.Redundancy != tt.want || !slices.Equal(got.Stuck, tt.nodes) {
			t.Errorf("%s: %v, %v", tt.name, got.Redundancy, got.Stuck)
		}
	}
}

// sampled is a node with a sample every second from 1 s on: how far it has received, or written, WAL.
func sampled(node string, role record.Role, at ...record.LSN) record.NodeSeries {
	all := record.NodeSeries{Node: node, Step: time.Second}
	for i, lsn := range at {
		s := record.NodeSample{At: time.Duration(i+1) * time.Second, Role: role, Timeline: 1}
		if s.LSN = lsn; role == record.RoleStandby {
			s.LSN, s.Received = 0, lsn
		}
		all.Samples = append(all.Samples, s)
	}
	return all
}

// TestAStandbyThatIsStuckCountsNowhere: b receives nothing from 2 s on, and again from 8 s on; at other moments other standbys are missing.
func TestAStandbyThatIsStuckCountsNowhere(t *testing.T) {
	cut := event("cut-b", "partition", "b", 1500, 1510)
	cut.Fault, cut.Facts = true, &record.Facts{Links: true, Lasts: true}
	kill := event("kill-c", "kill", "c", 4000, 4010)
	later := event("kill-c", "kill", "c", 7500, 7510)
	session := event("terminate-backends-a", "terminate_backends", "a", 1500, 1510)
	session.Fault, session.Facts = true, &record.Facts{Sessions: true}
	both := [][3]string{streams("b", "quorum"), streams("c", "quorum")}
	well := append(healthy(), state("b", 12000, 's'))
	gone := func(from, to int) []record.NodeState { // c
		return append(healthy(), state("c", from, 'd'), state("a", from+10, 'p', both[0]), state("c", to, 's'), state("a", to+10, 'p', both...))
	}
	anew := func(at int) []record.NodeState { // b has no connection from 2.5 s on
		return append(healthy(), state("b", 2500, 'c'), state("a", 2510, 'p', both[1]), state("b", at, 's'), state("a", at+10, 'p', both...))
	}
	before := append(healthy(), state("b", 1720, 'c'), state("a", 1730, 'p', both[1]), state("b", 6100, 's'), state("a", 6110, 'p', both...))
	b := func(received ...record.LSN) record.NodeSeries { return sampled("b", record.RoleStandby, received...) }
	a := func(written ...record.LSN) record.NodeSeries { return sampled("a", record.RolePrimary, written...) }
	// From 4 s on no standby is left that confirms, and nothing more is written.
	stuck, wrote := b(10, 20, 20, 20, 20, 20, 20, 80, 90), a(11, 30, 40, 50, 50, 50, 50, 80, 90)
	other := a(11, 30, 40, 50, 50, 50, 50, 80, 90)
	for i := range other.Samples {
		other.Samples[i].Timeline = 2
	}
	unknown := b(0, 0, 0, 0, 0, 0, 0, 0, 0)
	one, two := []record.Demand{{Node: "a", Standbys: 1}}, []record.Demand{{Node: "a", Standbys: 2}}
	for _, tt := range []struct {
		name    string
		events  []record.Event
		states  []record.NodeState
		series  []record.NodeSeries
		demands []record.Demand
		want    []Stage
		nodes   []string
	}{
		{"c is killed while b is stuck", []record.Event{cut, kill}, gone(4020, 6000), []record.NodeSeries{stuck, wrote}, one, []Stage{{}, {}}, []string{"b"}},
		{"c is killed when b receives again", []record.Event{cut, later}, gone(8020, 9000), []record.NodeSeries{stuck, wrote}, one, []Stage{none, none}, nil},
		{"c is back while b is stuck", []record.Event{cut, kill}, gone(4020, 6000), []record.NodeSeries{stuck, wrote}, two,
			[]Stage{{State: StageReached, From: 6010 * msec, At: 8 * time.Second}, {State: StageReached, From: 6010 * msec, At: 8 * time.Second}}, []string{"b"}},
		{"and b to the end", []record.Event{cut, kill}, gone(4020, 6000), []record.NodeSeries{b(10, 20, 20, 20, 20), wrote}, two, []Stage{not(6010), not(6010)}, []string{"b"}},
		{"nothing is missing", []record.Event{cut}, well, []record.NodeSeries{b(10, 20, 20, 20, 20), a(10, 20, 20, 20, 20)}, two, []Stage{none}, nil},
		{"it lacks something for a second", []record.Event{cut}, well, []record.NodeSeries{b(10, 20, 20, 20, 20), a(10, 20, 30, 30, 20)}, two, []Stage{none}, nil},
		{"it is behind, and receives", []record.Event{cut}, well, []record.NodeSeries{b(10, 20, 30, 40, 50), a(20, 30, 40, 50, 60)}, two, []Stage{none}, nil},
		{"another timeline", []record.Event{cut}, well, []record.NodeSeries{stuck, other}, two, []Stage{none}, nil},
		{"a former primary goes on", []record.Event{cut, kill}, gone(4020, 6000), []record.NodeSeries{stuck, wrote, sampledOld("d")}, one, []Stage{{}, {}}, []string{"b"}},
		{"a former primary goes on, which is named first", []record.Event{cut, kill}, gone(4020, 6000), []record.NodeSeries{sampledOld("d"), stuck, wrote}, one, []Stage{{}, {}}, []string{"b"}},
		{"another one was stuck before", []record.Event{event("kill-c", "kill", "c", 5500, 5510)}, well, []record.NodeSeries{
			sampled("d", record.RoleStandby, 20, 20, 20, 80, 90, 90, 90), b(20, 30, 50, 60, 60, 60, 60), a(50, 60, 70, 80, 90, 90, 90),
		}, two, []Stage{{}}, []string{"b"}},
		{"it has connected anew, and receives", []record.Event{cut}, anew(7000), []record.NodeSeries{stuck, wrote}, two, []Stage{reached(7010 * msec)}, nil},
		{"it has connected anew, and receives nothing", []record.Event{cut}, anew(4000), []record.NodeSeries{stuck, wrote}, two, []Stage{{State: StageReached, From: 4010 * msec, At: 8 * time.Second}}, []string{"b"}},
		{"it was disconnected before its last sample, and has connected anew", []record.Event{cut}, before, []record.NodeSeries{b(10, 20, 20, 20, 20, 20, 80, 90), a(11, 30, 40, 50, 60, 70, 80, 90)}, two,
			[]Stage{reached(6110 * msec)}, nil},
		{"how far it has received is not known", []record.Event{cut}, well, []record.NodeSeries{unknown, wrote}, two, []Stage{none}, nil},
		{"it was stuck before, and is not", []record.Event{event("kill-c", "kill", "c", 8500, 8510)}, well, []record.NodeSeries{stuck, wrote}, two, []Stage{none}, nil},
		{"by the next fault", []record.Event{session, kill}, gone(4020, 6000), []record.NodeSeries{b(10, 20, 30, 50, 50, 50, 50, 80), a(11, 21, 31, 60, 60, 60, 60, 80)}, one, []Stage{none, {}}, nil},
	} {
		got := Recoveries(Course{Events: tt.events, States: tt.states, Demands: tt.demands, Series: tt.series, End: 12 * time.Second})
		for i, r := range got {
			if r.Redundancy != tt.want[i] {
				t.Errorf("%s: %s: %v, want %v", tt.name, r.Event, r.Redundancy, tt.want[i])
			}
		}
		if !slices.Equal(got[0].Stuck, tt.nodes) {
			t.Errorf("%s: stuck %v", tt.name, got[0].Stuck)
		}
	}
}

// sampledOld is a node that goes on as a primary on no newer timeline than 0.
func sampledOld(node string) record.NodeSeries {
	all := sampled(node, record.RolePrimary, 100, 200, 300, 400, 500)
	for i := range all.Samples {
		all.Samples[i].Timeline = 0
	}
	return all
}

// TestConnectionsOfAStuckTime: b received nothing from 2 s to 8 s.
func TestConnectionsOfAStuckTime(t *testing.T) {
	span := func(from, to int) stuckSpan {
		return stuckSpan{"b", time.Duration(from) * msec, time.Duration(to) * msec}
	}
	for _, c := range []struct {
		why  string
		b    []record.NodeState
		want []stuckSpan
	}{
		{"nothing is known of before", nil, []stuckSpan{span(2000, 8000)}},
		{"it streams", []record.NodeState{state("b", 6, 's')}, []stuckSpan{span(2000, 8000)}},
		{"it does not stream", []record.NodeState{state("b", 6, 'c')}, nil},
		{"a reading failed", []record.NodeState{state("b", 6, 's'), state("b", 4000, '-'), state("b", 5000, 's')}, []stuckSpan{span(2000, 8000)}},
		{"a reading failed just before", []record.NodeState{state("b", 6, 's'), state("b", 1900, '-')}, []stuckSpan{span(2000, 8000)}},
		{"it connected anew", []record.NodeState{state("b", 6, 's'), state("b", 4000, 'c'), state("b", 5000, 's')}, []stuckSpan{span(2000, 4000), span(5000, 8000)}},
		{"it had no connection from then on", []record.NodeState{state("b", 6, 's'), state("b", 4000, 'c')}, []stuckSpan{span(2000, 4000)}},
		{"another one did", []record.NodeState{state("c", 4000, 'c'), state("c", 5000, 's')}, []stuckSpan{span(2000, 8000)}},
	} {
		if got := span(2000, 8000).connections(c.b); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.why, got, c.want)
		}
	}
}

// TestOnlyAStandbyStandsStill: a primary receives nothing, whatever it once received.
func TestOnlyAStandbyStandsStill(t *testing.T) {
	behind := []int64{10, 20}
	sample := func(role record.Role, i int) *record.NodeSample {
		return &record.NodeSample{At: time.Duration(i+1) * time.Second, Role: role, Received: 50, LagBytes: &behind[i]}
	}
	for _, roles := range [][2]record.Role{{record.RoleStandby, record.RoleStandby}, {record.RolePrimary, record.RoleStandby}, {record.RoleStandby, record.RolePrimary}} {
		if want := roles[0] == roles[1]; stoodStill(sample(roles[0], 0), sample(roles[1], 1), nil) != want {
			t.Errorf("%v: %v", roles, !want)
		}
	}
}
