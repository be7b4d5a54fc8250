package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Disconnect cuts nodes off from the network: unlike after a kill, no connection is refused or
// reset, and clients wait for answers until their time-out. It is taken back by connecting them.
type Disconnect struct{ OnNodes }

func disconnect() Kind {
	return Kind{
		Name: "disconnect", Group: Networks,
		Doc: "Cuts nodes off from the network: nothing answers, and nothing is refused. Not every provider can.",
		Manual: Manual{
			Does: "Takes the network interface of the node's container down, on the engine's side. No packet reaches the node or leaves " +
				"it, neither to clients nor to other nodes. A short-lived helper container with only NET_ADMIN does it.",
			Effect: "Nothing answers, and nothing is refused or reset, on open connections and new ones: clients wait for their time-out, " +
				"as behind a dead switch. What is sent meanwhile does not arrive, so that a cut standby has less than a paused one.",
			Verified: "The helper has found the network interfaces of the node's containers and has switched each of them; a missing one is an error.",
			Back: "The interfaces are brought up again. Connections that were open go on when TCP sends again, which can take as long as " +
				"they were silent; those that timed out are gone.",
			Example: `- {at: 5s, disconnect: pgslave, for: 4s}`,
		},
		New:   func() Parameters { return &Disconnect{} },
		Facts: record.Facts{Cuts: true}, Outage: true, Phase: true, Undo: reconnect(), Reversible: true,
		Needs: Needs{Process: Running | Paused}, Capabilities: []cluster.Capability{cluster.CanCutOff}, Instead: "pause the node",
	}
}

// Action cuts the nodes off.
func (p *Disconnect) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.Disconnect(ctx)
	})
}

// reconnect connects a node again.
func reconnect() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "connect",
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, _ chaos.Reversal, ending bool) error {
			return s.Release(ctx, n, n.Reconnect, ending)
		},
		Clean: onHost(func(ctx context.Context, h interface {
			Connect(ctx context.Context) error
		}, _ chaos.Reversal) error {
			return h.Connect(ctx)
		}),
	}
}
