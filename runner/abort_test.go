package runner

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pgchaos/expect"
	"pgchaos/load"
	"pgchaos/record"
)

func TestAbortReason(t *testing.T) {
	of := func(ok, failed, unknown, dropped int64) load.Recent {
		return load.Recent{From: 10 * time.Second, To: 20 * time.Second, OK: ok, Errors: failed + unknown, Dropped: dropped}
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
		_, got := abortReason([]expect.Abort{a}, 20*time.Second, func(workload string, from, to time.Duration) (load.Recent, bool) {
			if workload != "writes" || from != 10*time.Second || to != 20*time.Second {
				t.Errorf("%s: asked for %s to %s of %s", tc.name, from, to, workload)
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
	recent := load.Recent{From: 18 * time.Second, To: 20 * time.Second, OK: 90, Errors: 4, Dropped: 6}
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
		_, got := abortReason([]expect.Abort{a}, 20*time.Second, func(string, time.Duration, time.Duration) (load.Recent, bool) { return recent, true })
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestAbortComesAtOnce: a quarter of a second after the end of the step in which an expectation is broken, and no window is passed over.
func TestAbortComesAtOnce(t *testing.T) {
	const ms = time.Millisecond
	failed := 1350 * ms // when the only error ended; it took 2 s
	for name, tt := range map[string]struct {
		text  string
		stall time.Duration // of the machine, at the first look
		at    time.Duration
		want  string
	}{
		"counts, by tenths of a second": {
			"errors of writes in any 500ms == 0", 0, 1400*ms + abortLate,
			"aborted at 1.400 s: errors of writes was 1 in the last 500ms, and expect has: errors of writes in any 500ms == 0",
		},
		"times, by the second": {
			"max of writes in any 1s < 1s", 0, 2*time.Second + abortLate,
			"aborted at 2.000 s: max of writes was 2 s in the last 1 second, and expect has: max of writes in any 1s < 1s",
		},
		"counts, after the machine stood still": {
			"errors of writes in any 500ms == 0", 5 * time.Second, 100*ms + abortLate + 5*time.Second,
			"aborted at 1.400 s: errors of writes was 1 in the last 500ms, and expect has: errors of writes in any 500ms == 0",
		},
		"times, after the machine stood still": {
			"max of writes in any 1s < 1s", 5 * time.Second, time.Second + abortLate + 5*time.Second,
			"aborted at 2.000 s: max of writes was 2 s in the last 1 second, and expect has: max of writes in any 1s < 1s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, err := expect.AbortWhenBroken(tt.text)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				clock := record.StartClock()
				stall := tt.stall
				by, reason := awaitAbort(ctx, clock, []expect.Abort{a}, func(_ string, from, to time.Duration) (load.Recent, bool) {
					time.Sleep(stall)
					stall = 0
					of := load.Recent{From: from, To: to, OK: 10}
					if from <= failed && failed < to {
						of.Errors = 1
						of.Response.Count, of.Response.Max = 11, 2*time.Second
					}
					return of, from >= 0
				})
				if now := clock.Now(); now != tt.at || reason != tt.want || by.Text != tt.text {
					t.Errorf("after %s, want %s: %q of %q", now, tt.at, reason, by.Text)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) { // nothing is broken
		a, err := expect.AbortWhenBroken("errors of writes in any 500ms == 0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		looks := 0
		_, reason := awaitAbort(ctx, record.StartClock(), []expect.Abort{a}, func(_ string, from, to time.Duration) (load.Recent, bool) {
			looks++
			return load.Recent{From: from, To: to, OK: 1}, true
		})
		if reason != "" || looks != 598 {
			t.Errorf("%q after %d looks", reason, looks)
		}
	})
}
