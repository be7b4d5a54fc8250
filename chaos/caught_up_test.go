package chaos

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/record"
)

// TestCaughtUpWith: the position that caught_up waits for stays where it was, unless there is another primary.
func TestCaughtUpWith(t *testing.T) {
	a := record.NodeState{Node: "a", Timeline: 1, LSN: 50}
	later, promoted, b := a, a, record.NodeState{Node: "b", Timeline: 2, LSN: 20}
	later.LSN, promoted.Timeline, promoted.LSN = 90, 3, 70
	for _, tc := range []struct {
		name                  string
		target, primary, want record.NodeState
	}{
		{"the first look", record.NodeState{}, a, a},
		{"no primary yet", record.NodeState{}, record.NodeState{}, record.NodeState{}},
		{"it has written more", a, later, a},
		{"it is gone", a, record.NodeState{}, a},
		{"another node was promoted, with less", a, b, b},
		{"it was promoted anew", a, promoted, promoted},
	} {
		if diff := cmp.Diff(tc.want, caughtUpWith(tc.target, tc.primary)); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", tc.name, diff)
		}
	}
}

// TestTimelinesOfOneNumber: their forks distinguish them.
func TestTimelinesOfOneNumber(t *testing.T) {
	on := func(timeline uint32, forks ...record.Fork) record.Lineage {
		return record.Lineage{Timeline: timeline, Forks: forks}
	}
	line := on(2, record.Fork{Timeline: 1, At: 0x60})
	for _, tc := range []struct {
		name string
		own  record.Lineage
		want string
	}{
		{"the same", on(2, record.Fork{Timeline: 1, At: 0x60}), ""},
		{"another fork", on(2, record.Fork{Timeline: 1, At: 0x50}), "both have the number 2, and part at 0/50"},
		{"an older one", on(1), "it is on timeline 1, and not on 2"},
	} {
		if got := apart(line, tc.own); got != tc.want {
			t.Errorf("%s: %q", tc.name, got)
		}
	}
}

// TestStreamsFrom: both sides have to say so.
func TestStreamsFrom(t *testing.T) {
	up := record.NodeState{Node: "a", Standbys: []record.StandbyState{{Name: "b", State: "streaming"}, {Name: "c", State: "startup"}, {Name: "d", State: "streaming"}}}
	states := []record.NodeState{up, {Node: "b", Reachable: true, Streaming: true}, {Node: "c", Reachable: true, Streaming: true}, {Node: "d", Reachable: true}}
	for node, want := range map[string]bool{"b": true, "c": false, "d": false, "e": false} {
		if streamsFrom(states, node, "a") != want {
			t.Errorf("%s streams from a: %t", node, !want)
		}
	}
	if streamsFrom(states, "b", "c") {
		t.Error("b streams from a, and not from c")
	}
}

// broken is a cluster whose standby does not stream.
type broken struct{ watched }

func (broken) Fresh(context.Context) []record.NodeState {
	return []record.NodeState{{Node: "a", Reachable: true, Role: record.RolePrimary, LSN: 50}, {Node: "b", Reachable: true, Role: record.RoleStandby, LSN: 40}}
}

// TestOnlyAStatementOfTheFileIsNotSo: what an action waits for itself, and does not come, tells nothing about what the file demands.
func TestOnlyAStatementOfTheFileIsNotSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewScene(twoNodes(t), broken{}, nil)
		c := Condition{CaughtUp: []string{"b"}}
		const why = "not so within 1s: b has replayed up to 0/28 of 0/32"
		if err := s.Await(t.Context(), c, time.Second); err == nil || err.Error() != why || errors.Is(err, ErrNotSo) {
			t.Errorf("of an action: %v", err)
		}
		if err := s.Verify(c, time.Second).Act(t.Context(), &Act{}); err == nil || err.Error() != why || !errors.Is(err, ErrNotSo) {
			t.Errorf("of a verify step: %v", err)
		}
	})
}
