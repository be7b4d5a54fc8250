package docker

import (
	"testing"
	"time"

	"pgchaos/cluster"
)

func TestMemoryThatRunsOutIsHeardOf(t *testing.T) {
	t.Parallel()
	p := testProvider(t, Options{Memory: 128 << 20})
	h, calm := testServer(t, p, "n1"), testServer(t, p, "n2")
	_, err := h.Exec(t.Context(), cluster.Command{Argv: []string{"perl", "-e", `$x = "x" x (300 << 20)`}})
	if err == nil {
		t.Fatal("300 MB within 128 MB")
	}
	select {
	case at := <-h.OutOfMemory():
		if ago := time.Since(at); ago < 0 || ago > 20*time.Second {
			t.Errorf("it was %s ago", ago)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing was heard")
	}
	must(t, p.Remove(t.Context()))
	for at := range calm.OutOfMemory() {
		t.Errorf("n2 ran out of memory at %s", at)
	}
}
