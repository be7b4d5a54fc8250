package runner_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
	"pgchaos/report"
	"pgchaos/runner"
)

// TestWhatAKillWouldLeave looks at the result directory while the run goes on, and
// when its cluster is gone.
func TestWhatAKillWouldLeave(t *testing.T) {
	provider := testProvider(t)
	out := t.TempDir()
	files := []string{runner.AccessFile, runner.Passfile}
	o := observer{begin: func(m record.Event) {
		for _, name := range files {
			info, err := os.Stat(filepath.Join(out, name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s at %s: %v, %v", name, m.Name, info, err)
			}
		}
		j, err := runner.ReadJournal(out)
		if !slices.ContainsFunc(j.Events, func(e record.Event) bool { return e.Name == m.Name }) || err != nil {
			t.Errorf("the journal at %s: %+v, %v", m.Name, j.Events, err)
		}
	}}
	if _, err := runner.Run(t.Context(), plan(t, short), on(provider), o.sinks(), runner.Options{Out: out}); err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if _, err := os.Stat(filepath.Join(out, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s leads to a cluster that is gone (%v)", name, err)
		}
	}
	r, err := report.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	j, err := runner.ReadJournal(out)
	if err != nil {
		t.Fatal(err)
	}
	j.Phases[len(j.Phases)-1].End = r.Duration
	if diff := cmp.Diff(r.Timeline, j.Events) + cmp.Diff(r.Phases, j.Phases); diff != "" {
		t.Errorf("the result and the journal differ:\n%s", diff)
	}
	if !j.Started.Equal(r.Started) || j.Run != r.Run {
		t.Errorf("the journal is of %s, begun at %s", j.Run, j.Started)
	}
}
