package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestWidthOfTheReport: COLUMNS narrows the report, a width that is none is ignored, and the full
// report is asked for.
func TestWidthOfTheReport(t *testing.T) {
	dir := filepath.Join("..", "..", "report", "testdata", "results", "explained")
	shown := func(columns string, args ...string) string {
		t.Setenv("COLUMNS", columns)
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), append([]string{"report", dir}, args...), nil, &stdout, &stderr); code != exitPass {
			t.Fatalf("exit code %d: %s", code, stderr.String())
		}
		return stdout.String()
	}
	widest := func(text string) (most int) {
		for line := range strings.Lines(text) {
			most = max(most, len(line)-1)
		}
		return most
	}
	if n := widest(shown("60")); n > 60 {
		t.Errorf("%d columns of 60", n)
	}
	for _, columns := range []string{"", "wide", "0", "200"} {
		if n := widest(shown(columns)); n <= 60 || n > 100 {
			t.Errorf("COLUMNS=%q: %d columns, want up to 100", columns, n)
		}
	}
	if text := shown("", "--full"); !strings.Contains(text, "\nResources") || strings.Count(text, "\n") <= 45 {
		t.Errorf("--full prints\n%s", text)
	}
}

// TestRepeatedCommand: what changed the experiment is repeated, and what stood on standard input cannot be.
func TestRepeatedCommand(t *testing.T) {
	f := runFlags{experimentFlags: experimentFlags{set: []string{"load.writes.rate=100/s"}, provider: "docker", seed: 7}, pgBin: "/opt/pg/bin", keep: true}
	got := strings.Join(f.repeated("my.yaml"), " ")
	if want := "run my.yaml --set load.writes.rate=100/s --provider docker --pg-bin /opt/pg/bin"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := f.repeated("-"); got != nil {
		t.Errorf("standard input: %q", got)
	}
}
