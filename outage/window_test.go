package outage

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
)

// TestFaultsTooCloseToTellApart: nothing says of an outage whose doing it was where the next fault was issued before the first one had taken
// effect, or could be seen to do nothing. Both have it.
func TestFaultsTooCloseToTellApart(t *testing.T) {
	// 1 s served, 50 ms later the outage begins that lasts until 2 s; then 2 s more are served, and another one of 300 ms follows.
	const picture = "..........,xxxxxxxxx....................xxx.................."
	reads := drawn(strings.Repeat(".", 61))
	reads.Workload, reads.Writes = "reads", false
	a := drawn(strings.Replace(picture, ",", "_", 1))
	for i := 100; i < 105; i++ {
		a.Slots[i] = record.Slot{OK: 1, FirstOK: 1000, LastOK: 9000}
	}
	end := start(len(a.Slots))
	seconds := func(ms ...int) (all []time.Duration) {
		for _, at := range ms {
			all = append(all, time.Duration(at)*msec)
		}
		return all
	}
	later := fault("later", 4000, 4010)
	for _, c := range []struct {
		name   string
		events []record.Event
		rto    []time.Duration // of writes, by fault
		shared []string        // with the first, of writes
	}{
		{"30 ms apart", []record.Event{fault("main", 1000, 1010), fault("side", 1030, 1040), later}, seconds(1000, 970, 300), []string{"side"}},
		{"the second comes before the effect of the first", []record.Event{fault("main", 500, 1600), fault("side", 1030, 1040), later}, seconds(1500, 970, 300), []string{"side"}},
		{"a third one, too", []record.Event{fault("main", 990, 1010), fault("side", 1010, 1015), fault("other", 1030, 1040), later}, seconds(1010, 990, 970, 300), []string{"side", "other"}},
		{"the second took no effect", []record.Event{fault("main", 1000, 1010), fault("side", 1030, 0), later}, seconds(1000, 300), nil},
		{"the first can be seen to do nothing", []record.Event{fault("side", 700, 710), fault("main", 1000, 1010), later}, seconds(0, 1000, 300), nil},
		{"just so", []record.Event{fault("side", 800, 880), fault("main", 1000, 1010), later}, seconds(0, 1000, 300), nil},
		{"just not", []record.Event{fault("side", 800, 901), fault("main", 1000, 1010), later}, seconds(1200, 1000, 300), []string{"main"}},
		{"the first one's failures begin before the second", []record.Event{fault("main", 1000, 1010), fault("side", 1110, 1120), later}, seconds(1000, 890, 300), nil},
	} {
		var got []time.Duration
		for _, o := range Outages([]Activity{a, reads}, c.events, end) {
			if o.Writes {
				got = append(got, o.RTO)
			} else if o.RTO != 0 {
				t.Errorf("%s: reads were out: %+v", c.name, o)
			}
		}
		r := Recoveries(Course{Activity: []Activity{a, reads}, Events: c.events, States: healthy(), End: end})[0]
		w := r.Workloads[0]
		if !slices.Equal(got, c.rto) || !slices.Equal(w.Shared, c.shared) {
			t.Errorf("%s: %v, want %v; shared with %v, want %v", c.name, got, c.rto, w.Shared, c.shared)
		}
		if (w.FirstError.State == StageReached) != (c.rto[0] > 0) || (c.shared != nil) != slices.ContainsFunc(r.Caveats, func(s string) bool { return strings.Contains(s, "counts for both") }) {
			t.Errorf("%s: %+v, %q", c.name, w.FirstError, r.Caveats)
		}
		if next := r.NextOf(&w); c.shared != nil && next != "later" {
			t.Errorf("%s: the next fault is %s", c.name, next)
		}
	}
	// What the clients lacked before the second one is enough to tell, but not before the first one has taken effect.
	stalled, failed := drawn("..........________............xxx........."), drawn("..........x........._xxxxxxx..............")
	for _, c := range []struct {
		name   string
		a      Activity
		events []record.Event
		rto    time.Duration
	}{
		{"a stall", stalled, []record.Event{fault("main", 1000, 1010), fault("side", 1600, 1610), later}, 800 * msec},
		{"a stall that is too short", stalled, []record.Event{fault("main", 1000, 1010), fault("side", 1400, 1410), later}, 2300 * msec},
		{"a failure before the effect of the first", failed, []record.Event{fault("main", 1000, 2010), fault("side", 2005, 2015), later}, 1800 * msec},
		{"a failure after the effect of the first", failed, []record.Event{fault("main", 1000, 1010), fault("side", 2005, 2015), later}, 100 * msec},
	} {
		if o := Outages([]Activity{c.a}, c.events, start(len(c.a.Slots)))[0]; o.RTO != c.rto {
			t.Errorf("%s: %+v, want %v", c.name, o, c.rto)
		}
	}
	phases := []record.Phase{{Name: "main", Start: time.Second, End: 1030 * msec}}
	if d := Downtimes([]Activity{a}, []record.Event{fault("main", 1000, 1010), fault("side", 1030, 1040), later}, phases, end)[1]; d.Length() < 900*msec {
		t.Errorf("downtime during main: %+v", d)
	}
}

// TestAftermathsTooCloseToTellApart: what two faults of the primary took away within a second counts for both.
func TestAftermathsTooCloseToTellApart(t *testing.T) {
	states := append(healthy(), state("a", 1900, 'd'), state("a", 4000, 'p', streams("b", "quorum"), streams("c", "quorum")))
	early := append(healthy(), state("a", 1100, 'd'), state("a", 4000, 'p', streams("b", "quorum"), streams("c", "quorum")))
	for _, c := range []struct {
		name     string
		pause    record.Event
		kill     int
		states   []record.NodeState
		writable Stage
	}{
		{"a moment apart", fault("pause-a", 1000, 1010), 1300, states, hit(4000)},
		{"before the effect", fault("pause-a", 1000, 1600), 1300, early, hit(4000)},
		{"when it had been seen what the first one did", fault("pause-a", 1000, 1010), 1300, early, not(1300)},
		{"time enough to see that it did nothing", fault("pause-a", 500, 510), 1510, states, none},
		{"just not", fault("pause-a", 500, 511), 1510, states, hit(4000)},
	} {
		events := []record.Event{on([]string{"a"}, c.pause), on([]string{"a"}, fault("kill-a", c.kill, c.kill+10))}
		got := Recoveries(Course{Events: events, States: c.states, Demands: []record.Demand{{Node: "a", Standbys: 1}}, End: 5 * time.Second})
		if got[0].Writable != c.writable || got[1].Writable != hit(4000) {
			t.Errorf("%s: %v and %v, want %v and %v", c.name, got[0].Writable, got[1].Writable, c.writable, hit(4000))
		}
	}
}
