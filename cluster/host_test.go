package cluster_test

import (
	"io"
	"strings"
	"testing"

	"pgchaos/cluster"
)

// TestOutputIsBounded: a copy of what a command writes, as os/exec makes it, does not keep more than is to be kept.
func TestOutputIsBounded(t *testing.T) {
	s := cluster.Command{Keep: 10}.Sink()
	if _, err := io.Copy(s, io.LimitReader(strings.NewReader(strings.Repeat("x", 100)), 50)); err != nil {
		t.Fatal(err)
	}
	if s.String() != strings.Repeat("x", 10) {
		t.Errorf("%d bytes", len(s.String()))
	}
}

func TestComplaint(t *testing.T) {
	if got := cluster.Complaint("  short\n"); got != "short" {
		t.Errorf("got %q", got)
	}
	if got := cluster.Complaint(strings.Repeat("é", 3000)); len(got) > 2048 || strings.Trim(got, "é") != "" {
		t.Errorf("cut inside a character: %q", got)
	}
}
