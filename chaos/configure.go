package chaos

import (
	"context"

	"pgchaos/cluster"
)

// Configure changes settings of nodes, and the synchronous regime if sync is not
// nil. It is a change of the cluster, not a fault, so nothing takes it back.
func (s *Scene) Configure(selectors []string, settings map[string]string, sync *cluster.Synchronous) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		change, err := n.Configure(ctx, settings, sync)
		if change.Detail != "" {
			act.Note("%s", change.Detail)
		}
		return err
	})
}
