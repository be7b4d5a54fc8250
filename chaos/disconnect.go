package chaos

import (
	"context"

	"pgchaos/cluster"
)

// Disconnect pulls the network cable of nodes: unlike after a kill, nobody is told,
// and clients wait for answers as long as they have patience. It is taken back by
// connecting them.
func (s *Scene) Disconnect(selectors []string) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		act.TakesBack("connect", n.Name(), s.release(n, n.Reconnect))
		return n.Disconnect(ctx)
	})
}

// Connect plugs the cable of nodes in again.
func (s *Scene) Connect(selectors []string) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		return n.Reconnect(ctx)
	})
}
