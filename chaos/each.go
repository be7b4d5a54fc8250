package chaos

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"pgchaos/cluster"
)

// Each makes an action of what is to be done to every node that the selectors stand
// for, to all of them at once. One that fails does not keep the others from being
// tried. The action has taken effect when it has on every node.
func (s *Scene) Each(selectors []string, do func(context.Context, *Act, *cluster.Node) error) Action {
	var nodes []*cluster.Node
	return Action{
		Prepare: func(ctx context.Context, act *Act) (err error) {
			nodes, err = s.resolve(ctx, selectors...)
			act.On(nodes...)
			return err
		},
		Act: func(ctx context.Context, act *Act) error { return each(ctx, act, nodes, do) },
	}
}

// EachTo is Each for actions that need one other node, such as the one to follow. Another selector names it. All roles are looked up in
// one reading.
func (s *Scene) EachTo(selectors []string, other string, do func(ctx context.Context, act *Act, n, other *cluster.Node) error) Action {
	var nodes []*cluster.Node
	var to *cluster.Node
	return Action{
		Prepare: func(ctx context.Context, act *Act) error {
			all, err := s.Resolve(ctx, selectors, []string{other})
			if err != nil {
				return err
			}
			nodes = all[0]
			act.On(nodes...)
			to, err = only(other, all[1])
			return err
		},
		Act: func(ctx context.Context, act *Act) error {
			return each(ctx, act, nodes, func(ctx context.Context, act *Act, n *cluster.Node) error { return do(ctx, act, n, to) })
		},
	}
}

func each(ctx context.Context, act *Act, nodes []*cluster.Node, do func(context.Context, *Act, *cluster.Node) error) error {
	parts := make([]*Act, len(nodes))
	for i := range nodes {
		parts[i] = act.on(i)
	}
	err := AtOnce(len(nodes), func(i int) error {
		defer func() {
			if parts[i].effective.IsZero() {
				parts[i].Effective()
			}
		}()
		return do(ctx, parts[i], nodes[i])
	})
	var last time.Time
	for i, part := range parts {
		if name := nodes[i].Name(); len(nodes) > 1 && part.detail != "" && !strings.HasPrefix(part.detail, name+" ") && !strings.HasPrefix(part.detail, name+":") {
			part.detail = name + ": " + part.detail
		}
		act.join(part)
		if part.effective.After(last) {
			last = part.effective
		}
	}
	act.effective = last
	return err
}

// AtOnce calls do for the numbers from 0 to n-1 at the same time, and returns all errors. A panic is one of them: in any other
// goroutine of a fault it would end pgchaos, and no fault would be taken back.
func AtOnce(n int, do func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = protect(func() error { return do(i) }) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
