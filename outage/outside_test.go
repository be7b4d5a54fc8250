package outage

import (
	"slices"
	"strings"
	"testing"

	"pgchaos/record"
)

// TestAPromotionFromOutside: when somebody asked for it nobody knows, but when it was there.
func TestAPromotionFromOutside(t *testing.T) {
	killA := on([]string{"a"}, fault("kill-a", 1000, 1010))
	promoted := on([]string{"b"}, record.Event{Name: "promoted-b", Action: "promoted", Status: record.EventSeen, Issued: 990 * msec, Effective: 1200 * msec})
	states := append(healthy(), state("a", 1010, '-'), state("b", 1012, 'c'), state("b", 1200, 'p'))
	r := Recoveries(Course{Events: []record.Event{killA, promoted}, States: states, End: 2000 * msec})[0]
	if !r.Outside || r.Promotion != hit(1200) || r.Writable != hit(1200) || r.NewPrimary != "b" {
		t.Errorf("%+v", r)
	}
	const caveat = "b was promoted from outside pgchaos, by the cluster's own manager or by hand, 0.2 s after kill-a"
	if !slices.Contains(r.Caveats, caveat) {
		t.Errorf("%q", r.Caveats)
	}
	// A step that promotes is the run's own, whatever is seen afterwards.
	step := on([]string{"b"}, promote(1100))
	r = Recoveries(Course{Events: []record.Event{killA, step}, States: states, End: 2000 * msec})[0]
	if r.Outside || r.Promotion != hit(1100) || strings.Contains(strings.Join(r.Caveats, ""), "outside") {
		t.Errorf("%+v", r)
	}
	// A fault later than the promotion has nothing to do with it.
	late := on([]string{"a"}, fault("kill-a", 1500, 1510))
	r = Recoveries(Course{Events: []record.Event{promoted, late}, States: states, End: 2000 * msec})[0]
	if r.Outside || r.Promotion != none {
		t.Errorf("%+v", r)
	}
}
