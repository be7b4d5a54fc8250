package outage

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

// started gives a state the moments at which the server and its checkpointer began, in
// seconds of the node's own clock.
func started(s record.NodeState, server, checkpointer int64) record.NodeState {
	s.ServerStarted, s.CheckpointerStarted = time.Unix(server, 0), time.Unix(checkpointer, 0)
	return s
}

// asked is a reading that was asked for at a moment of its own.
func asked(s record.NodeState, at int) record.NodeState {
	s.Asked = time.Duration(at) * msec
	return s
}

// crashed is the event of a crash of a: all was well at 1.000 s, and it was noticed at 1.400 s.
func seenCrash() record.Event {
	m := on([]string{"a"}, fault("crash-a", 1000, 1400))
	m.Action, m.Status = "crash", record.EventSeen
	return m
}

// TestACrashHasNoKnownMoment: it lies between the last reading of the old processes and
// the first of the new ones, and so every time is one from and to.
func TestACrashHasNoKnownMoment(t *testing.T) {
	states := []record.NodeState{
		started(state("a", 5, 'p', streams("b", "quorum")), 1, 1), state("b", 6, 's'),
		started(state("a", 1400, 'p', streams("b", "quorum")), 1, 2),
	}
	type expected struct {
		Recovered, Noticed bool
		RTO, Most          time.Duration
		FirstNew, Writable Stage
		NewPrimary         string
	}
	tests := []struct {
		name, picture string
		change        func(*record.Event)
		want          expected
	}{
		{"clients were back before it was noticed", "..........xxx..............", nil,
			expected{true, true, 0, 300 * msec, hit(1300), hit(1300), "a"}},
		{"clients were back after it was noticed", "..........xxxxxx...........", nil,
			expected{true, true, 200 * msec, 600 * msec, hit(1600), hit(1400), "a"}},
		{"clients were never back", "..........xxxxxxxxxxxxxxxxx", nil,
			expected{false, true, 1300 * msec, 0, not(2700), hit(1400), "a"}},
		{"no client saw an error", "...........................", nil,
			expected{true, true, 0, 0, hit(1000), hit(1000), "a"}},
		{"a moment that is known", "..........xxxxxx...........", func(m *record.Event) { m.Issued = m.Effective },
			expected{true, false, 200 * msec, 0, none, none, ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := seenCrash()
			if tt.change != nil {
				tt.change(&m)
			}
			c := Course{Activity: []Activity{byNode(drawn(tt.picture), "a")}, Events: []record.Event{m}, States: states, End: 2700 * msec}
			r, o := Recoveries(c)[0], Outages(c.Activity, c.Events, c.End)[0]
			got := expected{o.Recovered, o.Noticed, o.RTO, o.Most, r.Workloads[0].FirstNewAck, r.Writable, r.NewPrimary}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if r.Noticed != o.Noticed || len(r.Caveats) > 0 != r.Noticed {
				t.Errorf("noticed %v, caveats %q", r.Noticed, r.Caveats)
			}
		})
	}
}

// TestCaveats: where two nodes were primaries the order of the stages can be any, and
// that is said; where one was, nothing is.
func TestCaveats(t *testing.T) {
	killA := on([]string{"a"}, fault("kill-a", 1000, 1010))
	failover := append(healthy(), state("a", 1010, '-'), state("b", 1200, 'p'))
	late := byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb")
	late.Nodes[0].Late = []time.Duration{1517 * msec}
	tests := []struct {
		name      string
		events    []record.Event
		states    []record.NodeState
		activity  []Activity
		promotion Stage
		want      []string
	}{
		{"a failover", []record.Event{killA, promote(1020)}, failover, []Activity{byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb")}, hit(1020), nil},
		{"the old primary is not yet seen to be gone when the new one is there", []record.Event{killA, promote(1020)},
			append(healthy(), state("b", 1200, 'p'), state("a", 1390, '-')), nil, hit(1020), nil},
		{"the old primary comes back as one", []record.Event{killA, promote(1020)}, append(failover, state("a", 1500, 'p'), state("a", 1900, '-')), nil, hit(1020),
			[]string{"two primaries at once: a and b both accepted writes, from 1.500 s to 1.900 s"}},
		{"it was asked once more before it went", []record.Event{killA, promote(1020)}, append(failover, state("a", 1500, 'p'), asked(state("a", 1870, 'p'), 1860), state("a", 1900, '-')), nil, hit(1020),
			[]string{"two primaries at once: a and b both accepted writes, from 1.500 s to 1.860 s"}},
		{"the other one was asked once more", []record.Event{killA, promote(1020)}, append(failover, state("a", 1500, 'p'), asked(state("b", 1870, 'p'), 1860), state("a", 1900, '-')), nil, hit(1020),
			[]string{"two primaries at once: a and b both accepted writes, from 1.500 s to 1.900 s"}},
		{"and stays one to the end", []record.Event{killA, promote(1020)}, append(failover, state("a", 1500, 'p')), nil, hit(1020),
			[]string{"two primaries at once: a and b both accepted writes, from 1.500 s to 2.700 s"}},
		{"which ends with the next primary's loss", []record.Event{killA, promote(1020), on([]string{"a"}, fault("next", 1600, 1600))},
			append(failover, state("a", 1300, 'p'), state("b", 1900, '-'), state("b", 2000, 'p')), nil, hit(1020),
			[]string{"two primaries at once: a and b both accepted writes, from 1.300 s to 1.600 s"}},
		{"the old primary was back by itself before anybody asked for another", []record.Event{killA, promote(1800)},
			append(healthy(), state("a", 1010, '-'), state("a", 1500, 'p'), state("a", 1850, '-'), state("b", 1900, 'p')), nil, none,
			[]string{"promote was issued at 1.800 s only, after a had been writable at 1.500 s"}},
		{"it is back, and its standbys try again only after a time", []record.Event{killA},
			append(healthy(), state("a", 1010, '-'), state("b", 1020, 'c'), state("c", 1030, 'c'), state("a", 1200, 'p'), state("c", 2290, 's'), state("a", 2300, 'p', streams("c", "quorum"))), nil, none,
			[]string{"a accepted writes again at 1.200 s, and its first standby, c, was back 1.10 s later: unless another fault kept it away, it waited for its next try (wal_retrieve_retry_interval)"}},
		{"and they are there soon", []record.Event{killA},
			append(healthy(), state("a", 1010, '-'), state("b", 1020, 'c'), state("a", 1200, 'p'), state("a", 1900, 'p', streams("b", "quorum"))), nil, none, nil},
		{"and its first standby had not streamed before", []record.Event{killA},
			append(healthy(), state("c", 500, 'c'), state("a", 1010, '-'), state("b", 1020, '-'), state("a", 1200, 'p'), state("c", 2290, 's'), state("a", 2300, 'p', streams("c", "quorum"))), nil, none, nil},
		{"and its standby was not running", []record.Event{killA},
			append(healthy(), state("a", 1010, '-'), state("b", 1020, '-'), state("a", 1200, 'p'), state("a", 2300, 'p', streams("b", "quorum"))), nil, none, nil},
		{"another one is the primary, and has no standby for long", []record.Event{killA, promote(1020)},
			append(healthy(), state("a", 1010, '-'), state("c", 1030, 'c'), state("b", 1200, 'p'), state("b", 2300, 'p', streams("c", "quorum"))), nil, hit(1020), nil},
		{"the old primary answers late", []record.Event{killA, promote(1020)}, failover, []Activity{late}, hit(1020),
			[]string{"two primaries at once: writes was still acknowledged by a at 1.517 s, after b had acknowledged at 1.200 s"}},
		{"a moment that nobody knows", []record.Event{seenCrash()}, healthy(), nil, none,
			[]string{"it happened at some moment between 1.000 s, when all was well, and 1.400 s, when it was noticed: every time counts from the former, and can be up to 400 ms too long"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Recoveries(Course{Activity: tt.activity, Events: tt.events, States: tt.states, End: 2700 * msec})[0]
			if diff := cmp.Diff(tt.want, r.Caveats); diff != "" || r.Promotion != tt.promotion {
				t.Errorf("promotion %+v, caveats (-want +got):\n%s", r.Promotion, diff)
			}
		})
	}
}

// TestNeverBackIsSaidOfOneThingAlone: of what came back, nothing says that it did not.
func TestNeverBackIsSaidOfOneThingAlone(t *testing.T) {
	kill := []record.Event{on([]string{"a"}, fault("kill-a", 1000, 1010))}
	t.Run("a primary that nobody saw away has no successor to wait for", func(t *testing.T) {
		a := byNode(drawn("..........xx..............."), "aaaaaaaaaa??aaaaaaaaaaaaaaa")
		w := Recoveries(Course{Activity: []Activity{a}, Events: kill, States: healthy(), End: 2700 * msec})[0].Workloads[0]
		if w.FirstNewAck != none || w.LastOldAck != hit(990) {
			t.Errorf("last old %+v, first new %+v", w.LastOldAck, w.FirstNewAck)
		}
	})
	t.Run("a standby's answer is no new primary's", func(t *testing.T) {
		a := byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb")
		a.Writes = false // it reads, and b answers long before it is promoted
		states := append(healthy(), state("a", 1010, '-'), state("b", 1700, 'p'))
		if w := Recoveries(Course{Activity: []Activity{a}, Events: kill, States: states, End: 2700 * msec})[0].Workloads[0]; w.FirstNewAck != hit(1700) {
			t.Errorf("first new %+v", w.FirstNewAck)
		}
	})
	// One client fails up to the end, while another is served all the time.
	ending := func(lastError, served int) Outage {
		a := drawn("..........bbbbbbbbbbbbbbbbbbbb")
		for i := slot(time.Duration(lastError)*msec) + 1; i < len(a.Slots); i++ {
			a.Slots[i].Errors = 0
		}
		a.Clients = []ClientActivity{{}, {Outages: []record.ClientOutage{failing(1, 990, 1005, 1010, lastError, served)}}}
		return Outages([]Activity{a}, kill, 3*time.Second)[0]
	}
	for _, tt := range []struct {
		name              string
		lastError, served int
		recovered         bool
		rto               time.Duration
	}{
		{"one fails to the end: no recovery, though others are served", 2985, 0, false, 2000 * msec},
		{"one fails to half a second before the end", 2505, 0, false, 2000 * msec},
		{"it was served in the end", 2985, 2995, true, 1990 * msec},
		{"it failed last long before the end, and others were served since", 2005, 0, true, 1010 * msec},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if o := ending(tt.lastError, tt.served); o.Recovered != tt.recovered || o.RTO != tt.rto {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestNoRedundancyBefore: any primary has as many standbys as none.
func TestNoRedundancyBefore(t *testing.T) {
	cut := []record.NodeState{state("a", 5, 'p'), state("b", 6, 's'), state("a", 1010, '-'), state("b", 1200, 'p')}
	events := []record.Event{on([]string{"a"}, fault("kill-a", 1000, 1010)), promote(1020)}
	for _, tt := range []struct {
		name    string
		states  []record.NodeState
		demands []record.Demand
		want    []string
	}{
		{"a standby that was cut off", cut, nil, []string{"no standby streamed from a when kill-a was issued: there was no redundancy that could come back"}},
		{"one that is demanded", cut, []record.Demand{{Node: "a", Standbys: 1}}, nil},
		{"no standby at all", []record.NodeState{state("a", 5, 'p'), state("a", 1010, '-'), state("a", 1200, 'p')}, nil, nil},
	} {
		r := Recoveries(Course{Events: events, States: tt.states, Demands: tt.demands, End: 5 * time.Second})
		if diff := cmp.Diff(tt.want, r[0].Caveats); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
