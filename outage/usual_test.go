package outage

import (
	"testing"
	"time"

	"pgchaos/record"
)

// TestOutBeforeTheFault: whether a workload had been out since its last success, at the moments that decide.
func TestOutBeforeTheFault(t *testing.T) {
	silent, failing := "....................", "..........xxxxxxxxxx"
	for name, c := range map[string]struct {
		picture          string
		last, until, gap int // ms
		want             bool
	}{
		"half a second":                          {silent, 1000, 1500, 10, true},
		"a little less":                          {silent, 1000, 1499, 10, false},
		"three times of what was usual":          {silent, 1000, 1600, 200, false},
		"more than that":                         {silent, 1000, 1601, 200, true},
		"one success alone, and no failure":      {silent, 1000, 1600, 0, false},
		"one success alone, and failures":        {failing, 990, 1600, 0, true},
		"the load began again a short while ago": {"..........|_____|__________", 990, 1900, 10, false},
		"the load begins at that moment":         {"..........|_____|__________", 990, 1500, 10, false},
		"the load begins again afterwards":       {"..........|_____|__________", 990, 1495, 10, true},
	} {
		f := timelineOf(c.picture)
		u := usual{gap: time.Duration(c.gap) * msec}
		if got := f.out(time.Duration(c.last)*msec, time.Duration(c.until)*msec, u); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestServedUpToTheFault: a success after the first fault proves that the workload was served.
func TestServedUpToTheFault(t *testing.T) {
	if u := timelineOf("....______....").usual(600*msec, 1200*msec); !u.served {
		t.Errorf("%+v", u)
	}
}

// TestUnusualFailures: exactly three times the usual share of failures is not unusual.
func TestUnusualFailures(t *testing.T) {
	f := clientTimeline{Activity: Activity{Slots: make([]record.Slot, 100)}}
	f.Slots[50] = record.Slot{OK: 25, Errors: 75}
	for share, want := range map[float64]bool{0: true, 0.24: true, 0.25: false, 0.26: false} {
		if got := f.unusual(50, usual{errors: share}); got != want {
			t.Errorf("%v failed before: %v", share, got)
		}
	}
}

// TestStuckClientsBeforeTheFault: a client that failed counts for what is usual where some failed anyway.
func TestStuckClientsBeforeTheFault(t *testing.T) {
	for picture, want := range map[string]time.Duration{"x...............": 300 * msec, "................": 0} {
		f := timelineOf(picture)
		f.Clients = []ClientActivity{{Outages: []record.ClientOutage{{Sent: 0, FirstOK: 300 * msec, Errors: 1}}}}
		if got := f.usual(1500*msec, 1500*msec).stuck; got != want {
			t.Errorf("%s: %v, want %v", picture, got, want)
		}
	}
}
