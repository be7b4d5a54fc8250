//go:build long

package main

import (
	"os/exec"
	"testing"
)

// The tests in this file run by `make test-long` alone. Each has a shorter one beside it that runs always.

// TestImageLikeAlpineOnDocker runs an experiment in an image whose shell is busybox,
// and which declares a volume and an entrypoint of its own, as the official ones do. Package docker
// has a test of such an image that runs always.
func TestImageLikeAlpineOnDocker(t *testing.T) {
	p := newDockerPlace(t)
	if out, err := exec.Command("../../scripts/busybox-image.sh").CombinedOutput(); err != nil {
		t.Fatalf("build the image: %v: %s", err, out)
	}
	code, stdout, stderr := p.run(p.onDocker("cmd/pgchaos/testdata/alpine.yaml", "--keep", "--set", "cluster.docker.image=pgchaos/busybox-postgres:15")...)
	if code != exitPass {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	r := p.result()
	if a := r.Audits[0]; a.Lost.N != 0 || !a.Complete {
		t.Errorf("lost %d, complete %v", a.Lost.N, a.Complete)
	}
	if code, out, errs := p.run("clean", r.Run); code != 0 {
		t.Errorf("clean: exit %d, %s%s", code, out, errs)
	}
	p.nothingOnEngine()
}

// TestCleanTakesBackTheFaultOfALaterRunOnDocker is the test of the same name on another provider.
func TestCleanTakesBackTheFaultOfALaterRunOnDocker(t *testing.T) {
	p := newDockerPlace(t)
	runsWithoutPgchaos.Lock()
	defer runsWithoutPgchaos.Unlock()
	builder, dirs := p.killedInItsSecondRun("disconnect", "--provider", "docker",
		"--set", "name="+p.experiment, "--set", "cluster.docker.image="+dockerImage)
	p.cleanTakesBack(builder, "connect b", dirs)
	p.nothingOnEngine()
}
