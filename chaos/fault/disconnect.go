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
		Doc:   "Cuts nodes off from the network: nothing answers, and nothing is refused. Not with the local provider.",
		New:   func() Parameters { return &Disconnect{} },
		Facts: record.Facts{Cuts: true}, Outage: true, Phase: true, Reversible: true,
		Needs: Needs{Process: Running | Paused}, Capability: Network, Instead: "run it with provider: docker, or pause the node",
	}
}

// Action cuts the nodes off.
func (p *Disconnect) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		act.TakesBack("connect", n.Name(), env.Scene.Release(n, n.Reconnect))
		return n.Disconnect(ctx)
	})
}
