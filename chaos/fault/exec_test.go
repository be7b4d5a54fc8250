package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/internal/units"
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
		switch err := judgeExit(tc.err, tc.expect, chaos.ErrNotSo, "the command"); {
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

// TestWhatAProofSays: the sentence tells which of the two commands ended how.
func TestWhatAProofSays(t *testing.T) {
	p := &Exec{Command: "true", Proof: "false"}
	exit := func(code int) error { return &cluster.ExitError{Code: code, Status: fmt.Sprint("exit status ", code)} }
	for _, tc := range []struct {
		err  error
		none bool // it is known that there was no effect
		says string
	}{
		{exit(1), true, `the command "true" took no effect: its proof "false" ended with exit status 1, expected exit status 0`},
		{exit(127), false, `the command "true" succeeded, and it is not known whether it took effect: the shell cannot run its proof "false": exit status 127`},
		{exit(137), false, `the command "true" succeeded, and it is not known whether it took effect: a signal ended its proof "false": exit status 137`},
	} {
		if err := p.judgeProof(tc.err); err == nil || err.Error() != tc.says || errors.Is(err, chaos.ErrNoEffect) != tc.none {
			t.Errorf("%v, want %s", err, tc.says)
		}
	}
	if err := p.judgeProof(nil); err != nil {
		t.Error(err)
	}
}

// TestTooFewBackends says so in the singular, too.
func TestTooFewBackends(t *testing.T) {
	for most, says := range map[int]string{
		1: "no backend of the load was found within 5s: client backends",
		3: "there were never 3 backends of the load at the same time within 5s: client backends",
	} {
		if got := (&OnBackends{AtLeast: most, Within: units.Duration(5 * time.Second)}).missed(" of the load"); got != says {
			t.Errorf("%q, want %q", got, says)
		}
	}
}

// TestWhatAnExecLeaves is the command that takes it back, and not the name that the journal has for it.
func TestWhatAnExecLeaves(t *testing.T) {
	r := chaos.Reversal{Kind: execUndoName, Node: "a", Arguments: json.RawMessage(`{"command":"rm -f mark"}`)}
	if got := execUndo().Says(r); got != `the undo "rm -f mark" on a` {
		t.Error(got)
	}
}
