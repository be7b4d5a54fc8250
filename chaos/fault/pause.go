package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Pause keeps every process of nodes from running, without ending it: the kernel
// still accepts connections and data for them. It is taken back by resuming them.
type Pause struct{ OnNodes }

func pause() Kind {
	return Kind{
		Name: "pause", Group: Servers, Doc: "Freezes nodes: their connections stay, and nothing answers.",
		New:   func() Parameters { return &Pause{} },
		Facts: record.Facts{Freezes: true}, Outage: true, Phase: true, Reversible: true,
		Needs: Needs{Process: Running},
	}
}

// Action pauses the nodes.
func (p *Pause) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		act.TakesBack("resume", n.Name(), env.Scene.Release(n, n.Resume))
		return n.Pause(ctx)
	})
}
