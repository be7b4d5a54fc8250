package chaos

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"pgchaos/cluster"
)

// Limit changes what nodes may use, while they run; what is 0 stays as it is. It is
// taken back by the limits that they had.
func (s *Scene) Limit(selector string, to cluster.Limits) Action {
	return s.each(selector, func(ctx context.Context, act *Act, n *cluster.Node) error {
		before, err := n.Limits(ctx)
		if err != nil {
			return fmt.Errorf("limit %s: %w", n.Name(), err)
		}
		act.TakesBack("unlimit", n.Name(), func(ctx context.Context, _ bool) error { return n.SetLimits(ctx, before) })
		next := before
		if to.NanoCPUs != 0 {
			next.NanoCPUs = to.NanoCPUs
		}
		if to.Memory != 0 {
			next.Memory = to.Memory
		}
		return n.SetLimits(ctx, next)
	})
}

// execTimeout bounds a command.
const execTimeout = 60 * time.Second

// Exec runs a line of shell on nodes as the server's user, and notes what it wrote.
// An exit status other than the expected one is an ErrNotSo.
func (s *Scene) Exec(selector, line string, expect int) Action {
	return s.each(selector, func(ctx context.Context, act *Act, n *cluster.Node) error {
		ctx, cancel := context.WithTimeout(ctx, execTimeout)
		defer cancel()
		out, err := n.Exec(ctx, line)
		if first, _, _ := strings.Cut(strings.TrimSpace(out), "\n"); first != "" {
			act.Note("%s: %s", n.Name(), first)
		}
		status := "exit status 0"
		var exit *cluster.ExitError
		if errors.As(err, &exit) {
			status = exit.Status
		} else if err != nil {
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
