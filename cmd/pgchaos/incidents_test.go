package main

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgchaos/outage"
	"pgchaos/record"
	"pgchaos/report"
)

// TestWhatNobodyAskedFor ends one process of the primary from outside: the server
// recovers within a second, and the run still cannot count as what was planned.
func TestWhatNobodyAskedFor(t *testing.T) {
	p := newPlace(t)
	cmd := p.underLoad("run", p.write("calm.yaml", `
name: calm
cluster: {nodes: [a, b]}
load:
  writes: {kind: insert, clients: 2, rate: 50/s}
timeline:
  - {wait: 10s}
expect:
  - lost_writes == 0
`), "--out", p.out)
	// The state of the node has to be read before, and again when the server has recovered: on a busy machine each takes a while.
	time.Sleep(2 * time.Second)
	victims := slices.DeleteFunc(p.processes(), func(line string) bool { return !strings.Contains(line, " postgres: a: walwriter") })
	if len(victims) != 1 {
		t.Fatalf("the WAL writers of a: %q", victims)
	}
	pid, err := strconv.Atoi(strings.Fields(victims[0])[0])
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	_ = cmd.Wait() // the exit code says it
	if code := cmd.ProcessState.ExitCode(); code != exitInconclusive {
		t.Errorf("exit code %d", code)
	}
	r := p.result()
	seen := eventNamed(t, r, func(m record.Event) bool { return m.Action == "crash" })
	if seen.Name != "crash-a" || seen.Status != record.EventSeen || !seen.Fault || seen.Effective < 500*time.Millisecond {
		t.Errorf("%+v", seen)
	}
	hasNoMoment(t, r, seen)
	if len(r.Reasons) != 1 || !strings.Contains(r.Reasons[0], "a recovered from a crash of one of its processes") {
		t.Errorf("%q", r.Reasons)
	}
	p.nothingLeft()
}

// hasNoMoment: when it happened nobody knows, and clients were out for a time from and to.
func hasNoMoment(t *testing.T, r *report.Result, seen record.Event) {
	t.Helper()
	if seen.Issued >= seen.Effective || len(r.Outages) != 1 || len(r.Recoveries) != 1 {
		t.Fatalf("%+v, %+v, %+v", seen, r.Outages, r.Recoveries)
	}
	if o := r.Outages[0]; !o.Noticed || !o.Recovered || o.Errors == 0 || o.Most <= o.RTO || o.Most > seen.Effective-seen.Issued+o.RTO {
		t.Errorf("%+v", o)
	}
	rec := r.Recoveries[0]
	// How soon its standby comes back is another matter: it may wait for wal_retrieve_retry_interval.
	moments := slices.DeleteFunc(slices.Clone(rec.Caveats), func(c string) bool { return strings.Contains(c, "wal_retrieve_retry_interval") })
	if !rec.Noticed || len(moments) != 1 || rec.NewPrimary != "a" || rec.Writable.State != outage.StageReached {
		t.Errorf("%+v", rec)
	}
}
