package chaos

import (
	"context"
	"errors"
	"time"

	"pgchaos/cluster"
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
