package outage

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

// TestASlowStop: an orderly stop that takes 8 s has the clients out from when it is
// issued, at 6 s, and a promotion follows. Everything counts from 6 s.
func TestASlowStop(t *testing.T) {
	// 6 s served, 8.3 s out, 10 s served.
	a := byNode(drawn(strings.Repeat(".", 60)+strings.Repeat("x", 83)+strings.Repeat(".", 100)), strings.Repeat("a", 143)+"b")
	pause, stop := on([]string{"c"}, fault("pause-c", 4000, 4030)), on([]string{"a"}, fault("stop-a", 6000, 14060))
	events := []record.Event{pause, stop, promote(14070)}
	states := append(healthy(), state("a", 6020, '-'), state("b", 14200, 'p'))
	end := 24300 * msec
	outages := Outages([]Activity{a}, events, end)
	if o := outages[1]; o.RTO != 8300*msec || !o.Recovered || o.LongestGap != 8310*msec {
		t.Errorf("stop-a: %+v", o)
	}
	if o := outages[0]; o.RTO != 0 || !o.Recovered {
		t.Errorf("pause-c: %+v", o)
	}
	w := Recoveries(Course{Activity: []Activity{a}, Events: events, States: states, End: end})[1].Workloads[0]
	if w.FirstError != hit(6000) || w.FirstNewAck != hit(14300) || w.Throughput != hit(14300) {
		t.Errorf("%+v", w)
	}
	phases := []record.Phase{
		{Name: "baseline", End: 4 * time.Second}, {Name: "pause-c", Start: 4 * time.Second, End: 6 * time.Second},
		{Name: "stop-a", Start: 6 * time.Second, End: 14070 * msec}, {Name: "promote", Start: 14070 * msec, End: end},
	}
	want := []Downtime{
		{Workload: "writes", Loaded: true, From: 5990 * msec, To: 14300 * msec},
		{Workload: "writes", During: "baseline", Loaded: true, To: 10 * msec},
		{Workload: "writes", During: "pause-c", Loaded: true, From: 3990 * msec, To: 4000 * msec},
		{Workload: "writes", During: "stop-a", Loaded: true, From: 5990 * msec, To: 14300 * msec},
		{Workload: "writes", During: "promote", Loaded: true, From: 14070 * msec, To: 14300 * msec},
	}
	got := Downtimes([]Activity{a}, events, phases, end)
	for i := range got {
		if got[i].During == "pause-c" && got[i].Length() == 10*msec {
			got[i].From, got[i].To = 3990*msec, 4000*msec // any of them
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestDowntimesThatHaveNoEnd are at least as long as they were when the load ended.
func TestDowntimesThatHaveNoEnd(t *testing.T) {
	for picture, want := range map[string]Downtime{
		"..........xxxxxxxxxx":         {Workload: "writes", Loaded: true, From: 990 * msec, To: 2000 * msec, Open: true},
		"..........____":               {Workload: "writes", Loaded: true, From: 990 * msec, To: 1400 * msec},
		".___.___.___.______":          {Workload: "writes", Loaded: true, From: 1290 * msec, To: 1900 * msec},
		"|__________":                  {Workload: "writes"},
		"..........|__________|......": {Workload: "writes", Loaded: true, To: 10 * msec},
	} {
		a := drawn(picture)
		if got := Downtimes([]Activity{a}, nil, nil, start(len(a.Slots)))[0]; got != want {
			t.Errorf("%s: %+v, want %+v", picture, got, want)
		}
	}
}

// TestThroughputThatFellBeforeTheEffect: what clients lack between the fault being issued
// and its effect is not hidden.
func TestThroughputThatFellBeforeTheEffect(t *testing.T) {
	for picture, want := range map[string]Stage{
		"..........______..............": hit(1600), // back before the effect
		"............______............": hit(1800), // it fell 200 ms after the fault was issued
		"....................______....": not(2600), // at its effect, and too late for a whole window
		"..............................": none,
	} {
		f := timelineOf(picture)
		if got, _ := f.throughput(&Recovery{Issued: time.Second, Effective: 2 * time.Second}, f.end); got != want {
			t.Errorf("%s: %+v, want %+v", picture, got, want)
		}
	}
}

// TestClientsThatWereNotServedBefore are not put down to a fault.
func TestClientsThatWereNotServedBefore(t *testing.T) {
	a := drawn("..............................")
	sick := ClientActivity{Outages: []record.ClientOutage{failing(0, 0, 10, 20, 2900, 0)}}
	hurt := ClientActivity{Outages: []record.ClientOutage{failing(1, 990, 1005, 1010, 1100, 1205)}}
	a.Clients = []ClientActivity{sick, sick, hurt, {}}
	events := []record.Event{fault("kill", 1000, 1010), fault("again", 2000, 2010)}
	want := []ClientOutages{
		{Clients: 4, NotServed: 2, Hit: 1, P99: Least{For: 200 * msec}, Max: Least{For: 200 * msec}},
		{Clients: 4, NotServed: 2},
	}
	for i, r := range Recoveries(Course{Activity: []Activity{a}, Events: events, End: 3 * time.Second}) {
		if diff := cmp.Diff(want[i], r.Workloads[0].Clients); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.Event, diff)
		}
	}
	// Where every second operation fails all the time, a fault that changes nothing hits nobody.
	for i := range a.Slots {
		a.Slots[i].Errors = 3
	}
	flaky := ClientActivity{}
	for at := 100; at < 2900; at += 100 {
		flaky.Outages = append(flaky.Outages, failing(1, at, at+5, at+10, at+10, at+20))
	}
	a.Clients = []ClientActivity{flaky}
	for _, r := range Recoveries(Course{Activity: []Activity{a}, Events: events, End: 3 * time.Second}) {
		if c := r.Workloads[0].Clients; c.Hit != 0 || c.NeverBack != 0 {
			t.Errorf("%s: %+v", r.Event, c)
		}
	}
}
