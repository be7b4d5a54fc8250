package outage

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgchaos/record"
)

// timelineOf is the client timeline of a picture, in a load that lasts as long.
func timelineOf(picture string) clientTimeline {
	a := drawn(picture)
	return clientTimeline{Activity: a, end: start(len(a.Slots))}
}

// TestFirstSlots: a fault at the very beginning, and what it did at once.
func TestFirstSlots(t *testing.T) {
	m := record.Event{Name: "kill", Fault: true, Effective: 5 * msec}
	served := usual{served: true}
	f := timelineOf(".....")
	if o := f.outage(m, f.end, served); !o.Recovered || o.RTO != 0 || o.Errors != 0 {
		t.Errorf("nothing failed: %+v", o)
	}
	f.Slots[0].Errors = 1
	if o := f.outage(m, f.end, served); !o.Recovered || o.RTO != 10*msec || o.Errors != 1 {
		t.Errorf("the first slot failed: %+v", o)
	}
	if s := f.failed(0, time.Second, served); s != reached(0) {
		t.Errorf("first error %v", s)
	}
	f.Slots[1].Errors = 1
	if o := f.outage(m, f.end, served); o.FirstFail != 0 || o.LastFail != start(1) || o.RTO != 20*msec {
		t.Errorf("the first two slots failed: %+v", o)
	}
	if o := f.outage(record.Event{Name: "kill", Fault: true, Effective: 5 * msec}, f.end, f.usual(0, 0)); !o.NotServed || o.RTO != 0 {
		t.Errorf("nothing is known of before: %+v", o)
	}
}

// TestSustained: a stall that begins with the success that would be the recovery, or
// within ten seconds after it.
func TestSustained(t *testing.T) {
	m := fault("stop", 1000, 1000)
	for _, c := range []struct {
		name, picture string
		want          int // ms
		recovered     bool
	}{
		{"at once", "..........x.__________....", 1200, true},
		{"after 600 ms", "..........x......__________....", 1700, true},
		{"after 9.9 s", "..........x" + strings.Repeat(".", 99) + "__________....", 11000, true},
		{"just within 10 s", "..........x" + strings.Repeat(".", 100) + "__________....", 11100, true},
		{"after more than 10 s", "..........x" + strings.Repeat(".", 101) + "__________....", 100, true},
		{"again and again", "..........x....______....______....", 2100, true},
		{"and never again", "..........x....______....______", 2100, false},
		{"nothing failed", "..........______....________...______....", 3700 - 1000, true},
		{"nothing failed, and never again", "..........________....______", 1800, false},
		{"nothing failed, and it was sustained", "..........________" + strings.Repeat(".", 102) + "______....", 800, true},
		{"too short to be a stall", "..........x....____....", 100, true},
	} {
		f := timelineOf(c.picture)
		if o := f.outage(m, f.end, usual{served: true}); o.RTO != time.Duration(c.want)*msec || o.Recovered != c.recovered {
			t.Errorf("%s: %v, recovered %v", c.name, o.RTO, o.Recovered)
		}
	}
}

// TestExactTimes: the times of a slot decide, not its bounds.
func TestExactTimes(t *testing.T) {
	at := func(ms float64) time.Duration { return time.Duration(ms * float64(msec)) }
	type op struct {
		outcome record.Outcome
		ms      float64
	}
	// Served until 1000 ms, and from 8000 ms on.
	of := func(ops ...op) clientTimeline {
		f := timelineOf(".........." + strings.Repeat("_", 70) + "..........")
		for _, o := range ops {
			f.Slots[slot(at(o.ms))].Add(o.outcome, at(o.ms))
		}
		return f
	}
	const ok, bad = record.OK, record.Failed
	for _, c := range []struct {
		name             string
		ops              []op
		issued, until    float64
		first, last, rto float64
	}{
		{"a success in the slot of the last failure", []op{{bad, 1005}, {bad, 7001.25}, {ok, 7008.5}, {ok, 7400}, {ok, 7800}}, 1003, 9000, 1005, 7001.25, 7008.5 - 1003},
		{"the first of them", []op{{bad, 7001}, {ok, 7002}, {ok, 7003}, {ok, 7400}, {ok, 7800}}, 1003, 9000, 7001, 7001, 7002 - 1003},
		{"only before it", []op{{ok, 7001}, {bad, 7008}, {ok, 7266.125}, {ok, 7600}}, 1003, 9000, 7008, 7008, 7266.125 - 1003},
		{"a failure just before the fault is not its doing", []op{{bad, 1001}, {bad, 1505.5}, {ok, 1506}, {ok, 1900}, {ok, 2300}, {ok, 2700}, {ok, 3100}, {ok, 3500}, {ok, 3900}, {ok, 4300}, {ok, 4700}, {ok, 5100}, {ok, 5500}, {ok, 5900}, {ok, 6300}, {ok, 6700}, {ok, 7100}, {ok, 7500}, {ok, 7900}},
			1003, 9000, 1505.5, 1505.5, 1506 - 1003},
		{"one just before the next fault is", []op{{bad, 6003}, {ok, 6004}}, 1003, 6004, 6003, 6003, 6004 - 1003},
		{"one of just after it is that one's", []op{{bad, 5003}, {ok, 5003.5}, {ok, 5400}, {ok, 5800}, {bad, 6006}}, 1003, 6004, 5003, 5003, 5003.5 - 1003},
		{"a stall is over with its first answer", []op{{ok, 7607.75}}, 1003, 9000, 0, 0, 7607.75 - 1003},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := of(c.ops...).outage(record.Event{Name: "kill", Issued: at(c.issued), Effective: at(1010)}, at(c.until), usual{served: true})
			if o.FirstFail != at(c.first) || o.LastFail != at(c.last) || o.RTO != at(c.rto) || !o.Recovered {
				t.Errorf("%+v, want %v", o, at(c.rto))
			}
		})
	}
}

// TestDowntime: the longest time without a success in a stretch.
func TestDowntime(t *testing.T) {
	const stall = "..........______........" // of 610 ms, from 990 ms on
	for _, c := range []struct {
		name, picture string
		from, to      int
		want          gap
	}{
		{"in the stretch", stall, 900, 2000, gap{from: 990, to: 1600, ok: true}},
		{"it began just before", stall, 1000, 2000, gap{from: 990, to: 1600, ok: true}},
		{"and ends just after", stall, 1000, 1500, gap{from: 990, to: 1600, ok: true}},
		{"less of it than a stall at the end", stall, 1101, 2000, gap{from: 1101, to: 1600, ok: true}},
		{"less of it than a stall at the beginning", stall, 500, 1400, gap{from: 990, to: 1400, ok: true}},
		{"the next fault's", stall, 0, 1000, gap{from: 0, to: 10, ok: true}},
		{"over before", stall, 1600, 2000, gap{from: 1600, to: 1610, ok: true}},
		{"the longest", "....__....____.._.....", 0, 3000, gap{from: 990, to: 1400, ok: true}},
		{"to the end", "..........____", 0, 2000, gap{from: 990, to: 1400}},
		{"from the beginning", "____......", 0, 2000, gap{from: 0, to: 400, ok: true}},
		{"never", "_______", 100, 700, gap{from: 0, to: 700}},
		{"failures are no success", "..........xxxx........", 0, 3000, gap{from: 990, to: 1400, ok: true}},
		{"not while the load is stopped", "..........|____|..", 0, 2000, gap{from: 0, to: 10, ok: true}},
	} {
		got := timelineOf(c.picture).downtime(time.Duration(c.from)*msec, time.Duration(c.to)*msec)
		if got.from.Milliseconds() != int64(c.want.from) || got.to.Milliseconds() != int64(c.want.to) || got.ok != c.want.ok {
			t.Errorf("%s: %v to %v, %v", c.name, got.from, got.to, got.ok)
		}
	}
}

// TestBackgroundFailures: what failed before the first fault is not charged to it.
func TestBackgroundFailures(t *testing.T) {
	// Every second slot has one failure of ten operations, or all fail.
	for _, c := range []struct {
		name, picture string
		issued        int
		bad           func(i int) bool
		errors        int64
		rto           int
		notServed     bool
	}{
		{"as many after as before", strings.Repeat(".", 40), 2000, func(i int) bool { return i%2 == 0 }, 0, 0, false},
		{"and a stall", "....................__________..........", 2000, func(i int) bool { return i%2 == 0 && (i < 200 || i >= 300) }, 0, 1000, false},
		{"far more after", "....................xxxxx...............", 2000, func(i int) bool { return i%2 == 0 }, 130, 590, false},
		{"nothing ever succeeded", strings.Repeat("x", 40), 2000, func(int) bool { return false }, 0, 0, true},
		{"it had ended before", "..........xxxxxxxxxx....................", 1900, func(int) bool { return false }, 0, 0, true},
		{"it had stalled before", "..........__________....................", 1900, func(int) bool { return false }, 0, 0, true},
		{"for less than half a second", "................____xx..................", 2000, func(int) bool { return false }, 40, 200, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := drawn(c.picture)
			for i := range a.Slots {
				if c.bad(i) {
					a.Slots[i].Errors++
				}
			}
			o := Outages([]Activity{a}, []record.Event{fault("kill", c.issued, c.issued)}, start(len(a.Slots)))[0]
			if o.NotServed != c.notServed || o.Recovered == c.notServed || o.RTO != time.Duration(c.rto)*msec || c.errors == 0 && o.Errors != 0 {
				t.Errorf("%+v", o)
			}
		})
	}
}

// TestNotServedSinceBefore: a fault that meets an outage of an earlier fault shares it, and
// one that meets an outage of before the first fault does not.
func TestNotServedSinceBefore(t *testing.T) {
	for _, c := range []struct {
		picture string
		want    []bool
	}{
		{"..........xxxxxxxxxxxxxxxxxxxx", []bool{false, false}},
		{"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", []bool{true, true}},
		{"xxxxxxxxxxxxxxx...xxxxxxxxxxxx", []bool{true, false}},
	} {
		a := drawn(c.picture)
		for i, o := range Outages([]Activity{a}, []record.Event{fault("a", 1000, 1000), fault("b", 2000, 2000)}, 3*time.Second) {
			if o.NotServed != c.want[i] {
				t.Errorf("%s: %+v", c.picture, o)
			}
		}
	}
}

// TestHealthyGaps: before the first fault, or, of who began later, before the one at hand.
func TestHealthyGaps(t *testing.T) {
	for _, c := range []struct {
		picture     string
		first, this int
		want        int
	}{
		{".___.___.___._____________", 1300, 1300, 310},
		{".___.___.___._____________.", 1300, 5000, 310},
		{".___.______.", 400, 5000, 310},                // it ended with the fault
		{"._____.", 500, 500, 10},                       // its end is the fault's doing
		{".....__________", 1000, 1000, 10},             // without an end
		{"____.....", 900, 900, 10},                     // before the first success
		{"|__________|.___.___.___.", 500, 2000, 310},   // it began after the first fault
		{"|__________|.___.___.___.", 1000, 2000, 310},  // and with it
		{"|__________|.__.___.______.", 1100, 2000, 10}, // and before it
	} {
		f := timelineOf(c.picture)
		if got := f.usual(time.Duration(c.first)*msec, time.Duration(c.this)*msec).gap; got != time.Duration(c.want)*msec {
			t.Errorf("%q before %d or %d: %v, want %d ms", c.picture, c.first, c.this, got, c.want)
		}
	}
	if got := (clientTimeline{}).usual(0, time.Second).gap; got != 0 {
		t.Errorf("of no load %v", got)
	}
}

// TestGaps: each has a length, and begins before the end of what is asked for.
func TestGaps(t *testing.T) {
	f := timelineOf(".__.__.__.")
	var got []time.Duration
	for g := range f.gaps(0, 390*msec) {
		if g.to-g.from != record.SlotLength {
			got = append(got, g.from, g.to)
		}
		if g.to <= g.from {
			t.Errorf("%+v", g)
		}
	}
	if want := []time.Duration{90 * msec, 300 * msec}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	n := 0
	for range f.gaps(390*msec, 391*msec) {
		n++
	}
	if n != 1 {
		t.Errorf("%d gaps begin at 390 ms", n)
	}
}

// TestActive: from the first moment on, and not at the last.
func TestActive(t *testing.T) {
	f := timelineOf("|_|.|_")
	for at, want := range map[time.Duration]bool{99 * msec: false, 100 * msec: true, 199 * msec: true, 200 * msec: false} {
		if f.activeAt(at) != want {
			t.Errorf("at %v: %v", at, !want)
		}
	}
	for i, want := range map[int]bool{5: false, 9: false, 10: true, 19: true, 20: false, 25: false} {
		if f.activeDuring(i) != want {
			t.Errorf("bucket %d: %v", i, !want)
		}
	}
}

// TestServed: what a node served in a time, and what it answered late.
func TestServed(t *testing.T) {
	n := NodeActivity{Slots: slots(0, 0, 1, 0)}
	for _, c := range []struct {
		from, to int
		want     bool
	}{{-100, 20, false}, {-100, 21, true}, {20, 100, true}, {21, 100, false}, {30, 500, false}, {0, 500, true}} {
		if got := n.servedIn(time.Duration(c.from)*msec, time.Duration(c.to)*msec); got != c.want {
			t.Errorf("from %d to %d: %v", c.from, c.to, got)
		}
	}
	if (NodeActivity{Slots: slots(0, 0, 0)}).servedIn(0, time.Second) {
		t.Error("it served nothing")
	}
	n.Late = []time.Duration{5 * msec, 29 * msec, 40 * msec}
	want := []record.Slot{{OK: 1, FirstOK: 5000, LastOK: 5000}, {}, {OK: 2, LastOK: 9000}, {}}
	if got := n.answered(); !slices.Equal(got, want) || n.Slots[0].OK != 0 {
		t.Errorf("%v of %v", got, n.Slots)
	}
}

// TestSilence: the success after which the longest silence began.
func TestSilence(t *testing.T) {
	f := clientTimeline{Activity: Activity{Slots: slots(1, 0, 1, 0, 0, 1, 0, 1, 0)}, end: 90 * msec}
	f.Active = []struct{ From, To time.Duration }{{0, 90 * msec}}
	for _, c := range []struct {
		from, until int
		want        int
	}{{1, 90, 20}, {1, 500, 20}, {21, 90, 20}, {51, 90, 50}, {71, 90, 70}, {21, 30, 20}, {51, 71, 50}, {51, 70, 50}, {1, 20, 0}} {
		if got := f.beforeSilence(time.Duration(c.from)*msec, time.Duration(c.until)*msec); got != time.Duration(c.want)*msec {
			t.Errorf("from %d until %d: %v, want %d", c.from, c.until, got, c.want)
		}
	}
	for before, want := range map[int]int{1: 0, 20: 0, 21: 20, 50: 20, 51: 50, 500: 70} {
		if got, ok := f.lastBefore(time.Duration(before) * msec); got != time.Duration(want)*msec || !ok {
			t.Errorf("before %d: %v, want %d", before, got, want)
		}
	}
	end := clientTimeline{Activity: Activity{Slots: slots(1, 0, 0, 1, 0, 0, 0, 0), Active: []struct{ From, To time.Duration }{{0, 80 * msec}}}, end: 80 * msec}
	if got := end.beforeSilence(1, 80*msec); got != 30*msec {
		t.Errorf("to the end: %v", got)
	}
}

// TestClientsFromTheVeryBeginning: offset 0 is a moment, too.
func TestClientsFromTheVeryBeginning(t *testing.T) {
	f := timelineOf("..............................")
	outage := func(sent, served int, errors int64) record.ClientOutage {
		return record.ClientOutage{Sent: time.Duration(sent) * msec, FirstError: time.Duration(sent+1) * msec, FirstOK: time.Duration(served) * msec, Errors: errors}
	}
	for _, c := range []struct {
		name    string
		issued  int
		outages []record.ClientOutage
		want    int
	}{
		{"failed at once", 0, []record.ClientOutage{outage(0, 20, 1)}, 20},
		{"and again", 0, []record.ClientOutage{outage(0, 20, 1), outage(700, 720, 1)}, 720},
		{"and then stuck", 0, []record.ClientOutage{outage(0, 20, 1), outage(100, 400, 0)}, 400},
		{"stuck, and nothing had failed", 100, []record.ClientOutage{outage(200, 900, 0)}, 700},
	} {
		if out, back := f.clientOut(c.outages, time.Duration(c.issued)*msec, 4*time.Second, usual{}); out != time.Duration(c.want)*msec || !back {
			t.Errorf("%s: %v %v", c.name, out, back)
		}
	}
}
