package runner

import (
	"testing"
	"time"

	"pgchaos/expect"
	"pgchaos/load"
	"pgchaos/record"
)

func TestAbortReason(t *testing.T) {
	of := func(ok, failed, unknown, dropped int64) load.Recent {
		r := load.Recent{From: 10 * time.Second, To: 20 * time.Second}
		r.Outcomes[record.OK], r.Outcomes[record.Failed], r.Outcomes[record.Unknown], r.Outcomes[record.Dropped] = ok, failed, unknown, dropped
		return r
	}
	for _, tc := range []struct {
		name, condition string
		recent          load.Recent
		running         bool
		want            string
	}{
		{"all is well", "error_rate of writes > 50%", of(100, 0, 0, 0), true, ""},
		{"half of them fail", "error_rate of writes > 50%", of(50, 50, 0, 0), true, ""},
		{"most of them fail", "error_rate of writes > 50% for 10s", of(40, 20, 20, 20), true,
			"aborted at 20.000 s: error_rate of writes was 60 % in the last 10 seconds, and abort_on has: error_rate of writes > 50% for 10s"},
		{"it does not run", "error_rate of writes > 50%", of(0, 100, 0, 0), false, ""},
		{"nothing ended, so that no share is known", "error_rate of writes >= 0%", of(0, 0, 0, 0), true, ""},
		{"nothing ended, so that no time is known", "p99 of writes >= 0s", of(0, 0, 0, 0), true, ""},
		{"nothing ended, and that is a throughput", "throughput of writes < 1/s for 10s", of(0, 0, 0, 0), true,
			"aborted at 20.000 s: throughput of writes was 0 /s in the last 10 seconds, and abort_on has: throughput of writes < 1/s for 10s"},
		{"the rate is not achieved", "achieved_rate of writes < 90%", of(80, 0, 0, 20), true,
			"aborted at 20.000 s: achieved_rate of writes was 80 % in the last 10 seconds, and abort_on has: achieved_rate of writes < 90%"},
	} {
		a, err := expect.ParseAbort(tc.condition)
		if err != nil {
			t.Fatal(err)
		}
		_, got := abortReason([]expect.Abort{a}, func(workload string, seconds int) (load.Recent, bool) {
			if workload != "writes" || seconds != 10 {
				t.Errorf("%s: asked for %d seconds of %s", tc.name, seconds, workload)
			}
			return tc.recent, tc.running
		})
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestBrokenExpectationAborts: an expectation with abort ends the run where it is broken, and not before.
func TestBrokenExpectationAborts(t *testing.T) {
	recent := load.Recent{From: 18 * time.Second, To: 20 * time.Second}
	recent.Outcomes[record.OK], recent.Outcomes[record.Failed], recent.Outcomes[record.Dropped] = 90, 4, 6
	for text, want := range map[string]string{
		"errors of writes in any 2s <= 3":       "aborted at 20.000 s: errors of writes was 4 in the last 2 seconds, and expect has: errors of writes in any 2s <= 3",
		"errors of writes in any 2s <= 4":       "",
		"dropped of writes in any 2s < 6":       "aborted at 20.000 s: dropped of writes was 6 in the last 2 seconds, and expect has: dropped of writes in any 2s < 6",
		"samples of writes in any 2s >= 94":     "",
		"throughput of writes in any 2s > 40/s": "",
		"error_rate of writes in any 2s < 10%":  "aborted at 20.000 s: error_rate of writes was 10 % in the last 2 seconds, and expect has: error_rate of writes in any 2s < 10%",
	} {
		a, err := expect.AbortWhenBroken(text)
		if err != nil {
			t.Fatal(err)
		}
		_, got := abortReason([]expect.Abort{a}, func(string, int) (load.Recent, bool) { return recent, true })
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
