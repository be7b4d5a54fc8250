package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Connect ends a Disconnect.
type Connect struct{ OnNodes }

func connect() Kind {
	return Kind{
		Name: "connect", Group: Networks, Doc: "Ends a disconnect.",
		Manual: Manual{
			Does:     "Ends a `disconnect`: brings the network interface of the node's container up again.",
			Effect:   "Open connections go on when TCP sends again, which can take as long as they were silent. New ones succeed at once.",
			Verified: "The helper container has switched every interface that is there. One whose container has ended needs nothing.",
			Example: `- {at: 5s, disconnect: pgslave}
- {at: 8s, connect: pgslave}`,
		},
		New:   func() Parameters { return &Connect{} },
		Facts: record.Facts{Connects: true}, Phase: true,
		Needs: Needs{Process: Present}, Capabilities: []cluster.Capability{cluster.CanCutOff}, Instead: "pause the node",
	}
}

// Action connects the nodes again.
func (p *Connect) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.Reconnect(ctx)
	})
}
