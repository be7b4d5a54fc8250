package docker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"pgchaos/cluster"
	"pgchaos/cluster/link"
)

// filterScript sets and removes the rules for a node's packets.
//
//go:embed filter.sh
var filterScript string

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
	return slices.ContainsFunc(f.rules, func(r cluster.Traffic) bool {
		return r.Rule.Reject || r.Rule.Ways[link.Forward].BlackHole || r.Rule.Ways[link.Back].BlackHole
	})
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
	found, err := h.setFilter(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("filter the packets of %s: %w", h.name, err)
	}
	return found, nil
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

// setFilter makes the chains of a name what its rules demand, and the queues of the node what all rules do, and says what they do.
// h.filters.mu is held.
func (h *host) setFilter(ctx context.Context, f filter) ([]cluster.Verified, error) {
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
		if err := h.closeWays(ctx, f, all, own, found); err != nil {
			return nil, err
		}
	}
	if f.shapes() {
		return found, h.shape(ctx, f.rules, own, found)
	}
	return found, nil
}

// closeWays makes the chains of a name what its rules demand. The rules have these peers.
func (h *host) closeWays(ctx context.Context, f filter, all [][]peer, own *attachment, found []cluster.Verified) error {
	chain := chainOf(f.name)
	if err := h.endFlap(ctx, chain); err != nil { // which would change the chains meanwhile
		return err
	}
	text, probed, clients := strings.Builder{}, []string{}, false
	fmt.Fprintf(&text, "*filter\n:%[1]s-in - [0:0]\n:%[1]s-out - [0:0]\n", chain)
	for i, r := range f.rules {
		switch {
		case found[i].Down:
			continue
		case r.Peer.From == cluster.FromClients:
			clients, probed = true, append(probed, "-")
		default:
			probed = append(probed, r.Peer.Node+"="+all[i][0].address)
		}
		writeRules(&text, chain, r, all[i])
	}
	text.WriteString("COMMIT\n")
	said, answered, err := h.tryClients(ctx, clients, func() (string, error) {
		return h.inNetwork(ctx, filterScript, append([]string{"set", chain, text.String(), path.Join(h.provider.image.programs, "pg_isready")}, probed...)...)
	})
	if err != nil {
		return err
	}
	for i, r := range f.rules {
		found[i].Answered = answered && r.Peer.From == cluster.FromClients && !found[i].Down
		count(said, r.Peer, &found[i])
		if r.Rule.Reject {
			if found[i].Resets, err = h.reset(ctx, r.Peer, own); err != nil {
				return err
			}
		}
	}
	if every, flaps := periodOf(f.rules); flaps {
		return h.startFlap(ctx, chain, every)
	}
	return nil
}

// tryClients tries new connections as a client, if it is to, until something is done.
func (h *host) tryClients(ctx context.Context, try bool, do func() (string, error)) (said string, answered bool, err error) {
	if !try {
		said, err = do()
		return said, false, err
	}
	trying, enough := context.WithCancel(ctx)
	defer enough()
	answers := make(chan bool, 1)
	go func() { answers <- h.answersClients(trying) }()
	said, err = do()
	enough()
	return said, <-answers, err
}

// chainOf is the name of the chains for the rules of a name. A chain's name has less than 29 bytes.
func chainOf(name string) string {
	return fmt.Sprintf("pgchaos-%08x", crc32.ChecksumIEEE([]byte(name)))
}

// peer is one of the addresses of a peer, as iptables takes them: "172.18.0.3", or, with not, every address but "172.18.0.0/16".
type peer struct {
	not     bool
	address string
}

// matches are the arguments of iptables for packets from a peer (-s) or to it (-d).
func (p peer) matches(option string) string {
	if p.not {
		return "! " + option + " " + p.address
	}
	return option + " " + p.address
}

// writeRules writes the rules for one peer. A rejected connection is reset on both sides: the packet of a reset itself passes.
func writeRules(to *strings.Builder, chain string, r cluster.Traffic, peers []peer) {
	for _, p := range peers {
		for d, shape := range r.Rule.Ways {
			way, match := chain+"-in", p.matches("-s")
			if link.Direction(d) == link.Back {
				way, match = chain+"-out", p.matches("-d")
			}
			comment := fmt.Sprintf(` -m comment --comment "%s"`, r.Peer)
			switch {
			case r.Rule.Reject:
				fmt.Fprintf(to, "-A %s %s -p tcp ! --tcp-flags RST RST%s -j REJECT --reject-with tcp-reset\n", way, match, comment)
			case shape.BlackHole:
				fmt.Fprintf(to, "-A %s %s%s -j DROP\n", way, match, comment)
			}
		}
	}
}

// attachment is a running container's place in the run's network.
type attachment struct {
	address, gateway string
	subnet           netip.Prefix
}

// attachment is nil where the container does not run.
func (h *host) attachment(ctx context.Context, id string) (*attachment, error) {
	info, err := h.provider.engine.ContainerInspect(ctx, id)
	if err != nil {
		return nil, h.provider.engine.explain("inspect container "+id[:12], err)
	}
	if info.State == nil || !info.State.Running || info.NetworkSettings == nil {
		return nil, nil
	}
	for _, n := range info.NetworkSettings.Networks {
		address, err := netip.ParseAddr(n.IPAddress)
		if err != nil {
			return nil, fmt.Errorf("the engine says that the address of container %s is %q: %w", id[:12], n.IPAddress, err)
		}
		subnet, err := address.Prefix(n.IPPrefixLen)
		if err != nil {
			return nil, fmt.Errorf("the engine says that the subnet of container %s has %d bits: %w", id[:12], n.IPPrefixLen, err)
		}
		return &attachment{n.IPAddress, n.Gateway, subnet}, nil
	}
	return nil, fmt.Errorf("container %s has no network", id[:12])
}

// peers are the addresses of a peer. A node's commands run in a container of their own. Clients are everything that is
// not in the run's network, and its gateway, which is where the engine's published ports come from.
func (h *host) peers(ctx context.Context, of cluster.Vantage, own *attachment) (all []peer, err error) {
	if own == nil {
		return nil, nil
	}
	switch of.From {
	case cluster.FromClients:
		return []peer{{address: own.gateway}, {not: true, address: own.subnet.String()}}, nil
	case cluster.FromNode:
		other := h.provider.node(of.Node)
		if other == nil {
			return nil, fmt.Errorf("the run has no node %s", of.Node)
		}
		for _, id := range []string{other.server, other.tools} {
			a, err := h.attachment(ctx, id)
			if err != nil {
				return nil, err
			}
			if a != nil {
				all = append(all, peer{address: a.address})
			}
		}
		return all, nil
	default:
		return nil, fmt.Errorf("packets from %s cannot be filtered", of)
	}
}

// node finds one by its name; nil: the run has none of this name.
func (p *Provider) node(name string) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.hosts {
		if h.name == name {
			return h
		}
	}
	return nil
}

// networkOf is a helper container in the network namespace of another one. It can read the programs of the engine's machine, and
// write nothing there.
func networkOf(id string) *container.HostConfig {
	return &container.HostConfig{
		NetworkMode: container.NetworkMode("container:" + id),
		CapDrop:     []string{"ALL"}, CapAdd: []string{"NET_ADMIN", "NET_RAW", "SYS_CHROOT"},
		Mounts: []mount.Mount{{Type: mount.TypeBind, Source: "/", Target: "/host", ReadOnly: true, BindOptions: &mount.BindOptions{NonRecursive: true}}},
		Tmpfs:  map[string]string{"/host/run": ""}, // for the lock of iptables, and so that no socket of the machine can be reached
	}
}

// inNetwork runs a script in the network namespace of the server's container.
func (h *host) inNetwork(ctx context.Context, script string, args ...string) (said string, err error) {
	said, code, err := h.provider.onceWith(ctx, networkOf(h.server), h.provider.image.id, script, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("in the network of its container: %s", strings.TrimSpace(said))
	}
	return said, err
}

// count reads what the script has found about a peer: lines of iptables with the peer as their comment, which begin with the
// number of packets.
func count(said string, of cluster.Vantage, v *cluster.Verified) {
	for line := range strings.Lines(said) {
		words := strings.Fields(line)
		if len(words) > 0 && strings.Contains(line, "/* "+of.String()+" */") {
			n, err := strconv.ParseInt(words[0], 10, 64)
			if err == nil {
				v.Packets += n
			}
		}
		if len(words) == 3 && words[0] == "answered" && words[1] == of.String() {
			v.Answered = true
		}
	}
}

// answersClients tries new connections until the context ends, and once more: that one counts.
func (h *host) answersClients(ctx context.Context) (answers bool) {
	const patience = 300 * time.Millisecond
	for ctx.Err() == nil {
		h.knock(patience)
		time.Sleep(patience / 10) // it can be answered, and refused, at once
	}
	return h.knock(patience)
}

// knock asks the server, as a client does, whether it offers encryption. Every PostgreSQL answers.
func (h *host) knock(patience time.Duration) (answers bool) {
	c, err := net.DialTimeout("tcp", h.client.String(), patience)
	if err != nil {
		time.Sleep(patience / 3)
		return false
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = c.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47})
	n, _ := c.Read(make([]byte, 1))
	return n == 1
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

// reopen removes the chains of a name.
func (h *host) reopen(ctx context.Context, name string) error {
	if err := h.endFlap(ctx, chainOf(name)); err != nil {
		return err
	}
	own, err := h.attachment(ctx, h.server)
	if err == nil && own != nil {
		_, err = h.inNetwork(ctx, filterScript, "end", chainOf(name))
	}
	return err
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

// Reset resets the open connections with peers.
func (h *host) Reset(ctx context.Context, peers []cluster.Vantage) (all cluster.Resets, err error) {
	own, err := h.attachment(ctx, h.server)
	for _, p := range peers {
		if err != nil || own == nil {
			break
		}
		var more cluster.Resets
		more, err = h.reset(ctx, p, own)
		all.Reset += more.Reset
		all.Left += more.Left
	}
	if err != nil {
		return all, fmt.Errorf("reset the connections of %s: %w", h.name, err)
	}
	return all, nil
}

func (h *host) reset(ctx context.Context, of cluster.Vantage, own *attachment) (cluster.Resets, error) {
	peers, err := h.peers(ctx, of, own)
	if err != nil || len(peers) == 0 {
		return cluster.Resets{}, err
	}
	args := []string{"reset", "-"}
	for _, p := range peers {
		if p.not {
			args = append(args, "not dst "+p.address+" and not dst 127.0.0.0/8") // what is in the container itself is no client
			continue
		}
		args = append(args, "dst "+p.address)
	}
	said, err := h.inNetwork(ctx, filterScript, args...)
	return resetsOf(said), err
}

// resetsOf reads what the script says about connections: lines of ss after the moment, "before", "reset" or "after". A connection
// that was opened meanwhile is in "after" only.
func resetsOf(said string) (r cluster.Resets) {
	before := map[string]bool{}
	for line := range strings.Lines(said) {
		words := strings.Fields(line) // before ESTAB 0 0 172.18.0.2:5432 172.18.0.1:41234
		if len(words) < 6 || words[1] != "ESTAB" {
			continue
		}
		switch ends := words[4] + " " + words[5]; words[0] {
		case "before":
			before[ends] = true
		case "reset":
			r.Reset++
		case "after":
			if before[ends] {
				r.Left++
			}
		}
	}
	return r
}

// refilter gives a new life of the server the rules that are in force, and its peers those that have its address.
func (h *host) refilter(ctx context.Context) error {
	p := h.provider
	p.mu.Lock()
	hosts := append([]*host(nil), p.hosts...)
	p.mu.Unlock()
	var errs []error
	for _, other := range hosts {
		errs = append(errs, other.filterAgain(ctx, h.name))
	}
	return errors.Join(errs...)
}

// filterAgain sets the rules of this node that are about another one, which has a new address; all of them, where that is the
// node itself.
func (h *host) filterAgain(ctx context.Context, changed string) error {
	h.filters.mu.Lock()
	defer h.filters.mu.Unlock()
	for _, f := range h.filters.inForce {
		about := h.name == changed || slices.ContainsFunc(f.rules, func(r cluster.Traffic) bool { return r.Peer.Node == changed })
		if !about {
			continue
		}
		if _, err := h.setFilter(ctx, f); err != nil {
			return fmt.Errorf("keep the filter of the packets of %s: %w", h.name, err)
		}
	}
	return nil
}
