package fault

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Failover replaces a primary that is gone: `failover: most_advanced`.
type Failover struct {
	Node        string               `yaml:"node" jsonschema:"required" jsonschema_description:"The standby that is promoted: most_advanced, another role, or a node."`
	Synchronous *cluster.Synchronous `yaml:"synchronous" jsonschema_description:"What is demanded of the new primary; by default what was demanded of the old one, with the old primary in the place of the new one."`
}

func failover() Kind {
	return Kind{
		Name: "failover", Group: Runbooks, Doc: "Promotes a standby, has the other standbys follow it, and keeps the demanded synchronous replication.",
		Manual: Manual{
			Does: "The runbook after the loss of a primary, in one step. The standby gets the synchronous_standby_names that fit the nodes without it " +
				"(the old primary takes its place), is promoted, and every other standby that runs follows it. Each part is an event of its own on the timeline.",
			Effect: "Clients find the new primary. Its commits wait for as many standbys as before, from the first one on: " +
				"if fewer follow it, they wait until the old primary is back (`rejoin`).",
			Verified: "The new primary commits a write, each other running standby streams from it on its timeline, the sync_state of each is what " +
				"synchronous_standby_names makes of it, and no other node accepts writes. While the old primary accepts writes, the step fails, and promotes nothing.",
			Back: "Nothing takes it back. `rejoin: former_primary` makes a standby of the old primary.",
			Example: `- {at: 5s, kill: primary}
- {failover: most_advanced}
- {rejoin: former_primary}
`,
		},
		New:   func() Parameters { return &Failover{} },
		Phase: true, One: true,
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Selectors is the node.
func (p *Failover) Selectors() []string { return oneNode(p.Node) }

// Short is for `failover: most_advanced`.
func (p *Failover) Short() any { return &p.Node }

// Demanded is what is demanded of the new primary; nil: as of the old one.
func (p *Failover) Demanded() *cluster.Synchronous { return p.Synchronous }

// Promoted is the node that is promoted.
func (p *Failover) Promoted() string { return p.Node }

// Detail is what is demanded.
func (p *Failover) Detail() string {
	if p.Synchronous == nil {
		return "the others follow it, as much is demanded of it as of the old primary"
	}
	return "the others follow it, " + p.Synchronous.String()
}

// Action promotes the node, and has the others follow it.
func (p *Failover) Action(env Env) chaos.Action {
	s := env.Scene
	var others []*cluster.Node
	a := onOne(env, p.Node, func(ctx context.Context, act *chaos.Act, n *cluster.Node) error {
		if err := lead(ctx, act, s, n); err != nil {
			return err
		}
		act.Effective()
		follow := make([]func() error, len(others))
		for i, other := range others {
			follow[i] = func() error { return repoint(ctx, act, other, n) }
		}
		if err := atOnce(follow...); err != nil {
			return err
		}
		if err := redundancy(ctx, act, n); err != nil {
			return err
		}
		return onePrimary(s.States(ctx), n.Name())
	})
	a.Ready = func(ctx context.Context, act *chaos.Act) error {
		n := act.Nodes()[0]
		states := s.States(ctx)
		if old := record.Primary(states); old.Writable {
			return fmt.Errorf("the primary %s still accepts writes, and two primaries would be a split brain; stop it before, or write switchover", old.Node)
		}
		others = runningStandbys(s, states, n)
		was := s.Watch.Primaries()
		old := s.Cluster.Node(was[len(was)-1])
		if old == nil || old == n {
			return errors.New("which node was the primary before is not known; write configure, promote and follow steps")
		}
		sync, err := demandAfter(old.Synchronous(), old.Name(), n.Name())
		if err != nil {
			return fmt.Errorf("the synchronous replication of %s: %w", old.Name(), err)
		}
		return readyToLead(ctx, act, n, *cmp.Or(p.Synchronous, &sync))
	}
	return a
}
