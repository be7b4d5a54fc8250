package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/cluster/link"
	"pgchaos/record"
)

// way is a link between the sides of a fault, with the directions that are meant.
type way struct {
	name  string // "pgslave -> pgmaster", from where connections are opened to the server
	relay *link.Relay
	meant [2]bool // by link.Direction

	// Where the kernel filters packets, in place of a relay.
	filter   cluster.Filtered
	from, to string
	server   *cluster.Node // whose name is to
}

// rule makes the same of all directions that are meant.
func (w way) rule(s link.Shape) (r link.Rule) {
	for d, meant := range w.meant {
		if meant {
			r.Ways[d] = s
		}
	}
	return r
}

// ruleOf is what a step has imposed on relays, for its reversal.
type ruleOf struct {
	Step string `json:"step"`
}

// Before is what takes the step's rule away. It needs no more than its name.
func (s *Sides) Before(_ context.Context, env Env, _ *cluster.Node) (any, error) {
	return ruleOf{env.Step}, nil
}

// onLinks is an action on the links between both sides.
func (s *Sides) onLinks(env Env, do func(ctx context.Context, act *chaos.Act, ways []way) error) chaos.Action {
	var ways []way
	return chaos.Action{
		Prepare: func(ctx context.Context, act *chaos.Act) error {
			one, other, both := s.ends()
			sides, err := members(ctx, env.Scene, act, one, other)
			if err == nil {
				ways, err = waysBetween(env.Scene, sides[0], sides[1], both)
			}
			return err
		},
		Act: func(ctx context.Context, act *chaos.Act) error {
			act.Note("%s", s.directions(ways))
			return do(ctx, act, ways)
		},
	}
}

// directions are the ways, or the directions in which something is sent where only one is meant, whichever side connects.
func (s *Sides) directions(ways []way) string {
	_, _, both := s.ends()
	var names []string
	for _, w := range ways {
		name := w.name
		if !both && !w.meant[link.Forward] {
			name = w.to + " -> " + w.from
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// impose puts a rule in force on every link, and then has it verified.
func (s *Sides) impose(env Env, rule func(way) link.Rule, verify func(ctx context.Context, w way) (seen string, err error)) chaos.Action {
	return s.onLinks(env, func(ctx context.Context, act *chaos.Act, ways []way) error {
		return imposeOn(ctx, act, env.Step, ways, rule, verify)
	})
}

func imposeOn(ctx context.Context, act *chaos.Act, step string, ways []way, rule func(way) link.Rule, verify func(ctx context.Context, w way) (seen string, err error)) error {
	if ways[0].filter != nil { // the provider's nodes are all alike
		tried, err := filterAll(ctx, act, step, ways, rule)
		if err != nil || rule(tried[0]).Closes() {
			return err
		}
		return verifyAll(ctx, act, tried, measured(verify))
	}
	for _, w := range ways {
		if err := w.relay.Impose(step, rule(w)); err != nil {
			return fmt.Errorf("on the link %s: %w", w.name, err)
		}
	}
	act.Effective()
	return verifyAll(ctx, act, ways, verify)
}

// verifyAll looks at all links at once, and notes what was seen.
func verifyAll(ctx context.Context, act *chaos.Act, ways []way, verify func(ctx context.Context, w way) (string, error)) error {
	seen := make([]string, len(ways))
	err := chaos.AtOnce(len(ways), func(i int) error {
		text, err := verify(ctx, ways[i])
		if err != nil {
			return fmt.Errorf("on the link %s: %w", ways[i].name, err)
		}
		seen[i] = text
		return nil
	})
	slices.Sort(seen)
	for _, text := range slices.Compact(seen) {
		if text != "" {
			act.Note("%s", text)
		}
	}
	return err
}

// members are the nodes of each side, by name, and Clients. Roles are looked up, for both sides in one reading, and their nodes are noted on act.
func members(ctx context.Context, scene *chaos.Scene, act *chaos.Act, sides ...NodeList) (names [][]string, err error) {
	selectors := make([][]string, len(sides))
	for i, side := range sides {
		selectors[i] = slices.DeleteFunc(slices.Clone(side), func(s string) bool { return s == Clients })
	}
	all, err := scene.Resolve(ctx, selectors...)
	if err != nil {
		return nil, err
	}
	for i, nodes := range all {
		act.On(nodes...)
		var side []string
		for _, n := range nodes {
			side = append(side, n.Name())
		}
		if len(selectors[i]) < len(sides[i]) {
			side = append(side, Clients)
		}
		names = append(names, side)
	}
	return names, nil
}

// waysBetween are the links between two sides.
func waysBetween(scene *chaos.Scene, a, b []string, both bool) (all []way, err error) {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return nil, fmt.Errorf("%s is on both sides of the network: a role that it has stands on the other side", x)
			}
			toY, toX := [2]bool{link.Forward: true, link.Back: both}, [2]bool{link.Forward: both, link.Back: true}
			for _, w := range []struct {
				from, to string
				meant    [2]bool
			}{{x, y, toY}, {y, x, toX}} {
				if w.to == Clients {
					continue
				}
				found := way{name: w.from + " -> " + w.to, meant: w.meant, from: w.from, to: w.to, server: scene.Cluster.Node(w.to)}
				found.filter = found.server.Filter()
				if found.filter == nil {
					if found.relay, err = relayOf(scene, w.from, w.to); err != nil {
						return nil, err
					}
				}
				all = append(all, found)
			}
		}
	}
	return all, nil
}

// relayOf is the relay on the way to a node.
func relayOf(scene *chaos.Scene, from, to string) (*link.Relay, error) {
	n := scene.Cluster.Node(to)
	if err := n.Can(cluster.CanLink); err != nil {
		return nil, err
	}
	relay := n.Relays()[vantage(from)]
	if relay == nil {
		return nil, fmt.Errorf("connections from %s to %s do not go through a relay of pgchaos, so that it cannot disturb them", from, to)
	}
	return relay, nil
}

// vantage is where a member of a side is.
func vantage(from string) cluster.Vantage {
	if from == Clients {
		return cluster.Vantage{From: cluster.FromClients}
	}
	return cluster.Vantage{From: cluster.FromNode, Node: from}
}

// probing is how long a probe waits before it is taken to hang; half of the way through a black hole that flaps.
const probing = 300 * time.Millisecond

// answering is how long a probe may take that is to be answered.
const answering = 10 * time.Second

// hangs is verified of a black hole: a new connection through the relay gets no answer, and no byte passes in
// the directions that are meant.
func hangs(patience time.Duration) func(context.Context, way) (string, error) {
	return func(ctx context.Context, w way) (string, error) {
		before := w.relay.Counters().Passed
		met, err := w.relay.Probe(ctx, 1, patience)
		after := w.relay.Counters().Passed
		if err == nil && !met.Hung {
			err = fmt.Errorf("%w: a new connection %s", chaos.ErrNoEffect, met)
		}
		for d, meant := range w.meant {
			if n := after[d] - before[d]; err == nil && meant && n > 0 {
				err = fmt.Errorf("%w: %d bytes passed", chaos.ErrNoEffect, n)
			}
		}
		if !w.meant[link.Forward] || !w.meant[link.Back] {
			return "nothing passes in this direction; a new connection got no answer, whichever side opens it", err
		}
		return "a new connection got no answer, and no byte passed", err
	}
}

// onLinks adds what all faults have that last on links until they are taken back. Some need more than that links can be cut.
func onLinks(k Kind, more ...cluster.Capability) Kind {
	k.Group, k.Phase, k.Undo, k.Reversible = Networks, true, restoreLinks(), true
	k.Facts = record.Facts{Links: true, Lasts: true}
	k.Needs, k.Capabilities = Needs{Process: Present}, append([]cluster.Capability{cluster.CanLink}, more...)
	return k
}

// restoreLinks takes the fault of a step from all links.
func restoreLinks() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "restore_links",
		// It is the same for each node of the step, since it is idempotent.
		Do: func(ctx context.Context, s *chaos.Scene, _ *cluster.Node, r chaos.Reversal, _ bool) error {
			of, err := arguments[ruleOf](r)
			if err != nil {
				return err
			}
			errs := []error{unfilterAll(ctx, s.Cluster.Nodes(), of.Step)}
			for _, n := range s.Cluster.Nodes() {
				for from, relay := range n.Relays() {
					if err := restore(ctx, relay, of.Step); err != nil {
						errs = append(errs, fmt.Errorf("on the link %s -> %s: %w", from, n.Name(), err))
					}
				}
			}
			return errors.Join(errs...)
		},
		// Relays end with pgchaos, so that there is nothing to do.
		Clean: func(ctx context.Context, host any, r chaos.Reversal) error {
			of, err := arguments[ruleOf](r)
			if err == nil && of.Step == "" {
				err = errors.New("it is not known which step has disturbed the links")
			}
			if h, filtered := host.(unfilterer); filtered && err == nil {
				err = h.Unfilter(ctx, of.Step)
			}
			return err
		},
	}
}

// restore takes a rule from a relay, and makes sure that a new connection is served, unless another rule is in force.
func restore(ctx context.Context, relay *link.Relay, step string) error {
	had := slices.Contains(relay.Rules(), step)
	if err := relay.Lift(step); err != nil {
		return err
	}
	if !had || len(relay.Rules()) > 0 {
		return nil
	}
	met, err := relay.Probe(ctx, 1, answering)
	if err == nil && (met.Refused || met.Hung) {
		err = fmt.Errorf("the fault was taken back, and a new connection %s", met)
	}
	return err
}
