package audit

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgchaos/record"
	"pgchaos/record/ledger"
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
func UnwatchedNodes(states map[string][]record.NodeState, events []record.Event, until time.Duration) (all []Unwatched) {
	for _, node := range slices.Sorted(maps.Keys(states)) {
		for _, gap := range gapsOf(node, states[node], events, until) {
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
func gapsOf(node string, states []record.NodeState, events []record.Event, until time.Duration) (gaps []window) {
	g := interval{node: node, events: events}
	states = withoutRefusals(states)
	for i, s := range states {
		if !s.Reachable && s.Role != record.RoleDown {
			if i < len(states)-1 {
				g.silent = true
				continue
			}
			s = record.NodeState{At: until} // it never answered again
		}
		if g.a.Node != "" {
			g.b = s
			gaps = append(gaps, g.between()...)
		}
		if s.Node == "" {
			break
		}
		if s.Role != record.RoleDown {
			g.standby = s.Role == record.RoleStandby
		}
		g.a, g.silent = s, false
	}
	for _, k := range certain(node, states, events) {
		gaps = without(gaps, k)
	}
	return without(gaps, window{until, forever})
}

// interval is what lies between two readings of a node that say what it was.
type interval struct {
	node    string
	events  []record.Event
	a, b    record.NodeState // the Role of b is "" where the node never answered again
	standby bool             // a is of a standby, or of one that is down: it is one until it is promoted
	silent  bool             // readings in between failed
}

// between are the times between the two readings in which the node may have accepted writes.
func (g *interval) between() []window {
	from := g.a.At
	switch {
	case g.standby:
		return g.ofStandby()
	case g.a.Role == record.RolePrimary:
		if g.b.Role == record.RolePrimary && sameServer(g.a, g.b) && g.a.Writable == g.b.Writable {
			return nil // it accepted writes all the while, or did not
		}
	case g.a.Role == record.RoleDown:
		started := g.first(-1, func(f record.Facts, m record.Event) bool { return f.Starts || m.Reverses != "" })
		if started == nil {
			if g.b.Role != record.RolePrimary {
				return nil
			}
			break
		}
		from = max(from, started.Issued)
		ended := g.first(started.Issued, func(f record.Facts, _ record.Event) bool { return f.Ends || f.Standby }) != nil
		switch {
		case !ended && g.b.Role == record.RoleStandby:
			return nil // it was started as what it then was
		case !ended && g.b.Role == record.RoleDown && !g.silent:
			return nil // the server was not there yet
		}
	}
	return []window{{from, g.b.At}}
}

// ofStandby are the times between the reading of a standby and the next one. It accepts no
// writes before it is promoted, and is a standby again only when a step makes it one.
func (g *interval) ofStandby() []window {
	promoted := g.first(-1, func(f record.Facts, _ record.Event) bool { return f.Promotes })
	from := g.a.At
	switch {
	case promoted != nil:
		again := g.first(promoted.Issued, func(f record.Facts, _ record.Event) bool { return f.Standby })
		if again == nil && g.b.Role == record.RoleStandby {
			return nil // not promoted yet
		}
		from = max(from, promoted.Issued)
	case g.b.Role == record.RoleStandby || g.b.Role == record.RoleDown:
		return nil
	case g.b.Role == "":
		// Where a step silenced it at once, it was a standby until then.
		silenced := g.first(-1, func(f record.Facts, m record.Event) bool {
			return (f.Ends || f.Freezes || f.Cuts) && m.Issued <= g.a.At+unread
		})
		if silenced != nil {
			from = max(from, silenced.Effective)
		}
	}
	return []window{{from, g.b.At}}
}

// first is the first step after some moment that did something to the node between the two
// readings, or was under way when it was read; nil: there is none.
func (g *interval) first(after time.Duration, is func(record.Facts, record.Event) bool) (found *record.Event) {
	asked := cmp.Or(g.a.Asked, g.a.At)
	for i, m := range g.events {
		over := max(m.Effective, m.Ended)
		within := m.Issued < g.b.At && (m.Issued >= asked || over == 0 || over > asked)
		if within && m.Issued > after && m.Status != record.EventSkipped && slices.Contains(m.Nodes, g.node) && is(factsOf(m), m) &&
			(found == nil || m.Issued < found.Issued) {
			found = &g.events[i]
		}
	}
	return found
}

func sameServer(a, b record.NodeState) bool {
	return !a.ServerStarted.IsZero() && a.ServerStarted.Equal(b.ServerStarted) && a.CheckpointerStarted.Equal(b.CheckpointerStarted)
}

// certain are the times in which steps, or what was seen to happen, kept a node from
// accepting writes: it was down, frozen, cut off, or made a standby, which it then is until it
// is promoted or read again.
func certain(node string, states []record.NodeState, events []record.Event) (all []window) {
	for _, m := range events {
		f := factsOf(m)
		if !slices.Contains(m.Nodes, node) || m.Effective == 0 || m.Status != record.EventDone && m.Status != record.EventSeen {
			continue
		}
		switch {
		case f.Standby:
			to := forever
			if i := slices.IndexFunc(states, func(s record.NodeState) bool { return s.At >= m.Effective && s.Role != "" }); i >= 0 {
				to = states[i].At
			}
			for _, p := range events {
				if factsOf(p).Promotes && p.Issued >= m.Issued && slices.Contains(p.Nodes, node) && p.Status != record.EventSkipped {
					to = min(to, p.Issued)
				}
			}
			all = append(all, window{m.Issued, to})
		case f.Ends || f.Freezes || f.Cuts:
			to := forever
			for _, lift := range events {
				if lifts(lift, m, node) && lift.Status != record.EventSkipped {
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
