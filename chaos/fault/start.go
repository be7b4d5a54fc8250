package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Start starts nodes as what their data directories say they are.
type Start struct{ OnNodes }

func start() Kind {
	return Kind{
		Name: "start", Group: Servers, Doc: "Starts nodes that do not run.",
		Manual: Manual{
			Does: "Starts a server that does not run, as what its data directory says: a standby if there is a standby.signal, else a " +
				"primary.",
			Effect: "After a kill or an immediate shutdown the server first recovers from its WAL; until then it refuses clients with " +
				"57P03. A former primary that is started so is a primary again, beside one that was promoted meanwhile.",
			Verified: "The server answers a query, within a minute.",
			Example: `- {at: 5s, kill: pgslave}
- {at: 8s, start: pgslave}`,
		},
		New:   func() Parameters { return &Start{} },
		Facts: record.Facts{Starts: true}, Phase: true,
		Needs:        Needs{Process: Stopped, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Action starts the nodes.
func (p *Start) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.Start(ctx)
	})
}
