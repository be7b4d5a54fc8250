package runner_test

import (
	"strings"
	"testing"
	"time"

	"pgchaos/internal/longtest"
	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/verdict"
)

const hopeless = `
name: hopeless
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
  broken: {kind: sql, sql: select 1/0, clients: 1, rate: 50/s}
timeline:
  - {at: 1s, pause: b}
  - {at: 59s, resume: b}
duration: 1m
`

// TestHopelessRunEndsEarly: what it broke is taken back, what it wrote is audited, and the result says why it ended.
func TestHopelessRunEndsEarly(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		more, list, by string
		want           verdict.Verdict
	}{
		"by abort_on": {
			"abort_on: [p99 of writes > 4s, error_rate of broken > 50% for 2s]\nexpect: [lost_writes == 0]",
			"abort_on", "error_rate of broken > 50% for 2s", verdict.Inconclusive,
		},
		"by an expectation": {
			"expect: [lost_writes == 0, {that: throughput of writes in any 2s > 1000/s, abort: true}]",
			"expect", "throughput of writes in any 2s > 1000/s", verdict.Fail,
		},
	} {
		if name != "by abort_on" && !longtest.Enabled {
			continue
		}
		t.Run(name, func(t *testing.T) {
			hopelessRun(t, hopeless+tt.more, tt.list, tt.by, tt.want)
		})
	}
}

func hopelessRun(t *testing.T, text, list, by string, want verdict.Verdict) {
	t.Helper()
	result, err := run(t, t.Context(), testProvider(t), text, observer{})
	if err != nil {
		t.Fatal(err)
	}
	if want := "and " + list + " has: " + by; !strings.HasPrefix(result.Stopped, "aborted at ") || !strings.HasSuffix(result.Stopped, want) {
		t.Errorf("it stopped because of %q, want %q", result.Stopped, want)
	}
	if result.AbortedBy != by {
		t.Errorf("it was aborted by %q, want %q", result.AbortedBy, by)
	}
	if result.Duration > 30*time.Second || result.Stage != report.StageChecked || len(result.Audits) != 1 {
		t.Errorf("the load ran for %s, and the run came to the stage %q with %d audits", result.Duration, result.Stage, len(result.Audits))
	}
	if result.Verdict != want || result.Interrupted {
		t.Errorf("the verdict is %s, interrupted %v: %v", result.Verdict, result.Interrupted, result.Reasons)
	}
	for _, n := range result.States {
		if n.Node == "b" && n.Final.Role != record.RoleStandby {
			t.Errorf("b is a %q at the end, want a standby: its pause was to be taken back", n.Final.Role)
		}
	}
}
