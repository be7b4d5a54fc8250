package spec

import (
	"strings"
	"testing"
)

// TestASwitchOutlivesItsFault: a dead man's switch that would take a fault back while the report has it in force is refused.
func TestASwitchOutlivesItsFault(t *testing.T) {
	const text = `
name: x
cluster:
  provider: existing
  existing:
    nodes: {n1: {dsn: "postgres://c@db1/c"}, n2: {dsn: "postgres://c@db2/c"}}
    exec: "ssh {host} {command}"
    hooks:
      hang: {do: "stop it", undo: "go on", proof: silent, WITHIN}
load: {writes: {kind: insert, rate: 10/s}}
duration: 60s
timeline:
  - STEP
  - {at: 40s, wait: 1s}
expect: [lost_writes == 0]
`
	for _, c := range []struct{ hook, step, wrong string }{
		{"undo_after: 3s, within: 5s", "{at: 5s, hang: n1, for: 10s}", "undo_after is 3s, and the step hang-n1 is to be in force for 10s, after up to 5s (within)"},
		{"undo_after: 15s, within: 5s", "{at: 5s, hang: n1, for: 10s}", "write an undo_after of more than 15s"},
		{"undo_after: 16s, within: 5s", "{at: 5s, hang: n1, for: 10s}", ""},
		{"undo_after: 39s", "{at: 5s, hang: n1, for: 10s}", "after up to 30s (within)"},
		{"undo_after: 50s, within: 5s", "{at: 5s, hang: n1}", "until the end of the run, 55s later at the earliest"},
		{"undo_after: 61s, within: 5s", "{at: 5s, hang: n1}", ""},
		{"undo_after: 5s, within: 5s", "{hang: n1}", "in force until the end of the run, after up to 5s"},
		{"undo_after: 6s, within: 5s", "{hang: n1}", ""},
		{"within: 5s", "{at: 5s, hang: n1, for: 10s}", ""},
	} {
		file := strings.NewReplacer("WITHIN", c.hook, "STEP", c.step).Replace(text)
		_, _, err := Load("x.yaml", []byte(file), Options{})
		switch {
		case c.wrong == "" && err != nil:
			t.Errorf("%s, %s: %v", c.hook, c.step, err)
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s, %s: %v, want %q", c.hook, c.step, err, c.wrong)
		}
	}
}
