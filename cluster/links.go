package cluster

import (
	"context"
	"errors"

	"pgchaos/cluster/link"
)

// Link is a way on which a node is reached.
type Link struct {
	From Vantage
	To   string // the node
}

// Linked has relays on those links to the node that the run was opened with. Others reach it directly.
type Linked interface {
	// Relays are the relays, by from where they are connected to.
	Relays() map[Vantage]*link.Relay
	// Direct ends the relays: from then on the node's addresses are its server's own.
	Direct() error
}

// Relays are the relays on the ways to the node, by from where they are connected to; none where all ways are direct.
func (n *Node) Relays() map[Vantage]*link.Relay {
	host, err := n.linked()
	if err != nil {
		return nil
	}
	return host.Relays()
}

// Keep leaves the cluster up when pgchaos ends. Relays end with pgchaos: standbys that were pointed at one are pointed
// at their upstream directly.
func (c *Cluster) Keep(ctx context.Context) error {
	var errs []error
	through := map[*Node]Address{}
	for _, n := range c.nodes {
		if up := n.follows(); up != nil && !n.Absent() {
			through[n] = up.addressFrom(n)
		}
	}
	for _, n := range c.nodes {
		if host, err := n.linked(); err == nil {
			errs = append(errs, host.Direct())
		}
	}
	for n, address := range through {
		if up := n.follows(); up.addressFrom(n) != address {
			errs = append(errs, n.locked(ctx, "repoint", " to "+up.Name()+" without pgchaos", func(ctx context.Context) error {
				_, err := n.reconfigure(ctx, n.currentSettings())
				return err
			}))
		}
	}
	return errors.Join(append(errs, c.provider.Keep())...)
}

// follows is the node's upstream; nil: it has none.
func (n *Node) follows() *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.upstream
}

// String is where that is, for a person: "clients", or the name of a node.
func (v Vantage) String() string {
	switch v.From {
	case FromPgchaos:
		return "pgchaos"
	case FromClients:
		return "clients"
	case FromServer:
		return "the server itself"
	case FromNode:
		return v.Node
	default:
		return "nowhere"
	}
}
