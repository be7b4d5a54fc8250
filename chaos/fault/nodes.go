package fault

import (
	"cmp"
	"context"

	"pgchaos/chaos"
	"pgchaos/cluster"
)

// NodeList is written as one name or a list of names, of nodes or roles.
type NodeList []string

// OnNodes are the parameters of an action that needs no more than its nodes: `kill: primary`,
// `kill: [a, b]` or `kill: {node: a}`.
type OnNodes struct {
	Nodes NodeList `yaml:"node" jsonschema:"required" jsonschema_description:"A node, a role, or a list of them, which are acted on at once."`
}

// Selectors are the nodes and roles.
func (o *OnNodes) Selectors() []string { return o.Nodes }

// Short is for `kill: primary`.
func (o *OnNodes) Short() any { return &o.Nodes }

// oneNode is what an action on one node has as selectors.
func oneNode(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

// onOne is an action on the one node that a selector stands for.
func onOne(env Env, selector string, do func(context.Context, *chaos.Act, *cluster.Node) error) chaos.Action {
	var n *cluster.Node
	return chaos.Action{
		Prepare: func(ctx context.Context, act *chaos.Act) (err error) {
			if n, err = env.Scene.One(ctx, selector); err == nil {
				act.On(n)
			}
			return err
		},
		Act: func(ctx context.Context, act *chaos.Act) error { return do(ctx, act, n) },
	}
}

// upstream is the node to follow.
func upstream(name string) string { return cmp.Or(name, "primary") }
