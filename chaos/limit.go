package chaos

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"pgchaos/cluster"
)

// Limit changes what nodes may use, while they run; what is 0 stays as it is. Taken
// back, it leaves what other limits still in place demand, and otherwise what was before.
func (s *Scene) Limit(selectors []string, to cluster.Limits) Action {
	return s.Each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		in, err := s.limits(ctx, n)
		if err != nil {
			return fmt.Errorf("limit %s: %w", n.Name(), err)
		}
		mine := &to
		act.TakesBack("unlimit", n.Name(), func(ctx context.Context, _ bool) error {
			return in.change(ctx, n, func(all []*cluster.Limits) []*cluster.Limits {
				return slices.DeleteFunc(all, func(l *cluster.Limits) bool { return l == mine })
			})
		})
		return in.change(ctx, n, func(all []*cluster.Limits) []*cluster.Limits { return append(all, mine) })
	})
}

// limited is what is in place on one node: the newest limit of each kind counts.
type limited struct {
	mu     sync.Mutex
	before cluster.Limits
	all    []*cluster.Limits
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
		return nil, err
	}
	s.limitsOf[n] = &limited{before: before}
	return s.limitsOf[n], nil
}

func (l *limited) change(ctx context.Context, n *cluster.Node, how func([]*cluster.Limits) []*cluster.Limits) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = how(l.all)
	next := l.before
	for _, one := range l.all {
		next.NanoCPUs, next.Memory = cmp.Or(one.NanoCPUs, next.NanoCPUs), cmp.Or(one.Memory, next.Memory)
	}
	return n.SetLimits(ctx, next)
}
