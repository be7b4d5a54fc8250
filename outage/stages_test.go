package outage

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// TestBack: something was so (+) or not (-) at these moments, and is looked for from 1 s
// until 3 s.
func TestBack(t *testing.T) {
	type seen = []int // negative: not so
	for _, c := range []struct {
		name string
		seen seen
		want Stage
	}{
		{"always", seen{5}, none},
		{"always, and read again", seen{5, 1200, 1800}, none},
		{"never", seen{-5}, not(3000)},
		{"gone and back", seen{5, -1010, 1500}, hit(1500)},
		{"gone before, and back", seen{-5, 1500}, hit(1500)},
		{"gone at that moment, and back", seen{5, -1000, 1500}, hit(1500)},
		{"gone and not back", seen{5, -1010}, not(3000)},
		{"back only at the end", seen{5, -1010, 3000}, not(3000)},
		{"not for good", seen{5, -1010, 1500, -1999, 2500}, hit(2500)},
		{"for good, and gone again later", seen{5, -1010, 1500, -2000}, hit(1500)},
		{"said twice", seen{5, -1010, 1500, 1600}, hit(1500)},
		{"gone late, though it was read before", seen{5, 1200, -2000}, not(3000)},
	} {
		var w watched
		for _, at := range c.seen {
			role := byte('s')
			if at < 0 {
				role = '-'
			}
			w.changes = append(w.changes, state("b", max(at, -at), role))
		}
		got := w.back(time.Second, 3*time.Second, 3*time.Second, func(v record.View, _ time.Duration) record.Truth {
			if v["b"].Reachable {
				return record.True
			}
			return record.False
		})
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestBackUnread: b streams ("."), does not run ("x"), or could not be read ("?"), a character for 100 ms from 1 s, when the fault was issued.
func TestBackUnread(t *testing.T) {
	for _, c := range []struct {
		picture string
		want    Stage
	}{
		{"..........", none},
		{"...????...", Stage{State: StageReached, From: 1000 * msec, At: 1700 * msec}},
		{"????......", Stage{State: StageReached, From: 1000 * msec, At: 1400 * msec}},
		{"..??..??..", Stage{State: StageReached, From: 1000 * msec, At: 1800 * msec}},
		{"..?..?...?", none},
		{"........??", Stage{}},
		{"..??...xx.", hit(1900)},
		{"..xx?.....", hit(1500)},
		{"...???????", Stage{}},
		{"..xx??????", not(1400)},
		{"..xxx.....", hit(1500)},
		{"..xx???...", Stage{State: StageReached, From: 1400 * msec, At: 1700 * msec}},
		{"..??xx....", hit(1600)},
		{"..xx?xx...", hit(1700)},
		{"..xx..?...", hit(1400)},
		{"..xx??.x..", hit(1800)},
		{"..xx??.?..", Stage{State: StageReached, From: 1400 * msec, At: 1600 * msec}},
	} {
		var w watched
		for i, role := range c.picture {
			w.changes = append(w.changes, state("b", 1000+100*i, map[rune]byte{'.': 's', 'x': 'd', '?': '-'}[role]))
		}
		got := w.back(time.Second, 3*time.Second, 2*time.Second, func(v record.View, _ time.Duration) record.Truth {
			switch b := v["b"]; {
			case b.Reachable:
				return record.True
			case b.Role == record.RoleDown:
				return record.False
			}
			return record.NotKnown
		})
		if want := c.want; got != want {
			t.Errorf("%s: %v, want %v", c.picture, got, want)
		}
	}
}

// TestUnreadUntilTheNextFault: what is not known when another fault is issued must not be known for long before it to matter.
func TestUnreadUntilTheNextFault(t *testing.T) {
	for since, want := range map[int]Stage{1900: none, 1700: {}} {
		w := watched{changes: []record.NodeState{state("b", 5, 's'), state("b", since, '-')}}
		got := w.back(time.Second, 2*time.Second, 9*time.Second, func(v record.View, _ time.Duration) record.Truth {
			if v["b"].Reachable {
				return record.True
			}
			return record.NotKnown
		})
		if got != want {
			t.Errorf("since %d ms: %v, want %v", since, got, want)
		}
	}
}

// TestBackAtOnce: a step that had silenced b was over at the very moment of the reading that shows it.
func TestBackAtOnce(t *testing.T) {
	restart := event("crash-b", "crash", "b", 1000, 1500)
	restart.Fault = true
	states := append(healthy(), state("b", 1100, '-'), state("b", 1500, 's'))
	r := Recoveries(Course{Events: []record.Event{restart}, States: states, End: 3 * time.Second})[0]
	if r.Rejoined != hit(1500) || r.Redundancy != hit(1500) || r.Unread != nil {
		t.Errorf("%v and %v; not read %v", r.Rejoined, r.Redundancy, r.Unread)
	}
}

// TestWritableAgain: after a fault of a at 1 s, until 3 s.
func TestWritableAgain(t *testing.T) {
	type states = []record.NodeState
	a := func(at, started int) record.NodeState { return primary("a", at, 1, started) }
	b := func(at int) record.NodeState { return primary("b", at, 2, 1) }
	for _, c := range []struct {
		name   string
		states states
		want   Stage
		who    string
	}{
		{"it never was anything else", states{a(5, 1), a(1500, 1)}, none, ""},
		{"it did not run for some time", states{a(5, 1), state("a", 1010, 'd'), a(1500, 1)}, hit(1500), "a"},
		{"it did not run when the fault was issued", states{a(5, 1), state("a", 1000, 'd'), a(1500, 1)}, hit(1500), "a"},
		{"nor then, and when it was started is not known", states{state("a", 5, 'p'), state("a", 1000, 'd'), state("a", 1500, 'p')}, hit(1500), "a"},
		{"it could not be read for some time", states{a(5, 1), state("a", 1010, '-'), a(1500, 1)}, none, ""},
		{"it could not be read for some time, and was started again in it", states{a(5, 1), state("a", 1010, '-'), a(1500, 2)}, hit(1500), "a"},
		{"it could not be read to the end", states{a(5, 1), state("a", 1010, '-')}, Stage{}, ""},
		{"it did not run, and could not be read then", states{a(5, 1), state("a", 1010, 'd'), state("a", 1500, '-')}, Stage{}, ""},
		{"it could not be read, and did not run then", states{a(5, 1), state("a", 1010, '-'), state("a", 1500, 'd')}, not(3000), ""},
		{"it could not be read, and another one was promoted", states{a(5, 1), state("a", 1010, '-'), b(1200)}, hit(1200), "b"},
		{"it was restarted between two readings", states{a(5, 1), a(1500, 2)}, hit(1500), "a"},
		{"it never came back", states{a(5, 1), state("a", 1010, 'd')}, not(3000), ""},
		{"it came back at the end", states{a(5, 1), state("a", 1010, 'd'), a(3000, 2)}, not(3000), ""},
		{"another one was promoted", states{a(5, 1), state("a", 1010, 'd'), b(1200)}, hit(1200), "b"},
		{"another one had been a primary before", states{a(5, 1), b(6), state("a", 1010, 'd'), b(1200)}, not(3000), ""},
	} {
		w := newWatched(Course{States: c.states})
		r := &Recovery{Primary: "a", Lost: true, Issued: time.Second}
		if got, who := w.writable(r, 3*time.Second); got != c.want || who != c.who {
			t.Errorf("%s: %v %q, want %v %q", c.name, got, who, c.want, c.who)
		}
	}
	w := newWatched(Course{States: states{a(5, 1), state("a", 1000, '-')}})
	for at, want := range map[int]string{4: "", 5: "a", 2000: "a"} {
		if got := w.primaryAt(time.Duration(at) * msec); got != want {
			t.Errorf("at %d: %q", at, got)
		}
	}
}

// TestPromotion: which promote step belongs to an aftermath from 1 s to 3 s.
func TestPromotion(t *testing.T) {
	promote := func(name string, issued int) record.Event {
		return event(name, "promote", "b", issued, issued+50)
	}
	skipped := promote("skipped", 1100)
	skipped.Status = record.EventSkipped
	for _, c := range []struct {
		name     string
		events   []record.Event
		writable Stage
		want     Stage
	}{
		{"none", []record.Event{event("start", "start", "b", 1100, 1200)}, not(3000), none},
		{"one", []record.Event{promote("p", 1100)}, hit(1200), hit(1100)},
		{"the first", []record.Event{promote("q", 1200), promote("p", 1100), promote("r", 1150)}, hit(1300), hit(1100)},
		{"one that was not begun", []record.Event{skipped, promote("p", 1150)}, hit(1200), hit(1150)},
		{"as the fault was issued", []record.Event{promote("p", 1000)}, hit(1200), hit(1000)},
		{"before", []record.Event{promote("p", 999)}, hit(1200), none},
		{"at the end", []record.Event{promote("p", 3000)}, not(3000), none},
		{"when a node was writable", []record.Event{promote("p", 1200)}, hit(1200), hit(1200)},
		{"after a node was writable", []record.Event{promote("p", 1201)}, hit(1200), none},
		{"the primary was not seen to be away", []record.Event{promote("p", 1100)}, none, hit(1100)},
	} {
		w := watched{Course: Course{Events: c.events}}
		if got := w.promotion(&Recovery{Issued: time.Second, Writable: c.writable}, 3*time.Second); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	w := watched{Course: Course{Events: []record.Event{promote("p", 1100), promote("q", 1100)}}}
	if m := w.promoted(time.Second, 3*time.Second); m.Name != "p" {
		t.Errorf("of two at one moment %s", m.Name)
	}
}

// TestSettleWritable: an acknowledgement of a write is the only proof, where there was a
// new primary at all.
func TestSettleWritable(t *testing.T) {
	for _, c := range []struct {
		name     string
		writes   bool
		first    Stage
		writable Stage
		want     Stage
	}{
		{"earlier than the watch saw it", true, hit(1100), hit(1200), hit(1100)},
		{"later", true, hit(1300), hit(1200), hit(1200)},
		{"a read proves nothing", false, hit(1100), hit(1200), hit(1200)},
		{"none until then", true, not(1100), hit(1200), hit(1200)},
		{"nobody was writable", true, hit(1100), not(3000), not(3000)},
	} {
		r := &Recovery{Writable: c.writable, Workloads: []WorkloadRecovery{{Writes: c.writes, FirstNewAck: c.first}}}
		if r.settleWritable(); r.Writable != c.want {
			t.Errorf("%s: %v", c.name, r.Writable)
		}
	}
}

// TestFaultsOfOneBucket are one event to the clients: neither ends the other's aftermath.
func TestFaultsOfOneBucket(t *testing.T) {
	of := func(second int) Recovery {
		return Recoveries(Course{
			States: append(healthy(), state("a", 1005, '-'), state("b", 1200, 'p')), End: 3 * time.Second,
			Events: []record.Event{on([]string{"a"}, fault("kill-a", 1000, 1001)), on([]string{"a"}, fault("stop-a", second, second+1))},
		})[0]
	}
	if r := of(1009); r.Writable != hit(1200) || r.Next != "" {
		t.Errorf("in one bucket: %+v", r)
	}
	if r := of(1010); r.Writable != not(1010) || r.Next != "stop-a" {
		t.Errorf("in the next: %+v", r)
	}
}

// TestAStandbyThatIsGone changes nothing about the primary, even if another node is promoted.
func TestAStandbyThatIsGone(t *testing.T) {
	r := Recoveries(Course{
		States: append(healthy(), state("c", 1010, '-'), state("b", 1200, 'p')), End: 3 * time.Second,
		Events: []record.Event{on([]string{"c"}, fault("kill-c", 1000, 1010)), event("promote-b", "promote", "b", 1100, 1200)},
	})[0]
	if r.Writable != none || r.Promotion != none || r.NewPrimary != "" {
		t.Errorf("%+v", r)
	}
	for _, caveat := range r.Caveats[:len(r.Caveats)-1] {
		t.Error(caveat) // two primaries at once is all there is to say
	}
}

// TestTogether: for how long two nodes were primaries, from 1 s until 3 s.
func TestTogether(t *testing.T) {
	type states = []record.NodeState
	p := func(node string, at int) record.NodeState { return state(node, at, 'p') }
	off := func(node string, at int) record.NodeState { return state(node, at, '-') }
	for _, c := range []struct {
		name     string
		states   states
		nodes    []string
		from, to int
	}{
		{"never", states{p("a", 5), off("a", 1010), p("b", 1200)}, nil, 0, 0},
		{"too short to be certain", states{p("a", 5), p("b", 1200), off("a", 1399)}, nil, 0, 0},
		{"just certain", states{p("a", 5), p("b", 1200), off("a", 1400)}, []string{"a", "b"}, 1200, 1400},
		{"to the end", states{p("a", 5), p("b", 1200)}, []string{"a", "b"}, 1200, 3000},
		{"read again meanwhile", states{p("a", 5), p("b", 1200), p("a", 1300), p("b", 1400), off("a", 1450)}, []string{"a", "b"}, 1200, 1450},
		{"of the fault before", states{p("a", 5), p("b", 100), off("b", 900)}, nil, 0, 0},
		{"the longest time", states{p("a", 5), p("b", 1200), off("a", 1500), p("a", 2000), off("a", 2200)}, []string{"a", "b"}, 1200, 1500},
	} {
		nodes, from, to := newWatched(Course{States: c.states}).together(time.Second, 3*time.Second)
		if !slices.Equal(nodes, c.nodes) || from != time.Duration(c.from)*msec || to != time.Duration(c.to)*msec {
			t.Errorf("%s: %v from %v to %v", c.name, nodes, from, to)
		}
	}
}

// TestOldAcknowledgementsOfOneMoment: two primaries only where the old one's came later.
func TestOldAcknowledgementsOfOneMoment(t *testing.T) {
	for last, n := range map[int]int{1200: 0, 1201: 1} {
		r := &Recovery{Workloads: []WorkloadRecovery{{LastOldAck: hit(last), FirstNewAck: hit(1200)}}}
		if got := (watched{}).caveats(r, time.Second); len(got) != n {
			t.Errorf("%d ms: %q", last, got)
		}
	}
}
