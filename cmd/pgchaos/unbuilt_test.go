package main

import (
	"os"
	"strings"
	"testing"

	"pgchaos/verdict"
)

// TestARunThatFailsBeforeItsLoad says why, and nothing beside it, and leaves no empty file of samples.
func TestARunThatFailsBeforeItsLoad(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, want string }{
		{"while it builds the cluster", "cluster: {nodes: [a], settings: {shared_preload_libraries: nothere}}\nload: {w: {kind: insert}}\nduration: 1s\n", `could not access file "nothere"`},
		{"while it prepares the load", "cluster: {nodes: [a]}\nload: {setup: select 1/0;, w: {kind: insert}}\nduration: 1s\n", "division by zero"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			file := p.write("x.yaml", "name: x\n"+tt.file)
			names := []string{"samples.jsonl", "samples.jtl", "series.csv", "times.hlog"}
			args := []string{"run", file, "--out", p.out}
			for i, flag := range []string{"--out-samples", "--out-jtl", "--out-csv", "--out-hlog"} {
				names[i] = p.out + "-" + names[i]
				args = append(args, flag, names[i])
			}
			code, stdout, stderr := p.run(args...)
			r := p.result()
			if code != exitFailed || r.Verdict != verdict.Inconclusive || len(r.Reasons) != 1 || !strings.Contains(r.Reasons[0], tt.want) {
				t.Errorf("exit code %d, verdict %s because %q\n%s%s", code, r.Verdict, r.Reasons, stdout, stderr)
			}
			if text := strings.Join(strings.Fields(stdout), " "); strings.Count(text, tt.want) != 1 || strings.Contains(text, "how far") || strings.Contains(text, "pgchaos audit") {
				t.Errorf("the report:\n%s", stdout)
			}
			for _, name := range names {
				if _, err := os.Stat(name); err == nil {
					t.Errorf("%s was left", name)
				}
			}
			p.nothingLeft()
		})
	}
}
