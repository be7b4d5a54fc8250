package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/container"

	"pgchaos/cluster"
)

// LeftNodes are the nodes of a run whose pgchaos is gone, to take back what was done to them before they are removed.
type LeftNodes struct {
	provider *Provider
	hosts    map[string]*leftHost
}

// leftHost is what can still be done to a node. All of it is found by labels: what the run's pgchaos
// knew is gone.
type leftHost struct{ h *host }

// OpenNodes finds the nodes of a run by its label, as Clean does, and has the same errors.
func OpenNodes(ctx context.Context, run string) (*LeftNodes, error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("nodes of run %s: %w", run, err)
	}
	f, err := e.find(ctx, run)
	if err == nil && (run == "" || f.alive()) {
		err = errors.New("its pgchaos is still running")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("nodes of run %s: %w", run, err), e.Close())
	}
	p := &Provider{options: Options{Run: run}, engine: e, owner: self(), ctx: context.WithoutCancel(ctx)}
	for _, n := range f.networks {
		if n.Labels[labelPart] == partNetwork {
			p.network = n.ID
		}
	}
	nodes := &LeftNodes{provider: p, hosts: map[string]*leftHost{}}
	for _, c := range f.containers {
		nodes.add(c)
	}
	return nodes, nil
}

// alive tells whether the pgchaos of what was found runs on this machine.
func (f found) alive() bool {
	for _, l := range f.runs(self()) {
		if l.Alive {
			return true
		}
	}
	return false
}

// add takes a container into its node.
func (n *LeftNodes) add(c container.Summary) {
	name := c.Labels[labelNode]
	if name == "" {
		return
	}
	left := n.hosts[name]
	if left == nil {
		left = &leftHost{&host{provider: n.provider, name: name}}
		n.hosts[name] = left
	}
	switch c.Labels[labelPart] {
	case partServer:
		left.h.server = c.ID
		if len(c.Names) > 0 {
			left.h.container = strings.TrimPrefix(c.Names[0], "/")
		}
		n.provider.image.id = c.ImageID // it has what the nodes' containers have
	case partTools:
		left.h.tools = c.ID
	}
}

// Host is what can still be done to a node, as methods of a cluster.Host; nil: the run has no such node.
func (n *LeftNodes) Host(name string) any {
	if h := n.hosts[name]; h != nil && h.h.server != "" {
		return h
	}
	return nil
}

// Close ends the connection to the engine.
func (n *LeftNodes) Close() error { return n.provider.engine.Close() }

// Thaw lets the server's container go on.
func (l *leftHost) Thaw(ctx context.Context) error { return l.h.Thaw(ctx) }

// Unfilter removes the rules for the packets of the server's container.
func (l *leftHost) Unfilter(ctx context.Context, name string) error {
	return l.h.unfilterLeft(ctx, name)
}

// Exec runs a command among the server's processes, or beside them where the server does not run.
func (l *leftHost) Exec(ctx context.Context, c cluster.Command) (cluster.Output, error) {
	info, err := l.h.provider.engine.ContainerInspect(ctx, l.h.server)
	if err != nil {
		return cluster.Output{}, l.h.provider.engine.explain("inspect container "+l.h.container, err)
	}
	in := l.h.server
	if !info.State.Running || info.State.Paused {
		in = l.h.tools
	}
	if in == "" {
		return cluster.Output{}, errors.New("its containers do not run")
	}
	return l.h.exec(ctx, in, info.Config.User, c)
}

// SetLimits changes what the node's containers may use; 0 takes a limit away.
func (l *leftHost) SetLimits(ctx context.Context, to cluster.Limits) error {
	if l.h.tools == "" {
		return errors.New("a container of it is gone")
	}
	return l.h.SetLimits(ctx, to)
}

// Connect connects those of the node's containers to the network again that run: a network interface ends with its container.
func (l *leftHost) Connect(ctx context.Context) error {
	if l.h.provider.network == "" {
		return fmt.Errorf("connect %s: the run's network is gone", l.h.name)
	}
	var links []string
	for _, id := range []string{l.h.server, l.h.tools} {
		if id == "" {
			continue
		}
		info, err := l.h.provider.engine.ContainerInspect(ctx, id)
		switch {
		case err != nil:
			return fmt.Errorf("connect %s: %w", l.h.name, l.h.provider.engine.explain("inspect container "+id[:12], err))
		case info.State.Paused:
			return fmt.Errorf("connect %s: its container is paused", l.h.name)
		case !info.State.Running:
			continue
		}
		link, err := l.h.link(ctx, id)
		if err != nil {
			return fmt.Errorf("connect %s: %w", l.h.name, err)
		}
		links = append(links, link)
	}
	if len(links) == 0 {
		return nil
	}
	if err := l.h.switchLinks(ctx, "up", links); err != nil {
		return fmt.Errorf("connect %s: %w", l.h.name, err)
	}
	return nil
}
