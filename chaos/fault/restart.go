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
		Manual: Manual{
			Does: "Shuts the server down and starts it again, as an administrator does for a setting that needs it. The modes are those " +
				"of `stop`.",
			Effect: "Clients lose their connections and are refused until the server answers again. The outage is that of a planned " +
				"restart: a shutdown checkpoint, then a start without recovery; with `immediate`, a recovery.",
			Verified: "Between both no process of the server is left, and afterwards it answers a query.",
			Back:     "The restart is its own end. Where only the stop succeeded, the end of the run starts the server.",
			Example:  `- {at: 5s, restart: {node: primary, mode: fast}}`,
		},
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
