package outage

import (
	"strings"
	"testing"
	"time"

	"pgchaos/record"
)

// TestDowntimeOfAFault goes on after the next step has begun; one without effect has its phase alone.
func TestDowntimeOfAFault(t *testing.T) {
	a := drawn("....................__________....")
	end := start(len(a.Slots))
	phases := []record.Phase{{Name: "baseline", End: time.Second}, {Name: "kill", Start: time.Second, End: 1500 * msec}, {Name: "promote", Start: 1500 * msec, End: end}}
	for effective, want := range map[int]time.Duration{1010: 1010 * msec, 0: 10 * msec} {
		got := Downtimes([]Activity{a}, []record.Event{fault("kill", 1000, effective)}, phases, end)
		if d := got[2]; d.During != "kill" || d.Length() != want {
			t.Errorf("verified at %d ms: %+v, want %v", effective, d, want)
		}
	}
}

// TestOpenDowntime: what is usual is what was before the first fault.
func TestOpenDowntime(t *testing.T) {
	a := drawn("..........__________.....____________")
	end := start(len(a.Slots))
	if d := Downtimes([]Activity{a}, []record.Event{fault("kill", 1000, 1010)}, nil, end)[0]; !d.Open {
		t.Errorf("%+v", d)
	}
	for name, c := range map[string]struct {
		to, gap int
		open    bool
	}{
		"half a second":                 {1490, 10, true},
		"a little less":                 {1489, 10, false},
		"three times of what was usual": {1590, 200, false},
		"more than that":                {1591, 200, true},
	} {
		f := timelineOf("..........__________")
		f.Active[0].To = time.Duration(c.to) * msec
		if d := f.downtimeIn(record.Phase{End: f.end}, usual{gap: time.Duration(c.gap) * msec}); d.Open != c.open || d.To != time.Duration(c.to)*msec {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// TestDowntimeWithoutLoad: it was measured where the workload was running at some moment of the phase.
func TestDowntimeWithoutLoad(t *testing.T) {
	f := timelineOf("..........|__________|......") // it runs up to 1 s, and from 2 s on
	for _, c := range []struct {
		from, to int
		loaded   bool
	}{{0, 1000, true}, {999, 2000, true}, {1000, 2000, false}, {1000, 2001, true}, {2000, 2600, true}} {
		d := f.downtimeIn(record.Phase{Start: time.Duration(c.from) * msec, End: time.Duration(c.to) * msec}, usual{gap: 10 * msec})
		if d.Loaded != c.loaded || !c.loaded && (d.Length() != 0 || d.Open) {
			t.Errorf("from %d to %d ms: %+v", c.from, c.to, d)
		}
	}
}

// TestDowntimeOfALaterWorkload: what faults do to a workload that began after them is not an earlier fault's doing.
func TestDowntimeOfALaterWorkload(t *testing.T) {
	f := timelineOf("|" + strings.Repeat("_", 50) + "|____________________....................")
	phases := []record.Phase{{Name: "one", Start: time.Second, End: 3 * time.Second}, {Name: "two", Start: 3 * time.Second, End: 9 * time.Second}}
	all := Downtimes([]Activity{f.Activity}, []record.Event{fault("one", 1000, 1010), fault("two", 3000, 3010)}, phases, f.end)
	if one := all[1]; one.Loaded || one.Length() != 0 {
		t.Errorf("of the first: %+v", one)
	}
	if two := all[2]; !two.Loaded || two.Length() < 1900*msec {
		t.Errorf("of the second: %+v", two)
	}
}
