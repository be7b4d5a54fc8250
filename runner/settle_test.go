package runner

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster/rowscan"
	"pgchaos/record"
	"pgchaos/report"
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

// deaf is a node that refuses one kind of session at once, and another after some time.
type deaf struct {
	name  string
	after time.Duration
}

func (d deaf) Name() string { return d.name }

func (d deaf) Connect(ctx context.Context, app string) (*pgx.Conn, error) {
	if app == "follow" {
		return nil, errors.New("refused")
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(d.after):
		return nil, errors.New("refused")
	}
}

func (d deaf) State(context.Context) record.NodeState {
	return record.NodeState{Node: d.name, Role: record.RoleStandby}
}

// TestStandbysAreAwaitedAtOnce: two that never catch up take as long as one, and the notes are in the order of the nodes.
func TestStandbysAreAwaitedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := []member{deaf{"a", time.Hour}, deaf{"b", time.Hour}, deaf{"c", time.Hour}}
		s := &quiescer{members: nodes, caughtUp: map[string]struct{}{}, behind: map[string]struct{}{"b": {}, "c": {}}, result: &report.Result{}}
		begun := time.Now()
		s.awaitStandbys(t.Context(), nodes[0], rowscan.Point{}, s.ask(t.Context()))
		if took := time.Since(begun); took != barrierTimeout {
			t.Errorf("it took %s, want %s", took, barrierTimeout)
		}
		notes := s.result.Settle
		if len(notes) != 2 || notes[0].Node != "b" || notes[1].Node != "c" || !strings.HasPrefix(notes[0].Error, "has not caught up with a: ") || len(s.behind) != 2 || len(s.caughtUp) != 0 {
			t.Errorf("%+v, behind %v, caught up %v", notes, s.behind, s.caughtUp)
		}
		s.members = []member{deaf{"a", time.Second}, deaf{"b", time.Second}}
		begun = time.Now()
		s.quiesce(t.Context())
		if took := time.Since(begun); took != time.Second || s.busy {
			t.Errorf("it took %s to find that no node can be reached", took)
		}
	})
}

// TestAPanicOfOneNodeGoesOn where the others are waited for.
func TestAPanicOfOneNodeGoesOn(t *testing.T) {
	others := 0
	defer func() {
		if p := recover(); p == nil || others != 1 {
			t.Errorf("%v, and %d others", p, others)
		}
	}()
	atOnce([]member{deaf{name: "a"}, deaf{name: "b"}}, func(i int, _ member) {
		if i == 0 {
			panic("a bug")
		}
		others++
	})
}
