package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pgchaos/cluster"
	"pgchaos/record"
)

// watched are the nodes that have been primary.
type watched []string

func (w watched) Fresh(context.Context) []record.NodeState { return nil }
func (w watched) BecamePrimary(string)                     {}
func (w watched) Primaries() []string                      { return w }

func TestRoles(t *testing.T) {
	states := []record.NodeState{
		{Node: "a", Reachable: true, Role: record.RolePrimary, Timeline: 2},
		{Node: "b", Role: record.RoleStandby, Timeline: 2, Received: 300, LSN: 100},
		{Node: "c", Role: record.RoleStandby, Timeline: 2, Received: 0, LSN: 200}, // no receiver since its start
		{Node: "d", Role: record.RoleStandby, Timeline: 1, Received: 900, LSN: 900},
		{Node: "e"}, // unreachable: of no role
	}
	s := &Scene{Watch: watched{"d", "x", "a"}}
	for _, tc := range []struct {
		role string
		want []string
	}{
		{"primary", []string{"a"}},
		{"replicas", []string{"b", "c", "d"}},
		{"most_advanced", []string{"b"}},
		{"laggard", []string{"d"}}, // behind by its timeline, whatever its LSN says
		{"former_primary", []string{"x"}},
	} {
		got, err := s.holders(tc.role, states)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.role, diff)
		}
	}
	for _, role := range []string{"most_advanced", "laggard", "any_replica", "replicas", "sync_standby"} {
		if got, err := s.holders(role, states[:1]); err != nil || len(got) != 0 {
			t.Errorf("%s without standbys: %v, %v", role, got, err)
		}
	}
	for role, want := range map[string]string{"primary": "a", "laggard": "d", "former_primary": "x", "replicas": "", "sync_standby": "", "boss": ""} {
		if got, why := s.HolderNow(role, states[:4]); got != want || (why == "") != (want != "") {
			t.Errorf("the holder of %s is %q: %s", role, got, why)
		}
	}
	if _, err := s.holders("boss", states); err == nil {
		t.Error("an unknown role is accepted")
	}
}

func TestConditionSaysWhatIsNotSo(t *testing.T) {
	states := []record.NodeState{
		// A demoted primary may still list a standby that has gone elsewhere.
		{Node: "old", Reachable: true, Role: record.RolePrimary, Timeline: 1,
			Standbys: []record.StandbyState{{Name: "s", State: "streaming", SyncState: "async"}}},
		{Node: "new", Reachable: true, Role: record.RolePrimary, Timeline: 2, LSN: 50,
			Standbys: []record.StandbyState{{Name: "s", State: "startup", SyncState: "quorum"}}},
		{Node: "s", Reachable: true, Role: record.RoleStandby, Timeline: 2, LSN: 40, Streaming: true},
		{Node: "gone", Error: "connection refused"},
		// It has gone past the fork: no LSN of the new primary is as high as its own.
		{Node: "past", Reachable: true, Role: record.RoleStandby, Timeline: 1, LSN: 90},
	}
	for _, tc := range []struct {
		name string
		c    Condition
		want string // "" holds
	}{
		{"a role that is held", Condition{Role: map[string]string{"new": "primary"}}, ""},
		{"a role that is not", Condition{Role: map[string]string{"s": "primary"}}, "s is standby, not primary"},
		{"unreachable is not down", Condition{Role: map[string]string{"gone": "down"}}, "gone is unreachable, not down"},
		{"the highest timeline's word counts", Condition{SyncState: map[string]string{"s": "quorum"}}, ""},
		{"another sync state", Condition{SyncState: map[string]string{"s": "sync"}}, "sync_state of s on new is quorum, not sync"},
		{"not connected at all", Condition{SyncState: map[string]string{"gone": "sync"}}, "sync_state of gone is not connected, not sync"},
		{"startup is not streaming", Condition{Streaming: []string{"s"}}, "s is not streaming on new: startup"},
		{"behind", Condition{CaughtUp: []string{"s"}}, "s has replayed up to 0/28 of 0/32"},
		{"ahead, on the timeline that the primary has left", Condition{CaughtUp: []string{"past"}}, "past has replayed up to 0/5A of timeline 1, and new writes timeline 2"},
		{"the primary itself", Condition{CaughtUp: []string{"new"}}, ""},
		{"a role that no node has", Condition{CaughtUp: []string{"replicas"}}, "no node is replicas now"},
		{"no node of a role streams", Condition{Streaming: []string{"replicas"}}, "no node is replicas now"},
		{"nobody knows", Condition{CaughtUp: []string{"gone"}}, "gone is unreachable: connection refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := strings.Join(tc.c.wrong(states, states[1]), "; "); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAllStreaming(t *testing.T) {
	a := record.NodeState{Node: "a", Reachable: true, Role: record.RolePrimary, Timeline: 2, Standbys: []record.StandbyState{{Name: "b", State: "streaming"}}}
	b := record.NodeState{Node: "b", Reachable: true, Role: record.RoleStandby, Timeline: 2, Streaming: true, Standbys: []record.StandbyState{{Name: "c", State: "streaming"}}}
	c := record.NodeState{Node: "c", Reachable: true, Role: record.RoleStandby, Timeline: 2, Streaming: true}
	second := record.NodeState{Node: "c", Reachable: true, Role: record.RolePrimary, Timeline: 1}
	for name, tc := range map[string]struct {
		states []record.NodeState
		want   string
	}{
		"one follows another standby": {[]record.NodeState{a, b, c}, ""},
		"one does not answer":         {[]record.NodeState{a, b, {Node: "c"}}, "c is unreachable"},
		"two primaries":               {[]record.NodeState{a, b, second}, "a and c are primaries"},
		"no primary":                  {[]record.NodeState{c}, "c is not streaming: not connected; no node is a primary"},
	} {
		if got := strings.Join(Condition{AllStreaming: true}.wrong(tc.states, record.NodeState{}), "; "); got != tc.want {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}

// A machine that is busy answers late: one failed reading must not end a run.
func TestRolesAreLookedUpAgain(t *testing.T) {
	unread := []record.NodeState{{Node: "b", Error: "context canceled"}}
	read := []record.NodeState{{Node: "b", Reachable: true, Role: record.RolePrimary, Timeline: 2}}
	for _, tc := range []struct {
		name  string
		after time.Duration
		want  error
	}{
		{"at once", 0, nil}, {"after two seconds", 2 * time.Second, nil}, {"never", time.Hour, context.DeadlineExceeded},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			holders, err := (&Scene{}).lookUp(t.Context(), []string{"primary"}, func(context.Context) []record.NodeState {
				if time.Since(began) < tc.after {
					return unread
				}
				return read
			})
			names, took := holders["primary"], time.Since(began)
			switch {
			case tc.want == nil && (err != nil || !slices.Equal(names, []string{"b"}) || took > tc.after+pollEvery):
				t.Errorf("%s: %v, %v after %s", tc.name, names, err, took)
			case tc.want != nil && (err == nil || took > lookUpWithin+pollEvery || !strings.Contains(err.Error(), "b is unreachable (context canceled)")):
				t.Errorf("%s: %v after %s", tc.name, err, took)
			}
		})
	}
}

// changing is a cluster of two nodes, of which each reading shows the other one as the primary.
type changing struct{ readings int }

func (w *changing) Fresh(context.Context) []record.NodeState {
	roles := []record.Role{record.RolePrimary, record.RoleStandby}
	w.readings++
	return []record.NodeState{
		{Node: "a", Reachable: true, Role: roles[w.readings%2]},
		{Node: "b", Reachable: true, Role: roles[1-w.readings%2]},
	}
}

func (*changing) BecamePrimary(string) {}
func (*changing) Primaries() []string  { return nil }

func twoNodes(t *testing.T) *cluster.Cluster {
	t.Helper()
	c, err := cluster.New(nil, cluster.Config{Nodes: []cluster.NodeConfig{{Name: "a"}, {Name: "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRolesOfOneStepAreLookedUpInOneReading: between two readings the roles can change, and a node could have been pointed at itself.
func TestRolesOfOneStepAreLookedUpInOneReading(t *testing.T) {
	c := twoNodes(t)
	for _, selectors := range [][]string{{"replicas"}, {"any_replica"}, {"replicas", "laggard"}} {
		w := &changing{}
		follow := NewScene(c, w, rand.New(rand.NewPCG(1, 2))).EachTo(selectors, "primary", func(_ context.Context, act *Act, n, up *cluster.Node) error {
			act.Note("%s follows %s", n.Name(), up.Name())
			return nil
		})
		act := &Act{}
		if err := errors.Join(follow.Prepare(t.Context(), act), follow.Act(t.Context(), act)); err != nil || w.readings != 1 || act.detail != "a follows b" {
			t.Errorf("%v: %q after %d readings, %v", selectors, act.detail, w.readings, err)
		}
	}
	w := &changing{}
	sides, err := NewScene(c, w, nil).Resolve(t.Context(), []string{"primary"}, []string{"replicas"})
	if err != nil || w.readings != 1 || sides[0][0] != c.Node("b") || sides[1][0] != c.Node("a") {
		t.Errorf("the sides of a network: %v after %d readings, %v", sides, w.readings, err)
	}
}
