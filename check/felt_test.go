package check

import (
	"slices"
	"testing"
	"time"

	"pgchaos/history"
)

// within is what felt says of this picture, in a load that lasts as long.
func within(picture string) felt {
	a := drawn(picture)
	return felt{Activity: a, end: start(len(a.OK))}
}

// TestFirstBuckets: a fault at the very beginning, and what it did at once.
func TestFirstBuckets(t *testing.T) {
	m := history.Mark{Name: "kill", Fault: true, Effective: 5 * msec}
	f := within(".....")
	if o := f.outage(m, start(len(f.OK)), 0); !o.Recovered || o.RTO != 0 || o.Errors != 0 {
		t.Errorf("nothing failed: %+v", o)
	}
	f.Errors[0] = 1
	if o := f.outage(m, start(len(f.OK)), 0); !o.Recovered || o.RTO != 5*msec || o.Errors != 1 {
		t.Errorf("the first bucket failed: %+v", o)
	}
	if s := f.firstError(0, time.Second); s != reached(0) {
		t.Errorf("first error %v", s)
	}
	f.Errors[1] = 1
	if o := f.outage(m, start(len(f.OK)), 0); o.FirstFail != 0 || o.LastFail != start(1) || o.RTO != 15*msec {
		t.Errorf("the first two buckets failed: %+v", o)
	}
}

// TestHeels: a stall that begins with the success that would be the recovery, or half a
// second later.
func TestHeels(t *testing.T) {
	m := fault("stop", 1000, 1000)
	at := within("..........x.__________....")
	clear(at.OK[111:120])
	if o := at.outage(m, at.end, 0); o.RTO != 1200*msec {
		t.Errorf("at once: %+v", o)
	}
	later := within("..........x......__________....")
	clear(later.OK[161:170])
	if o := later.outage(m, later.end, 0); o.RTO != 100*msec {
		t.Errorf("half a second later: %+v", o)
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
		f := within(c.picture)
		if got := f.healthyGap(time.Duration(c.first)*msec, time.Duration(c.this)*msec); got != time.Duration(c.want)*msec {
			t.Errorf("%q before %d or %d: %v, want %d ms", c.picture, c.first, c.this, got, c.want)
		}
	}
	if got := (felt{}).healthyGap(0, time.Second); got != 0 {
		t.Errorf("of no load %v", got)
	}
}

// TestGaps: each has a length, and begins before the end of what is asked for.
func TestGaps(t *testing.T) {
	f := within(".__.__.__.")
	var got []time.Duration
	for g := range f.gaps(0, 390*msec) {
		if g.to-g.from != Bucket {
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
	f := within("|_|.|_")
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

// TestNoted: the first moment that clients noted in a bucket, and the last.
func TestNoted(t *testing.T) {
	var f felt
	for _, at := range []int{1005, 1002, 1008, 1004, 990, 1010, 1001} {
		f.Clients = append(f.Clients, ClientActivity{Episodes: []history.Episode{{FirstError: time.Duration(at) * msec, Errors: int64(at % 1000)}}})
	}
	first := func(e history.Episode) (time.Duration, bool) { return e.FirstError, e.Errors != 1 }
	for _, c := range []struct {
		in     int
		latest bool
		want   time.Duration
		ok     bool
	}{{100, false, 1002 * msec, true}, {100, true, 1008 * msec, true}, {101, true, 1010 * msec, true}, {102, false, 0, false}} {
		if at, ok := f.noted(c.in, c.latest, first); at != c.want || ok != c.ok {
			t.Errorf("bucket %d, latest %v: %v %v", c.in, c.latest, at, ok)
		}
	}
	f.Clients = []ClientActivity{{Episodes: []history.Episode{{}}}} // 0 is a moment that never came
	if _, ok := f.noted(0, false, first); ok {
		t.Error("0")
	}
	f.Clients = []ClientActivity{{Episodes: []history.Episode{{FirstError: 1005 * msec}, {FirstError: 1000 * msec}, {FirstError: 999 * msec}}}}
	f.Activity = Activity{Clients: f.Clients, Errors: []uint32{100: 1}, OK: make([]uint32, 101), Active: within(".").Active}
	f.Active[0].To, f.end = 2*time.Second, 2*time.Second
	if s := f.firstError(time.Second, 2*time.Second); s != reached(time.Second) {
		t.Errorf("of the fault's own moment: %v", s)
	}
}

// TestServed: what a node served in a time, and what it answered late.
func TestServed(t *testing.T) {
	n := NodeActivity{OK: []uint32{0, 0, 1, 0}}
	for _, c := range []struct {
		from, to int
		want     bool
	}{{-100, 20, false}, {-100, 21, true}, {20, 100, true}, {29, 100, true}, {30, 500, false}, {0, 500, true}} {
		if got := n.servedIn(time.Duration(c.from)*msec, time.Duration(c.to)*msec); got != c.want {
			t.Errorf("from %d to %d: %v", c.from, c.to, got)
		}
	}
	if (NodeActivity{OK: make([]uint32, 3)}).servedIn(0, time.Second) {
		t.Error("it served nothing")
	}
	n.Late = []time.Duration{5 * msec, 29 * msec, 40 * msec}
	if got := n.answered(); !slices.Equal(got, []uint32{1, 0, 2, 0}) || n.OK[0] != 0 {
		t.Errorf("%v of %v", got, n.OK)
	}
}

// TestSilence: the success after which the longest silence began.
func TestSilence(t *testing.T) {
	f := felt{Activity: Activity{OK: []uint32{1, 0, 1, 0, 0, 1, 0, 1, 0}}, end: 90 * msec}
	f.Active = []struct{ From, To time.Duration }{{0, 90 * msec}}
	for _, c := range []struct {
		from, until int
		want        int
	}{{0, 90, 2}, {0, 500, 2}, {20, 90, 2}, {50, 90, 5}, {70, 90, 7}, {20, 30, 2}, {50, 71, 5}, {50, 70, 5}, {0, 20, 0}} {
		if got := f.beforeSilence(time.Duration(c.from)*msec, time.Duration(c.until)*msec); got != c.want {
			t.Errorf("from %d until %d: %d, want %d", c.from, c.until, got, c.want)
		}
	}
	for before, want := range map[int]int{0: 0, 20: 0, 21: 2, 50: 2, 51: 5, 500: 7} {
		if got := f.lastSuccess(time.Duration(before) * msec); got != want {
			t.Errorf("before %d: %d, want %d", before, got, want)
		}
	}
	end := felt{Activity: Activity{OK: []uint32{1, 0, 0, 1, 0, 0, 0, 0}, Active: []struct{ From, To time.Duration }{{0, 80 * msec}}}, end: 80 * msec}
	if got := end.beforeSilence(0, 80*msec); got != 3 {
		t.Errorf("to the end: %d", got)
	}
}

// TestClientsFromTheVeryBeginning: offset 0 is a moment, too.
func TestClientsFromTheVeryBeginning(t *testing.T) {
	f := within("..............................")
	episode := func(sent, served int, errors int64) history.Episode {
		return history.Episode{Sent: time.Duration(sent) * msec, FirstError: time.Duration(sent+1) * msec, FirstOK: time.Duration(served) * msec, Errors: errors}
	}
	for _, c := range []struct {
		name     string
		issued   int
		episodes []history.Episode
		want     int
	}{
		{"failed at once", 0, []history.Episode{episode(0, 20, 1)}, 20},
		{"and again", 0, []history.Episode{episode(0, 20, 1), episode(700, 720, 1)}, 720},
		{"and then stuck", 0, []history.Episode{episode(0, 20, 1), episode(100, 400, 0)}, 400},
		{"stuck, and nothing had failed", 100, []history.Episode{episode(200, 900, 0)}, 700},
	} {
		if out, back := f.clientOut(c.episodes, time.Duration(c.issued)*msec, 4*time.Second, 0); out != time.Duration(c.want)*msec || !back {
			t.Errorf("%s: %v %v", c.name, out, back)
		}
	}
}
