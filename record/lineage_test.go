package record

import "testing"

func TestLineage(t *testing.T) {
	l := Lineage{Timeline: 4, Forks: []Fork{{1, 100}, {2, 200}}}
	for _, c := range []struct {
		timeline, next uint32
		left           LSN
		ok             bool
		upTo           int // forks before it; -1: it does not come from there
	}{
		{1, 2, 100, true, 0}, {2, 4, 200, true, 1}, {4, 0, 0, false, 2}, {3, 0, 0, false, -1}, {0, 0, 0, false, -1},
	} {
		left, ok := l.Left(c.timeline)
		then, comes := l.UpTo(c.timeline)
		if left != c.left || ok != c.ok || l.Next(c.timeline) != c.next {
			t.Errorf("timeline %d: left at %s, %v; next %d", c.timeline, left, ok, l.Next(c.timeline))
		}
		if comes != (c.upTo >= 0) || comes && (len(then.Forks) != c.upTo || then.Timeline != c.timeline) {
			t.Errorf("up to timeline %d: %+v, %v", c.timeline, then, comes)
		}
	}
	if _, ok := (Lineage{}).UpTo(0); ok || (Lineage{}).Known() {
		t.Error("what nobody knows has no timeline 0")
	}
}

func TestLineagesPart(t *testing.T) {
	l := Lineage{Timeline: 3, Forks: []Fork{{1, 100}, {2, 200}}}
	for _, c := range []struct {
		why   string
		other Lineage
		at    LSN
		ok    bool
	}{
		{"promoted elsewhere to the same number", Lineage{Timeline: 3, Forks: []Fork{{1, 100}, {2, 150}}}, 150, true},
		{"promoted elsewhere, earlier", Lineage{Timeline: 2, Forks: []Fork{{1, 120}}}, 100, true},
		{"an ancestor", Lineage{Timeline: 2, Forks: []Fork{{1, 100}}}, 0, false},
		{"the same", l, 0, false},
	} {
		if at, ok := l.Parted(c.other); at != c.at || ok != c.ok {
			t.Errorf("%s: %s, %v", c.why, at, ok)
		}
	}
}
