package fault

import (
	"context"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Restart shuts nodes down and starts them again. It has taken effect when they are
// down: from there on is recovery, and what was acknowledged before is what it can lose.
type Restart struct{ Shutdown }

func restart() Kind {
	return Kind{
		Name: "restart", Group: Servers, Doc: "Shuts nodes down and starts them again.",
		New:   func() Parameters { return &Restart{} },
		Facts: record.Facts{Restarts: true, Starts: true}, Outage: true, Phase: true, Undo: startAgain(),
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Action restarts the nodes.
func (p *Restart) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		act.Mode(cluster.StopMode(p.Mode))
		return n.Restart(ctx, cluster.StopMode(p.Mode), time.Duration(p.Timeout), act.Effective)
	})
}
