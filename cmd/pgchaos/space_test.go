package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"pgchaos/internal/skip"
	"pgchaos/verdict"
)

// TestStopsBeforeTheDiskIsFull gives a run a small disk of its own, which the servers' WAL fills.
func TestStopsBeforeTheDiskIsFull(t *testing.T) {
	p := newPlace(t)
	if os.Geteuid() != 0 {
		skip.Test(t, "a disk of its own can be made by root alone")
	}
	must(t, os.Mkdir(p.base, 0o711))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=420m,mode=711", "none", p.base).CombinedOutput(); err != nil {
		skip.Test(t, "this machine mounts nothing: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", p.base).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	file := p.write("full.yaml", `
name: full
cluster: {nodes: [a], settings: {max_wal_size: 4GB}}
load:
  w: {kind: insert, payload: 8000, rows: 10, clients: 2}
duration: 120s
`)
	code, out, errs := p.run("run", file, "--out", p.out)
	r := p.result()
	if code != exitInconclusive || !strings.Contains(r.Stopped, "was left on the disk of "+p.base) || r.Verdict != verdict.Inconclusive || !strings.Contains(out, "the run was stopped") {
		t.Errorf("exit code %d, stopped %q\n%s\n%s", code, r.Stopped, out, errs)
	}
	if len(r.Audits) != 1 || !r.Audits[0].Complete || r.Audits[0].Lost.N != 0 {
		t.Errorf("what was written was not audited: %+v", r.Audits)
	}
	if r.Interrupted {
		t.Error("it counts as interrupted by the user")
	}
	if out, err := exec.Command("dd", "if=/dev/zero", "of="+p.base+"/filler", "bs=1M", "count=200").CombinedOutput(); err != nil {
		t.Fatalf("dd: %v: %s", err, out)
	}
	if code, _, errs := p.run("run", file, "--out", p.out+"-2"); code != exitUsage || !strings.Contains(errs, "is free in "+p.base) {
		t.Errorf("too full from the beginning: exit code %d: %s", code, errs)
	}
}
