package fault

import (
	"strings"
	"testing"

	"pgchaos/cluster/link"
)

// TestALinkIsServedAgain: a fault is taken back where a new connection gets through, unless another fault of the link is in force.
func TestALinkIsServedAgain(t *testing.T) {
	w := relayed(t)
	w.impose(t, "cut", link.Shape{BlackHole: true})
	w.impose(t, "other", link.Shape{BlackHole: true})
	for _, step := range []string{"other", "cut"} {
		if err := restore(t.Context(), w.relay, step); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	w.impose(t, "cut", link.Shape{BlackHole: true})
	if err := w.relay.Close(); err != nil {
		t.Fatal(err)
	}
	if err := restore(t.Context(), w.relay, "cut"); err == nil || !strings.Contains(err.Error(), "the fault was taken back, and a new connection ") {
		t.Error(err)
	}
}
