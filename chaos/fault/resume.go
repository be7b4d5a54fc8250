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
