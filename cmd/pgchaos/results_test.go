package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgchaos/report"
)

// TestReportOfTheNewest: without a directory, and of a folder of results, the run that began
// last is shown, whatever its directory is called and whenever it was copied.
func TestReportOfTheNewest(t *testing.T) {
	t.Chdir(t.TempDir())
	begun := time.Date(2026, 11, 23, 6, 45, 0, 0, time.UTC)
	for dir, after := range map[string]time.Duration{"results/b": 0, "results/a": time.Hour, "results/c": time.Minute, "nightly/x": 2 * time.Hour} {
		must(t, os.MkdirAll(dir, 0o755))
		must(t, report.Write(dir, &report.Result{Stage: report.StageChecked, Name: "of-" + filepath.Base(dir), Run: "run-1", Started: begun.Add(after)}))
	}
	must(t, os.MkdirAll("results/has-just-begun", 0o755))
	must(t, os.WriteFile("results/has-just-begun/"+report.FileName, nil, 0o600))
	must(t, os.WriteFile("results/notes.txt", []byte("no directory"), 0o600))
	must(t, os.Chtimes("results/b/"+report.FileName, begun.AddDate(1, 0, 0), begun.AddDate(1, 0, 0)))
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"no directory", nil, "results/a"},
		{"the folder", []string{"results"}, "results/a"},
		{"another folder", []string{"nightly"}, "nightly/x"},
		{"a result", []string{"results/c"}, "results/c"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"report"}, tc.args...), nil, &stdout, &stderr)
			if code != exitPass || !strings.Contains(stdout.String(), "of-"+filepath.Base(tc.want)) || !strings.Contains(stdout.String(), tc.want) {
				t.Errorf("exit code %d: %s%s", code, &stderr, &stdout)
			}
		})
	}
	// The newest is damaged: an older one in its place would mislead.
	must(t, os.MkdirAll("results/d", 0o755))
	must(t, os.WriteFile("results/d/"+report.FileName, []byte(`{"schema": "pgchaos.result/2", "st`), 0o600))
	must(t, os.Chtimes("results/d/"+report.FileName, begun.AddDate(0, 1, 0), begun.AddDate(0, 1, 0)))
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"report"}, nil, &stdout, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "results/d") {
		t.Errorf("exit code %d: %s%s", code, &stderr, &stdout)
	}
}
