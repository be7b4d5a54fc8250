package outage

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

// drawn makes the activity of writers from a picture, a character for 100 ms:
// "." successes only, "x" errors only, "b" both, "_" nothing. They are drawn at the
// beginning of every slot, an error after a success 5 ms later. "|" is where the load was
// stopped or started; it takes no time.
func drawn(picture string) Activity {
	a := Activity{Workload: "writes", Writes: true}
	type interval = struct{ From, To time.Duration }
	active, from := true, time.Duration(0)
	now := time.Duration(0)
	for _, c := range picture {
		if c == '|' {
			if active && now > from {
				a.Active = append(a.Active, interval{from, now})
			}
			active, from = !active, now
			continue
		}
		for range int(100 * time.Millisecond / record.SlotLength) {
			a.Slots = append(a.Slots, map[rune]record.Slot{
				'.': {OK: 3}, 'x': {Errors: 2}, 'b': {OK: 1, Errors: 1, FirstError: 5000, LastError: 5000},
			}[c])
			now += record.SlotLength
		}
	}
	if active {
		a.Active = append(a.Active, interval{from, now})
	}
	return a
}

// slots have so many successes, each at the beginning of its slot.
func slots(ok ...uint32) (all []record.Slot) {
	for _, n := range ok {
		all = append(all, record.Slot{OK: n})
	}
	return all
}

// fault is an event of a fault; times in milliseconds.
func fault(name string, issued, effective int) record.Event {
	return record.Event{
		Name: name, Action: "kill", Fault: true, Status: record.EventDone,
		Issued: time.Duration(issued) * time.Millisecond, Effective: time.Duration(effective) * time.Millisecond,
	}
}

func TestOutages(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name    string
		picture string
		events  []record.Event
		want    []Outage // Event, Loaded, Recovered, RTO, Errors, FirstFail, LastFail, LongestGap are compared
	}{
		{
			"failures, then service again", "..........xxxxx.....", []record.Event{fault("kill", 1000, 1100)},
			[]Outage{{Event: "kill", Loaded: true, Recovered: true, RTO: 500 * ms, Errors: 100, FirstFail: 1000 * ms, LastFail: 1490 * ms, LongestGap: 510 * ms}},
		},
		{
			"no client saw an error", "....................", []record.Event{fault("kill", 1000, 1100)},
			[]Outage{{Event: "kill", Loaded: true, Recovered: true, LongestGap: 10 * ms}},
		},
		{
			"failures end only with the last of them, though some succeed between", "..........xx..x.bb....", []record.Event{fault("kill", 1000, 1000)},
			[]Outage{{Event: "kill", Loaded: true, Recovered: true, RTO: 800 * ms, Errors: 80, FirstFail: 1000 * ms, LastFail: 1795 * ms, LongestGap: 200 * ms}},
		},
		{
			"a success before the last failure proves nothing, though it is in its slot", "..........b_________", []record.Event{fault("kill", 1000, 1000)},
			[]Outage{{Event: "kill", Loaded: true, RTO: 1000 * ms, Errors: 10, FirstFail: 1005 * ms, LastFail: 1095 * ms, LongestGap: 910 * ms}},
		},
		{
			"back before the fault was verified", "..........x.........", []record.Event{fault("stop", 1000, 1500)},
			[]Outage{{Event: "stop", Loaded: true, Recovered: true, RTO: 100 * ms, Errors: 20, FirstFail: 1000 * ms, LastFail: 1090 * ms, LongestGap: 100 * ms}},
		},
		{
			"never back: at least until the load ended", "..........xx__xx", []record.Event{fault("kill", 1000, 1100)},
			[]Outage{{Event: "kill", Loaded: true, RTO: 600 * ms, Errors: 80, FirstFail: 1000 * ms, LastFail: 1590 * ms, LongestGap: 610 * ms}},
		},
		{
			"nothing failed, and for a while nothing was answered", "..........________....", []record.Event{fault("pause", 1000, 1100)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, RTO: 800 * ms, LongestGap: 810 * ms}},
		},
		{
			"a stall that never ends", "..........________", []record.Event{fault("pause", 1000, 1100)},
			[]Outage{{Event: "pause", Loaded: true, RTO: 800 * ms, LongestGap: 810 * ms}},
		},
		{
			"of two stalls the second one", "..........______.......________....", []record.Event{fault("pause", 1000, 1000)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, RTO: 2100 * ms, LongestGap: 810 * ms}},
		},
		{
			"of two stalls the second one, though it is the shorter one", "..........________.......______....", []record.Event{fault("pause", 1000, 1000)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, RTO: 2100 * ms, LongestGap: 810 * ms}},
		},
		{
			"the time until a workload's first success is not usual", "__________...._______.....", []record.Event{fault("pause", 1400, 1400)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, RTO: 700 * ms, LongestGap: 710 * ms}},
		},
		{
			"a stall too short to count", "..........____....", []record.Event{fault("pause", 1000, 1000)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, LongestGap: 400 * ms}},
		},
		{
			"a stall no longer than this workload's own", ".___.___.___._______.___.", []record.Event{fault("pause", 1300, 1300)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, LongestGap: 710 * ms}},
		},
		{
			"a stall of more than three times this workload's own", ".__.__.__.__.___________.__.", []record.Event{fault("pause", 1300, 1300)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, RTO: 1100 * ms, LongestGap: 1110 * ms}},
		},
		{
			"one client's answer between the failures and the hang is no recovery", "..........x.__________....", []record.Event{fault("stop", 1000, 1000)},
			[]Outage{{Event: "stop", Loaded: true, Recovered: true, RTO: 1200 * ms, Errors: 20, FirstFail: 1000 * ms, LastFail: 1090 * ms, LongestGap: 1010 * ms}},
		},
		{
			"one client's answer between the failures and a hang for ever", "..........x.__________", []record.Event{fault("stop", 1000, 1000)},
			[]Outage{{Event: "stop", Loaded: true, RTO: 1200 * ms, Errors: 20, FirstFail: 1000 * ms, LastFail: 1090 * ms, LongestGap: 1010 * ms}},
		},
		{
			"a stall that begins 1.2 s after the recovery belongs to the outage", "..........x............________....", []record.Event{fault("stop", 1000, 1000)},
			[]Outage{{Event: "stop", Loaded: true, Recovered: true, RTO: 2100 * ms, Errors: 20, FirstFail: 1000 * ms, LastFail: 1090 * ms, LongestGap: 810 * ms}},
		},
		{
			"no load at the fault", "..........|__________|....", []record.Event{fault("kill", 1500, 1600)},
			[]Outage{{Event: "kill"}},
		},
		{
			"the load ended before the fault took effect", "..........|__________", []record.Event{fault("kill", 990, 1100)},
			[]Outage{{Event: "kill"}},
		},
		{
			"the load ended when the fault took effect", "..........|__________", []record.Event{fault("kill", 990, 1000)},
			[]Outage{{Event: "kill"}},
		},
		{
			"a stall just long enough to count", ".........._____....", []record.Event{fault("pause", 1000, 1000)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, RTO: 500 * ms, LongestGap: 510 * ms}},
		},
		{
			"a stall of just three times this workload's own", ".___.___.___.__________.___", []record.Event{fault("pause", 1370, 1370)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, LongestGap: 1010 * ms}},
		},
		{
			"of two stalls of one length the second", "..........______.______....", []record.Event{fault("pause", 990, 990)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, RTO: 1310 * ms, LongestGap: 610 * ms}},
		},
		{
			"a stall before the last failure does not end the outage", "..........______.x......", []record.Event{fault("pause", 1000, 1000)},
			[]Outage{{Event: "pause", Loaded: true, Recovered: true, RTO: 800 * ms, Errors: 20, FirstFail: 1700 * ms, LastFail: 1790 * ms, LongestGap: 610 * ms}},
		},
		{
			"what fails after the load was stopped does not count", "..........xx..|xxx_______", []record.Event{fault("kill", 1000, 1000)},
			[]Outage{{Event: "kill", Loaded: true, Recovered: true, RTO: 200 * ms, Errors: 40, FirstFail: 1000 * ms, LastFail: 1190 * ms, LongestGap: 200 * ms}},
		},
		{
			"the silence after the load was stopped is no stall", "...........|________|....", []record.Event{fault("kill", 1000, 1000)},
			[]Outage{{Event: "kill", Loaded: true, Recovered: true, LongestGap: 10 * ms}},
		},
		{
			"too short a load after the fault to call it a stall, and no success in it", "..........__|", []record.Event{fault("kill", 1000, 1000)},
			[]Outage{{Event: "kill", Loaded: true, RTO: 200 * ms, LongestGap: 200 * ms}},
		},
		{
			"an outage that the next fault meets halfway is one outage", "..........xxxxxxxxxx......", []record.Event{fault("a", 1000, 1000), fault("b", 1500, 1500)},
			[]Outage{
				{Event: "a", Loaded: true, Recovered: true, RTO: 1000 * ms, Errors: 100, FirstFail: 1000 * ms, LastFail: 1490 * ms, LongestGap: 1010 * ms},
				{Event: "b", Loaded: true, Recovered: true, RTO: 500 * ms, Errors: 100, FirstFail: 1500 * ms, LastFail: 1990 * ms, LongestGap: 1010 * ms},
			},
		},
		{
			"each fault has its own failures", "..........xx.......xxx....", []record.Event{fault("b", 1900, 1900), fault("a", 1000, 1000)},
			[]Outage{
				{Event: "a", Loaded: true, Recovered: true, RTO: 200 * ms, Errors: 40, FirstFail: 1000 * ms, LastFail: 1190 * ms, LongestGap: 200 * ms},
				{Event: "b", Loaded: true, Recovered: true, RTO: 300 * ms, Errors: 60, FirstFail: 1900 * ms, LastFail: 2190 * ms, LongestGap: 300 * ms},
			},
		},
		{
			"a failure 3 ms before the second fault is the first one's, and then the outage is one", "..........x....xx......", []record.Event{fault("a", 1000, 1000), fault("b", 1503, 1510)},
			[]Outage{
				{Event: "a", Loaded: true, Recovered: true, RTO: 700 * ms, Errors: 22, FirstFail: 1000 * ms, LastFail: 1500 * ms, LongestGap: 100 * ms},
				{Event: "b", Loaded: true, Recovered: true, RTO: 197 * ms, Errors: 38, FirstFail: 1510 * ms, LastFail: 1690 * ms, LongestGap: 197 * ms},
			},
		},
		{
			"a stall that begins with the second fault is not the first one's", "..............._________....", []record.Event{fault("a", 1000, 1000), fault("b", 1500, 1500)},
			[]Outage{
				{Event: "a", Loaded: true, Recovered: true, LongestGap: 10 * ms},
				{Event: "b", Loaded: true, Recovered: true, RTO: 900 * ms, LongestGap: 910 * ms},
			},
		},
		{
			"a stall that the second fault meets halfway is both's", ".........._______________....", []record.Event{fault("a", 1000, 1000), fault("b", 1600, 1600)},
			[]Outage{
				{Event: "a", Loaded: true, Recovered: true, RTO: 1500 * ms, LongestGap: 1510 * ms},
				{Event: "b", Loaded: true, Recovered: true, RTO: 900 * ms, LongestGap: 1510 * ms},
			},
		},
		{
			"two faults at once share what follows", "..........xx......", []record.Event{fault("a", 1000, 1000), fault("b", 1003, 1010)},
			[]Outage{
				{Event: "a", Loaded: true, Recovered: true, RTO: 200 * ms, Errors: 40, FirstFail: 1000 * ms, LastFail: 1190 * ms, LongestGap: 200 * ms},
				{Event: "b", Loaded: true, Recovered: true, RTO: 197 * ms, Errors: 38, FirstFail: 1010 * ms, LastFail: 1190 * ms, LongestGap: 197 * ms},
			},
		},
		{"a fault that never took effect measures nothing", "..........xx......", []record.Event{fault("a", 1000, 0)}, nil},
		{"what is no fault measures nothing", "..........xx......", []record.Event{{Name: "promote", Issued: 1000 * ms, Effective: 1100 * ms}}, nil},
		{"no activity at all", "", []record.Event{fault("a", 1000, 1000)}, []Outage{{Event: "a"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			end := time.Duration(len(strings.ReplaceAll(tt.picture, "|", ""))) * 100 * ms
			got := Outages([]Activity{drawn(tt.picture)}, tt.events, end)
			for i := range got {
				if i < len(tt.want) {
					tt.want[i].Workload, tt.want[i].Writes = "writes", true
					tt.want[i].Issued, tt.want[i].Effective = got[i].Issued, got[i].Effective
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestARestartOfOneServerAfterTheOther: its outage begins with the restart that clients noticed, however long those before it took.
func TestARestartOfOneServerAfterTheOther(t *testing.T) {
	step, early := fault("rolling", 1000, 2600), fault("rolling", 500, 2600)
	part := func(name string, issued int, does record.Facts) record.Event {
		return record.Event{Name: "rolling/" + name, PartOf: "rolling", Facts: &does, Issued: time.Duration(issued) * msec, Effective: time.Duration(issued+50) * msec}
	}
	parts := []record.Event{
		part("restart-b", 1000, record.Facts{Restarts: true}), part("restart-c", 1600, record.Facts{Restarts: true}), part("configure-b", 1650, record.Facts{}),
		part("stop-a", 2200, record.Facts{Ends: true}), part("promote-b", 2300, record.Facts{Promotes: true}), part("start-a", 2400, record.Facts{Starts: true}),
	}
	tests := []struct {
		name, picture string
		events        []record.Event
		since, rto    int
	}{
		{"only the last part is noticed", ".......................xx...........", append(parts, step), 2200, 300},
		{"nothing is noticed", "....................................", append(parts, step), 0, 0},
		{"the second part", "................xx....xx............", append(parts, step), 1600, 800},
		{"the first part", "..........xx..........xx............", append(parts, step), 0, 1400},
		{"before the first part", "........xx............xx............", append(parts, early), 0, 1900},
		{"a stall from the second part on", "................________............", append(parts, step), 1600, 800},
		{"a stall that is too short in any one part, and long enough in both", "...................______...........", append(parts, step), 0, 1500},
		{"another fault before the last part, which may be the reason too", "........................xx..........", append(parts, step, fault("kill", 2100, 2110)), 2200, 400},
		{"parts of another step", ".......................xx...........", append(parts, fault("kill", 1000, 1010)), 0, 1500},
	}
	for _, tt := range tests {
		a := byNode(drawn(tt.picture), strings.Repeat("a", len(tt.picture)))
		a.Spread = true
		end := start(len(a.Slots))
		since, rto := time.Duration(tt.since)*msec, time.Duration(tt.rto)*msec
		if o := Outages([]Activity{a}, tt.events, end)[0]; o.Since != since || o.RTO != rto || !o.Recovered {
			t.Errorf("%s: since %s, RTO %s, %+v", tt.name, o.Since, o.RTO, o)
		}
		r := Recoveries(Course{Activity: []Activity{a}, Events: tt.events, States: healthy(), End: end})[0]
		if nodes := r.Workloads[0].Nodes; rto > 0 && (len(nodes) != 1 || nodes[0].RTO != rto) {
			t.Errorf("%s: nodes %+v", tt.name, nodes)
		}
	}
	if o := Outages([]Activity{drawn("..........xx...................")}, []record.Event{part("stop-a", 1005, record.Facts{Ends: true}), step}, 3100*msec)[0]; o.Since != 0 || o.RTO != 200*msec {
		t.Errorf("its part follows at once: %+v", o)
	}
}

// Outages must leave the runner's events in the order of the timeline.
func TestOutagesLeavesEvents(t *testing.T) {
	events := []record.Event{fault("b", 1900, 1900), {Name: "promote"}, fault("a", 1000, 1000)}
	before := slices.Clone(events)
	Outages([]Activity{drawn("....")}, events, time.Second)
	if diff := cmp.Diff(before, events); diff != "" {
		t.Error(diff)
	}
}

func TestOutagesOfEachWorkload(t *testing.T) {
	reads := drawn("..............")
	reads.Workload, reads.Writes = "reads", false
	got := Outages([]Activity{drawn("..........xx.."), reads}, []record.Event{fault("kill", 1000, 1000)}, 1400*time.Millisecond)
	if len(got) != 2 || got[0].Workload != "writes" || got[0].Errors == 0 || got[1].Workload != "reads" || got[1].Writes || got[1].Errors != 0 {
		t.Errorf("got %+v", got)
	}
}

// TestBrokenOff: what was in flight when the load was broken off proves neither an outage nor that there was none.
func TestBrokenOff(t *testing.T) {
	for _, c := range []struct {
		why       string
		picture   string
		brokenOff bool
		effective int
		want      Outage
	}{
		{"served to the end", "...................", true, 1400, Outage{Recovered: true}},
		{"nobody is served after the effect", "..............", true, 1395, Outage{RTO: 400 * time.Millisecond}},
		{"nobody was due after the effect", "..............", false, 1395, Outage{Recovered: true}},
		{"back, and then broken off", "..........xxx...", true, 1100, Outage{Recovered: true, RTO: 300 * time.Millisecond}},
	} {
		t.Run(c.why, func(t *testing.T) {
			a := drawn(c.picture + "_|")
			a.BrokenOff = c.brokenOff
			a.Active[0].To -= 100 * time.Millisecond // the answers of the end are in nobody's time
			got := Outages([]Activity{a}, []record.Event{fault("kill", 1000, c.effective)}, a.Active[0].To)[0]
			if got.Recovered != c.want.Recovered || got.RTO != c.want.RTO {
				t.Errorf("recovered %v after %v, want %v after %v", got.Recovered, got.RTO, c.want.Recovered, c.want.RTO)
			}
		})
	}
}
