package chaos

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"pgchaos/cluster"
)

// Limit changes what nodes may use, while they run; what is 0 stays as it is. Unlimit takes it back.
func (s *Scene) Limit(selectors []string, to cluster.Limits) Action {
	return s.Each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		in, err := s.limits(ctx, n)
		if err != nil {
			return err
		}
		mine := limitOf{act.reversals[0].ID, to}
		return in.change(ctx, n, func(all []limitOf) []limitOf { return append(all, mine) })
	})
}

// Unlimit takes one limit back. What other limits still in place demand stays, and otherwise the node has
// what it had before.
func (s *Scene) Unlimit(ctx context.Context, n *cluster.Node, r Reversal) error {
	in, err := s.limits(ctx, n)
	if err != nil {
		return err
	}
	return in.change(ctx, n, func(all []limitOf) []limitOf {
		return slices.DeleteFunc(all, func(l limitOf) bool { return l.reversal == r.ID })
	})
}

// LimitsBefore is what a node may use without the limits of any step.
func (s *Scene) LimitsBefore(ctx context.Context, n *cluster.Node) (cluster.Limits, error) {
	in, err := s.limits(ctx, n)
	if err != nil {
		return cluster.Limits{}, err
	}
	return in.before, nil
}

// limitOf is a limit that is in place, with the number of its reversal.
type limitOf struct {
	reversal int
	cluster.Limits
}

// limited is what is in place on one node: the newest limit of each kind counts.
type limited struct {
	mu     sync.Mutex
	before cluster.Limits
	all    []limitOf
}

// limits are those in place on a node, whose own ones are read when the first comes.
func (s *Scene) limits(ctx context.Context, n *cluster.Node) (*limited, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in := s.limitsOf[n]; in != nil {
		return in, nil
	}
	before, err := n.Limits(ctx)
	if err != nil {
		return nil, fmt.Errorf("limits of %s: %w", n.Name(), err)
	}
	s.limitsOf[n] = &limited{before: before}
	return s.limitsOf[n], nil
}

func (l *limited) change(ctx context.Context, n *cluster.Node, how func([]limitOf) []limitOf) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = how(l.all)
	next := l.before
	for _, one := range l.all {
		next.NanoCPUs, next.Memory = cmp.Or(one.NanoCPUs, next.NanoCPUs), cmp.Or(one.Memory, next.Memory)
	}
	return n.SetLimits(ctx, next)
}
