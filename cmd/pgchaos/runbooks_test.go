package main

import (
	"testing"

	"pgchaos/record"
)

// TestShippedRunbooksAndSessions runs the shipped experiments of these faults, sooner than they come, and wants their own
// expectations to hold, but for times and shares, which a busy machine can break.
func TestShippedRunbooksAndSessions(t *testing.T) {
	t.Parallel()
	for name, sooner := range map[string][]string{
		"switchover":              {"timeline.there.at=1s", "timeline.back.at=3s", "timeline[2].at=5s", certain},
		"rolling-restart":         {"timeline.standbys.at=1s", "timeline.primary.at=3s", "timeline[2].at=5s", certain},
		"weak-acks":               {"timeline.cut-off.at=1s", "timeline[5].at=4s"},
		"long-query-remote-apply": {"timeline.report.at=1s", "timeline.rewrite.at=1s", "timeline[2].at=6s"},
		"connection-storm": {
			"timeline.full.at=1s", "timeline.full.for=2s", "timeline[1].wait=200ms", "timeline[3].wait=4s", "load.late.rate=20/s",
			"expect=[lost_writes == 0, nodes_equal, errors of late during started > 0]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			args := []string{"run", name, "--out", p.out, "--set", "load.writes.rate=100/s"}
			for _, set := range sooner {
				args = append(args, "--set", set)
			}
			code, stdout, stderr := p.run(args...)
			if code != exitPass {
				t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
			for _, m := range p.result().Timeline {
				if m.Status != record.EventDone {
					t.Errorf("%+v", m)
				}
			}
			p.nothingLeft()
		})
	}
}
