package fault

import (
	"errors"
	"fmt"
	"testing"

	"pgchaos/chaos"
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
		switch err := judgeExit(tc.err, tc.expect, chaos.ErrNotSo); {
		case err == nil:
			got = "ok"
		case errors.Is(err, chaos.ErrNotSo):
			got = "false"
		}
		if got != tc.want {
			t.Errorf("%s: %s, not %s", tc.name, got, tc.want)
		}
	}
}
