package main

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// TestShippedPartition runs the variant of partition-primary that cuts the network, sooner than it does: its own expectations
// hold, and the clients of the cut primary wait for their time-out.
func TestShippedPartition(t *testing.T) {
	p := newPlace(t)
	code, stdout, stderr := p.run("run", "partition-primary", "--variant", "black-hole", "--rounds", "1", "--out", p.out,
		"--set", "timeline.fault.at=2s", "--set", "timeline.fence.at=2500ms", "--set", "timeline.failover.at=2500ms",
		"--set", "timeline[0].at=1s", "--set", "timeline.stop-load-writes.at=9s", "--set", "load.writes.rate=100/s", "--set", "load.writes.timeout=1s")
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	for _, m := range r.Timeline {
		if m.Status != record.EventDone {
			t.Errorf("%+v", m)
		}
	}
	if want := "clients -> pgmaster"; !slices.Contains(r.Cluster.Relays, want) || len(r.Cluster.Relays) != 5 {
		t.Errorf("links with relays: %q", r.Cluster.Relays)
	}
	for _, rec := range r.Recoveries {
		if rec.Event != "fault" {
			continue
		}
		if !rec.Lost || len(rec.Workloads) != 1 || rec.Workloads[0].Clients.Hit == 0 || rec.Workloads[0].Clients.Median.For < time.Second {
			t.Errorf("no client can have been served again before its time-out of 1 s: %+v", rec)
		}
		p.nothingLeft()
		return
	}
	t.Errorf("nobody recovered from the cut: %+v", r.Recoveries)
}
