package fault

import (
	"context"
	"fmt"
	"slices"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// SplitBrain starts a node that does not run as a primary, beside another one.
type SplitBrain struct{ OnNodes }

func splitBrain() Kind {
	return Kind{
		Name: "split_brain", Group: Replication, Doc: "Starts a node that does not run as a second primary.",
		Manual: Manual{
			Does: "Removes standby.signal, if there is one, and starts the server: as a primary, on the timeline that it had. Another node " +
				"has to accept writes already. The usual target is a former primary that was killed or stopped before another node was promoted.",
			Effect: "Two nodes accept writes, and neither knows of the other. A client that finds the second one writes there, and " +
				"the other node never has what is acknowledged so. The audit reads both, and the report says split brain: the run fails.",
			Verified: "The server is out of recovery and has committed something, while another node accepts writes.",
			Back: "The server is shut down; at the end of the run it is then started read-only, so that what it alone has can be read. What " +
				"was written to it stays there. If a step has made a standby of it meanwhile, or it is the only primary at the end, it stays as it is.",
			Example: "- {at: 4s, kill: pgmaster}\n- {promote: pgslave}\n- {at: 8s, split_brain: pgmaster, for: 4s}   # two nodes accept writes: the verdict is FAIL",
		},
		New:   func() Parameters { return &SplitBrain{} },
		Facts: record.Facts{Starts: true, Lasts: true}, Phase: true, Undo: standDown(), Reversible: true, One: true,
		Needs:        Needs{Process: Stopped, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Action starts the node.
func (p *SplitBrain) Action(env Env) chaos.Action {
	return onOne(env, p.Nodes[0], func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		states := env.Scene.States(ctx)
		i := slices.IndexFunc(states, func(st record.NodeState) bool { return st.Node != n.Name() && st.AcceptsWrites() })
		if i < 0 {
			return fmt.Errorf("no other node accepts writes, so that %s would be the only primary; promote another one before", n.Name())
		}
		if err := n.StartAsPrimary(ctx); err != nil {
			return err
		}
		act.Effective()
		act.Note("%s is a primary beside %s", n.Name(), states[i].Node)
		return nil
	})
}

// standDown ends the second primary. Where the run's pgchaos is gone there is nothing to do: its nodes are removed.
func standDown() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "stand_down",
		Do: func(ctx context.Context, s *chaos.Scene, n *cluster.Node, _ chaos.Reversal, ending bool) error {
			return s.StandDown(ctx, n, ending)
		},
	}
}
