package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Promote makes a primary of a standby. Nothing fences the old one.
type Promote struct{ OnNodes }

func promote() Kind {
	return Kind{
		Name: "promote", Group: Replication, Doc: "Makes a standby the primary.",
		New:   func() Parameters { return &Promote{} },
		Facts: record.Facts{Promotes: true}, Phase: true, One: true,
		Needs: Needs{Process: Running, Connected: true},
	}
}

// Action promotes the node.
func (p *Promote) Action(env Env) chaos.Action {
	return onOne(env, p.Nodes[0], func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		if err := n.Promote(ctx); err != nil {
			return err
		}
		act.Effective()
		env.Scene.Watch.BecamePrimary(n.Name())
		if st := n.State(ctx); st.Reachable {
			act.Note("timeline %d", st.Timeline)
		}
		return nil
	})
}
