package main

import (
	"slices"
	"testing"

	"pgchaos/audit"
	"pgchaos/internal/longtest"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

// shippedCase is a shipped experiment about standbys, and what it has to show.
type shippedCase struct {
	args   []string // beside its name, in both forms
	sooner []string // what makes it shorter for `make test`
	long   bool     // `make test-long` alone runs it
	code   int
	shows  func(t *testing.T, r *report.Result)
}

// standbyCases are the shipped experiments about what goes wrong with standbys.
var standbyCases = map[string]shippedCase{
	"split-brain": {
		sooner: []string{"timeline.crash.at=1s", "timeline.returned.at=2s", "timeline[5].at=4500ms", "load.web.rate=50/s", "load.batch.rate=50/s"},
		code:   exitFail,
		shows: func(t *testing.T, r *report.Result) {
			if want := []string{"pgmaster (timeline 1)", "pgslave (timeline 2)"}; !slices.Equal(r.SplitBrain, want) {
				t.Errorf("split brain of %q, not of %q", r.SplitBrain, want)
			}
			lostOn(t, r, "pgmaster", "")
			for _, run := range r.Audits[0].Lost.Runs {
				if run.Workload == "batch" && (run.Cause != audit.CauseBeside || run.LostBy != "returned") {
					t.Errorf("written beside the new primary: %+v", run)
				}
			}
			judged(t, r, map[string]verdict.Verdict{"not split_brain": verdict.Fail, "lost_writes == 0": verdict.Fail, "errors of batch == 0": verdict.Pass})
		},
	},
	"lagging-standby": {
		sooner: []string{"timeline.behind.at=1s", "timeline.crash.at=2s", "timeline[3].at=4s", "load.writes.rate=100/s"},
		code:   exitFail,
		shows: func(t *testing.T, r *report.Result) {
			lostOn(t, r, "pgslave", "crash")
			judged(t, r, map[string]verdict.Verdict{"lost_writes == 0": verdict.Fail})
		},
	},
	"slot-lost": {
		sooner: []string{"timeline.slot.at=500ms", "timeline.dropped.at=1500ms", "timeline.wait.wait=200ms", "timeline.wait-3.wait=1s", "load.writes.rate=100/s"},
		code:   exitPass,
	},
	"flapping-standby": {
		args:   []string{"--variant", "first", "--rounds", "1"},
		sooner: []string{"timeline.flapping.at=1s", "timeline.flapping.for=3s", "timeline[1].at=5s", "load.writes.rate=50/s"},
		code:   exitPass,
	},
	"sync-modes-delay": { // a round trip of 5 ms is in each commit that waits for a standby
		args: []string{"--variant", "on/5ms", "--rounds", "1", "--set", "expect=[lost_writes == 0, nodes_equal, p50 of fixed >= 5ms]"},
		long: true,
		code: exitPass,
	},
}

// TestShippedStandbys runs the shipped experiments about standbys. Each shows what it is about, and leaves nothing behind.
func TestShippedStandbys(t *testing.T) {
	t.Parallel()
	for name, c := range standbyCases {
		if c.long && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			args := append([]string{"run", name, "--out", p.out}, c.args...)
			if !longtest.Enabled {
				for _, set := range c.sooner {
					args = append(args, "--set", set)
				}
			}
			code, stdout, stderr := p.run(args...)
			if code != c.code {
				t.Fatalf("exit code %d, not %d\n%s\n%s", code, c.code, stdout, stderr)
			}
			r := p.result()
			for _, m := range r.Timeline {
				if m.Status != record.EventDone {
					t.Errorf("%+v", m)
				}
			}
			if c.shows != nil {
				c.shows(t, r)
			}
			p.nothingLeft()
		})
	}
}

// lostOn wants acknowledged writes to be lost, each with its cause, and each of them to be found on a node that is not the primary any more.
func lostOn(t *testing.T, r *report.Result, node, by string) {
	t.Helper()
	if len(r.Audits) != 1 || r.Audits[0].Lost.N == 0 || r.Audits[0].Unexplained != 0 {
		t.Fatalf("nothing lost, or without a cause: %+v", r.Audits)
	}
	for _, run := range r.Audits[0].Lost.Runs {
		if !run.Explained || by != "" && run.LostBy != by || !slices.Contains(append(run.FoundOn, run.OnForks...), node) {
			t.Errorf("lost: %+v", run)
		}
	}
}

// judged wants the expectations that show what an experiment is about to be judged so.
func judged(t *testing.T, r *report.Result, want map[string]verdict.Verdict) {
	t.Helper()
	for _, e := range r.Expectations {
		if v, ok := want[e.Text]; ok && v != e.Verdict {
			t.Errorf("%s: %v, not %v", e.Text, e.Verdict, v)
		}
		delete(want, e.Text)
	}
	if len(want) > 0 {
		t.Errorf("not judged: %v", want)
	}
}
