package chaos

import (
	"context"

	"pgchaos/cluster"
)

// Pause keeps every process of nodes from running, without ending it: the kernel
// still accepts connections and data for them. It is taken back by resuming them.
func (s *Scene) Pause(selectors []string) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		act.TakesBack("resume", n.Name(), s.release(n, n.Resume))
		return n.Pause(ctx)
	})
}

// Resume lets paused nodes go on.
func (s *Scene) Resume(selectors []string) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		return n.Resume(ctx)
	})
}
