package cluster

import (
	"maps"
	"slices"
	"testing"
)

// TestCancelledIn: only a message of a cancelled statement or wait, after the mark, counts.
func TestCancelledIn(t *testing.T) {
	const (
		at     = "2026-11-29 10:00:00.000 UTC "
		mark   = "[9] 01000 postgres@chaos/fault WARNING:  pgchaos-mark-x\n"
		cancel = " 57014 load@chaos/load/writes ERROR:  canceling statement due to user request\n"
	)
	for _, c := range []struct {
		name, log string
		want      []int32
		known     bool
	}{
		{"no log", "", nil, false},
		{"no mark", at + "[7]" + cancel, nil, false},
		{"another mark", at + "[9] 01000 WARNING:  pgchaos-mark-xy\n" + at + "[7]" + cancel, nil, false},
		{"a mark that is no warning", at + "[9] 00000 LOG:  pgchaos-mark-x\n" + at + "[7]" + cancel, nil, false},
		{"a statement, after it", at + mark + at + "[7]" + cancel, []int32{7}, true},
		{"and before it", at + "[6]" + cancel + at + mark + at + "[7]" + cancel, []int32{7}, true},
		{"a wait", at + mark + at + "[7] 01000 load@chaos/load/writes WARNING:  canceling wait for synchronous replication due to user request\n", []int32{7}, true},
		{"a time-out", at + mark + at + "[7] 57014 load@chaos/load/writes ERROR:  canceling statement due to statement timeout\n", nil, true},
		{"another warning", at + mark + at + "[7] 01000 load@chaos/load/writes WARNING:  there is no transaction in progress\n", nil, true},
		{"a text in a statement", at + mark + at + "[7] 42601 load@chaos/load/writes STATEMENT:  select 'ERROR:  canceling statement due to user request'\n", nil, true},
		{"another prefix", at + mark + at + "[7] ERROR:  canceling statement due to user request\n", nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, known := cancelledIn(c.log, "pgchaos-mark-x")
			if pids := slices.Sorted(maps.Keys(got)); known != c.known || !slices.Equal(pids, c.want) {
				t.Errorf("%v, %v; want %v, %v", pids, known, c.want, c.known)
			}
		})
	}
}
