package outage

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

const msec = time.Millisecond

// state is what a node said of itself at a moment, in milliseconds: its role by the
// first letter ("p", "s" for a standby that streams, "c" for one that does not, "-"
// for no answer, "d" for no server), and a primary's standbys, each "name:sync_state" or "name:state:sync_state".
func state(node string, at int, role byte, standbys ...[3]string) record.NodeState {
	s := record.NodeState{Node: node, At: time.Duration(at) * msec, Reachable: role != '-' && role != 'd', Streaming: role == 's', Timeline: 1}
	switch role {
	case 'd':
		s.Role = record.RoleDown
	case 'p':
		s.Role = record.RolePrimary
	case 's', 'c':
		s.Role = record.RoleStandby
	}
	for _, line := range standbys {
		s.Standbys = append(s.Standbys, record.StandbyState{Name: line[0], State: line[1], SyncState: line[2]})
	}
	return s
}

func streams(name, sync string) [3]string { return [3]string{name, "streaming", sync} }

// healthy is a primary a with the quorum standbys b and c.
func healthy() []record.NodeState {
	return []record.NodeState{state("a", 5, 'p', streams("b", "quorum"), streams("c", "quorum")), state("b", 6, 's'), state("c", 7, 's')}
}

func on(nodes []string, m record.Event) record.Event { m.Nodes = nodes; return m }

func promote(at int) record.Event {
	return record.Event{Name: "promote", Action: "promote", Issued: time.Duration(at) * msec, Effective: time.Duration(at+50) * msec, Status: record.EventDone}
}

func hit(ms int) Stage { return reached(time.Duration(ms) * msec) }
func not(ms int) Stage { return missed(time.Duration(ms) * msec) }

var none = Stage{State: StageNone}

// TestStagesOfNodes: what events and states tell, without load.
func TestStagesOfNodes(t *testing.T) {
	type stages struct {
		Lost                                      bool
		Promotion, Writable, Redundancy, Rejoined Stage
		NewPrimary                                string
	}
	killA := on([]string{"a"}, fault("kill-a", 1000, 1010))
	stopB := on([]string{"b"}, fault("stop-b", 1000, 1010))
	quorum1 := []record.Demand{{Node: "a", Standbys: 1}}
	failover := append(healthy(), state("a", 1010, '-'), state("b", 1012, 'c'), state("b", 1200, 'p'))
	tests := []struct {
		name    string
		events  []record.Event
		states  []record.NodeState
		demands []record.Demand
		want    []stages
	}{
		{
			"a failover until all is as before",
			[]record.Event{killA, promote(1020)},
			append(failover, state("b", 1400, 'p', streams("c", "quorum")), state("a", 1900, 's'), state("b", 2000, 'p', streams("a", "quorum"), streams("c", "quorum"))), quorum1,
			[]stages{{true, hit(1020), hit(1200), hit(1400), hit(2000), "b"}},
		},
		{
			"nobody was asked to promote, and nobody did", []record.Event{killA}, append(healthy(), state("a", 1010, '-')), quorum1,
			[]stages{{true, none, not(5000), not(5000), not(5000), ""}},
		},
		{
			"asked, but it never came", []record.Event{killA, promote(1020)}, append(healthy(), state("a", 1010, '-')), quorum1,
			[]stages{{true, hit(1020), not(5000), not(5000), not(5000), ""}},
		},
		{
			"the new primary has standbys, but none that it waits for", []record.Event{killA, promote(1020)},
			append(failover, state("b", 1400, 'p', streams("c", "async"))), quorum1,
			[]stages{{true, hit(1020), hit(1200), not(5000), not(5000), "b"}},
		},
		{
			"one of two that are waited for", []record.Event{killA, promote(1020)},
			append(failover, state("b", 1400, 'p', streams("c", "sync"))), []record.Demand{{Node: "a", Standbys: 2}},
			[]stages{{true, hit(1020), hit(1200), not(5000), not(5000), "b"}},
		},
		{
			"the newest demand on that node decides", []record.Event{killA, promote(1020)},
			append(failover, state("b", 1400, 'p', streams("c", "sync"))), []record.Demand{{Node: "a", Standbys: 2}, {At: 1300 * msec, Node: "b", Standbys: 1}, {At: 1350 * msec, Node: "a", Standbys: 2}},
			[]stages{{true, hit(1020), hit(1200), hit(1400), not(5000), "b"}},
		},
		{
			"without a demand as many standbys as before", []record.Event{killA, promote(1020)},
			append(failover, state("b", 1400, 'p', streams("c", "async")), state("a", 2000, 's'), state("b", 2100, 'p', streams("a", "async"), streams("c", "async"))), nil,
			[]stages{{true, hit(1020), hit(1200), hit(2100), hit(2100), "b"}},
		},
		{
			"still catching up is not back", []record.Event{stopB},
			append(healthy(), state("b", 1005, '-'), state("a", 1006, 'p', streams("c", "quorum")), state("b", 2000, 's'), state("a", 2010, 'p', [3]string{"b", "catchup", "async"}, streams("c", "quorum")), state("a", 2100, 'p', streams("b", "quorum"), streams("c", "quorum"))),
			[]record.Demand{{Node: "a", Standbys: 2}},
			[]stages{{false, none, none, hit(2100), hit(2100), ""}},
		},
		{
			"one standby is enough, so nothing was ever missing", []record.Event{stopB},
			append(healthy(), state("b", 1005, '-'), state("a", 1006, 'p', streams("c", "quorum"))), quorum1,
			[]stages{{false, none, none, none, not(5000), ""}},
		},
		{
			"a frozen standby stands in pg_stat_replication as before, and is gone", []record.Event{stopB},
			append(healthy(), state("b", 1005, '-'), state("b", 3000, 's')), []record.Demand{{Node: "a", Standbys: 2}},
			[]stages{{false, none, none, hit(3000), hit(3000), ""}},
		},
		{
			"what lasts less than half a second was no return", []record.Event{stopB},
			append(healthy(), state("b", 1005, '-'), state("b", 2000, 's'), state("b", 2300, '-'), state("b", 3000, 's'), state("b", 3600, '-')), []record.Demand{{Node: "a", Standbys: 2}},
			[]stages{{false, none, none, hit(3000), hit(3000), ""}},
		},
		{
			"the primary was restarted: the same node is writable again", []record.Event{killA},
			append(healthy(), state("a", 1010, '-'), state("a", 1500, 'p'), state("a", 1700, 'p', streams("b", "quorum"))), quorum1,
			[]stages{{true, none, hit(1500), hit(1700), hit(1500), "a"}},
		},
		{
			"the old primary still says that it is one when it is killed, and so does a second one all the time", []record.Event{killA},
			append(healthy(), state("d", 8, 'p'), state("a", 1002, 'p', streams("c", "quorum")), state("d", 1003, 'p', streams("c", "async")), state("a", 1010, '-'), state("b", 1200, 'p', streams("c", "quorum"))), quorum1,
			[]stages{{true, none, hit(1200), hit(1200), not(5000), "b"}},
		},
		{
			"a promotion after the next fault of a primary is that one's", []record.Event{killA, on([]string{"a"}, fault("again", 3000, 3010)), promote(3020)},
			append(healthy(), state("a", 1010, '-'), state("a", 1500, 'p', streams("b", "quorum")), state("a", 3010, '-')), quorum1,
			[]stages{{true, none, hit(1500), hit(1500), hit(1500), "a"}, {true, hit(3020), not(5000), not(5000), not(5000), ""}},
		},
		{
			"nor does it end the wait for the one before", []record.Event{killA, on([]string{"a"}, fault("again", 3000, 3010)), promote(3020)},
			append(healthy(), state("a", 1010, '-'), state("b", 3200, 'p')), quorum1,
			[]stages{{true, none, not(3000), not(3000), not(3000), ""}, {true, hit(3020), hit(3200), not(5000), not(5000), "b"}},
		},
		{
			"so short that nobody saw it", []record.Event{killA}, healthy(), quorum1,
			[]stages{{true, none, none, none, none, ""}},
		},
		{
			"an old primary that is back without having joined the new one", []record.Event{killA, promote(1020)},
			append(failover, func() record.NodeState {
				s := state("b", 1400, 'p', streams("c", "quorum"))
				s.Timeline = 2
				return s
			}(), state("a", 2000, 'p', streams("c", "quorum"))), quorum1,
			[]stages{{true, hit(1020), hit(1200), hit(1400), not(5000), "b"}},
		},
		{
			"the second standby belongs to both aftermaths, the second primary only to its own",
			[]record.Event{killA, promote(1020), on([]string{"c"}, fault("stop-c", 1300, 1310)), on([]string{"b"}, fault("kill-b", 3000, 3010))},
			append(failover, state("b", 2000, 'p', streams("c", "quorum")), state("b", 3010, '-'), state("c", 3200, 'p'), state("a", 4000, 's'), state("c", 4000, 'p', streams("a", "quorum"))), quorum1,
			[]stages{
				{true, hit(1020), hit(1200), hit(2000), not(3000), "b"},
				{false, none, none, hit(2000), hit(2000), ""},
				{true, none, hit(3200), hit(4000), not(5000), "c"},
			},
		},
		{
			"the only standby was cut off before the fault", []record.Event{killA, promote(1020)},
			[]record.NodeState{state("a", 5, 'p'), state("b", 6, 's'), state("a", 1010, '-'), state("b", 1012, 'c'), state("b", 1200, 'p')}, nil,
			[]stages{{true, hit(1020), hit(1200), Stage{}, not(5000), "b"}},
		},
		{
			"an asynchronous standby of two was cut off before the fault", []record.Event{killA, promote(1020)},
			[]record.NodeState{state("a", 5, 'p', streams("b", "async")), state("b", 6, 's'), state("c", 7, 's'), state("a", 1010, '-'), state("b", 1200, 'p'), state("b", 1400, 'p', streams("c", "async"))}, nil,
			[]stages{{true, hit(1020), hit(1200), hit(1400), not(5000), "b"}},
		},
		{"nobody ever said what it was", []record.Event{killA}, nil, quorum1, []stages{{false, none, none, Stage{}, Stage{}, ""}}},
		{"a fault that never took effect", []record.Event{on([]string{"a"}, fault("kill-a", 1000, 0))}, healthy(), quorum1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []stages
			for _, r := range Recoveries(Course{Events: tt.events, States: tt.states, Demands: tt.demands, End: 5 * time.Second}) {
				got = append(got, stages{r.Lost, r.Promotion, r.Writable, r.Redundancy, r.Rejoined, r.NewPrimary})
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// byNode splits an activity by a second picture: for each 100 ms the node ("a", "b"),
// or "?" where nobody knows which.
func byNode(a Activity, picture string) Activity {
	for _, node := range "ab" {
		n := NodeActivity{Node: string(node), Slots: make([]record.Slot, len(a.Slots))}
		for i := range a.Slots {
			if rune(picture[min(i/10, len(picture)-1)]) == node {
				n.Slots[i] = a.Slots[i]
			}
		}
		a.Nodes = append(a.Nodes, n)
	}
	return a
}

// failing is an outage of a client that node 1 had served: its LastOK, Sent,
// FirstError, LastError and FirstOK in milliseconds.
func failing(after int, at ...int) record.ClientOutage {
	d := func(i int) time.Duration { return time.Duration(at[i]) * msec }
	return record.ClientOutage{LastOK: d(0), Before: 1, Sent: d(1), FirstError: d(2), LastError: d(3), FirstOK: d(4), After: after, Errors: 1}
}

// TestStagesOfClients: what a workload's activity tells of a fault at 1.000 s.
func TestStagesOfClients(t *testing.T) {
	type stages struct{ FirstError, LastOld, FirstNew, Throughput Stage }
	failover := append(healthy(), state("a", 1010, '-'), state("b", 1200, 'p'))
	restart := append(healthy(), state("a", 1010, '-'), state("a", 1200, 'p'))
	kill := []record.Event{on([]string{"a"}, fault("kill-a", 1000, 1010))}
	exact := byNode(drawn("..........xx..............."), "aaaaaaaaaaaabbbbbbbbbbbbbbb")
	// The old primary's last at 1004 ms, the first error at 1011 ms, the new one's first at 1203 ms.
	exact.Slots[100] = record.Slot{OK: 3, LastOK: 4000}
	exact.Slots[101] = record.Slot{Errors: 2, FirstError: 1000, LastError: 9000}
	exact.Slots[120] = record.Slot{OK: 3, FirstOK: 3000, LastOK: 9000}
	exact.Nodes[0].Slots[100], exact.Nodes[1].Slots[120] = exact.Slots[100], exact.Slots[120]
	longAfter := byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb")
	longAfter.Nodes[0].Late = []time.Duration{2503 * msec}
	atTheNext := byNode(drawn("..........xxxxxxxxxxxxxxxxx"), "aaaaaaaaaaaaaaaaaaaaaaaaaaa")
	atTheNext.Nodes[0].Late = []time.Duration{1503 * msec}
	two := byNode(drawn("..........__________......."), "bbbbbbbbba?????????????????")
	two.Spread = true
	twoMore := byNode(drawn("..........__________......."), "aaaaaaaaab?????????????????")
	twoMore.Spread = true
	late := byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb")
	late.Nodes[0].Late = []time.Duration{1023 * msec}
	// Frozen for half a second, and then it answers what nobody waits for any more.
	thawed := byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb")
	thawed.Nodes[0].Late = []time.Duration{1503 * msec, 1517 * msec}
	thawedSame := byNode(drawn("..........xxxxx............"), "aaaaaaaaaa?????aaaaaaaaaaaa")
	thawedSame.Nodes[0].Late = []time.Duration{1033 * msec, 1497 * msec}
	same := byNode(drawn("..........xx..............."), "aaaaaaaaaa??aaaaaaaaaaaaaaa")
	same.Slots[100].OK, same.Nodes[0].Slots[100].OK = 3, 3
	spread := byNode(drawn("..........................."), "ababababababbbbbbbbbbbbbabab")
	spread.Spread = true
	tests := []struct {
		name     string
		activity Activity
		states   []record.NodeState
		events   []record.Event
		want     stages
	}{
		{"a failover", byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb"), failover, kill,
			stages{hit(1000), hit(990), hit(1200), hit(1200)}},
		{"to the millisecond", exact, failover, kill,
			stages{hit(1011), hit(1004), hit(1203), hit(1203)}},
		{"answered late, which nobody waited for", late, failover, kill,
			stages{hit(1000), hit(1023), hit(1200), hit(1200)}},
		{"answered late, after the new primary had begun", thawed, failover, kill,
			stages{hit(1000), hit(1517), hit(1200), hit(1200)}},
		{"answered late, long after the new primary had begun", longAfter, failover, kill,
			stages{hit(1000), hit(2503), hit(1200), hit(1200)}},
		{"answered late, when the next fault was issued", atTheNext, append(healthy(), state("a", 1010, '-')), append(kill, on([]string{"a"}, fault("stop-a", 1503, 1503))),
			stages{hit(1000), hit(990), not(1503), not(1500)}},
		{"of two nodes that were taken away the last", two, failover, []record.Event{on([]string{"a", "b"}, fault("kill", 1000, 1010))},
			stages{not(2700), hit(990), none, hit(2000)}},
		{"in whatever order", twoMore, failover, []record.Event{on([]string{"a", "b"}, fault("kill", 1000, 1010))},
			stages{not(2700), hit(990), none, hit(2000)}},
		{"a standby that was taken away too, and answered last", byNode(drawn("..........xx..............."), "aaaaaaaaab??aabaaaaaaaaaaaa"), restart, []record.Event{on([]string{"a", "b"}, fault("kill", 1000, 1010))},
			stages{hit(1000), hit(1490), hit(1200), hit(1200)}},
		{"a standby that was taken away too, and is back", byNode(drawn("..........xx..............."), "aaaaaaaaab??aaaaaaaabaaaaaa"), restart, []record.Event{on([]string{"a", "b"}, fault("kill", 1000, 1010))},
			stages{hit(1000), hit(990), hit(1200), hit(1200)}},
		{"a new primary that the workload does not use", byNode(drawn("..........xx..............."), "aaaaaaaaaa?????????????????"), append(healthy(), state("a", 1010, '-'), state("c", 1200, 'p')), kill,
			stages{hit(1000), hit(990), Stage{}, hit(1200)}},
		{"the new primary's first comes with the next fault", byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb"), append(healthy(), state("a", 1010, '-'), state("b", 1190, 'p')),
			append(kill, on([]string{"b"}, fault("stop-b", 1200, 1200))), stages{hit(1000), hit(990), not(1200), not(1200)}},
		{"stopped and started again later", byNode(drawn("....................|_____|....."), "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), healthy(), kill,
			stages{not(3000), hit(990), none, none}},
		{"just long enough before to tell a rate", byNode(drawn("|_____|.....xx..............."), "?????aaaaa??bbbbbbbbbbbbbbb"), failover, kill,
			stages{hit(1000), hit(990), hit(1200), hit(1200)}},
		{"it began with the fault, and had been stopped before", drawn("......|____|................."), failover, kill, stages{not(2700), Stage{}, Stage{}, Stage{}}},
		{"it was not served before", drawn("xxxxxxxxxx................."), failover, kill, stages{}},
		{"late answers before and after the silence of the same node", thawedSame, append(healthy(), state("a", 1010, '-'), state("a", 1490, 'p')), kill,
			stages{hit(1000), hit(1033), hit(1500), hit(1500)}},
		{"no new primary ever", byNode(drawn("..........xxxxxxxxxxxxxxxxx"), "aaaaaaaaaaaaaaaaaaaaaaaaaaa"), append(healthy(), state("a", 1010, '-')), kill,
			stages{hit(1000), hit(990), not(2700), not(2700)}},
		{"a new primary that nobody finds", byNode(drawn("..........xxxxxxxxxxxxxxxxx"), "aaaaaaaaaaaaaaaaaaaaaaaaaaa"), failover, kill,
			stages{hit(1000), hit(990), not(2700), not(2700)}},
		{"the same node again", same, restart, kill,
			stages{hit(1000), hit(1000), hit(1200), hit(1200)}},
		{"answers were late, but none failed", byNode(drawn("..........______..........."), "aaaaaaaaaa??bbbbbbbbbbbbbbb"), failover, kill,
			stages{not(2700), hit(990), hit(1600), hit(1600)}},
		{"no client saw an error", byNode(drawn("..........................."), "bbbbbbbbbbbbbbbbbbbbbbbbbbb"), failover, kill,
			stages{not(2700), none, none, none}},
		{"who answers is not known", drawn("..........xx..............."), failover, kill,
			stages{hit(1000), Stage{}, Stage{}, hit(1200)}},
		{"on several nodes at once there is no first of the new one", spread, failover, kill,
			stages{not(2700), hit(1090), none, none}},
		{"too short a time before to tell a rate", byNode(drawn("|_______|...xx................"), "aaaaaaaaaa??bbbbbbbbbbbbbbb"), failover, kill,
			stages{hit(1000), hit(990), hit(1200), Stage{}}},
		{"a return that does not last is none", byNode(drawn("..........xx......xxxx.........."), "aaaaaaaaaa??bbbbbbbbbbbbbbbbbbbb"), failover, kill,
			stages{hit(1000), hit(990), hit(1200), hit(2200)}},
		{"the failure in the second fault's window is that one's", byNode(drawn("................xx........."), "aaaaaaaaaa??bbbbbbbbbbbbbbb"), failover,
			append(kill, on([]string{"c"}, fault("stop-c", 1600, 1600))), stages{not(1600), hit(990), hit(1200), none}},
		{"90 % come only after the next fault", byNode(drawn("..........xxxxxxxxxx..........."), "aaaaaaaaaa??????????bbbbbbbbbbb"), failover,
			append(kill, on([]string{"c"}, fault("stop-c", 1500, 1500))), stages{hit(1000), hit(990), hit(2000), not(1500)}},
		{"90 % came before the next fault, but so shortly that nobody can tell", byNode(drawn("..........xxx.................."), "aaaaaaaaaa???bbbbbbbbbbbbbbbbbb"), failover,
			append(kill, on([]string{"c"}, fault("stop-c", 1700, 1700))), stages{hit(1000), hit(990), hit(1300), not(1300)}},
		{"not even time to tell whether there were 90 %", byNode(drawn("..............................."), "aaaaaaaaaaaabbbbbbbbbbbbbbbbbbb"), failover,
			append(kill, on([]string{"c"}, fault("stop-c", 1300, 1300))), stages{not(1300), hit(1190), hit(1200), Stage{}}},
		{"no load", drawn("..........|xxxxxxxxxx"), failover, kill, stages{}},
		{"the load began afterwards", drawn("|___________|xxxxxxxxxx"), failover, kill, stages{}},
		{"the load ended when the fault took effect", drawn("..........|xxxxxxxxxx"), failover, []record.Event{on([]string{"a"}, fault("kill-a", 990, 1000))}, stages{}},
		{"no new primary before the next fault, within a bucket", byNode(drawn("..........xxxxxxxxxxxxxxxxx"), "aaaaaaaaaaaaaaaaaaaaaaaaaaa"), append(healthy(), state("a", 1010, '-')),
			append(kill, on([]string{"a"}, fault("stop-a", 1503, 1503))), stages{hit(1000), hit(990), not(1503), not(1500)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			end := start(len(tt.activity.Slots))
			rec := Recoveries(Course{Activity: []Activity{tt.activity}, Events: tt.events, States: tt.states, End: end})
			w := rec[0].Workloads[0]
			if diff := cmp.Diff(tt.want, stages{w.FirstError, w.LastOldAck, w.FirstNewAck, w.Throughput}); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAnAcknowledgementProvesAPrimary that the watch saw later.
func TestAnAcknowledgementProvesAPrimary(t *testing.T) {
	a := byNode(drawn("..........xx..............."), "aaaaaaaaaa??bbbbbbbbbbbbbbb")
	c := Course{Activity: []Activity{a}, Events: []record.Event{on([]string{"a"}, fault("kill-a", 1000, 1010))},
		States: append(healthy(), state("a", 1010, '-'), state("b", 1248, 'p')), End: 2700 * msec}
	if got := Recoveries(c)[0].Writable; got != hit(1200) {
		t.Errorf("writable %+v", got)
	}
}

func TestBurstAfterAGapIsNoThroughputKept(t *testing.T) {
	a := drawn(".............................")
	for i := 101; i < 115; i++ {
		a.Slots[i].OK, a.Slots[115].OK = 0, a.Slots[115].OK+a.Slots[i].OK // sent late, all at once
	}
	got := Recoveries(Course{Activity: []Activity{a}, Events: []record.Event{fault("kill", 1000, 1010)}, End: 2900 * msec})
	if s := got[0].Workloads[0].Throughput; s != hit(1150) {
		t.Errorf("90 %% at %+v", s)
	}
	a = drawn(".............................") // and one that begins a while after the fault
	for i := 110; i < 125; i++ {
		a.Slots[i].OK, a.Slots[125].OK = 0, a.Slots[125].OK+a.Slots[i].OK
	}
	got = Recoveries(Course{Activity: []Activity{a}, Events: []record.Event{fault("kill", 1000, 1010)}, End: 2900 * msec})
	if s := got[0].Workloads[0].Throughput; s != hit(1250) {
		t.Errorf("90 %% at %+v", s)
	}
}

func TestSlowWorkloadsHaveALongerWindow(t *testing.T) {
	a := drawn(strings.Repeat(".", 350))
	for i := range a.Slots {
		a.Slots[i].OK = 0
		if i%34 == 0 && (i < 1200 || i >= 1300) { // some three a second
			a.Slots[i].OK = 1
		}
	}
	got := Recoveries(Course{Activity: []Activity{a}, Events: []record.Event{fault("kill", 12000, 12010)}, End: 35 * time.Second})
	if w := got[0].Workloads[0]; w.Throughput != hit(13260) || w.Before < 2.9 || w.Before > 3 {
		t.Errorf("90 %% of %v at %+v", w.Before, w.Throughput)
	}
}

// TestClientOutages: one by one, for a fault at 1.000 s in a load until 3.000 s.
func TestClientOutages(t *testing.T) {
	stuckFor := func(sent, served int) record.ClientOutage {
		return record.ClientOutage{Sent: time.Duration(sent) * msec, FirstOK: time.Duration(served) * msec}
	}
	of := func(outages ...record.ClientOutage) ClientActivity { return ClientActivity{Outages: outages} }
	all := func(n int, c ClientActivity) (cs []ClientActivity) {
		for range n {
			cs = append(cs, c)
		}
		return cs
	}
	for1 := func(ms int) Least { return Least{For: time.Duration(ms) * msec} }
	least := func(ms int) Least { return Least{For: time.Duration(ms) * msec, AtLeast: true} }
	kill := []record.Event{fault("kill", 1000, 1010)}
	out := of(failing(1, 990, 1005, 1010, 1100, 1205))
	tests := []struct {
		name    string
		events  []record.Event
		clients []ClientActivity
		want    ClientOutages
	}{
		{"nobody was hit", kill, all(8, of()), ClientOutages{Clients: 8}},
		{"all were", kill, all(8, out), ClientOutages{Clients: 8, Hit: 8, Median: for1(200), P99: for1(200), Max: for1(200)}},
		{"most were not", kill, append(all(5, of()), all(3, out)...), ClientOutages{Clients: 8, Hit: 3, P99: for1(200), Max: for1(200)}},
		{"one never came back, and nobody knows how long that is", kill, append(all(7, out), of(failing(0, 990, 1005, 1010, 2900, 0))),
			ClientOutages{Clients: 8, Hit: 8, NeverBack: 1, Median: for1(200), P99: least(1995), Max: least(1995)}},
		{"most never came back", kill, append(all(3, out), all(5, of(failing(0, 990, 2000, 2010, 2900, 0)))...),
			ClientOutages{Clients: 8, Hit: 8, NeverBack: 5, Median: least(1000), P99: least(1000), Max: least(1000)}},
		{"among a hundred the slowest is not the 99 percentile", kill, append(all(99, out), of(failing(1, 990, 1005, 1010, 2900, 2905))),
			ClientOutages{Clients: 100, Hit: 100, Median: for1(200), P99: for1(200), Max: for1(1900)}},
		{"what was sent before the fault counts from the fault", kill, all(1, of(failing(1, 500, 510, 1010, 1010, 1200))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(200), P99: for1(200), Max: for1(200)}},
		{"from the first failure to the recovery from the last", kill, all(1, of(failing(1, 0, 1005, 1010, 1010, 1020), failing(1, 0, 2000, 2010, 2010, 2105))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(1100), P99: for1(1100), Max: for1(1100)}},
		{"stuck without a failure", kill, all(1, of(stuckFor(1005, 1305), stuckFor(2000, 2700))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(700), P99: for1(700), Max: for1(700)}},
		{"stuck no longer than it usually is", kill, all(1, of(stuckFor(100, 400), stuckFor(1005, 1805))), ClientOutages{Clients: 1}},
		{"stuck on the heels of the recovery", kill, all(1, of(failing(1, 0, 1005, 1010, 1010, 1020), stuckFor(1500, 2005))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(1000), P99: for1(1000), Max: for1(1000)}},
		{"stuck long after the recovery is another outage", kill, all(1, of(failing(1, 0, 1005, 1010, 1010, 1205), stuckFor(2000, 2500))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(200), P99: for1(200), Max: for1(200)}},
		{"over before the fault", kill, all(1, of(failing(1, 0, 500, 510, 510, 520))), ClientOutages{Clients: 1}},
		{"the next fault's doing, though it was sent before", append(kill, fault("b", 2000, 2000)), all(1, of(failing(1, 0, 1990, 2005, 2005, 2100))), ClientOutages{Clients: 1}},
		{"out since long before the next fault, though nothing had failed yet", append(kill, fault("b", 2000, 2000)), all(1, of(failing(1, 0, 1500, 2005, 2005, 2100))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(600), P99: for1(600), Max: for1(600)}},
		{"not back before the next fault, nor after it", append(kill, fault("b", 2000, 2000)), all(1, of(failing(0, 990, 1005, 1010, 2900, 0))),
			ClientOutages{Clients: 1, Hit: 1, NeverBack: 1, Median: least(995), P99: least(995), Max: least(995)}},
		{"sent and given up on at the very end", kill, all(1, of(failing(0, 990, 3000, 3000, 3000, 0))),
			ClientOutages{Clients: 1, Hit: 1, NeverBack: 1, Median: least(0), P99: least(0), Max: least(0)}},
		{"what failed before is no usual wait", kill, all(1, of(failing(1, 0, 100, 110, 120, 400), stuckFor(1005, 1805))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(800), P99: for1(800), Max: for1(800)}},
		{"nor is one that ended with the fault", kill, all(1, of(stuckFor(700, 1000), stuckFor(1005, 1805))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(800), P99: for1(800), Max: for1(800)}},
		{"stuck just three times as long as it usually is", kill, all(1, of(stuckFor(100, 400), stuckFor(1005, 1905))), ClientOutages{Clients: 1}},
		{"just stuck", kill, all(1, of(stuckFor(1005, 1255))), ClientOutages{Clients: 1, Hit: 1, Median: for1(250), P99: for1(250), Max: for1(250)}},
		{"not quite stuck", kill, all(1, of(stuckFor(1005, 1254))), ClientOutages{Clients: 1}},
		{"a recovery of the moment of the fault is no outage that what is stuck prolongs", kill, all(1, of(failing(1, 0, 500, 510, 990, 1000), stuckFor(1100, 1400))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(300), P99: for1(300), Max: for1(300)}},
		{"stuck half a second after the recovery is another outage", kill, all(1, of(failing(1, 0, 1005, 1010, 1010, 1020), stuckFor(1520, 2000))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(15), P99: for1(15), Max: for1(15)}},
		{"shortly before the next fault, and failed before it", append(kill, fault("b", 2000, 2000)), all(1, of(failing(1, 0, 1900, 1950, 1950, 2100))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(200), P99: for1(200), Max: for1(200)}},
		{"failed at the moment of the next fault", append(kill, fault("b", 2000, 2000)), all(1, of(failing(1, 0, 1990, 2000, 2005, 2100))), ClientOutages{Clients: 1}},
		{"stuck since just before the next fault", append(kill, fault("b", 2000, 2000)), all(1, of(stuckFor(1750, 2050))), ClientOutages{Clients: 1}},
		{"stuck since longer before the next fault", append(kill, fault("b", 2000, 2000)), all(1, of(stuckFor(1749, 2049))),
			ClientOutages{Clients: 1, Hit: 1, Median: for1(300), P99: for1(300), Max: for1(300)}},
		{"not back before a fault of the moment when the load ended", append(kill, fault("b", 3000, 3000)), all(1, of(failing(0, 990, 1005, 1010, 3005, 0))),
			ClientOutages{Clients: 1, Hit: 1, NeverBack: 1, Median: least(1995), P99: least(1995), Max: least(1995)}},
		{"waits for long when the load is broken off", kill, append(all(1, out), of(stuckFor(2500, 0))),
			ClientOutages{Clients: 2, Hit: 2, NeverBack: 1, Median: for1(200), P99: least(500), Max: least(500)}},
		{"waits on the heels of the recovery, and the load is broken off", kill, all(1, of(failing(1, 990, 1005, 1010, 1010, 1020), stuckFor(1500, 0))),
			ClientOutages{Clients: 1, Hit: 1, NeverBack: 1, Median: least(1995), P99: least(1995), Max: least(1995)}},
		{"some are not kept", kill, []ClientActivity{{Outages: out.Outages, Discarded: 7}},
			ClientOutages{Clients: 1, Hit: 1, Discarded: 7, Median: for1(200), P99: for1(200), Max: for1(200)}},
		{"no client is known", kill, nil, ClientOutages{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := drawn("..............................")
			a.Clients = tt.clients
			got := Recoveries(Course{Activity: []Activity{a}, Events: tt.events, End: 3 * time.Second})
			if diff := cmp.Diff(tt.want, got[0].Workloads[0].Clients); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
