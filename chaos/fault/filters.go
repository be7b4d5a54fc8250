package fault

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/cluster/link"
	"pgchaos/internal/units"
)

// What the manuals of these faults say of containers.
const (
	inKernel = "With Docker, there are no relays: a short-lived helper container does it in the network namespace of the node's container, with the programs of the engine's machine. " +
		"There, clients are everything outside of the run's network, and so pgchaos itself: it cannot observe a node while clients are cut off from it. "
	kernelProof  = "With Docker, a new connection gets no answer within 1 s, and " + kernelCounts
	kernelCounts = "the kernel's counters show that its rules have matched packets. Where the rules on both ends of a link drop the same packets, those of one end suffice."
)

// unfilterer is the part of a cluster.Filtered that is still there when pgchaos is gone.
type unfilterer interface {
	Unfilter(ctx context.Context, name string) error
}

// filterAll puts a rule in force on every way by the kernel's filters, those of all nodes at once, and verifies what they have found.
// It returns the ways on which there was something to find; at least one, without an error.
func filterAll(ctx context.Context, act *chaos.Act, step string, ways []way, rule func(way) link.Rule) (tried []way, err error) {
	nodes := filtered(ways)
	all := make([][]cluster.Verified, len(nodes))
	err = chaos.AtOnce(len(nodes), func(i int) (err error) {
		var rules []cluster.Traffic
		for _, w := range nodes[i] {
			rules = append(rules, cluster.Traffic{Peer: vantage(w.from), Rule: rule(w)})
		}
		all[i], err = nodes[i][0].filter.Filter(ctx, step, rules)
		return err
	})
	if err != nil {
		return nil, err
	}
	act.Effective()
	var ends []linkEnd
	var packets int64
	for i, found := range all {
		for j, v := range found {
			if v.Down || v.AtPeer {
				continue
			}
			w := nodes[i][j]
			tried, ends = append(tried, w), append(ends, linkEnd{w, rule(w), v})
			packets += v.Packets
		}
	}
	if len(tried) == 0 {
		return nil, fmt.Errorf("%w: no server runs on either side whose packets could be filtered", chaos.ErrNoEffect)
	}
	if err := demandOf(ends); err != nil {
		return tried, err
	}
	act.Note("the kernel's rules have matched %s", units.Count(packets, "packet", "packets"))
	return tried, nil
}

// linkEnd is a node at the end of a link, and what its rule has done.
type linkEnd struct {
	way
	rule  link.Rule
	found cluster.Verified
}

// demandOf is an error where what was found is not what the rules are to do.
func demandOf(ends []linkEnd) error {
	var errs []error
	for _, e := range ends {
		if err := e.demand(ends); err != nil {
			errs = append(errs, fmt.Errorf("on the link %s: %w", e.name, err))
		}
	}
	return errors.Join(errs...)
}

func (e linkEnd) demand(ends []linkEnd) error {
	switch {
	case e.rule.Closes() && e.found.Answered:
		return fmt.Errorf("%w: a new connection was answered", chaos.ErrNoEffect)
	case e.found.Packets > 0 || e.spared(ends):
		return stillOpen(e.found.Resets)
	}
	return fmt.Errorf("%w: the kernel's rules on %s have matched no packet", chaos.ErrNoEffect, e.to)
}

// spared tells whether a node need not have matched a packet: it drops only what it receives, and the other end of the link has dropped
// packets before they were sent. Whichever end is the first to have its rule leaves the other one none. A node that drops what it sends has
// tried a new connection, which is at least one packet.
func (e linkEnd) spared(ends []linkEnd) bool {
	if e.rule.Reject || !e.rule.Ways[link.Forward].BlackHole || e.rule.Ways[link.Back].BlackHole {
		return false
	}
	return slices.ContainsFunc(ends, func(other linkEnd) bool {
		return other.from == e.to && other.to == e.from && other.rule.Ways[link.Back].BlackHole && other.found.Packets > 0
	})
}

// filtered are the ways by the node that they lead to.
func filtered(ways []way) (all [][]way) {
	for _, w := range ways {
		i := slices.IndexFunc(all, func(of []way) bool { return of[0].to == w.to })
		if i < 0 {
			all, i = append(all, nil), len(all)
		}
		all[i] = append(all[i], w)
	}
	return all
}

// unfilterAll ends the rules of a step on all nodes.
func unfilterAll(ctx context.Context, nodes []*cluster.Node, step string) error {
	return chaos.AtOnce(len(nodes), func(i int) error {
		filter := nodes[i].Filter()
		if filter == nil {
			return nil
		}
		return filter.Unfilter(ctx, step)
	})
}
