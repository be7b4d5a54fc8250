package docker

import (
	"testing"
	"time"

	"pgchaos/cluster"
	"pgchaos/internal/longtest"
)

func TestMemoryThatRunsOutIsHeardOf(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	p := testProvider(t, Options{Memory: 128 << 20})
	h, calm := testServer(t, p, "n1"), testServer(t, p, "n2")
	_, err := h.Exec(t.Context(), cluster.Command{Argv: []string{"perl", "-e", `$x = "x" x (300 << 20)`}})
	if err == nil {
		t.Fatal("300 MB within 128 MB")
	}
	select {
	case a := <-h.Alarms():
		if ago := time.Since(a.At); ago < 0 || ago > time.Minute || a.Kind != cluster.IncidentOutOfMemory {
			t.Errorf("%s, %s ago", a.Kind, ago)
		}
	case <-time.After(time.Minute):
		t.Error("nothing was heard")
	}
	must(t, p.Remove(t.Context()))
	for a := range calm.Alarms() {
		t.Errorf("of n2: %+v", a)
	}
}

// TestServerStartedBySomebodyElse has a server that the engine starts again.
func TestServerStartedBySomebodyElse(t *testing.T) {
	longtest.Only(t)
	t.Parallel()
	p := testProvider(t, Options{Restart: "always"})
	h := testServer(t, p, "n1")
	first := h.Life()
	began := time.Now()
	runIn(t, h, "kill -QUIT $(head -1 "+dataDir(h)+"/postmaster.pid)")
	select {
	case a := <-h.Alarms():
		if a.Kind != cluster.IncidentRestart || a.At.Before(began) {
			t.Errorf("%+v, begun at %s", a, began)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing was heard")
	}
	until(t, "the end of the first life", first.Over) // of which the engine tells apart, perhaps later
	if status, at := first.Exit(); status != "exit status 0" || at.Before(began) || time.Since(at) > time.Minute {
		t.Errorf("the first life ended with %q at %s", status, at)
	}
	if h.Life() == first || h.Life().Over() {
		t.Error("there is no second life")
	}
	until(t, "an answer", func() bool {
		got, err := query(t, h, "select '1'", time.Second)
		return err == nil && got == "1"
	})
	must(t, h.Kill(t.Context()))
	if exitStatus(h) != "signal: killed" {
		t.Errorf("the second life ended with %s", exitStatus(h))
	}
}

func runIn(t *testing.T, h *host, line string) {
	t.Helper()
	_, err := h.Exec(t.Context(), cluster.Command{Argv: []string{"sh", "-c", line}})
	must(t, err)
}
