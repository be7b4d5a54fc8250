package fault

import (
	"cmp"
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
	"pgchaos/record"
)

// Clone builds a standby from a fresh base backup, or from one that a Backup made before:
// `clone: a`, or `{node: a, backup: base}`. What the node had alone is examined before it is
// gone, as by a Rejoin.
type Clone struct {
	Node     string `yaml:"node" jsonschema:"required" jsonschema_description:"The node to add or to build anew."`
	Upstream string `yaml:"upstream" jsonschema_description:"The node to copy and to follow; the primary by default."`
	Backup   string `yaml:"backup" jsonschema_description:"The name of a backup made by an earlier step, instead of a fresh copy."`
}

// whenSilent is what the manual says of a copy that gets nothing.
const whenSilent = "The step fails, and names the faults that are in force, where the upstream gives the node no answer for 1 min: before anything is changed, " +
	"or when a copy has stood still for as long. A copy that is only slow goes on."

func clone() Kind {
	return Kind{
		Name: "clone", Group: Runbooks, Doc: "Adds a standby, or builds one anew, from a base backup.",
		Manual: Manual{
			Does: "Builds a standby from a fresh base backup of its upstream, or from one that a `backup` step made. A node that was " +
				"there before is killed, and its data directory is removed. " + whenSilent,
			Effect: "The upstream sends a whole copy of its data, which costs it disk reads and network. With an earlier backup the standby " +
				"needs the WAL since then from its upstream.",
			Verified: "The node streams from its upstream on the upstream's timeline, seen from both sides.",
			Back:     "Nothing takes it back.",
			Example:  `- {at: 5s, clone: {node: pgslave2, upstream: pgmaster}}`,
		},
		New:   func() Parameters { return &Clone{} },
		Facts: record.Facts{Starts: true, Thaws: true, Connects: true, Standby: true}, One: true,
		Needs:        Needs{Process: Absent | Present, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanRun, cluster.CanReachFiles},
	}
}

// Selectors is the node.
func (p *Clone) Selectors() []string { return oneNode(p.Node) }

// Short is for `clone: a`.
func (p *Clone) Short() any { return &p.Node }

// Follows is the upstream.
func (p *Clone) Follows() string { return upstream(p.Upstream) }

// Detail is what is copied.
func (p *Clone) Detail() string {
	return "upstream " + p.Follows() + ", from " + cmp.Or(p.Backup, "a fresh base backup")
}

// Action builds the standby.
func (p *Clone) Action(env Env) chaos.Action {
	var backup *cluster.Node // that keeps the backup
	return env.Scene.EachTo(p.Selectors(), p.Follows(), func(ctx context.Context, act *chaos.Act, n, up *cluster.Node) error {
		from := cmp.Or(backup, up)
		act.Note("from %s on %s", cmp.Or(p.Backup, "a fresh base backup"), from.Name())
		return n.Clone(ctx, up, from, p.Backup, env.Scene.Examine)
	}).After(func(context.Context) (err error) {
		if p.Backup != "" {
			backup, err = env.Scene.BackupHost(p.Backup)
		}
		return err
	})
}
