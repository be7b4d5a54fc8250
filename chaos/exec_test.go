package chaos

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"pgchaos/cluster"
)

// TestHowACommandEnded: an exit status is an answer, unless the command could not run or
// was killed.
func TestHowACommandEnded(t *testing.T) {
	exit := func(code int) error { return &cluster.ExitError{Code: code, Status: fmt.Sprint("exit status ", code)} }
	for _, tc := range []struct {
		name   string
		err    error
		expect int
		want   string // ok, false, or unknown
	}{
		{"as expected", nil, 0, "ok"},
		{"another status, as expected", exit(3), 3, "ok"},
		{"killed, as expected", exit(137), 137, "ok"},
		{"no such command, as expected", exit(127), 127, "ok"},
		{"another status", exit(1), 0, "false"},
		{"success, where a failure was expected", nil, 1, "false"},
		{"a status above those of signals", exit(255), 0, "false"},
		{"no such command", exit(127), 0, "unknown"},
		{"a command that cannot be run", exit(126), 0, "unknown"},
		{"killed", exit(137), 0, "unknown"},
		{"the node could not be reached", errors.New("no host"), 0, "unknown"},
	} {
		got := "unknown"
		switch err := judgeExit(tc.err, tc.expect); {
		case err == nil:
			got = "ok"
		case errors.Is(err, ErrNotSo):
			got = "false"
		}
		if got != tc.want {
			t.Errorf("%s: %s, not %s", tc.name, got, tc.want)
		}
	}
}

// TestEventsSayWhetherAStepWasAnswered: only the step's own answer counts, not its `when`.
func TestEventsSayWhetherAStepWasAnswered(t *testing.T) {
	fails := func(err error) Action { return func(context.Context, *Act) error { return err } }
	for name, tc := range map[string]struct {
		step  Step
		notSo bool
	}{
		"answered, and false": {Step{Do: fails(fmt.Errorf("%w: 2 and not 1", ErrNotSo))}, true},
		"not answered":        {Step{Do: fails(errors.New("connection refused"))}, false},
		"its condition never came": {Step{
			When: func(context.Context) error { return fmt.Errorf("%w within 1s", ErrNotSo) }, Do: fails(nil),
		}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			line, _ := timeline(func(*log) []Step { return []Step{tc.step} })
			if err := line.Run(t.Context()); err == nil {
				t.Errorf("%s: no error", name)
			}
			if m := line.Events()[0]; m.NotSo != tc.notSo {
				t.Errorf("%s: %+v", name, m)
			}
		})
	}
}
