package outage

import (
	"slices"
	"testing"
	"time"

	"pgchaos/record"
)

// view is one of these states.
func view(states ...record.NodeState) View {
	v := View{}
	for _, s := range states {
		v[s.Node] = s
	}
	return v
}

func TestPrimary(t *testing.T) {
	on := func(node string, timeline uint32) record.NodeState { return primary(node, 5, timeline, 1) }
	unreachable := on("a", 9)
	unreachable.Reachable = false
	for _, c := range []struct {
		name      string
		view      View
		want      string
		accepting []string
	}{
		{"nobody", view(), "", nil},
		{"standbys alone", view(state("a", 5, 's'), state("b", 5, 's')), "", nil},
		{"one", view(on("a", 1), state("b", 5, 's')), "a", []string{"a"}},
		{"one whose timeline was not read", view(on("a", 0)), "a", []string{"a"}},
		{"the newest timeline, whatever its name", view(on("a", 1), on("b", 2), on("c", 1)), "b", []string{"a", "b", "c"}},
		{"by name on one timeline", view(on("c", 2), on("b", 2), on("a", 1)), "b", []string{"a", "b", "c"}},
		{"one that cannot be reached accepts nothing", view(unreachable, on("b", 1)), "b", []string{"b"}},
	} {
		for range 20 { // a map has no order
			if got := c.view.Primary(); got != c.want || !slices.Equal(c.view.accepting(), c.accepting) {
				t.Errorf("%s: %q and %q, want %q and %q", c.name, got, c.view.accepting(), c.want, c.accepting)
			}
		}
	}
}

func TestDemanded(t *testing.T) {
	of := func(node string, at, standbys int) record.Demand {
		return record.Demand{Node: node, At: time.Duration(at), Standbys: standbys}
	}
	for _, c := range []struct {
		name    string
		demands []record.Demand
		want    int
	}{
		{"nothing", nil, 0},
		{"of the primary", []record.Demand{of("a", 0, 1)}, 1},
		{"the newest of it", []record.Demand{of("a", 0, 1), of("a", 50, 2)}, 2},
		{"the newest of it, in whatever order", []record.Demand{of("a", 50, 2), of("a", 0, 1)}, 2},
		{"of two at one moment the later one", []record.Demand{of("a", 50, 1), of("a", 50, 2)}, 2},
		{"none that comes later", []record.Demand{of("a", 0, 1), of("a", 101, 2)}, 1},
		{"its own, though another's is newer", []record.Demand{of("a", 0, 1), of("b", 50, 2)}, 1},
		{"where it has none, the newest of any", []record.Demand{of("b", 0, 1), of("c", 50, 2)}, 2},
		{"the newest of any, in whatever order", []record.Demand{of("c", 50, 2), of("b", 0, 1)}, 2},
		{"of two of others at one moment the later one", []record.Demand{of("b", 50, 1), of("c", 50, 2)}, 2},
	} {
		if got := record.Demanded(c.demands, "a", 100).Standbys; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestRedundant(t *testing.T) {
	catching := [3]string{"c", "catchup", "async"}
	two := []record.Demand{{Node: "a", Standbys: 2}}
	for _, c := range []struct {
		name    string
		view    View
		demands []record.Demand
		before  int
		want    bool
	}{
		{"as many as before", view(state("a", 5, 'p', streams("b", "async"), streams("c", "async"))), nil, 2, true},
		{"fewer than before", view(state("a", 5, 'p', streams("b", "async"), catching)), nil, 2, false},
		{"as many synchronous ones as demanded", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "quorum"))), two, 0, true},
		{"fewer", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "potential"))), two, 0, false},
		{"one of them does not answer", view(state("a", 5, 'p', streams("b", "sync"), streams("c", "quorum")), state("c", 6, '-')), two, 0, false},
		{"no primary", view(state("b", 5, 's')), nil, 0, false},
	} {
		if got := c.view.Redundant(c.demands, time.Second, c.before); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestJoined(t *testing.T) {
	unreachable := func(s record.NodeState) record.NodeState { s.Reachable = false; return s }
	a := state("a", 5, 'p', streams("b", "async"), [3]string{"c", "catchup", "async"})
	for _, c := range []struct {
		name string
		view View
		want bool
	}{
		{"both say so", view(a, state("b", 5, 's')), true},
		{"it does not say so itself", view(a, state("b", 5, 'c')), false},
		{"it does not answer", view(a, unreachable(state("b", 5, 's'))), false},
		{"nobody else says so", view(state("a", 5, 'p'), state("b", 5, 's')), false},
		{"who says so does not answer", view(unreachable(a), state("b", 5, 's')), false},
		{"it is the primary", view(state("b", 5, 'p'), state("a", 5, 's')), true},
		{"it was the primary", view(unreachable(state("b", 5, 'p')), state("a", 5, 's')), false},
	} {
		if got := c.view.Joined("b"); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if view(a, state("c", 5, 's')).Joined("c") {
		t.Error("it streams by its own word, and catches up by the other's")
	}
}
