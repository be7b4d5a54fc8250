package fault

import (
	"context"
	"strings"
	"time"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Rejoin makes a standby of a former primary: `rejoin: a`, or `{node: a, upstream: b}`.
type Rejoin struct {
	Node     string `yaml:"node" jsonschema:"required" jsonschema_description:"A node or a role."`
	Upstream string `yaml:"upstream" jsonschema_description:"The node to follow; the primary by default."`
}

func rejoin() Kind {
	return Kind{
		Name: "rejoin", Group: Runbooks, Doc: "Makes a standby of a former primary, by a restart, pg_rewind or a new base backup.",
		Manual: Manual{
			Does: "Makes a standby of a former primary, running or not. It tries a plain restart as a standby, then pg_rewind, then a new " +
				"base backup, and leaves out what cannot work. " + whenSilent,
			Effect: "The node's own server is shut down first if it runs. What it alone has is read for the audit, and is gone afterwards.",
			Verified: "The node streams from its upstream on the upstream's timeline, seen from both sides. The report says which way worked " +
				"and how long it took.",
			Back: "Nothing takes it back.",
			Example: `- {at: 5s, kill: primary}
- {promote: most_advanced}
- {follow: {node: replicas, upstream: primary}}
- {rejoin: former_primary}`,
		},
		New:   func() Parameters { return &Rejoin{} },
		Facts: record.Facts{Starts: true, Thaws: true, Connects: true, Standby: true}, One: true,
		Needs:        Needs{Process: Running | Stopped, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Selectors is the node.
func (p *Rejoin) Selectors() []string { return oneNode(p.Node) }

// Short is for `rejoin: a`.
func (p *Rejoin) Short() any { return &p.Node }

// Follows is the upstream.
func (p *Rejoin) Follows() string { return upstream(p.Upstream) }

// Detail is the upstream.
func (p *Rejoin) Detail() string { return "upstream " + p.Follows() }

// Action rejoins the node, by whichever way works first.
func (p *Rejoin) Action(env Env) chaos.Action {
	return env.Scene.EachTo(p.Selectors(), p.Follows(), func(ctx context.Context, act *chaos.Act, n, up *cluster.Node) error {
		done, err := n.Rejoin(ctx, up, env.Scene.Examine)
		act.Way(done.Way, len(done.Tried))
		if done.Way != "" {
			act.Note("by %s in %s", done.Way, done.Took.Round(time.Millisecond))
		}
		if len(done.Tried) > 0 {
			act.Note("tried before: %s", strings.Join(done.Tried, "; "))
		}
		return err
	})
}
