package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"pgchaos/cluster"
	"pgchaos/cluster/link"
)

// packetFilters are the rules for a node's packets. They are in the network namespace of the server's container, and end with
// each of its lives: the next one gets them again.
type packetFilters struct {
	mu      sync.Mutex // held while they are changed
	inForce []filter   // the newest last
}

// filter are the rules of a name.
type filter struct {
	name  string
	rules []cluster.Traffic
}

// closes tells whether one of the rules lets something not pass, which iptables does.
func (f filter) closes() bool {
	return slices.ContainsFunc(f.rules, func(r cluster.Traffic) bool { return r.Rule.Closes() })
}

// shapes tells whether one of the rules bounds or delays something, which tc does.
func (f filter) shapes() bool {
	return slices.ContainsFunc(f.rules, func(r cluster.Traffic) bool {
		ways := shapesHere(r)
		return shapes(ways[link.Forward]) || shapes(ways[link.Back])
	})
}

// Filter puts rules in force by iptables and tc, in the network namespace of the server's container. A short-lived helper
// container does it, with the programs of the engine's machine: images of PostgreSQL have none.
func (h *host) Filter(ctx context.Context, name string, rules []cluster.Traffic) ([]cluster.Verified, error) {
	h.filters.mu.Lock()
	defer h.filters.mu.Unlock()
	f := filter{name, rules}
	h.filters.forget(name)
	h.filters.inForce = append(h.filters.inForce, f) // before: a call that fails can still have taken effect
	found, err := h.setFilter(ctx, f, true)
	if err != nil {
		return nil, fmt.Errorf("filter the packets of %s: %w", h.name, err)
	}
	return found, nil
}

// Blocks are the names of the rules in force that let something not pass between the node and a peer.
func (h *host) Blocks(of cluster.Vantage) (names []string) {
	h.filters.mu.Lock()
	defer h.filters.mu.Unlock()
	for _, f := range h.filters.inForce {
		if slices.ContainsFunc(f.rules, func(r cluster.Traffic) bool { return r.Peer == of && r.Rule.Down == 0 && r.Rule.Closes() }) {
			names = append(names, f.name)
		}
	}
	return names
}

// forget takes the rules of a name away, and returns them; false: it has none.
func (p *packetFilters) forget(name string) (was filter, had bool) {
	i := slices.IndexFunc(p.inForce, func(f filter) bool { return f.name == name })
	if i < 0 {
		return filter{}, false
	}
	was = p.inForce[i]
	p.inForce = slices.Delete(p.inForce, i, i+1)
	return was, true
}

// setFilter makes the chains of a name what its rules demand, and the queues of the node what all rules do, and says what they do, if
// it is to look. h.filters.mu is held.
func (h *host) setFilter(ctx context.Context, f filter, look bool) ([]cluster.Verified, error) {
	found := make([]cluster.Verified, len(f.rules))
	own, err := h.attachment(ctx, h.server)
	if err != nil {
		return nil, err
	}
	all := make([][]peer, len(f.rules))
	for i, r := range f.rules {
		if all[i], err = h.peers(ctx, r.Peer, own); err != nil {
			return nil, err
		}
		ways := shapesHere(r)
		found[i].Down = len(all[i]) == 0
		found[i].AtPeer = !f.closes() && !shapes(ways[link.Forward]) && !shapes(ways[link.Back])
	}
	if own == nil {
		return found, nil // the next life of the server begins with them
	}
	if f.closes() {
		if err := h.closeWays(ctx, f, all, own, found, look); err != nil {
			return nil, err
		}
	}
	if !f.shapes() {
		return found, nil
	}
	if !look {
		return found, h.shape(ctx, nil, own, nil)
	}
	return found, h.shape(ctx, f.rules, own, found)
}

// Unfilter removes the rules of a name.
func (h *host) Unfilter(ctx context.Context, name string) error {
	h.filters.mu.Lock()
	defer h.filters.mu.Unlock()
	f, had := h.filters.forget(name)
	if !had {
		return nil
	}
	if err := h.unfilter(ctx, f); err != nil {
		h.filters.inForce = append(h.filters.inForce, f)
		return fmt.Errorf("end the filter of the packets of %s: %w", h.name, err)
	}
	return nil
}

// unfilter removes rules that are no longer in force. h.filters.mu is held.
func (h *host) unfilter(ctx context.Context, f filter) error {
	if f.closes() {
		if err := h.reopen(ctx, f.name); err != nil {
			return err
		}
	}
	if !f.shapes() {
		return nil
	}
	own, err := h.attachment(ctx, h.server)
	switch {
	case err != nil || own == nil:
		return err
	case slices.ContainsFunc(h.filters.inForce, filter.shapes): // which stay
		return h.shape(ctx, nil, own, nil)
	default:
		return h.unshape(ctx)
	}
}

// unfilterLeft removes the rules of a name from a node whose pgchaos is gone, and with it what it knew: the queues of all
// names, since all of them are to be removed.
func (h *host) unfilterLeft(ctx context.Context, name string) error {
	err := h.reopen(ctx, name)
	own, attachErr := h.attachment(ctx, h.server)
	if attachErr == nil && own != nil {
		attachErr = h.unshape(ctx)
	}
	if err := errors.Join(err, attachErr); err != nil {
		return fmt.Errorf("end the filter of the packets of %s: %w", h.name, err)
	}
	return nil
}

// refilter gives a new life of the server the rules that are in force, and its peers those that have its address.
func (h *host) refilter(ctx context.Context) error {
	var errs []error
	for _, other := range h.provider.nodes() {
		errs = append(errs, other.filterAgain(ctx, h.name))
	}
	return errors.Join(errs...)
}

// filterAgain sets those rules of this node again that the start of another one concerns. All of them, where it is the node itself.
func (h *host) filterAgain(ctx context.Context, started string) error {
	h.filters.mu.Lock()
	defer h.filters.mu.Unlock()
	var errs []error
	for _, f := range h.filters.inForce {
		concerned, err := h.name == started, error(nil)
		for _, r := range f.rules {
			if !concerned && err == nil {
				concerned, err = h.concerned(ctx, r.Peer, started)
			}
		}
		if err == nil && concerned {
			_, err = h.setFilter(ctx, f, false)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("keep the filter of the packets of %s: %w", h.name, err))
		}
	}
	return errors.Join(errs...)
}

// concerned tells whether rules about a peer may have a wrong address since a node was started: the peer is that node, which has a new one,
// or it does not run, so that the node may have got its address.
func (h *host) concerned(ctx context.Context, peer cluster.Vantage, started string) (bool, error) {
	if peer.From != cluster.FromNode || peer.Node == started {
		return peer.Node == started, nil
	}
	other := h.provider.node(peer.Node)
	if other == nil {
		return false, fmt.Errorf("the run has no node %s", peer.Node)
	}
	is, err := other.attachment(ctx, other.server)
	return is == nil, err
}
