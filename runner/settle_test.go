package runner

import (
	"context"
	"testing"

	"pgchaos/history"
)

// TestWritable: who accepts writes at the end.
func TestWritable(t *testing.T) {
	node := func(name string, role history.Role, writable bool) history.NodeState {
		return history.NodeState{Node: name, Reachable: true, Role: role, Writable: writable}
	}
	open, fenced, standby := node("open", history.RolePrimary, true), node("fenced", history.RolePrimary, false), node("standby", history.RoleStandby, false)
	for _, tt := range []struct {
		name   string
		states []history.NodeState
		want   string
	}{
		{"a primary and its standby", []history.NodeState{open, standby}, "open "},
		{"one that is fenced off, beside it", []history.NodeState{fenced, open}, "open "},
		{"two", []history.NodeState{open, node("other", history.RolePrimary, true)}, "open other "},
		{"the only one is read-only, and is the primary all the same", []history.NodeState{standby, fenced}, "fenced "},
		{"one that was started only to be read", []history.NodeState{open, node("read", history.RolePrimary, true)}, "open "},
	} {
		s := &site{readOnly: func(_ context.Context, node string) bool { return node == "read" }}
		got := ""
		for _, st := range s.writable(t.Context(), tt.states) {
			got += st.Node + " "
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
