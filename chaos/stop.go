package chaos

import (
	"context"
	"errors"
	"time"

	"pgchaos/cluster"
	"pgchaos/history"
)

// Stop shuts nodes down. It is taken back by starting them.
func (s *Scene) Stop(selector string, mode cluster.StopMode, timeout time.Duration) Action {
	return s.each(selector, func(ctx context.Context, act *Act, n *cluster.Node) error {
		act.Mode(mode)
		act.TakesBack("start", n.Name(), s.bringBack(n))
		return n.Stop(ctx, mode, timeout)
	})
}

// Kill ends every process of nodes with SIGKILL. It is taken back by starting them.
func (s *Scene) Kill(selector string) Action {
	return s.each(selector, func(ctx context.Context, act *Act, n *cluster.Node) error {
		act.TakesBack("start", n.Name(), s.bringBack(n))
		return n.Kill(ctx)
	})
}

// Start starts nodes as what their data directories say they are.
func (s *Scene) Start(selector string) Action {
	return s.each(selector, func(ctx context.Context, act *Act, n *cluster.Node) error {
		return n.Start(ctx)
	})
}

// Restart shuts nodes down and starts them again. It has taken effect when they are
// down: from there on is recovery, and what was acknowledged before is what it can lose.
func (s *Scene) Restart(selector string, mode cluster.StopMode, timeout time.Duration) Action {
	return s.each(selector, func(ctx context.Context, act *Act, n *cluster.Node) error {
		act.Mode(mode)
		act.TakesBack("start", n.Name(), s.bringBack(n))
		return n.Restart(ctx, mode, timeout, act.Effective)
	})
}

// bringBack starts a node again. At the end of a run a node that comes back as a
// second primary is started read-only: its own fork is to be read, not continued.
func (s *Scene) bringBack(n *cluster.Node) Reverse {
	return func(ctx context.Context, ending bool) error {
		if ending && n.Disconnected() {
			// Whoever starts cannot be seen to, while nobody reaches it.
			if err := n.Reconnect(ctx); err != nil {
				return err
			}
		}
		if ending && n.Leaving() {
			// A smart shutdown that waits for a client would wait for ever.
			if err := n.Stop(ctx, cluster.StopFast, 0); err != nil && !errors.Is(err, cluster.ErrNotRunning) {
				return err
			}
		}
		if ending && n.ReadOnly() {
			return nil // the reversal of another fault has brought it back
		}
		if ending && s.superseded(ctx, n) {
			return n.StartReadOnly(ctx)
		}
		return n.Start(ctx)
	}
}

// superseded tells whether a node is down, and another is a primary. (A standby that
// comes back read-only is a standby all the same.)
func (s *Scene) superseded(ctx context.Context, n *cluster.Node) bool {
	another := false
	for _, st := range s.States(ctx) {
		if st.Node == n.Name() && st.Role != history.RoleDown {
			return false
		}
		another = another || st.Node != n.Name() && st.Role == history.RolePrimary
	}
	return another
}

// each makes an action of what is to be done to every node that the selector
// stands for. One that fails does not keep the others from being tried.
func (s *Scene) each(selector string, do func(context.Context, *Act, *cluster.Node) error) Action {
	return func(ctx context.Context, act *Act) error {
		nodes, err := s.resolve(ctx, selector)
		if err != nil {
			return err
		}
		act.On(nodes...)
		var errs []error
		for _, n := range nodes {
			errs = append(errs, do(ctx, act, n))
		}
		if act.effective.IsZero() {
			act.Effective()
		}
		return errors.Join(errs...)
	}
}
