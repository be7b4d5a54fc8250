package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/record"
	"pgchaos/report"
)

// TestNothingIsBrokenWhereTheClusterIsNotHealthy: the standby ends by itself when the load runs. The step that would take the node that is
// left does not begin, nor does one before it that does something to a server and is no fault.
func TestNothingIsBrokenWhereTheClusterIsNotHealthy(t *testing.T) {
	m := meet(t)
	m.mark()
	started := m.Get(t, "n1", "postgres", "select pg_postmaster_start_time()::text")
	cmd := m.command("run", m.file, "--out", m.out, "--set", "timeline=[{at: 2s, name: first, exec: {node: n1, command: echo}}, {kill: n1, for: 1s}, {wait: 60s}]", "--set", "cluster.existing.settle=1s")
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	must(t, cmd.Start())
	m.await("load", func() bool {
		return m.Get(t, "n1", "postgres", "select (count(*) > 0)::text from pg_stat_activity where query like 'insert into%test_data%'") == "true"
	})
	if out, err := exec.Command(filepath.Join(m.Dir, "kill"), "n2").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_ = cmd.Wait() // the exit code says it
	const want = "nothing was broken: the cluster was not healthy before first, the first step that does something to it: n2 "
	if code := cmd.ProcessState.ExitCode(); code != exitInconclusive || !strings.Contains(strings.Join(strings.Fields(text.String()), " "), want) {
		t.Errorf("exit code %d, want %d and %q\n%s", code, exitInconclusive, want, text.String())
	}
	if now := m.Get(t, "n1", "postgres", "select pg_postmaster_start_time()::text"); now != started {
		t.Error("n1 was killed")
	}
	r, err := report.Read(m.out)
	must(t, err)
	for _, e := range r.Timeline {
		if e.Status == record.EventDone {
			t.Errorf("%s was done", e.Name)
		}
	}
	m.unchanged()
}
