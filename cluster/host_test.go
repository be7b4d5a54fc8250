package cluster_test

import (
	"strings"
	"testing"

	"pgchaos/cluster"
)

func TestComplaint(t *testing.T) {
	if got := cluster.Complaint("  short\n"); got != "short" {
		t.Errorf("got %q", got)
	}
	if got := cluster.Complaint(strings.Repeat("é", 3000)); len(got) > 2048 || strings.Trim(got, "é") != "" {
		t.Errorf("cut inside a character: %q", got)
	}
}
