package docker

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"pgchaos/cluster"
)

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
