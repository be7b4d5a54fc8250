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
		Manual: Manual{
			Does: "Calls pg_promote() on a standby and waits for it. Any standby can be named, also the wrong one: with `laggard`, or by " +
				"its name, one that has received less WAL than another. Nothing fences the old primary.",
			Effect: "The standby ends its recovery, begins a new timeline, and accepts writes. What only the old primary or a more advanced " +
				"standby had is lost to it. A standby that is ahead of the promoted one can never follow it without pg_rewind or a new " +
				"base backup.",
			Verified: "The node is out of recovery and has committed something.",
			Back:     "Nothing takes it back: `rejoin` or `clone` makes a standby of a node again.",
			Example: `- {at: 3s, configure: {node: pgslave2, settings: {primary_conninfo: ""}}}   # it falls behind
- {at: 6s, kill: primary}
- {promote: pgslave2}                                                      # the wrong one, pgslave has more: writes are lost, and the verdict is FAIL`,
		},
		New:   func() Parameters { return &Promote{} },
		Facts: record.Facts{Promotes: true}, Phase: true, One: true,
		Needs:  Needs{Process: Running, Connected: true},
		Rights: []cluster.Right{cluster.ExecuteRight("pg_promote(boolean, integer)")},
	}
}

// Statements promotes the node.
func (p *Promote) Statements(string) []string { return []string{cluster.PromoteSQL} }

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
