package fault

import (
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// Backup makes a base backup of a node and keeps it there under a name.
type Backup struct {
	Node string `yaml:"node" jsonschema:"required" jsonschema_description:"The node to copy."`
	Name string `yaml:"name" jsonschema:"required" jsonschema_description:"The name by which a clone step finds the backup."`
}

func backup() Kind {
	return Kind{
		Name: "backup", Group: Maintenance, Doc: "Makes a base backup and keeps it under a name.",
		Manual: Manual{
			Does: "Makes a base backup of the node by pg_basebackup while the load runs, and keeps it beside the node under a name.",
			Effect: "pg_basebackup starts with a fast checkpoint, reads the whole data directory, and uses two WAL senders. Response times " +
				"can grow.",
			Verified: "pg_basebackup has succeeded, and the backup is there.",
			Back:     "Nothing is to be taken back: the backup is removed with the node.",
			Example: `- {at: 4s, backup: {node: primary, name: early}}
- {at: 8s, clone: {node: pgslave2, backup: early}}`,
		},
		New: func() Parameters { return &Backup{} }, One: true,
		Needs:        Needs{Process: Running, Connected: true},
		Capabilities: []cluster.Capability{cluster.CanReachFiles},
	}
}

// Selectors is the node.
func (p *Backup) Selectors() []string { return oneNode(p.Node) }

// Detail is the name.
func (p *Backup) Detail() string { return "kept as " + p.Name }

// Action makes the backup.
func (p *Backup) Action(env Env) chaos.Action {
	return onOne(env, p.Node, func(ctx context.Context, _ *chaos.Act, n *cluster.Node) error {
		if err := n.Backup(ctx, p.Name); err != nil {
			return err
		}
		env.Scene.HasBackup(p.Name, n)
		return nil
	})
}
