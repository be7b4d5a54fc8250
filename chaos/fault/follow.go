package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Follow points standbys at another upstream: `follow: a`, or `{node: a, upstream: b}`.
type Follow struct {
	OnNodes `yaml:",inline"`

	Upstream string `yaml:"upstream" jsonschema_description:"The node to follow; the primary by default."`
}

func follow() Kind {
	return Kind{
		Name: "follow", Group: Replication, Doc: "Points a standby at another node.",
		Manual: Manual{
			Does: "Changes `primary_conninfo` of a standby so that it follows another node. Of a standby that does not run only the " +
				"configuration is written.",
			Effect: "The WAL receiver ends, and a new one connects to the other node. After a failover the standby follows the new primary " +
				"onto its timeline.",
			Verified: "Both sides are asked: the standby streams from the address of its upstream, on the same timeline, and the upstream " +
				"lists it as streaming. A standby that has gone past the fork is an error at once.",
			Back: "Nothing takes it back: write a second `follow`.",
			Example: `- {at: 5s, stop: pgmaster}
- {promote: pgslave}
- {follow: {node: pgslave2, upstream: pgslave}}`,
		},
		New:          func() Parameters { return &Follow{} },
		Facts:        record.Facts{Reloads: true},
		Needs:        Needs{Process: Running | Stopped, Connected: true, Files: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Follows is the upstream.
func (p *Follow) Follows() string { return upstream(p.Upstream) }

// Detail is the upstream.
func (p *Follow) Detail() string { return "upstream " + p.Follows() }

// Action repoints the standbys.
func (p *Follow) Action(env Env) chaos.Action {
	return env.Scene.EachTo(p.Nodes, p.Follows(), func(ctx context.Context, act *chaos.Act, n, up *cluster.Node) error {
		err := n.Follow(ctx, up)
		if err == nil {
			act.Note("%s follows %s", n.Name(), up.Name())
		}
		return err
	})
}
