package docker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"pgchaos/cluster"
)

// linkScript takes the engine's end of a container's network link down, or brings it up.
//
//go:embed link.sh
var linkScript string

// Disconnect cuts the node off from the network. From then on no packet reaches it or
// leaves it, and neither side gets an error. Connections stay open and silent. They
// continue after Connect, unless a timeout has ended them.
//
// The engine's own way, `docker network disconnect`, is none of that for clients
// on this machine: with it goes the published port, so that they are reset at once.
// Instead, a short-lived helper container on the engine's own network takes the engine's
// end of the link down. NET_ADMIN is all that it may do. It needs an
// engine that runs on Linux with the bridge driver, and so not rootless.
//
// A server that somebody else starts while it is disconnected is so again after a moment.
func (h *host) Disconnect(ctx context.Context) error {
	if err := h.setNetwork(ctx, false); err != nil {
		return fmt.Errorf("disconnect %s: %w", h.name, err)
	}
	return nil
}

// Connect ends Disconnect. It is idempotent.
func (h *host) Connect(ctx context.Context) error {
	if err := h.setNetwork(ctx, true); err != nil {
		return fmt.Errorf("connect %s: %w", h.name, err)
	}
	return nil
}

func (h *host) setNetwork(ctx context.Context, in bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if in {
		if !h.disconnected {
			return nil
		}
		if err := h.switchLinks(ctx, "up", h.links); err != nil {
			return err
		}
		h.disconnected, h.links = false, nil
		return nil
	}
	state, err := h.state(ctx)
	switch {
	case err != nil:
		return err
	case !state.Running:
		return errors.New("it does not run, so that its network cannot be cut off")
	case state.Paused:
		return errors.New("it is frozen; thaw it first")
	}
	h.disconnected = true // before: a call that fails can still have taken effect
	return h.takeLinksDown(ctx)
}

// takeLinksDown takes down the links of the server's container, which runs, and of the
// container for commands. It keeps their numbers, so that they can be brought up again
// while nothing runs in there.
func (h *host) takeLinksDown(ctx context.Context) error {
	for _, id := range []string{h.server, h.tools} {
		number, err := h.link(ctx, id)
		if err != nil {
			return err
		}
		if !slices.Contains(h.links, number) {
			h.links = append(h.links, number)
		}
	}
	return h.switchLinks(ctx, "down", h.links)
}

// link is the number of the engine's end of a container's link. It can be read only while the container runs.
func (h *host) link(ctx context.Context, container string) (string, error) {
	out, err := h.exec(ctx, container, "0:0", cluster.Command{Argv: []string{"cat", "/sys/class/net/eth0/iflink"}})
	if err != nil {
		return "", fmt.Errorf("find its network interface: %w", err)
	}
	return strings.TrimSpace(out.Stdout), nil
}

// switchLinks takes links down or up. A link ends with its container, and then needs neither.
func (h *host) switchLinks(ctx context.Context, direction string, links []string) error {
	p := h.provider
	said, code, err := p.onceWith(ctx, &container.HostConfig{
		NetworkMode: "host", CapDrop: []string{"ALL"}, CapAdd: []string{"NET_ADMIN"},
		// Without these, /proc/sys cannot be written.
		MaskedPaths: []string{}, ReadonlyPaths: []string{},
		Mounts: []mount.Mount{{Type: mount.TypeBind, Source: "/sys", Target: "/host-sys"}},
	}, p.image.id, linkScript, append([]string{p.bridge(), direction}, links...)...)
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("take its network interface %s: %s", direction, strings.TrimSpace(said))
	}
	return nil
}

// bridge is the interface that the engine has made for the run's network.
func (p *Provider) bridge() string { return "br-" + p.network[:12] }
