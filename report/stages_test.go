package report

import (
	"testing"
	"time"

	"pgchaos/outage"
)

// TestStagesNameWhatWasGone: a node that never was gone is not said to have rejoined, nor a primary that stayed to be a new one.
func TestStagesNameWhatWasGone(t *testing.T) {
	load := &outage.WorkloadRecovery{Loaded: true}
	for _, c := range []struct {
		why                 string
		rec                 outage.Recovery
		rejoined            string
		lastAcks, firstAcks string
	}{
		{"one of two", outage.Recovery{Nodes: []string{"a", "c"}, Missing: []string{"c"}, Kept: []string{"a"}, Primary: "a"}, "c rejoined", "last reply from c", "first reply from the new primary"},
		{"an older result", outage.Recovery{Nodes: []string{"a", "c"}, Primary: "a", NewPrimary: "b"}, "a, c rejoined", "last reply from a, c", "first reply from the new primary"},
		{"the same primary", outage.Recovery{Nodes: []string{"a"}, Missing: []string{"a"}, Primary: "a", NewPrimary: "a"}, "a rejoined", "last reply from a", "first reply from a, the primary again"},
	} {
		cluster, clients := ClusterStages(&c.rec), WorkloadStages(&c.rec, load)
		if got := cluster[3].Name; got != c.rejoined {
			t.Errorf("%s: %q, want %q", c.why, got, c.rejoined)
		}
		if got := clients[1].Name; got != c.lastAcks {
			t.Errorf("%s: %q, want %q", c.why, got, c.lastAcks)
		}
		if got := clients[2].Name; got != c.firstAcks {
			t.Errorf("%s: %q, want %q", c.why, got, c.firstAcks)
		}
	}
}

// TestRedundancyUnknown: the reason names the node that could not be read.
func TestRedundancyUnknown(t *testing.T) {
	for want, rec := range map[string]outage.Recovery{
		"what the primary's standbys were at cut is not known":                                                                                {Event: "cut"},
		"b received nothing for some seconds, while the primary had WAL to send: whether the primary had its standbys after cut is not known": {Event: "cut", Stuck: []string{"b"}},
		"pgchaos could not read b after cut: whether the primary had its standbys then is not known":                                          {Event: "cut", Unread: []string{"b"}},
	} {
		if got := redundancyUnknown(&rec); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for why, rec := range map[string]outage.Recovery{"pgchaos could not read b": {Unread: []string{"b"}, Stuck: []string{"c"}}, "c received nothing": {Stuck: []string{"c"}}} {
		if got := notRead(&rec); got != why {
			t.Errorf("%q, want %q", got, why)
		}
	}
	var w worst
	w.stage(&outage.Recovery{Unread: []string{"b"}, Issued: time.Second}, outage.Stage{State: outage.StageReached, From: 2 * time.Second, At: 4 * time.Second}, "", "")
	if w.longest != time.Second || w.most != 3*time.Second || w.between != "pgchaos could not read b between 2.000 s and 4.000 s" {
		t.Errorf("%+v", w)
	}
}
