package runner

import (
	"slices"
	"testing"

	"pgchaos/spec"
)

// TestWhoCommits: the synchronous_commit that sessions get counts where a workload writes without one of its own.
func TestWhoCommits(t *testing.T) {
	for name, c := range map[string]struct {
		load    string
		commits bool
		ways    []bool // for each way of its own
	}{
		"writes":                    {"w: {rate: 10/s, kind: insert}", true, nil},
		"with its own":              {"w: {rate: 10/s, kind: insert, synchronous_commit: remote_apply}", false, nil},
		"one with, one without":     {"w: {rate: 10/s, kind: insert, synchronous_commit: 'on'}, u: {rate: 10/s, kind: update}", true, nil},
		"reads beside":              {"w: {rate: 10/s, kind: insert, synchronous_commit: 'on'}, r: {rate: 10/s, kind: read}", false, nil},
		"reads the primary":         {"w: {rate: 10/s, kind: insert, synchronous_commit: 'on'}, r: {rate: 10/s, kind: read, target: primary}", false, nil},
		"any statement":             {"w: {rate: 10/s, kind: sql, sql: select 1}", true, nil},
		"a statement, read only":    {"w: {rate: 10/s, kind: sql, sql: select 1, read_only: true}", false, nil},
		"a mix":                     {"w: {rate: 10/s, kind: mix, mix: [{kind: read}, {kind: insert}]}", true, nil},
		"a mix of reads":            {"w: {rate: 10/s, kind: mix, mix: [{kind: read}, {kind: read, name: again}]}", false, nil},
		"by a url":                  {"w: {rate: 10/s, kind: insert, url: 'postgres://db9/chaos'}", true, []bool{true}},
		"by a url, with its own":    {"w: {rate: 10/s, kind: insert, url: 'postgres://db9/chaos', synchronous_commit: 'on'}", false, []bool{false}},
		"reads by a url":            {"w: {rate: 10/s, kind: read, target: primary, url: 'postgres://db9/chaos'}", false, []bool{false}},
		"a mix of reads by a url":   {"w: {rate: 10/s, kind: mix, mix: [{kind: read}, {kind: read, name: again}], url: 'postgres://db9/chaos'}", false, []bool{false}},
		"by settings of its own":    {"w: {rate: 10/s, kind: insert, connection: {options: -c synchronous_commit=off}}", true, []bool{true}},
		"by clients, as they stand": {"w: {rate: 10/s, kind: insert, url: 'postgres://lb/chaos'}", true, nil},
	} {
		text := `
name: x
cluster:
  provider: existing
  existing:
    clients: "postgres://lb/chaos"
    nodes:
      n1: {dsn: "postgres://chaos@db1/chaos"}
      n2: {dsn: "postgres://chaos@db2/chaos"}
load: {` + c.load + `}
duration: 5s
`
		e, _, err := spec.Load("x.yaml", []byte(text), spec.Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		x, err := Existing(e, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var ways []bool
		for _, way := range x.Ways {
			ways = append(ways, way.Commits)
		}
		if x.Commits != c.commits || !slices.Equal(ways, c.ways) {
			t.Errorf("%s: commits %v, ways %v, want %v, %v", name, x.Commits, ways, c.commits, c.ways)
		}
	}
}
