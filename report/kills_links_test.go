package report

import (
	"testing"
	"time"

	"pgchaos/record"
)

// TestACutOfThePrimarysLinksIsAKill where another node was promoted meanwhile; a delay is none.
func TestACutOfThePrimarysLinksIsAKill(t *testing.T) {
	links := &record.Facts{Links: true, Lasts: true}
	cut := record.Event{Name: "cut", Action: "partition", Nodes: []string{"a", "b"}, Facts: links, Fault: true, Status: record.EventDone, Issued: time.Second, Effective: time.Second + time.Millisecond}
	promote := record.Event{Name: "promote", Action: "promote", Nodes: []string{"b"}, Status: record.EventDone, Issued: 2 * time.Second, Effective: 3 * time.Second}
	delay := cut
	delay.Action, delay.Fault = "delay", false
	of := func(events ...record.Event) int {
		r := &Result{Timeline: events, Cluster: Cluster{Nodes: []ClusterNode{{Name: "a"}, {Name: "b"}}}}
		return len(r.Kills())
	}
	if n := of(cut, promote); n != 1 {
		t.Errorf("a cut and a promotion: %d kills", n)
	}
	if n := of(cut); n != 0 {
		t.Errorf("a cut alone: %d kills", n)
	}
	if n := of(delay, promote); n != 0 {
		t.Errorf("a delay and a promotion: %d kills", n)
	}
}
