package fault

import (
	"errors"
	"strings"
	"testing"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// TestConnectionsThatTheKernelDoesNotReset are an error, which says why where the kernel resets none.
func TestConnectionsThatTheKernelDoesNotReset(t *testing.T) {
	if err := stillOpen(cluster.Resets{Reset: 2}); err != nil {
		t.Error(err)
	}
	for says, r := range map[string]cluster.Resets{
		"1 connection is still open, and none was reset: the kernel of the engine's machine lacks CONFIG_INET_DIAG_DESTROY": {Left: 1},
		"2 connections are still open": {Reset: 1, Left: 2},
	} {
		if err := stillOpen(r); !errors.Is(err, chaos.ErrNoEffect) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}
