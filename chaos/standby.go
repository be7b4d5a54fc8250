package chaos

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"pgchaos/cluster"
)

// Follow repoints a standby to another upstream; "" is the primary.
func (s *Scene) Follow(selectors []string, upstream string) Action {
	return func(ctx context.Context, act *Act) error {
		up, err := s.upstream(ctx, upstream)
		if err != nil {
			return err
		}
		return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
			act.Note("%s follows %s", n.Name(), up.Name())
			return n.Follow(ctx, up)
		})(ctx, act)
	}
}

// Rejoin makes a standby of a former primary, by whichever way works first.
func (s *Scene) Rejoin(selector, upstream string) Action {
	return func(ctx context.Context, act *Act) error {
		up, err := s.upstream(ctx, upstream)
		if err != nil {
			return err
		}
		return s.each([]string{selector}, func(ctx context.Context, act *Act, n *cluster.Node) error {
			done, err := n.Rejoin(ctx, up, s.Examine)
			act.Way(done.Way, len(done.Tried))
			if done.Way != "" {
				act.Note("by %s in %s", done.Way, done.Took.Round(time.Millisecond))
			}
			if len(done.Tried) > 0 {
				act.Note("tried before: %s", strings.Join(done.Tried, "; "))
			}
			return err
		})(ctx, act)
	}
}

// Clone builds a standby of upstream ("" is the primary), from a fresh base
// backup or from one that a Backup made before. What the node had alone is examined
// before it is gone, as by a Rejoin.
func (s *Scene) Clone(selector, upstream, backup string) Action {
	return func(ctx context.Context, act *Act) error {
		n, err := s.one(ctx, selector)
		if err != nil {
			return err
		}
		act.On(n)
		up, err := s.upstream(ctx, upstream)
		if err != nil {
			return err
		}
		from := up
		if backup != "" {
			if from, err = s.backupHost(backup); err != nil {
				return err
			}
		}
		act.Note("from %s on %s", cmp.Or(backup, "a fresh base backup"), from.Name())
		return n.Clone(ctx, up, from, backup, s.Examine)
	}
}

// Backup makes a base backup of a node and keeps it there under a name.
func (s *Scene) Backup(selector, name string) Action {
	return func(ctx context.Context, act *Act) error {
		n, err := s.one(ctx, selector)
		if err != nil {
			return err
		}
		act.On(n)
		if err := n.Backup(ctx, name); err != nil {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.backups[name] = n
		return nil
	}
}

func (s *Scene) backupHost(name string) (*cluster.Node, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.backups[name]; n != nil {
		return n, nil
	}
	return nil, fmt.Errorf("no backup %q was made: a backup step must come before", name)
}
