package docker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"

	"pgchaos/cluster"
	"pgchaos/cluster/link"
)

// shapeScript bounds and delays a node's packets.
//
//go:embed shape.sh
var shapeScript string

// The interfaces of a container whose queues are shaped, and what packets of a peer have there.
var shapedInterfaces = [2]struct{ name, match string }{
	link.Forward: {"pgchaos-in", "src"},
	link.Back:    {"eth0", "dst"},
}

// shaped is what is done to the packets between a node and a peer, in both directions.
type shaped struct {
	of        cluster.Vantage
	addresses []peer
	ways      [2]link.Shape
}

// shapes tells whether a rule bounds or delays packets in a direction.
func shapes(s link.Shape) bool { return s.Latency > 0 || s.Jitter > 0 || s.BytesPerSecond > 0 }

// shapesHere are the shapes of a rule that the node's own queues do. What it receives from another node is shaped where that
// sends it, by the same rule: twice would be twice the delay.
func shapesHere(r cluster.Traffic) (ways [2]link.Shape) {
	for d, shape := range r.Rule.Ways {
		if shapes(shape) && (link.Direction(d) == link.Back || r.Peer.From == cluster.FromClients) {
			ways[d] = shape
		}
	}
	return ways
}

// shape lets the queues of the node's container do what all rules in force demand, of several for a peer the newest, and counts
// the packets of the peers of the new rules. h.filters.mu is held.
func (h *host) shape(ctx context.Context, rules []cluster.Traffic, own *attachment, found []cluster.Verified) error {
	all, err := h.shaped(ctx, own)
	if err != nil {
		return err
	}
	args := []string{"set", queues(link.Back, "", all), queues(link.Forward, "", all), path.Join(h.provider.image.programs, "pg_isready")}
	clients := false
	for _, s := range all {
		if !slices.ContainsFunc(rules, func(r cluster.Traffic) bool { return r.Peer == s.of }) {
			continue
		}
		if s.of.From == cluster.FromClients {
			clients, args = true, append(args, "-")
		} else {
			args = append(args, s.addresses[0].address)
		}
	}
	said, _, err := h.tryClients(ctx, clients, func() (string, error) { return h.inNetwork(ctx, shapeScript, args...) })
	if err != nil {
		return err
	}
	for i, r := range rules {
		countShaped(said, all, r, &found[i])
	}
	return nil
}

// shaped merges the rules that are in force, the newest last. A peer without a container has none.
func (h *host) shaped(ctx context.Context, own *attachment) (all []shaped, err error) {
	for _, f := range h.filters.inForce {
		for _, r := range f.rules {
			ways := shapesHere(r)
			if !shapes(ways[link.Forward]) && !shapes(ways[link.Back]) {
				continue
			}
			i := slices.IndexFunc(all, func(s shaped) bool { return s.of == r.Peer })
			if i < 0 {
				addresses, err := h.peers(ctx, r.Peer, own)
				if err != nil {
					return nil, err
				}
				if len(addresses) == 0 {
					continue
				}
				all, i = append(all, shaped{of: r.Peer, addresses: addresses}), len(all)
			}
			for d := range ways {
				all[i].ways[d] = all[i].ways[d].Under(ways[d])
			}
		}
	}
	return all, nil
}

// handle is the number of the queue that is pgchaos's, and firstClass that of the class of the first peer in it. Both
// are hexadecimal.
const (
	handle     = "7067:"
	firstClass = 0x10
)

// queues are the commands of tc for one direction: an htb queue with a class for each peer. What is in no class passes as if
// there were none. No command: nothing is shaped. The interface is the direction's, unless it is named.
func queues(d link.Direction, on string, all []shaped) string {
	var b strings.Builder
	interf := shapedInterfaces[d]
	if on != "" {
		interf.name = on
	}
	for i, s := range all {
		shape := s.ways[d]
		if !shapes(shape) {
			continue
		}
		if b.Len() == 0 {
			fmt.Fprintf(&b, "qdisc add dev %s root handle %s htb direct_qlen 10000\n", interf.name, handle)
		}
		class := handle + strconv.FormatInt(int64(firstClass+i), 16)
		fmt.Fprintf(&b, "class add dev %s parent %s classid %s htb %s\n", interf.name, handle, class, bound(shape))
		if delay := netem(shape); delay != "" {
			fmt.Fprintf(&b, "qdisc add dev %s parent %s handle %x: %s\n", interf.name, class, firstClass+i, delay)
		}
		to := func(order int, match, class string) {
			fmt.Fprintf(&b, "filter add dev %s parent %s protocol ip pref %d u32 match %s flowid %s\n", interf.name, handle, order, match, class)
		}
		for _, p := range s.addresses {
			match := "ip " + interf.match + " " + p.address
			if p.not { // after all others
				to(2, match, handle+"0") // class 0 passes as it is
				to(3, "u32 0 0", class)
				continue
			}
			to(1, match, class)
		}
	}
	return b.String()
}

// bound are the arguments of an htb class. Up to a burst passes at once when nothing did for a while: what passes in 5 ms, and at least
// one packet.
func bound(s link.Shape) string {
	const unbounded = 12_500_000_000 // 100 Gbit/s, since a class must have a bound
	rate := s.BytesPerSecond
	if rate == 0 {
		rate = unbounded
	}
	burst := max(1600, rate/200)
	return fmt.Sprintf("rate %dbps burst %d cburst %d quantum 60000", rate, burst, burst)
}

// netem are the arguments of the queue that delays; "": nothing is delayed.
func netem(s link.Shape) string {
	if s.Latency == 0 && s.Jitter == 0 {
		return ""
	}
	text := fmt.Sprintf("netem limit 100000 delay %dus", s.Latency.Microseconds())
	if s.Jitter == 0 {
		return text
	}
	text += fmt.Sprintf(" %dus", s.Jitter.Microseconds())
	if s.Distribution == link.Normal || s.Distribution == link.Pareto { // uniform is what it does without a name
		text += " distribution " + string(s.Distribution)
	}
	return text
}

// countShaped reads the counters of the classes of a rule's peer, as tc writes them.
func countShaped(said string, all []shaped, r cluster.Traffic, v *cluster.Verified) {
	i := slices.IndexFunc(all, func(s shaped) bool { return s.of == r.Peer })
	ways := shapesHere(r)
	class := handle + strconv.FormatInt(int64(firstClass+i), 16)
	direction, of := -1, ""
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "interface":
			direction = slices.IndexFunc(shapedInterfaces[:], func(s struct{ name, match string }) bool { return s.name == words[1] })
		case len(words) > 2 && words[0] == "class":
			of = words[2]
		case len(words) > 3 && words[0] == "Sent" && of == class && direction >= 0 && shapes(ways[direction]):
			if n, err := strconv.ParseInt(words[3], 10, 64); err == nil { // Sent 1234 bytes 12 pkt
				v.Packets += n
			}
		}
	}
}

// unshape removes everything that shape has made.
func (h *host) unshape(ctx context.Context) error {
	_, err := h.inNetwork(ctx, shapeScript, "end")
	return err
}

// tryShapes tells whether the engine's kernel can do what the run needs, in a network namespace of its own: nothing is
// made in any other.
func (p *Provider) tryShapes(ctx context.Context) error {
	var errs []error
	for _, need := range []struct {
		capability cluster.Capability
		shape      link.Shape
		without    string
	}{
		{cluster.CanShape, link.Shape{BytesPerSecond: 1000}, "bound how much data passes (throttle): it needs the queue htb, the classifier u32, the action mirred and the " +
			"interface ifb (CONFIG_NET_SCH_HTB, CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED, CONFIG_IFB)"},
		{cluster.CanDelay, link.Shape{Latency: time.Millisecond}, "delay data (delay): it needs the queue netem (CONFIG_NET_SCH_NETEM, module sch_netem)"},
	} {
		if !slices.Contains(p.options.Needs, need.capability) {
			continue
		}
		all := []shaped{{of: cluster.Vantage{From: cluster.FromClients}, addresses: []peer{{address: "127.0.0.2"}}, ways: [2]link.Shape{need.shape, need.shape}}}
		said, code, err := p.onceWith(ctx, inNetworkOf("none"), p.image.id, shapeScript, "try", queues(link.Back, "lo", all), queues(link.Forward, "", all))
		if err != nil {
			return err
		}
		if code != 0 {
			errs = append(errs, fmt.Errorf("the kernel of the Docker engine cannot %s, and answers %q; load what it lacks on the engine's machine, or run the experiment with provider: local, whose relays can", need.without, strings.Join(strings.Fields(said), " ")))
		}
	}
	if len(errs) > 0 {
		return &cluster.UsageError{Err: errors.Join(errs...)}
	}
	return nil
}

// inNetworkOf is a helper container in a network, with the programs of the engine's machine.
func inNetworkOf(mode container.NetworkMode) *container.HostConfig {
	c := networkOf("")
	c.NetworkMode = mode
	return c
}
