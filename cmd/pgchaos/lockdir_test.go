package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgchaos/series"
)

// TestOnePgchaosWorksInADirectory: two that wrote one series.json would each lose what the other has done.
func TestOnePgchaosWorksInADirectory(t *testing.T) {
	p := newPlace(t)
	file := p.write("modes.yaml", modes)
	must(t, os.Mkdir(p.out, 0o755))
	unlock, err := lockDir(p.out)
	must(t, err)
	for name, args := range map[string][]string{
		"a new series": {"run", file, "--out", p.out},
		"resume":       {"run", "--resume", p.out},
		"a search":     {"run", file, "--variant", "local", "--rounds", "1", "--set", "load.writes.rate=10/s", "--find-max", "load.writes.rate", "--out", p.out},
	} {
		if code, _, errs := p.run(args...); code != exitUsage || !strings.Contains(errs, "another pgchaos is at work in it") {
			t.Errorf("%s: exit code %d\n%s", name, code, errs)
		}
	}
	unlock()
	must(t, os.WriteFile(filepath.Join(p.out, series.FileName), []byte("{"), 0o600))
	if code, _, errs := p.run("run", "--resume", p.out); code != exitUsage || !strings.Contains(errs, "damaged") {
		t.Errorf("after the other has ended: exit code %d\n%s", code, errs)
	}
}
