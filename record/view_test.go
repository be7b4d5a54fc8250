package record

import (
	"slices"
	"testing"
	"time"
)

// state is a node as a reading found it: 'p' a primary, 's' a standby that streams, 'c' one that does
// not, '-' a node that could not be read. Standbys are lines of its pg_stat_replication: name, state, sync_state.
func state(node string, at int, role byte, standbys ...[3]string) NodeState {
	s := NodeState{Node: node, At: time.Duration(at) * time.Millisecond, Reachable: role != '-', Streaming: role == 's', Timeline: 1}
	switch role {
	case 'p':
		s.Role = RolePrimary
	case 's', 'c':
		s.Role = RoleStandby
	}
	for _, line := range standbys {
		s.Standbys = append(s.Standbys, StandbyState{Name: line[0], State: line[1], SyncState: line[2]})
	}
	return s
}

// down is a node that certainly does not run.
func down(node string) NodeState {
	s := state(node, 5, '-')
	s.Role = RoleDown
	return s
}

func streams(name, sync string) [3]string { return [3]string{name, "streaming", sync} }

// view is one of these states.
func view(states ...NodeState) View {
	v := View{}
	for _, s := range states {
		v[s.Node] = s
	}
	return v
}

// TestPrimary: of two that were promoted independently neither may be chosen, but clients can write.
func TestPrimary(t *testing.T) {
	on := func(node string, timeline uint32) NodeState {
		s := state(node, 5, 'p')
		s.Timeline = timeline
		return s
	}
	unreachable := on("a", 9)
	unreachable.Reachable = false
	for _, c := range []struct {
		name              string
		view              View
		primary, writable string
		accepting         []string
	}{
		{"no node", view(), "", "", nil},
		{"standbys alone", view(state("a", 5, 's'), state("b", 5, 's')), "", "", nil},
		{"one", view(on("a", 1), state("b", 5, 's')), "a", "a", []string{"a"}},
		{"one whose timeline was not read", view(on("a", 0)), "a", "a", []string{"a"}},
		{"the newest timeline, whatever its name", view(on("a", 1), on("b", 2), on("c", 1)), "b", "b", []string{"a", "b", "c"}},
		{"two on the newest timeline", view(on("c", 2), on("b", 2), on("a", 1)), "", "b", []string{"a", "b", "c"}},
		{"a standby on a newer timeline", view(on("b", 2), state("a", 5, 's')), "b", "b", []string{"b"}},
		{"a node that cannot be reached accepts nothing", view(unreachable, on("b", 1)), "b", "b", []string{"b"}},
	} {
		for range 20 { // a map has no order
			var states []NodeState
			for _, s := range c.view {
				states = append(states, s)
			}
			if got := Primary(states).Node; got != c.primary {
				t.Errorf("%s: the primary is %q, want %q", c.name, got, c.primary)
			}
			if got := c.view.Writable(); got != c.writable || !slices.Equal(c.view.Accepting(), c.accepting) {
				t.Errorf("%s: %q and %q, want %q and %q", c.name, got, c.view.Accepting(), c.writable, c.accepting)
			}
		}
	}
}

func TestDemanded(t *testing.T) {
	of := func(node string, at, standbys int) Demand {
		return Demand{Node: node, At: time.Duration(at), Standbys: standbys}
	}
	for _, c := range []struct {
		name    string
		demands []Demand
		want    int
	}{
		{"nothing", nil, 0},
		{"of the primary", []Demand{of("a", 0, 1)}, 1},
		{"the newest of it", []Demand{of("a", 0, 1), of("a", 50, 2)}, 2},
		{"the newest of it, in whatever order", []Demand{of("a", 50, 2), of("a", 0, 1)}, 2},
		{"of two at one moment the later one", []Demand{of("a", 50, 1), of("a", 50, 2)}, 2},
		{"none that comes later", []Demand{of("a", 0, 1), of("a", 101, 2)}, 1},
		{"its own, though another's is newer", []Demand{of("a", 0, 1), of("b", 50, 2)}, 1},
		{"where it has none, the newest of any", []Demand{of("b", 0, 1), of("c", 50, 2)}, 2},
		{"the newest of any, in whatever order", []Demand{of("c", 50, 2), of("b", 0, 1)}, 2},
		{"of two of others at one moment the later one", []Demand{of("b", 50, 1), of("c", 50, 2)}, 2},
	} {
		if got := Demanded(c.demands, "a", 100).Standbys; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestRedundant(t *testing.T) {
	catching := [3]string{"c", "catchup", "async"}
	two := []Demand{{Node: "a", Standbys: 2}}
	silent := state("b", 7, 's')
	silent.Streaming = false
	for _, c := range []struct {
		name    string
		view    View
		demands []Demand
		before  int
		want    Truth
	}{
		{"as many as before", view(state("a", 5, 'p', streams("b", "async"), streams("c", "async"))), nil, 2, True},
		{"fewer than before", view(state("a", 5, 'p', streams("b", "async"), catching)), nil, 2, False},
		{"as many synchronous ones as demanded", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "quorum"))), two, 0, True},
		{"fewer", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "potential"))), two, 0, False},
		{"one of them does not answer", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "quorum")), state("c", 6, '-')), two, 0, NotKnown},
		{"one of them does not run", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "quorum")), down("c")), two, 0, False},
		{"one of them does not answer, and there are not enough with it", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "potential")), state("c", 6, '-')), two, 0, False},
		{"one of them does not answer, and there are enough without it", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "quorum"), streams("d", "quorum")), state("c", 6, '-')), two, 0, True},
		{"one does not answer, and there were not more before", view(state("a", 5, 'p', streams("b", "async"), streams("c", "async")), state("c", 6, '-')), nil, 1, True},
		{"one does not answer, and may be the missing one", view(state("a", 5, 'p', streams("b", "async"), streams("c", "async")), state("c", 6, '-')), nil, 2, NotKnown},
		{"one of them was started again behind a cut", view(state("a", 5, 'p', streams("b", "async"), streams("c", "async")), state("c", 6, 's'), silent), nil, 2, False},
		{"both say that they stream", view(state("a", 5, 'p', streams("b", "async"), streams("c", "async")), state("c", 6, 's')), nil, 2, True},
		{"no primary", view(state("b", 5, 's'), down("a")), nil, 0, False},
		{"nobody knows whether there is a primary", view(state("b", 5, 's'), state("a", 5, '-')), nil, 0, NotKnown},
	} {
		if got := c.view.Redundant(c.demands, time.Second, Count{c.before, c.before}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestJoined(t *testing.T) {
	unreachable := func(s NodeState) NodeState { s.Reachable = false; return s }
	a := state("a", 5, 'p', streams("b", "async"), [3]string{"c", "catchup", "async"})
	for _, c := range []struct {
		name string
		view View
		want Truth
	}{
		{"both say so", view(a, state("b", 5, 's')), True},
		{"it does not say so itself", view(a, state("b", 5, 'c')), False},
		{"it does not answer", view(a, unreachable(state("b", 5, 's'))), NotKnown},
		{"it does not answer, and streams from nobody", view(state("a", 5, 'p'), unreachable(state("b", 5, 's'))), False},
		{"it does not answer, nor does a node that it may stream from", view(state("a", 5, 'p'), unreachable(state("b", 5, 's')), state("c", 5, '-')), NotKnown},
		{"it does not answer, and may be the primary", view(state("a", 5, 's'), unreachable(state("b", 5, 'p'))), NotKnown},
		{"it does not run", view(a, down("b")), False},
		{"nobody has ever read it", view(a), NotKnown},
		{"nobody else says so", view(state("a", 5, 'p'), state("b", 5, 's')), False},
		{"who says so does not answer", view(unreachable(a), state("b", 5, 's')), NotKnown},
		{"who said so does not run", view(down("a"), state("b", 5, 's')), False},
		{"it is the primary", view(state("b", 5, 'p'), state("a", 5, 's')), True},
		{"it was the primary", view(down("b"), state("a", 5, 's')), False},
	} {
		if got := c.view.Joined("b"); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if view(a, state("c", 5, 's')).Joined("c") != False {
		t.Error("it streams by its own word, and catches up by the other's")
	}
}

// TestReaches: of two numbers that are known from and to, one is certainly at least the other where its least is at least the other's most.
func TestReaches(t *testing.T) {
	for _, c := range []struct {
		is, other Count
		want      Truth
	}{
		{Count{2, 2}, Count{2, 2}, True},
		{Count{1, 1}, Count{2, 2}, False},
		{Count{1, 2}, Count{2, 2}, NotKnown},
		{Count{1, 1}, Count{1, 2}, NotKnown},
		{Count{1, 2}, Count{1, 2}, NotKnown},
		{Count{2, 3}, Count{1, 2}, True},
		{Count{0, 1}, Count{2, 3}, False},
		{Count{0, 2}, Count{2, 3}, NotKnown},
	} {
		if got := c.is.reaches(c.other); got != c.want {
			t.Errorf("%v reaches %v: %v, want %v", c.is, c.other, got, c.want)
		}
	}
}
