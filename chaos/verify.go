package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pgchaos/internal/wait"
	"pgchaos/record"
)

// ErrNotSo marks a statement about the cluster that was checked and does not
// hold, as against one that could not be checked.
var ErrNotSo = errors.New("not so")

// ErrNoEffect marks a fault that was done and did not take effect. It says nothing about the cluster, and so never fails a run: the
// run is inconclusive.
var ErrNoEffect = errors.New("it took no effect")

// Condition is a statement about the cluster; everything set in it must hold.
type Condition struct {
	Primary   string            // the one node that is a primary, or AnyPrimary; "": nothing is stated
	Role      map[string]string // node: primary, standby, down
	SyncState map[string]string // node: async, potential, sync, quorum
	Streaming []string          // nodes or roles
	CaughtUp  []string          // nodes or roles
	// AllStreaming: one node is a primary, and every other one streams from the node that it follows.
	AllStreaming bool
}

// Marked is an error with a text of its own, and of the kind that mark is: ErrNotSo or ErrNoEffect, whose text would say nothing more.
func Marked(mark error, format string, args ...any) error {
	return &markedError{fmt.Sprintf(format, args...), mark}
}

type markedError struct {
	text string
	mark error
}

func (e *markedError) Error() string { return e.text }
func (e *markedError) Unwrap() error { return e.mark }

// AnyPrimary is a Condition's Primary where one node has to be the primary, whichever it is.
const AnyPrimary = "any"

// pollEvery is how often a condition is looked at again: cheap for a server, and
// well below what a person can tell.
const pollEvery = 50 * time.Millisecond

// Verify waits until a condition holds, at most within. If it never does, the
// error is an ErrNotSo that says what was seen instead.
func (s *Scene) Verify(c Condition, within time.Duration) Action {
	return Action{Act: func(ctx context.Context, act *Act) error {
		for _, name := range c.nodes() {
			if n := s.Cluster.Node(name); n != nil {
				act.On(n)
			}
		}
		wrong, err := s.await(ctx, c, within)
		if err == nil && len(wrong) > 0 {
			err = fmt.Errorf("%w within %s: %s", ErrNotSo, within, strings.Join(wrong, "; "))
		}
		return err
	}}
}

// Wait does nothing for a while.
func Wait(d time.Duration) Action {
	return Action{Act: func(ctx context.Context, _ *Act) error { return wait.For(ctx, d) }}
}

// Await waits until a condition holds, at most within. Its error is no ErrNotSo: the condition is an action's own, and no statement of the file.
func (s *Scene) Await(ctx context.Context, c Condition, within time.Duration) error {
	wrong, err := s.await(ctx, c, within)
	if err == nil && len(wrong) > 0 {
		err = fmt.Errorf("not so within %s: %s", within, strings.Join(wrong, "; "))
	}
	return err
}

// await waits until a condition holds, at most within, and says what was wrong at the last look.
func (s *Scene) await(ctx context.Context, c Condition, within time.Duration) (wrong []string, err error) {
	// A look that has begun is finished: one cut short would say of every node that
	// it is unreachable.
	waiting, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var target record.NodeState
	for {
		states := s.States(ctx)
		target = caughtUpWith(target, record.Primary(states))
		now, err := s.named(c, states)
		if err != nil {
			return nil, err
		}
		wrong := now.wrong(states, target)
		if len(wrong) == 0 {
			wrong = s.elsewhere(ctx, now.CaughtUp, states, target)
		}
		if len(wrong) == 0 {
			return nil, nil
		}
		if wait.For(waiting, pollEvery) != nil {
			return wrong, nil
		}
	}
}

// named is the condition with the holders of roles in the place of roles: a verify
// waits for a state, so the roles are looked up anew at each look.
func (s *Scene) named(c Condition, states []record.NodeState) (Condition, error) {
	var err error
	resolve := func(selectors []string) (out []string) {
		for _, selector := range selectors {
			if s.Cluster.Node(selector) != nil {
				out = append(out, selector)
				continue
			}
			holders, e := s.holders(selector, states)
			if e != nil {
				err = e
			}
			if len(holders) == 0 {
				holders = []string{selector} // nobody: reported as not there
			}
			out = append(out, holders...)
		}
		return out
	}
	c.Streaming, c.CaughtUp = resolve(c.Streaming), resolve(c.CaughtUp)
	return c, err
}

func (c Condition) nodes() []string {
	var all []string
	all = slices.AppendSeq(all, maps.Keys(c.Role))
	all = slices.AppendSeq(all, maps.Keys(c.SyncState))
	if c.Primary != "" && c.Primary != AnyPrimary {
		all = append(all, c.Primary)
	}
	all = append(append(all, c.Streaming...), c.CaughtUp...)
	slices.Sort(all)
	return slices.Compact(all)
}

// wrong says what does not hold; target is what caught_up is measured by.
func (c Condition) wrong(states []record.NodeState, target record.NodeState) (out []string) {
	byName := map[string]record.NodeState{}
	for _, st := range states {
		byName[st.Node] = st
	}
	out = append(out, onePrimary(states, c.Primary)...)
	for _, name := range slices.Sorted(maps.Keys(c.Role)) {
		if got := string(byName[name].Role); got != c.Role[name] {
			out = append(out, fmt.Sprintf("%s is %s, not %s", name, cmp.Or(got, "unreachable"), c.Role[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.SyncState)) {
		st, on := downstream(states, name)
		if got := cmp.Or(st.SyncState, "not connected"); got != c.SyncState[name] {
			out = append(out, fmt.Sprintf("sync_state of %s%s is %s, not %s", name, on, got, c.SyncState[name]))
		}
	}
	for _, name := range c.Streaming {
		if _, there := byName[name]; !there {
			out = append(out, "no node is "+name+" now")
			continue
		}
		if st, on := downstream(states, name); st.State != "streaming" || !byName[name].Streaming {
			out = append(out, fmt.Sprintf("%s is not streaming%s: %s", name, on, cmp.Or(st.State, "not connected")))
		}
	}
	if c.AllStreaming {
		out = append(out, allStreaming(states)...)
	}
	for _, name := range c.CaughtUp {
		st, there := byName[name]
		if !there { // a role
			out = append(out, "no node is "+name+" now")
		} else if why := behind(st, target); why != "" {
			out = append(out, why)
		}
	}
	return out
}

// onePrimary says why not one node alone is a primary, or not the one that is wanted; want is that of a Condition.
func onePrimary(states []record.NodeState, want string) []string {
	if want == "" {
		return nil
	}
	var primaries []string
	for _, st := range states {
		if st.Role == record.RolePrimary {
			primaries = append(primaries, st.Node)
		}
	}
	switch {
	case len(primaries) == 0:
		return []string{"no node is a primary"}
	case len(primaries) > 1:
		return []string{strings.Join(primaries, " and ") + " are primaries"}
	case want != AnyPrimary && primaries[0] != want:
		return []string{fmt.Sprintf("%s is the primary, not %s", primaries[0], want)}
	}
	return nil
}

// allStreaming says why not one node is the primary and every other one streams.
func allStreaming(states []record.NodeState) (out []string) {
	for _, st := range states {
		if st.Role == record.RolePrimary {
			continue
		}
		if !st.Reachable {
			out = append(out, st.Node+" is unreachable")
		} else if on, upstream := downstream(states, st.Node); on.State != "streaming" || !st.Streaming {
			out = append(out, fmt.Sprintf("%s is not streaming%s: %s", st.Node, upstream, cmp.Or(on.State, "not connected")))
		}
	}
	return append(out, onePrimary(states, AnyPrimary)...)
}

// downstream finds a standby in the pg_stat_replication of the node that it
// streams from, the primary on the highest timeline first.
func downstream(states []record.NodeState, name string) (found record.StandbyState, on string) {
	var best record.NodeState
	for _, st := range states {
		for _, sb := range st.Standbys {
			if sb.Name == name && (best.Node == "" || st.Timeline > best.Timeline) {
				best, found, on = st, sb, " on "+st.Node
			}
		}
	}
	return found, on
}
