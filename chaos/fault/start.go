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
