package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"pgchaos/cluster"
)

// Limit changes what nodes may use, while they run; what is 0 stays as it is. Taken
// back, it leaves what other limits still in place demand, and otherwise what was before.
func (s *Scene) Limit(selectors []string, to cluster.Limits) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
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

// execTimeout bounds a command.
const execTimeout = 60 * time.Second

// Exec runs a line of shell on nodes as the server's user, and notes what it wrote.
// An exit status other than the expected one is an ErrNotSo.
func (s *Scene) Exec(selectors []string, line string, expect int) Action {
	return s.each(selectors, func(ctx context.Context, act *Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, execTimeout)
		defer cancel()
		out, err := n.Exec(ctx, line)
		if first, _, _ := strings.Cut(strings.TrimSpace(out), "\n"); first != "" {
			act.Note("%s: %s", n.Name(), first)
		}
		status := "exit status 0"
		var exit *cluster.ExitError
		switch {
		case errors.As(err, &exit):
			status = exit.Status
		case errors.Is(err, context.DeadlineExceeded):
			return fmt.Errorf("on %s the command %q had not ended after %s, and was killed", n.Name(), line, execTimeout)
		case err != nil:
			return fmt.Errorf("on %s: %w", n.Name(), err)
		}
		if want := fmt.Sprintf("exit status %d", expect); status != want && status != signalled(expect) {
			return fmt.Errorf("%w: on %s the command ended with %s, expected %s%s", ErrNotSo, n.Name(), status, want, complaint(exit))
		}
		return nil
	})
}

// signalled is how a command ends by a signal, whose exit status a shell makes of
// it: where the shell is not there any more, having become the command, nobody has.
func signalled(status int) string {
	if status <= 128 {
		return ""
	}
	return "signal: " + syscall.Signal(status-128).String()
}

func complaint(exit *cluster.ExitError) string {
	if exit == nil || exit.Stderr == "" {
		return ""
	}
	return ": " + exit.Stderr
}
