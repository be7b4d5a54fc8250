package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Resume lets paused nodes go on.
type Resume struct{ OnNodes }

func resume() Kind {
	return Kind{
		Name: "resume", Group: Servers, Doc: "Lets frozen nodes go on.",
		Manual: Manual{
			Does: "Lets every process of a paused node go on.",
			Effect: "The server reads what lay in its sockets, and goes on with what it did. Operations whose clients have given up long " +
				"ago can still commit.",
			Verified: "No process of the node is stopped any more, by the process table or the engine.",
			Example: `- {at: 5s, pause: pgslave}
- {at: 8s, resume: pgslave}`,
		},
		New:   func() Parameters { return &Resume{} },
		Facts: record.Facts{Thaws: true}, Phase: true,
		Needs:        Needs{Process: Paused},
		Capabilities: []cluster.Capability{cluster.CanFreeze},
	}
}

// Action resumes the nodes.
func (p *Resume) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.Resume(ctx)
	})
}
