package runner

import (
	"context"
	"testing"

	"pgchaos/record"
)

// TestWritable: who accepts writes at the end.
func TestWritable(t *testing.T) {
	node := func(name string, role record.Role, writable bool) record.NodeState {
		return record.NodeState{Node: name, Reachable: true, Role: role, Writable: writable}
	}
	open, fenced, standby := node("open", record.RolePrimary, true), node("fenced", record.RolePrimary, false), node("standby", record.RoleStandby, false)
	for _, tt := range []struct {
		name   string
		states []record.NodeState
		want   string
	}{
		{"a primary and its standby", []record.NodeState{open, standby}, "open "},
		{"one that is fenced off, beside it", []record.NodeState{fenced, open}, "open "},
		{"two", []record.NodeState{open, node("other", record.RolePrimary, true)}, "open other "},
		{"the only one is read-only, and is the primary all the same", []record.NodeState{standby, fenced}, "fenced "},
		{"one that was started only to be read", []record.NodeState{open, node("read", record.RolePrimary, true)}, "open "},
	} {
		s := &quiescer{readOnly: func(_ context.Context, node string) bool { return node == "read" }}
		got := ""
		for _, st := range s.writable(t.Context(), tt.states) {
			got += st.Node + " "
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
