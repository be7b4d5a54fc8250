package observe

import (
	"context"

	"github.com/jackc/pgx/v5"

	"pgchaos/cluster"
	"pgchaos/cluster/probe"
	"pgchaos/record"
)

// Node is a node as a Watcher reads it.
type Node interface {
	Name() string
	// Absent nodes have not been built, and are not read.
	Absent() bool
	// Leaving nodes shut down. A smart shutdown waits for every session, so that there may be none.
	Leaving() bool
	// Silenced nodes are not expected to answer: they are paused or disconnected.
	Silenced() bool
	// Down tells whether it is certain that no process of the node runs.
	Down(ctx context.Context) bool
	Usage(ctx context.Context) (record.ResourceSample, error)
	Prober() Prober
}

// Prober asks one node for its state. It never fails and never hangs: what could not be read is unknown.
type Prober interface {
	Read(ctx context.Context) record.NodeState
	// Glance asks only for what changes within milliseconds.
	Glance(ctx context.Context) record.NodeState
	// Disconnect ends the session; the next reading begins another.
	Disconnect()
	Close()
}

// Nodes are the nodes of a cluster.
func Nodes(c *cluster.Cluster) []Node {
	var nodes []Node
	for _, n := range c.Nodes() {
		nodes = append(nodes, probed{n})
	}
	return nodes
}

type probed struct{ *cluster.Node }

func (n probed) Prober() Prober {
	connect := func(ctx context.Context) (*pgx.Conn, error) { return n.Connect(ctx, "probe") }
	p := probe.NewProber(connect, n.Name(), n.Credentials().Load.Name)
	if !n.Met() {
		return p
	}
	p.Lost(n.SessionEnded)
	return namedProber{p, n.Node}
}

// namedProber calls standbys as the experiment does, where their application_names are others.
type namedProber struct {
	Prober
	node *cluster.Node
}

func (p namedProber) Read(ctx context.Context) record.NodeState {
	return p.node.Learned(ctx, p.Prober.Read(ctx))
}

func (p namedProber) Glance(ctx context.Context) record.NodeState {
	return p.node.Learned(ctx, p.Prober.Glance(ctx))
}
