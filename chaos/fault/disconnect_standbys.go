package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// DisconnectStandbys ends all WAL senders of nodes and lets no standby in. It is taken back by letting them in again.
type DisconnectStandbys struct{ OnNodes }

func disconnectStandbys() Kind {
	return Kind{
		Name: "disconnect_standbys", Group: Replication, Doc: "Ends all WAL senders of a node, and lets no standby in until it is taken back.",
		Manual: Manual{
			Does: "Takes the lines for replication out of pg_hba.conf of the node, reloads it, and ends every WAL sender. Standbys that try again are " +
				"refused. Base backups of the node are refused, too, and so a `clone` or `rejoin` from it fails.",
			Effect: "No standby receives anything, at once, while clients go on: asynchronous commits have no second copy from then on, and " +
				"synchronous ones stall. The log of each standby says that pg_hba.conf has no entry for it.",
			Verified: "pg_hba_file_rules has no line for replication, and the node has no WAL sender.",
			Back: "The lines are in pg_hba.conf again, as pg_hba_file_rules shows. Standbys come back by themselves, within their " +
				"wal_retrieve_retry_interval. Of a server that does not run only the file is written.",
			Example: `- {at: 5s, disconnect_standbys: primary, for: 4s}`,
		},
		New:   func() Parameters { return &DisconnectStandbys{} },
		Facts: record.Facts{Lasts: true, Reloads: true}, Outage: true, Phase: true, Undo: acceptStandbys(), Reversible: true,
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Excludes is true of a second one.
func (p *DisconnectStandbys) Excludes(inForce Parameters) bool {
	_, same := inForce.(*DisconnectStandbys)
	return same
}

// Before demands a node that accepts standbys.
func (p *DisconnectStandbys) Before(_ context.Context, _ Env, n *cluster.Node) (any, error) {
	if n.RefusesStandbys() {
		return nil, inForce(n, "the standbys are refused")
	}
	return nil, nil
}

// Action refuses the standbys.
func (p *DisconnectStandbys) Action(env Env) chaos.Action {
	return env.Scene.Each(p.Nodes, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		return n.RefuseStandbys(ctx, true)
	})
}

// acceptStandbys lets standbys in again. Where the run's pgchaos is gone there is nothing to do: the file ends with the node.
func acceptStandbys() *chaos.ReversalKind {
	return &chaos.ReversalKind{
		Name: "accept_standbys", Asks: true,
		Do: func(ctx context.Context, _ *chaos.Scene, n *cluster.Node, _ chaos.Reversal, _ bool) error {
			return n.RefuseStandbys(ctx, false)
		},
	}
}
