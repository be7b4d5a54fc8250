package outage

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

// TestSilenceOfTheNextFaultIsItsOwn: the longest silence begins before the next fault and
// belongs to it. It does not say when clients saw the first effect of this one.
func TestSilenceOfTheNextFaultIsItsOwn(t *testing.T) {
	f := clientTimeline{end: 3 * time.Second}
	f.Slots = make([]record.Slot, slot(3*time.Second))
	served := func(from, to time.Duration) {
		for i := slot(from); i < slot(to); i++ {
			f.Slots[i].OK = 1
		}
	}
	// Silent for 200 ms after the fault at 1 s, and for 600 ms after the next one at 2 s.
	served(0, 1000*msec)
	served(1200*msec, 2000*msec)
	served(2600*msec, 3000*msec)
	f.Active = []struct{ From, To time.Duration }{{0, 3 * time.Second}}
	if got, want := f.beforeSilence(time.Second, 2*time.Second), 990*msec; got != want {
		t.Errorf("the silence began after %s, not after %s", got, want)
	}
}

// TestStagesEndWithTheNextPrimary: what nodes acknowledged after the next fault that
// took a primary away says nothing of the one before.
func TestStagesEndWithTheNextPrimary(t *testing.T) {
	type stages struct{ LastOld, FirstNew Stage }
	killA := on([]string{"a"}, fault("kill-a", 1000, 1010))
	failover := append(healthy(), state("a", 1010, '-'), state("b", 1200, 'p'))
	tests := []struct {
		name            string
		picture, byNode string
		next            string // the node of the next fault, at 2 s
		states          []record.NodeState
		want            stages
	}{
		{"the old primary is the third one too", "..........xx........xx.........", "aaaaaaaaaa??bbbbbbbb??aaaaaaaaa", "b",
			append(failover, state("b", 2010, '-'), state("a", 2200, 'p')), stages{hit(990), hit(1200)}},
		{"the same node again, and away for longer the next time", "..........xx........xxxxxx.....", "aaaaaaaaaa??aaaaaaaa??????aaaaa", "a",
			append(healthy(), state("a", 1010, '-'), state("a", 1200, 'p'), state("a", 2010, '-')), stages{hit(990), hit(1200)}},
		{"no new primary before the next fault", "..........xxxxxxxxxxxx.........", "aaaaaaaaaa????????????bbbbbbbbb", "a",
			append(healthy(), state("a", 1010, '-'), state("b", 2200, 'p')), stages{hit(990), not(2000)}},
		{"nobody found the new primary before the next fault", "..........xxxxxxxxxxxx.........", "aaaaaaaaaa????????????bbbbbbbbb", "b",
			append(failover, state("b", 2010, '-'), state("b", 2200, 'p')), stages{hit(990), not(2000)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := byNode(drawn(tt.picture), tt.byNode)
			events := []record.Event{killA, on([]string{tt.next}, fault("next", 2000, 2010))}
			w := Recoveries(Course{Activity: []Activity{a}, Events: events, States: tt.states, End: 3100 * msec})[0].Workloads[0]
			if diff := cmp.Diff(tt.want, stages{w.LastOldAck, w.FirstNewAck}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestThroughputAtTheBounds: 2 operations in each bucket before a fault at 1 s.
func TestThroughputAtTheBounds(t *testing.T) {
	for _, c := range []struct {
		name string
		next int // fault, at this millisecond
		less map[int]uint32
		want Stage
	}{
		{"as much as before", 3000, nil, none},
		{"a part of the window at half", 3000, map[int]uint32{100: 2, 101: 2, 102: 1}, none},
		{"a part of the window below half", 3000, map[int]uint32{100: 2, 101: 2, 102: 2}, hit(1030)},
		{"a window at 90 %", 3000, map[int]uint32{102: 2, 112: 2, 122: 2, 132: 2, 142: 2}, none},
		{"a window below 90 %", 3000, map[int]uint32{102: 2, 112: 2, 122: 2, 132: 2, 142: 2, 147: 1}, hit(1010 + 20)},
		{"the next window at 90 %", 3000, map[int]uint32{152: 2, 162: 2, 172: 2, 182: 2, 192: 2}, none},
		{"time for one window", 1500, nil, none},
		{"time for less than one window", 1490, nil, Stage{}},
		{"no time", 1000, nil, Stage{}},
		{"one window at the end", 1600, map[int]uint32{100: 2, 101: 2, 102: 2, 103: 2, 104: 2, 105: 2, 106: 2, 107: 2, 108: 2, 109: 2}, hit(1100)},
	} {
		a := drawn("..............................")
		for i := range a.Slots {
			a.Slots[i].OK = 2 - c.less[i]
		}
		f := clientTimeline{Activity: a, end: 3 * time.Second}
		got, before := f.throughput(&Recovery{Issued: time.Second, Effective: time.Second}, time.Duration(c.next)*msec)
		if got != c.want || before != 200 {
			t.Errorf("%s: %v of %v, want %v", c.name, got, before, c.want)
		}
	}
}

// TestThroughputFallsAgain: it falls for a moment, and for good only seconds later, as a manager begins what it was asked for.
func TestThroughputFallsAgain(t *testing.T) {
	for _, c := range []struct {
		name      string
		effective time.Duration
		want      Stage
	}{
		{"before the effect", 4 * time.Second, hit(4500)},
		{"after the effect", 1500 * msec, hit(1100)},
	} {
		f := clientTimeline{end: 8 * time.Second}
		f.Active = []struct{ From, To time.Duration }{{0, f.end}}
		f.Slots = make([]record.Slot, slot(f.end))
		for i := range f.Slots {
			if at := start(i); at < time.Second || at >= 1100*msec && at < 3*time.Second || at >= 4500*msec {
				f.Slots[i].OK = 2
			}
		}
		if got, _ := f.throughput(&Recovery{Issued: time.Second, Effective: c.effective}, f.end); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// TestThroughputOfFew: two a second are enough for a window of 10 s, fewer are not.
func TestThroughputOfFew(t *testing.T) {
	for every, want := range map[int]Stage{50: none, 53: {}} {
		f := clientTimeline{Activity: drawn(strings.Repeat(".", 400)), end: 40 * time.Second}
		for i := range f.Slots {
			if f.Slots[i].OK = 0; i%every == 0 {
				f.Slots[i].OK = 1
			}
		}
		if got, before := f.throughput(&Recovery{Issued: 10 * time.Second, Effective: 10 * time.Second}, f.end); got != want {
			t.Errorf("%v a second: %v", before, got)
		}
	}
}

// TestFirstOfTheNewPrimary: an acknowledgement counts if it is that node's, and of after
// the fault.
func TestFirstOfTheNewPrimary(t *testing.T) {
	slots := []record.Slot{{OK: 2, FirstOK: 3000, LastOK: 7000}, {OK: 1}}
	f := clientTimeline{Activity: Activity{Nodes: []NodeActivity{{Node: "b", Slots: slots}}}, end: time.Second}
	for issued, want := range map[int]Stage{2: hit(3), 5: hit(7), 8: hit(10)} {
		r := &Recovery{Issued: time.Duration(issued) * msec, Writable: hit(issued), Primary: "a", NewPrimary: "b"}
		if got := f.firstNew(r, 0, time.Second); got != want {
			t.Errorf("issued at %d: %v", issued, got)
		}
	}
}

// TestLeft: a node that was used within the last second has not been left.
func TestLeft(t *testing.T) {
	f := clientTimeline{Activity: Activity{Slots: make([]record.Slot, 300), Active: drawn("|").Active}, end: 3 * time.Second}
	f.Active = append(f.Active, struct{ From, To time.Duration }{0, f.end})
	for used, left := range map[int]bool{200: false, 199: true} {
		clear(f.Slots)
		f.Slots[used].OK = 1
		if r := f.nodeRecovery("a", Outage{}); r.Left != left {
			t.Errorf("used in slot %d: %+v", used, r)
		}
	}
}

// TestFailuresBeforeTheEffect: a node that failed requests, and was back before the
// fault was verified, counts as an outage.
func TestFailuresBeforeTheEffect(t *testing.T) {
	a := drawn("..........x.........")
	f := clientTimeline{Activity: Activity{Nodes: []NodeActivity{{Node: "a", Slots: a.Slots}}, Active: a.Active}, end: 2 * time.Second}
	got := f.nodeRecoveries(&Recovery{Issued: time.Second, Effective: 1500 * msec}, 2*time.Second, time.Second)
	if len(got) != 1 || got[0] != (NodeRecovery{Node: "a", Errors: 20, Recovered: true, RTO: 100 * msec}) {
		t.Errorf("%+v", got)
	}
}

// TestNodeRecoveries: reads go on on b while a is away, so that only a shows it.
func TestNodeRecoveries(t *testing.T) {
	reads := func(a string) Activity {
		r := drawn("..............................")
		own := drawn(a)
		r.Spread, r.Nodes = true, []NodeActivity{{Node: "a", Slots: own.Slots}, {Node: "b", Slots: r.Slots}}
		return r
	}
	tests := []struct {
		name   string
		a      string
		spread bool
		states []record.NodeState
		want   []NodeRecovery
	}{
		{"back after a while", "..........x_________..........", true, nil, []NodeRecovery{{Node: "a", Errors: 20, Recovered: true, RTO: 1000 * msec}}},
		{"never used again", "..........x___________________", true, nil, []NodeRecovery{{Node: "a", Errors: 20, RTO: 90 * msec, Left: true}}},
		{"nothing failed, and it was left", "..........____________________", true, nil, []NodeRecovery{{Node: "a", Left: true}}},
		{"tried in vain to the end", "..........x_____x______x______", true, nil, []NodeRecovery{{Node: "a", Errors: 60, RTO: 2000 * msec}}},
		{"nothing failed, and it was slow for a while", "..........______..............", true, nil, []NodeRecovery{{Node: "a", Recovered: true, RTO: 600 * msec}}},
		{"served on for a while, and left then", "...............______________", true, nil, []NodeRecovery{{Node: "a", RTO: 490 * msec, Left: true}}},
		{"back, and left later", "..........x......_____________", true, nil, []NodeRecovery{{Node: "a", Errors: 20, Recovered: true, RTO: 100 * msec}}},
		{"away and back, and promoted", "..........x____...............", true, []record.NodeState{state("z", 5, 'p'), state("z", 1005, '-'), state("a", 1010, 'p')},
			[]NodeRecovery{{Node: "a", Errors: 20, Recovered: true, RTO: 500 * msec}}},
		{"left because it was promoted", "..........____________________", true, []record.NodeState{state("z", 5, 'p'), state("z", 1005, '-'), state("a", 1010, 'p')}, nil},
		{"it did not serve before", "____________________..........", true, nil, nil},
		{"no harm done", "..............................", true, nil, nil},
		{"a workload that is on one node at a time", "..........x___________________", false, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := reads(tt.a)
			a.Spread = tt.spread
			got := Recoveries(Course{Activity: []Activity{a}, States: tt.states, Events: []record.Event{on([]string{"z"}, fault("stop", 1000, 1000))}, End: 3 * time.Second})
			if diff := cmp.Diff(tt.want, got[0].Workloads[0].Nodes); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAFaultOfSessionsHasNoLastReply: the server goes on to answer, so that its longest silence is nothing the fault did.
func TestAFaultOfSessionsHasNoLastReply(t *testing.T) {
	a := byNode(drawn("..........x........x.........."), "aaaaaaaaaa?aaaaaaaa?aaaaaaaaaa")
	for _, sessions := range []bool{false, true} {
		ended := on([]string{"a"}, fault("terminated", 1000, 1010))
		ended.Facts = &record.Facts{Sessions: sessions}
		r := Recoveries(Course{Activity: []Activity{a}, Events: []record.Event{ended}, States: healthy(), End: 3000 * msec})[0]
		if last := r.Workloads[0].LastOldAck; r.SessionsOnly != sessions || (last != none) != !sessions {
			t.Errorf("sessions %v: %v, last reply %+v", sessions, r.SessionsOnly, last)
		}
	}
}
