package chaos

import (
	"context"
	"time"

	"pgchaos/cluster"
)

// Stop shuts nodes down. It is taken back by starting them.
func (s *Scene) Stop(selectors []string, mode cluster.StopMode, timeout time.Duration) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		act.Mode(mode)
		act.TakesBack("start", n.Name(), s.bringBack(n))
		return n.Stop(ctx, mode, timeout)
	})
}

// Kill ends every process of nodes with SIGKILL. It is taken back by starting them.
func (s *Scene) Kill(selectors []string) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		act.TakesBack("start", n.Name(), s.bringBack(n))
		return n.Kill(ctx)
	})
}

// Start starts nodes as what their data directories say they are.
func (s *Scene) Start(selectors []string) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		return n.Start(ctx)
	})
}

// Restart shuts nodes down and starts them again. It has taken effect when they are
// down: from there on is recovery, and what was acknowledged before is what it can lose.
func (s *Scene) Restart(selectors []string, mode cluster.StopMode, timeout time.Duration) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		act.Mode(mode)
		act.TakesBack("start", n.Name(), s.bringBack(n))
		return n.Restart(ctx, mode, timeout, act.Effective)
	})
}
