package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Kill ends every process of nodes with SIGKILL. It is taken back by starting them.
type Kill struct{ OnNodes }

func kill() Kind {
	return Kind{
		Name: "kill", Group: Servers, Doc: "Kills nodes, as a power failure would.",
		New:   func() Parameters { return &Kill{} },
		Facts: record.Facts{Ends: true, Kills: true}, Outage: true, Phase: true, Undo: startAgain(), Reversible: true,
		Needs:        Needs{Process: Running | Paused},
		Capabilities: []cluster.Capability{cluster.CanRun},
	}
}

// Action kills the nodes.
func (p *Kill) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.Kill(ctx)
	})
}
