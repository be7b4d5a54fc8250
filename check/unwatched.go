package check

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"pgchaos/history"
	"pgchaos/history/ledger"
)

// Unwatched is a time in which nothing shows that a node accepted no writes, while the
// readings prove that another one did: whether there was a split brain is not known.
type Unwatched struct {
	Node   string        `json:"node"`
	Beside ledger.Server `json:"beside"`
	From   time.Duration `json:"from_ns"`
	To     time.Duration `json:"to_ns"`
}

// String says who, and when.
func (u Unwatched) String() string {
	return fmt.Sprintf("%s was neither read nor known to be down, stopped, frozen or cut off from %.3f s to %.3f s, while %s accepted writes",
		u.Node, u.From.Seconds(), u.To.Seconds(), serverWords(u.Beside))
}

// UnwatchedNodes finds such times up to some moment. The states are as for TwoWritable, but
// those that were read after that moment count, too: a standby that is one still, with
// nothing in between, was one all the while.
func UnwatchedNodes(states map[string][]history.NodeState, marks []history.Mark, until time.Duration) (all []Unwatched) {
	for _, node := range slices.Sorted(maps.Keys(states)) {
		for _, gap := range gapsOf(node, states[node], marks, until) {
			for _, other := range slices.Sorted(maps.Keys(states)) {
				if other == node {
					continue
				}
				for _, t := range termsOf(states[other]) {
					if u := (Unwatched{node, t.server, max(gap.from, t.from), min(gap.to, t.to)}); u.From < u.To {
						all = append(all, u)
					}
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Unwatched) int { return int(a.From - b.From) })
	return all
}

// gapsOf are the times up to some moment in which a node may have accepted writes, and no
// two readings prove that it did. Where it was first read, the set-up had looked.
func gapsOf(node string, states []history.NodeState, marks []history.Mark, until time.Duration) (gaps []window) {
	known := certain(node, marks)
	var before history.NodeState // the last one that says what the node was
	for i, s := range states {
		if !s.Reachable && s.Role != history.RoleDown {
			if i == len(states)-1 && before.Node != "" {
				gaps = append(gaps, between(before, history.NodeState{At: until}, node, marks)...)
			}
			continue
		}
		if before.Node != "" {
			gaps = append(gaps, between(before, s, node, marks)...)
		}
		before = s
	}
	for _, k := range known {
		gaps = without(gaps, k)
	}
	return without(gaps, window{until, forever})
}

// between are the gaps between two readings that say what a node was; without a second one
// its Role is "".
func between(a, b history.NodeState, node string, marks []history.Mark) (gaps []window) {
	from := a.At
	switch {
	case a.Role == history.RolePrimary && b.Role == history.RolePrimary && sameServer(a, b) && a.Writable == b.Writable:
		return nil // it accepted writes all the while, or did not
	case a.Role == history.RoleStandby && b.Role == history.RoleStandby:
		return nil // a primary does not become a standby by itself
	case a.Role == history.RoleStandby && b.Role == history.RoleDown, a.Role == history.RoleStandby && b.Role == history.RolePrimary:
		promoted, ok := first(node, marks, a.At, b.At, func(f facts) bool { return f.promotes })
		switch {
		case ok:
			from = promoted.Issued
		case b.Role == history.RoleDown:
			return nil
		}
	case a.Role == history.RoleDown:
		started, ok := first(node, marks, a.At, b.At, func(f facts) bool { return f.starts })
		switch {
		case ok:
			from = started.Issued
		case b.Role != history.RolePrimary:
			return nil
		}
		if b.Role == history.RoleStandby {
			if _, ended := first(node, marks, from, b.At, func(f facts) bool { return f.ends }); !ended {
				return nil // it was started as what it then was
			}
		}
	}
	return []window{{from, b.At}}
}

func sameServer(a, b history.NodeState) bool {
	return !a.ServerStarted.IsZero() && a.ServerStarted.Equal(b.ServerStarted) && a.CheckpointerStarted.Equal(b.CheckpointerStarted)
}

// first is the first step that was issued between two moments and did something to a node.
func first(node string, marks []history.Mark, from, to time.Duration, is func(facts) bool) (found history.Mark, ok bool) {
	for _, m := range marks {
		if m.Issued >= from && m.Issued < to && m.Status != history.MarkSkipped && slices.Contains(m.Nodes, node) && is(factsOf(m)) &&
			(!ok || m.Issued < found.Issued) {
			found, ok = m, true
		}
	}
	return found, ok
}

// certain are the times in which steps, or what was seen to happen, kept a node from
// accepting writes: it was down, frozen, cut off, or about to be made a standby.
func certain(node string, marks []history.Mark) (all []window) {
	for _, m := range marks {
		f := factsOf(m)
		if !slices.Contains(m.Nodes, node) || m.Effective == 0 || m.Status != history.MarkDone && m.Status != history.MarkSeen {
			continue
		}
		switch {
		case f.standby:
			all = append(all, window{m.Issued, m.Effective})
		case f.ends || f.freezes || f.cuts:
			to := forever
			for _, lift := range marks {
				if lifts(lift, m, node) && lift.Status != history.MarkSkipped {
					to = min(to, lift.Issued)
				}
			}
			all = append(all, window{m.Effective, to})
		}
	}
	return all
}

// without cuts a time out of others.
func without(all []window, cut window) (left []window) {
	for _, w := range all {
		for _, part := range []window{{w.from, min(w.to, cut.from)}, {max(w.from, cut.to), w.to}} {
			if part.from < part.to {
				left = append(left, part)
			}
		}
	}
	return left
}
